import csv
import gzip
import io
import json
import os
import threading

import pytest

from seqzoo import options, run
from seqzoo.data.batches import chunks
from seqzoo.datasets import DATASETS
from seqzoo.datasets.files import read_lines, split_files
from seqzoo.task import TASKS
from seqzoo.text.lines import Lines

CONLL = """-DOCSTART- -X- -X- O

Ada NNP B-NP I-PER
sings VBZ B-VP O

# sent_id = 2
# SYM B-NP O
Oslo NNP B-NP I-LOC
"""
TABS = CONLL.replace(" ", "\t").replace("#\tsent_id\t=\t", "# sent_id = ")
SENTENCES = [
    {"tokens": ["Ada", "sings"], "pos": ["NNP", "VBZ"], "ner": ["B-PER", "O"]},
    {"tokens": ["#", "Oslo"], "pos": ["SYM", "NNP"], "ner": ["O", "B-LOC"]},
]
CONLLU = """# text = vamos_ al mar
1\tvamos\tir\tVERB\tV\t_\t0\troot\t_\t_
2\t_\t_\tPUNCT\tZ\t_\t1\tpunct\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tE\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tR\t_\t5\tdet\t_\t_
4.1\tgran\tgrande\tADJ\tA\t_\t_\t_\t5:amod\t_
5\tmar azul\tmar\tNOUN\tS\t_\t1\tobl\t_\t_

1\tsí\tsí\tINTJ\tI\t_\t0\troot\t_\t_"""


def write(path, text, encoding="utf-8"):
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def only(reader, file, **kwargs):
    return list(DATASETS[reader](data_dir=file, **kwargs)["test"])


def test_splits_are_found_by_their_common_names(tmp_path):
    for names in [
        ("train.txt", "valid.txt", "test.txt"),
        ("en_x-ud-train.conllu.gz", "en_x-ud-dev.conllu", "en_x-ud-test.conllu"),
        ("eng.train", "eng.testa", "eng.testb"),
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("Train.tsv", "val.tsv"),
        ("training_1.tsv", "development.tsv"),
    ]:
        folder = tmp_path / names[0]
        folder.mkdir()
        for name in (*names, "README.md", ".train.swp"):
            write(folder / name, "")
        found = split_files(folder)
        assert [file.name for file in found.values()] == list(names)
        assert list(found) == ["train", "valid", "test"][: len(names)]


def test_a_plain_name_wins_and_two_candidates_are_refused(tmp_path):
    for name in ["train.tsv", "train_phrases.tsv.gz", "aa-dev.tsv", "bb-dev.tsv"]:
        write(tmp_path / name, "")
    with pytest.raises(ValueError, match=r"2 files fit the valid split: aa-dev.tsv, bb-dev.tsv"):
        split_files(tmp_path)
    assert {split: file.name for split, file in split_files(tmp_path, name="bb").items()} == {"valid": "bb-dev.tsv"}
    (tmp_path / "aa-dev.tsv").unlink()
    assert split_files(tmp_path)["train"].name == "train.tsv"
    with pytest.raises(ValueError, match=r"no .conllu file with train.*Found: bb-dev.tsv, train.tsv"):
        split_files(tmp_path, ".conllu")


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(ValueError, match="no such folder or file"):
        DATASETS["conll"](data_dir=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="--dataset=conllu needs --data_dir, a folder"):
        DATASETS["conllu"]()


def test_invalid_utf8_and_truncated_gzip_name_file_and_line(tmp_path):
    file = write(tmp_path / "a.txt", "un O\ncafé O\n", "latin-1")
    with pytest.raises(ValueError, match=r"a\.txt:2: not UTF-8"):
        list(read_lines(file))
    file = write(tmp_path / "b.txt.gz", CONLL * 1000)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"b\.txt\.gz:\d+: damaged gzip data"):
        list(read_lines(file))


@pytest.mark.parametrize("size", [1, 2, 3, 1 << 16])
@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_lines_end_with_newline_carriage_return_or_both_and_with_nothing_else(tmp_path, monkeypatch, name, size):
    monkeypatch.setattr("seqzoo.text.lines.BLOCK", size)
    lines = ["\ufeffé", "a\u2028b\u2029c\x85d\x0ce\x0b\x1cf", "", "€ \ufeff", "", "x"]
    for end in ("\n", "\r\n", "\r"):
        for last in ("", end):
            file = write(tmp_path / name, "\ufeff" + end.join(lines) + last)
            assert list(read_lines(file)) == [*enumerate(lines, 1)]
    assert list(read_lines(write(tmp_path / name, "a\r\n\r\rb\n\rc"))) == [*enumerate(["a", "", "", "b", "", "c"], 1)]
    assert list(read_lines(write(tmp_path / name, ""))) == []


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_the_lines_before_a_wrong_byte_are_read_and_its_line_is_named(tmp_path, monkeypatch, size):
    monkeypatch.setattr("seqzoo.text.lines.BLOCK", size)
    for data, number in [(b"a\r\xe2\x82\xac\r\n\xe2\x82(", 3), (b"a\n\r\n\xc3", 3), (b"\xff", 1), (b"\r\r\r\xe9", 4)]:
        (tmp_path / "x").write_bytes(data)
        found = []
        with pytest.raises(ValueError, match=f"x:{number}: not UTF-8: .* in b'.*latin-1.*iconv -f LATIN1"):
            found.extend(read_lines(tmp_path / "x"))
        lines = []
        with pytest.raises(ValueError, match="not UTF-8"):
            for pair in read_lines(tmp_path / "x"):
                lines.append(pair)
        assert len(lines) == number - 1


def test_the_same_bytes_are_the_same_lines_by_each_way_in(tmp_path, monkeypatch):
    text = "\ufeffone\rtwo\u2028\x85 \x0c\r\n\nthree\0"
    lines = ["one", "two\u2028\x85 \x0c", "", "three\0"]

    def ways(data):
        (tmp_path / "x").write_bytes(data)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), "latin-1"))
        for command in (
            run.Command(text=data.decode("utf-8", "surrogateescape")),
            run.Command(input=str(tmp_path / "x")),
            run.Command(),
        ):
            yield lambda command=command: list(run._lines(command, None))

    assert [read() for read in ways(text.encode())] == [lines] * 3
    for read, source in zip(ways(b"a\n\xe9 b"), ("--text", "/x", "standard input"), strict=True):
        with pytest.raises(ValueError, match=rf"{source}:2: not UTF-8: .* in b'\\xe9 b'. If .* Latin-1: convert"):
            read()
    monkeypatch.setattr("sys.stdin", io.StringIO("not read"))
    assert run._lines(run.Command(text=""), None) == [""]
    assert list(run._lines(run.Command(), None)) == ["not read"]
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ValueError, match="Standard input is closed"):
        run._lines(run.Command(), None)
    with pytest.raises(ValueError, match="both given"):
        run._lines(run.Command(text="", input="x"), None)
    command, _, _ = run.parse(["--mode=predict", "--workdir=x", "--text="], "ner", "predict")
    assert command.text is not run.NOT_GIVEN and run._lines(command, None) == [""]
    assert run.parse(["--mode=predict", "--workdir=x"], "ner", "predict")[0].text is run.NOT_GIVEN


def test_lines_are_ready_as_soon_as_they_have_arrived():
    reading, writing = os.pipe()
    stop = threading.Timer(30, os.close, [writing])  # so that waiting for more fails this test and does not hang it
    stop.start()
    with open(reading, "rb") as file:
        lists = chunks(Lines(file, "x", allow_nul=True, flag=""), 3)
        for data, expected in [
            (b"\xef\xbb\xbfone\n", [["one"]]),
            (b"two\rthr", [["two"]]),
            (b"ee \xe2\x82\nfour".replace(b"\x82", b"\x82\xac"), [["three €"]]),
            (b"\r", [["four"]]),
            (b"\n\r\n", [[""]]),
            (b"1\n2\n3\n4\nend", [["1", "2", "3"], ["4"]]),
        ]:
            for part in (data[:7], data[7:]):  # cut within a character and a line
                os.write(writing, part)
            assert [next(lists) for _ in expected] == expected and stop.is_alive()
        stop.cancel()
        os.close(writing)
        assert list(lists) == [["end"]]
    assert list(chunks(Lines(io.BytesIO(b"a\n" * 5), "x"), 3)) == [["a"] * 3, ["a"] * 2]
    lists = chunks(Lines(io.BytesIO(b"a\nb\n\xff\n"), "x"), 3)
    assert next(lists) == ["a", "b"]
    with pytest.raises(ValueError, match="x:3: not UTF-8"):
        next(lists)


def test_each_reader_ends_lines_alike(tmp_path):
    tables = {"conll": CONLL, "conllu": CONLLU, "csv": 'text,label\n"a\nb",x\n', "tsv": "text\tlabel\na\u2028\tx\n"}
    tables |= {"jsonl": '{"text": "a\u2028", "label": "x"}\n{"text": "b", "label": "y"}\n'}
    for reader, text in tables.items():
        expected = only(reader, write(tmp_path / "x", text))
        for end in ("\r\n", "\r"):
            assert only(reader, write(tmp_path / "x", "\ufeff" + text.replace("\n", end))) == expected


def in_each_format(folder, encoding):
    """Makes a folder for each reader of text, with one example whose text holds "é"; returns the readers."""
    table = "text,label\né,x\n"
    files = {
        "conll/test.txt": "é\tB-PER\n",
        "conllu/test.conllu": "1\té\té\tVERB\tV\t_\t0\troot\t_\t_\n",
        "csv/test.csv": table,
        "tsv/test.tsv": table.replace(",", "\t"),
        "jsonl/test.jsonl": '{"text": "é", "label": "x"}\n',
        "folders/test/x/1.txt": "é\n",
        "text/test.txt": "é\n",
        "parallel/test.tsv": "é\te\n",
        "minimal_pairs/x.jsonl": '{"sentence_good": "é", "sentence_bad": "e"}\n',
        "agreement/x.text": "é are\n",
        "agreement/x.gold": "1\tare\tis\t0\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, text, encoding)
    return sorted({name.split("/")[0] for name in files})


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "UTF8"])
def test_each_reader_of_text_reads_the_given_encoding(tmp_path, encoding):
    for reader in in_each_format(tmp_path, encoding):
        options_of_data = options.Data(dataset=reader, data_dir=str(tmp_path / reader), text_encoding=encoding)
        assert "é" in str(list(DATASETS[reader](**options.source(options_of_data))["test"])), reader


@pytest.mark.parametrize(
    ("encoding", "advice"),
    [
        ("utf-16", "It is UTF-16: read it with --text_encoding=utf-16, or convert it: iconv -f UTF-16 -t UTF-8"),
        ("utf-16-le", "looks like UTF-16: read it with --text_encoding=utf-16-le, or .* -f UTF-16LE"),
        ("utf-16-be", "looks like UTF-16: read it with --text_encoding=utf-16-be, or .* -f UTF-16BE"),
        ("latin-1", "If it is Latin-1: read it with --text_encoding=latin-1, or .* -f LATIN1"),
    ],
)
def test_the_advice_of_each_reader_names_the_encoding_that_the_bytes_have(tmp_path, encoding, advice):
    for reader in in_each_format(tmp_path, encoding):
        with pytest.raises(ValueError, match=rf"(?s)/{reader}/.*:[12]: (not UTF-8|a NUL).*{advice}"):
            list(DATASETS[reader](tmp_path / reader)["test"])
    write(tmp_path / "x", "é" * 100 + "\0")
    with pytest.raises(ValueError, match="x:1: a NUL character, so this is not text. It looks like a binary file"):
        list(read_lines(tmp_path / "x"))


def test_an_unknown_encoding_and_one_that_nothing_is_read_in_are_refused():
    for name in ("latin-11", "base64", "rot13", ""):
        with pytest.raises(ValueError, match="--text_encoding should be an encoding such as utf-8"):
            options.source(options.Data(text_encoding=name))
    with pytest.raises(ValueError, match="datasets of text files, and --dataset=grammar reads none"):
        options.source(options.Data(text_encoding="latin-1"))


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_conll_variants_give_the_same_examples_on_every_pass(tmp_path, name):
    for text in [CONLL, CONLL.replace("\n", "\r\n"), TABS, "\ufeff" + CONLL, CONLL.rstrip()]:
        text = text.replace("\n\n", "\n \n\n")
        test = DATASETS["conll"](data_dir=write(tmp_path / name, text))["test"]
        assert list(test) == SENTENCES
        assert list(test) == SENTENCES


def test_conll_reads_each_split_of_a_folder(tmp_path):
    write(tmp_path / "train.txt", CONLL)
    write(tmp_path / "dev.txt.gz", CONLL)
    splits = DATASETS["conll"](data_dir=tmp_path)
    assert list(splits) == ["train", "valid"]
    assert list(splits["train"]) == list(splits["valid"]) == SENTENCES


def test_two_columns_hold_ner_tags_or_parts_of_speech(tmp_path):
    assert only("conll", write(tmp_path / "ner", "New\tB-LOC\nYork\tE-LOC\n")) == [
        {"tokens": ["New", "York"], "pos": ["B-LOC", "E-LOC"], "ner": ["B-LOC", "I-LOC"]}
    ]
    assert only("conll", write(tmp_path / "pos", "it PRON\nis VERB\n")) == [
        {"tokens": ["it", "is"], "pos": ["PRON", "VERB"]}
    ]


def test_conll_columns_can_be_chosen_and_tokens_may_hold_no_break_spaces(tmp_path):
    file = write(tmp_path / "x", "1\t10\u00a0000 m\tB-Q\tX\n")
    assert only("conll", file, columns={"tokens": 1, "ner": -2}) == [{"tokens": ["10\u00a0000 m"], "ner": ["B-Q"]}]
    assert only("conll", write(tmp_path / "y", "10\u00a0000 O\n"))[0]["tokens"] == ["10\u00a0000"]
    with pytest.raises(ValueError, match="the file has 4. Received: {'tokens': 4}"):
        only("conll", file, columns={"tokens": 4})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONLL + "alone O\n", r"x:9: expected 4 columns \(like line 3\), found 2: 'alone O'"),
        (CONLL + "#tag O\n", "x:9: expected 4 columns"),
        (CONLL + "a NN B-NP Q-PER\n", "x:9: not a span tag: 'Q-PER'"),
        ("a\tNN\tO\n\tNN\tO\n", "x:2: the column of 'tokens' is empty"),
        ("\n# only = this\n", "x: no line holds a token"),
    ],
)
def test_a_malformed_conll_line_names_file_and_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        only("conll", write(tmp_path / "x", text))


def test_conllu_gives_the_syntactic_words(tmp_path):
    expected = [
        {"tokens": ["vamos", "_", "a", "el", "mar azul"], "pos": ["VERB", "PUNCT", "ADP", "DET", "NOUN"]},
        {"tokens": ["sí"], "pos": ["INTJ"]},
    ]
    for name, text in [("x.conllu", CONLLU), ("y.conllu.gz", CONLLU.replace("\n", "\r\n"))]:
        test = DATASETS["conllu"](data_dir=write(tmp_path / name, text))["test"]
        assert list(test) == list(test) == expected
    assert only("conllu", tmp_path / "x.conllu", columns={"tokens": "lemma", "pos": "xpos"})[1] == {
        "tokens": ["sí"],
        "pos": ["I"],
    }
    with pytest.raises(ValueError, match="from the fields id, form"):
        only("conllu", tmp_path / "x.conllu", columns={"tokens": "word"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1\tsí\tsí", "1\tsí", "x:10: expected 10 tab-separated columns, found 9"),
        ("4\tel", "6\tel", "x:6: expected the word with id 4, found id '6'"),
        ("1\tvamos", "vamos", "x:2: expected 10 tab-separated columns, found 9"),
        ("\n\n", "\n", "x:9: expected the word with id 6, found id '1'"),
        ("\n\n", "\n\x0c\n", "x:9: expected 10 tab-separated columns, found 1"),
    ],
)
def test_a_malformed_conllu_line_names_file_and_line(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        only("conllu", write(tmp_path / "x", CONLLU.replace(old, new)))


@pytest.fixture
def mocked():
    """mock(records): TFDS then gives these records for any set and split, without disk or network."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def mock(records):
        def as_dataset(self, *args, **kwargs):
            signature = {k: tf.TensorSpec(f.shape, f.tf_dtype) for k, f in self.info.features.get_tensor_info().items()}
            empty = {k: [] if s.shape.rank else "" for k, s in signature.items()}
            return tf.data.Dataset.from_generator(lambda: ({**empty, **r} for r in records), output_signature=signature)

        return tfds.testing.mock_data(as_dataset_fn=as_dataset)

    return mock


def test_tfds_gives_names_of_labels_without_its_empty_example(mocked):
    with mocked([{"tokens": ["Zoë", "naps"], "pos": [22, 42], "chunks": [11, 21], "ner": [2, 0]}, {"tokens": []}]):
        splits = DATASETS["conll2003"]()
    expected = [{"tokens": ["Zoë", "naps"], "pos": ["NNP", "VBZ"], "ner": ["B-PER", "O"]}]
    assert list(splits) == ["train", "valid", "test"]
    assert list(splits["valid"]) == list(splits["valid"]) == expected


def test_tfds_words_of_multiword_tokens_appear_once(mocked):
    record = {"tokens": ["du", "de", "le", "pain"], "upos": [17, 1, 5, 7], "head": ["None", "4", "4", "0"]}
    with mocked([record]):
        (example,) = DATASETS["universal_dependencies"](name="universal_dependencies/fr_gsd")["train"]
    assert example == {"tokens": ["de", "le", "pain"], "pos": ["ADP", "DET", "NOUN"]}


def test_tfds_labels_have_no_blanks_around_them(mocked):
    with mocked([{"text": "fine", "label": 1}]):
        columns = {"text": "label", "label": "text"}  # a set whose labels are text
        (record,) = DATASETS["tfds"](name="imdb_reviews", columns=columns)["train"]
    assert record == {"text": "pos", "label": "fine"}
    with mocked([{"text": " fine | so so \n", "label": 1}]):
        (record,) = DATASETS["tfds"](name="imdb_reviews", columns=columns)["train"]
    assert record["label"] == "fine|so so"


def test_tfds_reads_any_set_and_reports_missing_labels(mocked):
    columns = {"text": "sentence", "label": "label"}
    with mocked([{"sentence": "fine", "label": 1, "idx": 0}, {"sentence": "?", "label": -1, "idx": 1}]):
        examples = iter(DATASETS["tfds"](name="glue/sst2", columns=columns)["valid"])
    assert next(examples) == {"text": "fine", "label": "positive"}
    with pytest.raises(ValueError, match="glue/sst2/2.0.0 validation: example 2: label: no label"):
        next(examples)
    columns = {"text": "sentence+idx", "label": "label"}
    with mocked([{"sentence": "fine", "label": 1, "idx": 7}]):
        assert next(iter(DATASETS["tfds"](name="glue/sst2", columns=columns)["valid"]))["text"] == "fine 7"
    with pytest.raises(ValueError, match="no feature 'sentence.tokens'. .*It has: "):
        DATASETS["tfds"](name="glue/sst2", columns={"text": "sentence+tokens"})


def test_tfds_suggests_the_nearest_name_for_a_wrong_one():
    for kwargs, message in [
        ({"name": "conll2033", "columns": {"tokens": "tokens"}}, "no set 'conll2033'. Did you mean .*'conll2003'"),
        ({"name": "conll2002/en", "columns": {"tokens": "tokens"}}, "Did you mean 'conll2002/"),
        ({"name": "trec", "columns": {"label": "label-course"}}, "no feature 'label-course'. Did you mean 'label-coa"),
        ({"name": "trec"}, "--dataset=tfds needs"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["tfds"](**kwargs)


def test_csv_quotes_may_hold_commas_newlines_and_quotes(tmp_path):
    text = 'id,Review, Stars\n1,"one, two\n\n""three""",5\n\n2,, 4 \n3,"a ""b""",x'
    expected = [
        {"text": 'one, two\n\n"three"', "label": "5"},
        {"text": "", "label": "4"},
        {"text": 'a "b"', "label": "x"},
    ]
    for name, content in [("x.csv", text), ("y.csv.gz", text.replace("\n", "\r\n")), ("z.csv", "\ufeff" + text)]:
        test = DATASETS["csv"](data_dir=write(tmp_path / name, content))["test"]
        assert list(test) == list(test) == expected


def test_tsv_keeps_quotes_and_reads_columns_by_index_without_a_header(tmp_path):
    lines = 'he said "no\tneg\n"yes", she said\u2028\u00a0\tpos\n'
    expected = [{"text": 'he said "no', "label": "neg"}, {"text": '"yes", she said\u2028\u00a0', "label": "pos"}]
    assert only("tsv", write(tmp_path / "a.tsv", "sentence\tlabel\n" + lines)) == expected
    assert only("tsv", write(tmp_path / "b.txt.gz", lines), columns={"text": 0, "label": -1}) == expected
    assert only("csv", write(tmp_path / "c", "1,a,b\n"), columns={"text": -2, "label": 0}) == [
        {"text": "a", "label": "1"}
    ]


@pytest.mark.parametrize(
    ("text", "is_header"),
    [
        ("label,text\nx,a b\n", True),
        ("Stars,words\n1,a b\n", True),
        ("kind,REVIEW\n1,a b\n", True),
        ("v1,v2\nspam,a b\nham,c d\nspam,e\nham,f\n", True),
        ("\ufefflabel,text\rx,a b\r", True),
        ("spam,a\nspam,a b\nham,c d\nham,f\n", False),  # a label of other lines
        ("label,text\nlabel,text\nx,b\n", False),
        ("v1,a b\nspam,a b\nspam,e\n", False),  # not a name
        ("v1,v2\nspam,a b\nham,c d\nspam,e\n", False),  # "ham" appears once as well: no sign of a header
        ("1,2\nspam,a b\nspam,e\n", False),
        ("pos,fine\n", False),
    ],
)
@pytest.mark.parametrize("reader", ["csv", "tsv"])
def test_a_header_is_no_example_where_columns_are_given_by_index(tmp_path, reader, text, is_header):
    file = write(tmp_path / "x", text if reader == "csv" else text.replace(",", "\t"))
    examples = DATASETS[reader](file, columns={"text": 1, "label": 0})["test"]
    rows = text.removeprefix("\ufeff").replace("\r", "\n").splitlines()[is_header:]
    assert list(examples) == [{"label": row.split(",")[0], "text": row.split(",")[1]} for row in rows]
    assert examples.summary == ({"header of x": "skipped"} if is_header else {})


def test_a_file_of_a_header_alone_is_refused_at_once(tmp_path):
    for columns in (None, {"text": 0, "label": 1}, {"text": "text"}):
        for reader, text in (("csv", "text,label\n"), ("csv", '"text",label\n\n'), ("tsv", "text\tlabel")):
            with pytest.raises(ValueError, match="x holds no examples: its only line is a header"):
                DATASETS[reader](write(tmp_path / "x", text), columns=columns)
    assert only("tsv", write(tmp_path / "x", "text\tlabel\na\tb")) == [{"text": "a", "label": "b"}]


def test_columns_are_found_by_their_common_names_or_given(tmp_path):
    file = write(tmp_path / "x.tsv", "rating\tbody\tLabel\tTEXT\n5\tb\tl\tt\n")
    assert only("tsv", file) == [{"text": "t", "label": "l"}]
    assert only("tsv", file, columns={"label": "rating"}) == [{"text": "t", "label": "5"}]
    assert only("tsv", file, columns={"text": "body", "label": "rating"}) == [{"text": "b", "label": "5"}]
    other = write(tmp_path / "z.jsonl", '{"title": "t", "abstract": "a", "body": "b"}')
    assert only("jsonl", other, columns={"text": "title"}) == [{"text": "t", "summary": "a"}]
    for columns, message in [
        (
            {"label": "star"},
            "x.tsv: no column for the label: looked for 'star'. Found: 'rating', 'body', 'Label', 'TEXT'",
        ),
        ({"text": 3}, "text and label, from 0 to 3 .*Received: {'text': 3}"),
        ({"text": 0, "label": 4}, "the file has 4. Received"),
        ({"tokens": "body"}, "columns should name text and label"),
    ]:
        with pytest.raises(ValueError, match=message):
            only("tsv", file, columns=columns)
    with pytest.raises(ValueError, match="no column for the text: looked for text or .*--columns=text=0,label=1"):
        only("csv", write(tmp_path / "y.csv", "fine film,pos\n"))


def test_text_columns_are_joined_and_an_existing_name_wins(tmp_path):
    rows = [["stars", "title", "body", "a+b", "title+body"], ["5", "t", "b b", "x", "y"], ["4", "", "c", "x", "y"]]
    files = {reader: "\n".join(by.join(row) for row in rows) for reader, by in (("csv", ","), ("tsv", "\t"))}
    files["jsonl"] = "\n".join(json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:])
    for reader, text in files.items():
        file = write(tmp_path / reader, text)

        def texts(column, label="stars", reader=reader, file=file):
            columns = options.source(options.Data(columns=f"text={column},label={label}"))["columns"]
            return [example["text"] for example in only(reader, file, columns=columns)]

        assert texts("body+title") == texts("Body+TITLE", "Stars") == ["b b t", "c"]
        assert texts("title+a+b+title") == ["t x t", "x"]
        assert texts("title+body") == ["y", "y"]
        for columns in (["title+bdy"], ["title+"], ["title", "stars+body"]):
            with pytest.raises(ValueError, match=r"no column for the .* '[a-z]+\+.*Found: 'stars', 'title', 'body'"):
                texts(*columns)
        if reader != "jsonl":
            assert texts("1+-3", "0") == ["t b b", "c"]
            for column in ("1+5", "1+", "title+body"):
                with pytest.raises(ValueError, match=r"or text=1\+2,label=0; the file has 5"):
                    texts(column, "0")
    with pytest.raises(ValueError, match="jsonl:1: 'body' should be a string, found None"):
        only(
            "jsonl",
            write(tmp_path / "jsonl", '{"body": null, "title": "t", "label": 1}'),
            columns={"text": "title+body"},
        )


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (
            "csv",
            'text,label\n"a\nb",x\nc,x,y\n',
            r"x:4: expected 2 fields \(like the first line\), found 3: 'c \| x \| y'",
        ),
        ("csv", 'text,label\na,x\n"b,x\nc,x\n', "x:3: not CSV: unexpected end of data"),
        ("csv", 'text,label\n"a"b,x\n', "x:2: not CSV: .* --dataset=tsv"),
        ("csv", "text,label\n\na, \n", "x:3: the label is empty"),
        ("csv", "text,label\na\0,b\n", "x:2: a NUL character"),
        ("tsv", "text\tlabel\na\tx\n\nb x\n", "x:4: expected 2 fields"),
        ("tsv", "", "x holds no examples"),
        ("jsonl", '{"text": "a", "label": 1}\n\n{"text": "a"\n', "x:3: expected one JSON object per line: Expecting"),
        ("jsonl", '[{"text": "a", "label": 1}]', "x:1: not a JSON object: '\\["),
        ("jsonl", '{"text": null, "label": 1}', "x:1: 'text' should be a string, found None"),
        ("jsonl", '{"text": "a", "label": 1}\n{"text": "b"}', "x:2: 'label' should be a label, .*found None"),
        ("jsonl", '{"text": "a", "label": []}', "x:1: 'label' should be a label"),
        ("jsonl", '{"text": "a", "label": ["b|c"]}', "x:1: 'label' should be a label"),
        ("jsonl", '{"text": "\\ud83d", "label": 1}', r"x:1: half of a character, '\\ud83d'"),
        ("jsonl", '{"txt": "a", "label": 1}', "x: no column for the text: .*Found: 'txt', 'label'"),
    ],
)
def test_a_malformed_labelled_text_names_file_and_line(tmp_path, reader, text, message):
    with pytest.raises(ValueError, match=message):
        only(reader, write(tmp_path / "x", text))


def test_a_field_may_be_long_but_an_unclosed_quote_does_not_read_the_whole_file(tmp_path, monkeypatch):
    text = "word " * 40_000
    assert only("csv", write(tmp_path / "x.csv", f'text,label\n"{text}",x\n')) == [{"text": text, "label": "x"}]
    limit = csv.field_size_limit(1000)
    monkeypatch.setattr("seqzoo.datasets.tables.FIELD_LIMIT", 1000)
    with pytest.raises(ValueError, match="x.csv:2: not CSV: field larger than field limit"):
        only("csv", tmp_path / "x.csv")
    csv.field_size_limit(limit)


def test_json_labels_become_text(tmp_path):
    labels = ['"b c"', "3", "true", "0.5", '["x", 2, false]']
    lines = "\n".join(f'{{"label": {label}, "text": "a\\n\\u00e9", "n": null}}' for label in labels)
    examples = only("jsonl", write(tmp_path / "x.jsonl.gz", lines + "\n\n"))
    assert [example["label"] for example in examples] == ["b c", "3", "true", "0.5", "x|2|false"]
    assert {example["text"] for example in examples} == {"a\né"}


def test_blanks_around_labels_and_empty_labels_are_removed_in_every_format(tmp_path):
    cells = ["a|b", " a | b\u00a0", "a||b", "|a|  |b|", "a b", " a b ", "a b|"]
    expected = ["a|b"] * 4 + ["a b"] * 3
    rows = [f"text,{cell}" for cell in cells]
    files = {"csv": "text,label\n" + "\n".join(rows), "tsv": "text\tlabel\n" + "\n".join(rows).replace(",", "\t")}
    files["jsonl"] = "\n".join(json.dumps({"text": "text", "label": cell}) for cell in cells)
    for reader, text in files.items():
        assert [example["label"] for example in only(reader, write(tmp_path / "x", text))] == expected
    lists = "\n".join(json.dumps({"text": "text", "label": cell.split("|")}) for cell in cells)
    assert [example["label"] for example in only("jsonl", write(tmp_path / "x", lists))] == expected
    for number, cell in enumerate(cells[:6]):  # not "a b|" beside "a b": of one name on some systems
        (tmp_path / str(number) / "train" / cell).mkdir(parents=True)
        write(tmp_path / str(number) / "train" / cell / "1.txt", "text")
        assert list(DATASETS["folders"](tmp_path / str(number))["train"]) == [
            {"text": "text", "label": expected[number]}
        ]
    for cell in ("|", " | "):
        with pytest.raises(ValueError, match="x:2: the label is empty"):
            only("csv", write(tmp_path / "x", f"text,label\na,{cell}\n"))
    for label in ('"|"', '["", " "]', '["a", null]'):
        with pytest.raises(ValueError, match="x:1: 'label' should be a label"):
            only("jsonl", write(tmp_path / "x", f'{{"text": "a", "label": {label}}}'))


def test_the_task_reads_the_same_labels_of_an_example_of_any_source():
    kind = TASKS["sentiment"]
    for label, expected in [(" a | b", ["a", "b"]), ("a||b|", ["a", "b"]), ("a b", ["a b"]), ("|", [])]:
        assert kind(kind.Config(multi_label=True)).labels_of({"label": label}) == expected
    assert kind(kind.Config()).labels_of({"label": "a|b"}) == ["a|b"]


def test_folders_are_labels_and_are_interleaved(tmp_path):
    for name in ["train/pos/1.txt", "train/pos/2.txt", "train/neg/1.txt", "train/unsup/1.txt", "train/x.txt", "README"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, f"{name}\nas it is\n")
    (tmp_path / "test" / "pos").mkdir(parents=True)
    write(tmp_path / "test" / "pos" / "1.txt", "é", "latin-1")
    splits = DATASETS["folders"](data_dir=tmp_path)
    assert list(splits) == ["train", "test"]
    expected = [("train/pos/1.txt", "pos"), ("train/neg/1.txt", "neg"), ("train/pos/2.txt", "pos")]
    expected = [{"text": f"{name}\nas it is\n", "label": label} for name, label in expected]
    assert list(splits["train"]) == list(splits["train"]) == expected
    with pytest.raises(ValueError, match="test/pos/1.txt:1: not UTF-8"):
        list(splits["test"])

    flat = DATASETS["folders"](data_dir=tmp_path / "train")
    assert list(flat) == ["train"] and list(flat["train"]) == expected
    for folder, message in [
        ("nowhere", "there is no such folder"),
        ("train/pos", "no folder of a label with .txt files in it. Found: 1.txt, 2.txt"),
        ("", "two folders for the test split: Testing, test"),
    ]:
        (tmp_path / "Testing").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=message):
            DATASETS["folders"](data_dir=tmp_path / folder)


@pytest.mark.parametrize(
    ("name", "arguments", "record", "gold", "splits"),
    [
        ("stsb", {}, {"label": 3.8}, {"score": pytest.approx(3.8)}, ["train", "valid"]),
        ("mrpc", {}, {"label": 1}, {"label": "equivalent"}, ["train", "valid"]),
        ("paws", {"name": "paws_x_wiki/de"}, {"label": 0}, {"label": "different_meaning"}, ["train", "valid", "test"]),
        (
            "tfds",
            {"name": "glue/stsb", "columns": {"first": "sentence1", "second": "sentence2", "score": "label"}},
            {"label": 5},
            {"score": 5.0},
            ["train", "valid"],
        ),
    ],
)
def test_tfds_reads_sets_of_pairs(mocked, name, arguments, record, gold, splits):
    texts = {"sentence1": "a dog", "sentence2": "a cat"}
    with mocked([{**texts, **({} if name == "paws" else {"idx": 0}), **record}]):
        found = DATASETS[name](**arguments)
    assert list(found) == splits
    assert list(found["train"]) == [{"first": "a dog", "second": "a cat", **gold}]


@pytest.mark.parametrize(
    ("name", "record", "label", "splits"),
    [
        ("imdb_reviews", {"text": "fine", "label": 1}, "pos", ["train", "valid", "test"]),
        ("sst2", {"sentence": "fine", "label": 0, "idx": 0}, "negative", ["train", "valid"]),
        ("trec", {"text": "fine", "label-coarse": 3, "label-fine": 0}, "HUM", ["train", "valid", "test"]),
    ],
)
def test_tfds_reads_sets_of_labelled_texts(mocked, name, record, label, splits):
    with mocked([record]):
        found = DATASETS[name]()
    assert list(found) == splits
    assert list(found["train"]) == [{"text": "fine", "label": label}]


SUMMARIZED = [{"text": "long, long", "summary": "short"}, {"text": "b", "summary": ""}]


@pytest.mark.parametrize(
    ("name", "text", "reader", "columns"),
    [
        ("test.csv", 'id,Article,highlights\n1,"long, long",short\n2,b,\n', "csv", None),
        ("test.csv", 'id,label,x,y\n1,z,"long, long",short\n2,z,b,\n', "csv", {"text": "x", "summary": "y"}),
        ("test.tsv", "long, long\tshort\nb\t\n", "tsv", {"text": 0, "summary": 1}),
        ("test.tsv", "document\tsummary\nlong, long\tshort\nb\t\n", "tsv", {"text": 0, "summary": 1}),
        ("test.jsonl", '{"body": "long, long", "subject": "short"}\n{"body": "b", "subject": ""}', "jsonl", None),
    ],
)
def test_summaries_are_read_where_there_are_no_labels_or_they_are_asked_for(tmp_path, name, text, reader, columns):
    assert only(reader, write(tmp_path / name, text), columns=columns) == SUMMARIZED


def test_several_summaries_of_a_text_are_its_references(tmp_path):
    file = write(tmp_path / "a.jsonl", '{"text": "t", "summary": ["", "a", "b"]}\n{"text": "u", "summary": ["c"]}')
    found = [{"text": "t", "summary": "a", "references": ["a", "b"]}, {"text": "u", "summary": "c"}]
    assert only("jsonl", file) == found
    file = write(tmp_path / "a.csv", "text,first,second\nt,a,b\nu,,c\n")
    assert only("csv", file, columns={"summary": "first+second"}) == found
    with pytest.raises(ValueError, match=r"b.jsonl:1: 'summary' should be a string, or a list of them, found 3"):
        only("jsonl", write(tmp_path / "b.jsonl", '{"text": "t", "summary": 3}'))
    with pytest.raises(ValueError, match="columns should name text and label, .*, or text and summary"):
        only("csv", file, columns={"label": "first", "summary": "second"})


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("aeslc", {"email_body": "long", "subject_line": "short"}),
        ("gigaword", {"document": "long", "summary": "short"}),
        ("cnn_dailymail", {"article": "long", "highlights": "short", "id": "", "publisher": ""}),
    ],
)
def test_tfds_reads_sets_of_summaries(mocked, name, record):
    with mocked([record]):
        found = DATASETS[name]()
    assert [*found] == ["train", "valid", "test"] and [*found["valid"]] == [{"text": "long", "summary": "short"}]
