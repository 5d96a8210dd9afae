import gzip
import json
import sysconfig
import tracemalloc

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.text.text import PIECE, pieces, read_pieces

FEATURES = {"text": str, "end": bool}
SENTENCES = "the keys to the door are here . <eos>\nthe boy runs <eos>\n"
GOLD = "5\tare\tis\t1\n2\truns\trun\t0\n"
PAIR = {"sentence_good": "He runs.", "sentence_bad": "He run.", "UID": "agreement", "linguistics_term": "agr"}


def write(path, text, encoding="utf-8"):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def documents(examples):
    """The texts of the documents, of their pieces."""
    joined = [""]
    for piece in examples:
        assert set(piece) == {"text", "end"} and 0 < len(piece["text"]) <= PIECE
        joined[-1] += piece["text"]
        if piece["end"]:
            joined.append("")
    if not joined[-1]:  # else the document goes on in another split
        joined.pop()
    return joined


def read(data_dir, **kwargs):
    splits = DATASETS["text"](data_dir=data_dir, **kwargs)
    assert all(examples.features == FEATURES for examples in splits.values())
    return {split: documents(examples) for split, examples in splits.items()}


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "word " * 40_000,
        "x" * (2 * PIECE),
        "x" * (2 * PIECE + 1),
        "é\n" * PIECE,
        "\n" * PIECE,
        "one line\n" + "y" * 3 * PIECE + "\n\nlast",
    ],
)
def test_pieces_concatenate_to_the_document_and_the_last_is_marked(text):
    for size in (7919, PIECE, len(text)):
        found = list(pieces(text[start : start + size] for start in range(0, len(text), size)))
        assert "".join(piece["text"] for piece in found) == text
        assert [piece["end"] for piece in found] == [False] * (len(found) - 1) + [True]
        assert all(len(piece["text"]) <= PIECE for piece in found)
    assert list(pieces([])) == list(pieces(["", ""])) == []


def test_pieces_end_after_a_line_or_else_after_a_word():
    lines, words = ([piece["text"] for piece in pieces([text * 20_000])] for text in ("a line\n", "word "))
    assert len(lines) > 1 and all(text.endswith("a line\n") and text.startswith("a line") for text in lines)
    assert len(words) > 1 and all(text.endswith("word ") and text.startswith("word") for text in words)


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_one_file_is_split_at_exactly_nine_tenths_of_its_characters(tmp_path, name):
    for length in (2, 9, 10, 11, 199_999):
        text = ("zoë\t€\n" * length)[:length]
        splits = read(write(tmp_path / name, text))
        assert splits == {"train": [text[: length * 9 // 10]], "valid": [text[length * 9 // 10 :]]}
        parts = DATASETS["text"](tmp_path / name)
        assert [any(piece["end"] for piece in parts[split]) for split in ("train", "valid")] == [False, True]
    assert read(tmp_path) == splits
    assert read(tmp_path / "*.t*") == splits


def test_a_file_of_one_long_line_without_line_end_works(tmp_path):
    text = "0123456789" * 20_000
    assert read(write(tmp_path / "x", text)) == {"train": [text[:180_000]], "valid": [text[180_000:]]}


def test_line_ends_become_newlines_and_the_byte_order_mark_is_removed(tmp_path):
    for shift in range(3):  # "\r\n" and "é" across the border of what is read at once
        text = "-" * (PIECE - shift) + "\r\né\r\n\r\r\n" + "é" * PIECE + "\r"
        for name in ("x", "x.gz"):
            file = write(tmp_path / name, "\ufeff" + text)
            assert "".join(read_pieces(file)) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_examples_can_be_iterated_again_and_concurrently(tmp_path):
    train = DATASETS["text"](data_dir=write(tmp_path / "x", "line\n" * 50_000))["train"]
    assert len(list(train)) > 1 and list(train) == list(train)
    assert all(one == other for one, other in zip(train, train, strict=True))


def test_a_large_file_is_never_held_in_memory(tmp_path):
    lines, line = write(tmp_path / "a", "a line of text\n" * 350_000), write(tmp_path / "b", "x" * 5_000_000)
    tracemalloc.start()
    for file in (lines, line):
        for examples in DATASETS["text"](data_dir=file).values():
            assert all(len(piece["text"]) <= PIECE for piece in examples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_split_files_are_the_splits(tmp_path):
    for name in ("ptb.train.txt", "ptb.valid.txt.gz", "ptb.test.txt"):
        write(tmp_path / name, name)
    write(tmp_path / "README.txt", "about")
    expected = {"train": ["ptb.train.txt"], "valid": ["ptb.valid.txt.gz"], "test": ["ptb.test.txt"]}
    assert read(tmp_path) == read(tmp_path, name="ptb") == expected
    assert read(tmp_path, name="*.txt") == {"train": ["about", "ptb.test.txt"], "valid": ["ptb.train.txt"]}
    with pytest.raises(ValueError, match=r"no file with train.*'wiki'.*--name='\*\*/\*'"):
        read(tmp_path, name="wiki")
    write(tmp_path / "ptb.valid.txt.gz", "")
    with pytest.raises(ValueError, match="ptb.valid.txt.gz: is empty"):
        read(tmp_path)
    write(tmp_path / "ptb.dev.txt", "x")
    with pytest.raises(ValueError, match=r"2 files fit the valid split.*Or read many files.*--name='\*\*/\*'"):
        read(tmp_path)


def test_a_file_that_may_or_may_not_be_a_split_is_an_error(tmp_path):
    for name in ("training.py", "run.py", "task.py"):
        write(tmp_path / name, name)
    with pytest.raises(ValueError, match=r"is training.py the train split.* with 2 others.*--name=.py.*'\*\*/\*.py'"):
        read(tmp_path)
    assert read(tmp_path, name=".py") == {"train": ["training.py"]}
    assert read(tmp_path, name="**/*.py") == {"train": ["run.py", "task.py"], "valid": ["training.py"]}


def test_many_files_are_documents_and_every_tenth_is_valid(tmp_path):
    names = sorted(f"{folder}/{number:02}.txt" for folder in ("a", "b/c") for number in range(12))
    for name in names:
        write(tmp_path / name, name)
    left_out = {"a/.hidden.txt": "x", ".git/x.txt": "x", "b/empty.txt": "", "b/empty.txt.gz": "", "b/bom.txt": "\ufeff"}
    for name, text in {**left_out, "b/image.txt": "\x89PNG\0"}.items():
        write(tmp_path / name, text)
    expected = {"train": [*names[:9], *names[10:19], *names[20:]], "valid": [names[9], names[19]]}
    assert read(tmp_path) == read(str(tmp_path / "**/*.txt")) == read(tmp_path, name="**") == expected
    assert read(tmp_path, name="*/0[0-2].txt") == {"train": names[:2], "valid": [names[2]]}
    assert read(tmp_path / "*" / "00.txt") == {"train": ["a/00.tx"], "valid": ["t"]}
    (tmp_path / "b" / "c" / "11.txt").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(ValueError, match="c/11.txt:1: not UTF-8"):
        read(tmp_path)


def test_folders_named_after_splits_are_never_mixed(tmp_path):
    for name in ("train/a/1.txt", "train/2.txt", "dev/3.txt", "dev/4.md", "README.txt"):
        write(tmp_path / name, name)
    expected = {"train": ["train/2.txt", "train/a/1.txt"], "valid": ["dev/3.txt", "dev/4.md"]}
    assert read(tmp_path) == expected
    assert read(tmp_path / "**/*.txt") == {"train": expected["train"], "valid": ["dev/3.txt"]}
    for name, message in [
        ("README*", "no file in the folders of the splits fits 'README.*: train, dev"),
        ("dev", "--name should be a glob"),
    ]:
        with pytest.raises(ValueError, match=message):
            read(tmp_path, name=name)
    (tmp_path / "valid").mkdir()
    with pytest.raises(ValueError, match="two folders for the valid split: dev, valid"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ab\ncafé\n".encode("latin-1"), r"x:2: not UTF-8: .* in b'caf\\xe9\\n'.*latin-1.*iconv"),
        (b"\xef\xbb\xbfab\n\nc\xff", "x:3: not UTF-8: invalid start byte"),
        (b"-" * PIECE + b"\n" + "é".encode()[:1], "x:2: not UTF-8: unexpected end of data"),
        (b"a\n" * PIECE + b"b\0", f"x:{PIECE + 1}: a NUL character, so this is not text. It looks like a binary"),
        ("text".encode("utf-16"), "x:1: not UTF-8: .* It is UTF-16: read it with --text_encoding=utf-16, or"),
        (b"", "x: is empty"),
        (b"\xef\xbb\xbf", "x: is empty"),
        (b"a", "x: has one character, too few for two splits"),
    ],
)
def test_a_binary_file_is_refused_at_once_with_the_position(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        DATASETS["text"](data_dir=write(tmp_path / "x", content))


def test_damaged_gzip_data_is_reported(tmp_path):
    file = write(tmp_path / "x.gz", "text " * 1000)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ValueError, match="x.gz:1: damaged gzip data"):
        DATASETS["text"](data_dir=file)


def test_arguments_that_name_no_text_are_refused(tmp_path):
    file = write(tmp_path / "books" / "emma.txt", "Emma Woodhouse, handsome, clever, and rich")
    write(tmp_path / "images" / "a.png", b"\x89PNG\0")
    (tmp_path / "nothing").mkdir()
    for kwargs, message in [
        ({}, "needs --data_dir, a text file, a folder, or a glob"),
        ({"data_dir": file, "columns": {"text": 0}}, "has no columns. Received: columns={'text': 0}"),
        ({"data_dir": tmp_path / "book"}, "no such folder or file. Did you mean '.*books'?"),
        ({"data_dir": tmp_path / "nothing"}, r"nothing: no file fits '\*\*/\*'. Found: nothing"),
        ({"data_dir": tmp_path / "images"}, "images: 1 files fit .*all empty or not text. Found: a.png"),
        ({"data_dir": tmp_path / "books" / "*.md"}, r"books: no file fits '\*.md'. Found: emma.txt"),
        ({"data_dir": tmp_path / "nowhere" / "*.md"}, "no such folder or file"),
        ({"data_dir": tmp_path, "name": "/tmp/*.txt"}, "'/tmp/.*' is not a glob inside a folder"),
        ({"data_dir": file, "name": "emma"}, "--name=emma chooses among the files of a folder, and .* is one file"),
        ({"data_dir": tmp_path / "*", "name": "emma"}, "--name=emma chooses .* is a glob already"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["text"](**kwargs)


def test_brackets_in_an_existing_name_are_not_a_glob(tmp_path):
    assert read(write(tmp_path / "[draft]" / "x.txt", "0123456789")) == {"train": ["012345678"], "valid": ["9"]}
    assert read(tmp_path / "[draft]") == {"train": ["012345678"], "valid": ["9"]}


def test_python_source_is_a_reproducible_sample_of_modules():
    splits = DATASETS["python_source"]()
    texts = {split: documents(examples) for split, examples in splits.items()}
    sizes = {split: sum(map(len, found)) for split, found in texts.items()}
    assert list(sizes) == ["train", "valid"]
    assert 500_000 < sizes["train"] <= 1_000_000 and 50_000 < sizes["valid"] <= 111_111
    assert len(texts["train"]) > 50 and any("import " in text for text in texts["valid"])
    assert not set(texts["train"]) & set(texts["valid"])
    assert {split: documents(examples) for split, examples in DATASETS["python_source"]().items()} == texts
    few, every = (
        {split: documents(examples) for split, examples in DATASETS["python_source"](most=most).items()}
        for most in (500_000, None)
    )
    for split, found in texts.items():
        assert sum(map(len, few[split])) < sizes[split] and set(found) < set(every[split])
    assert splits["train"].source.startswith("python_source 3.")


def test_python_source_skips_everything_outside_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    for folder in ("", "email/", "email/tests/", "test/", "site-packages/numpy/", "config-3.11-x86/", "encodings/"):
        for number in range(60):
            write(tmp_path / f"{folder}m{number}.py", f"{folder}{number}\n")
    write(tmp_path / "empty.py", "")
    write(tmp_path / "_sysconfigdata__linux.py", "x")
    found = [text for examples in DATASETS["python_source"]().values() for text in documents(examples)]
    assert {text.rstrip("0123456789\n") for text in found} == {"", "email/"} and len(found) == 120
    with pytest.raises(ValueError, match="most=0: no module of train has at most 0 bytes"):
        DATASETS["python_source"](most=0)


def test_python_source_explains_a_python_without_source(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "python311.zip"))
    with pytest.raises(ValueError, match="has 0 source files: this Python 3.* came without.*--dataset=text"):
        DATASETS["python_source"]()
    with pytest.raises(ValueError, match="--dataset=text --data_dir='FOLDER/.*Received: data_dir='src'"):
        DATASETS["python_source"](data_dir="src")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_agreement_gives_the_sentence_with_either_form_of_the_verb(tmp_path, ending):
    text = SENTENCES + "is it fish\nAre they\n"
    text, gold = text.replace("\n", "\r\n"), GOLD + "2\tfish\tfish\t0\n0\tare\tis\t3\n"
    files = write(tmp_path / f"set.text{ending}", text), write(tmp_path / f"set.gold{ending}", gold)
    expected = [
        ("the keys to the door are here .", "the keys to the door is here .", 5, "1 attractor"),
        ("the boy runs", "the boy run", 2, "0 attractors"),
        ("is it fish", "is it fish", 2, "0 attractors"),
        ("Are they", "Is they", 0, "3 attractors"),
    ]
    expected = [dict(zip(("good", "bad", "position", "group"), row, strict=True)) for row in expected]
    for data_dir in (tmp_path, *files):
        splits = DATASETS["agreement"](data_dir=data_dir)
        assert list(splits) == ["test"]
        assert list(splits["test"]) == list(splits["test"]) == expected
    assert splits["test"].features == {"good": str, "bad": str, "position": int, "group": str}


@pytest.mark.parametrize(
    ("text", "gold", "message"),
    [
        (SENTENCES, GOLD.replace("2\truns", "1\truns"), r"set.gold:2: 'runs' should be token 1 \(from 0\) "
         r"of set.text:2, where 'boy' is \('runs' is at 2\): '1.truns"),
        (SENTENCES, GOLD.replace("2\truns", "3\truns"), "set.gold:2: .* where there are 3 tokens"),
        (SENTENCES, GOLD.replace("2\truns", "-1\truns"), "set.gold:2: the first and the last column should be whole"),
        (SENTENCES, GOLD.replace("2\truns", "9" * 5000 + "\truns"), "set.gold:2: the first and the last column"),
        (SENTENCES, GOLD.replace("\t0", ""), r"set.gold:2: expected 4 tab-separated columns .*found 3: '2"),
        (SENTENCES, GOLD.replace("run\t", "\t"), "set.gold:2: a form of the verb is empty"),
        (SENTENCES, GOLD + "\n", "set.text has 2 lines and set.gold has 3"),
        ("", "", "set.text has 0 lines and set.gold has 0"),
        (SENTENCES.encode("utf-16"), GOLD, "set.text:1: not UTF-8"),
    ],
)  # fmt: skip
def test_a_malformed_agreement_set_names_file_and_line(tmp_path, text, gold, message):
    write(tmp_path / "set.text", text)
    write(tmp_path / "set.gold", gold)
    with pytest.raises(ValueError, match=message):
        list(DATASETS["agreement"](data_dir=tmp_path)["test"])


def test_agreement_sets_are_chosen_by_name(tmp_path):
    for name in ("linzen.text", "linzen.gold", "generated.text", "generated.gold", "alone.gold"):
        write(tmp_path / name, SENTENCES if name.endswith(".text") else GOLD)
    assert len(list(DATASETS["agreement"](data_dir=tmp_path, name="gen")["test"])) == 2
    assert len(list(DATASETS["agreement"](data_dir=tmp_path / "linzen.gold")["test"])) == 2
    for kwargs, message in [
        ({}, "needs --data_dir, a folder with NAME.text and NAME.gold"),
        ({"data_dir": tmp_path}, "3 sets of NAME.text .* Choose one by --name. Found: alone, generated, linzen"),
        ({"data_dir": tmp_path, "name": "linsen"}, "no sets .*'linsen' in the name. Did you mean --name=linzen"),
        ({"data_dir": tmp_path / "alone.gold"}, "alone.text: there is no such file. A set has NAME.text and NAME.gold"),
        ({"data_dir": write(tmp_path / "x.tsv", "")}, "should be called NAME.text or NAME.gold"),
        ({"data_dir": tmp_path / "nowhere"}, "no such folder or file"),
        ({"data_dir": tmp_path, "columns": {"good": 1}}, "has no columns. Received"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["agreement"](**kwargs)


def test_minimal_pairs_are_grouped_by_uid_or_by_file(tmp_path):
    write(tmp_path / "a.jsonl", json.dumps(PAIR) + "\n\n")
    write(tmp_path / "b.jsonl.gz", json.dumps({k: v for k, v in PAIR.items() if k.startswith("sen")}))
    pairs = [{"good": "He runs.", "bad": "He run.", "group": group} for group in ("agreement", "b", "agr")]
    test = DATASETS["minimal_pairs"](data_dir=tmp_path)["test"]
    assert list(test) == list(test) == pairs[:2]
    assert list(DATASETS["minimal_pairs"](data_dir=tmp_path, name="b.")["test"]) == pairs[1:2]
    file = tmp_path / "a.jsonl"
    assert list(DATASETS["minimal_pairs"](data_dir=file, columns={"group": "linguistics_term"})["test"]) == pairs[2:]
    file = write(tmp_path / "c.txt", '{"right": "He runs.", "wrong": "He run.", "UID": "agreement"}')
    columns = {"good": "right", "bad": "wrong"}
    assert list(DATASETS["minimal_pairs"](data_dir=file, columns=columns)["test"]) == pairs[:1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"sentence_good": "a"', "x.jsonl:2: expected one JSON object per line"),
        ('["a", "b"]', "x.jsonl:2: not a JSON object"),
        ('{"sentence_good": "a"}', "x.jsonl:2: 'sentence_bad' should be a text, found None"),
        ('{"sentence_god": "a", "sentence_bad": "b"}', "'sentence_good' should .*mean --columns=good=sentence_god"),
        ('{"sentence_good": "a", "sentence_bad": 3}', "x.jsonl:2: 'sentence_bad' should be a text, found 3"),
        ('{"sentence_good": "a", "sentence_bad": " "}', "x.jsonl:2: 'sentence_bad' should be a text, found ' '"),
        ('{"sentence_good": "a", "sentence_bad": "b", "UID": 7}', "x.jsonl:2: 'UID' should be a text, found 7"),
        ('{"sentence_good": "a", "sentence_bad": "\\ud83d"}', r"x.jsonl:2: half of a character, '\\ud83d'"),
    ],
)  # fmt: skip
def test_a_malformed_pair_names_file_and_line(tmp_path, line, message):
    write(tmp_path / "x.jsonl", json.dumps(PAIR) + "\n" + line)
    with pytest.raises(ValueError, match=message):
        list(DATASETS["minimal_pairs"](data_dir=tmp_path)["test"])
    write(tmp_path / "x.jsonl", "\n" + line)
    with pytest.raises(ValueError, match=message):
        DATASETS["minimal_pairs"](data_dir=tmp_path)


def test_missing_minimal_pairs_are_reported(tmp_path):
    write(tmp_path / "wh_island.jsonl", "")
    for kwargs, message in [
        ({}, "needs --data_dir, a .jsonl file or a folder"),
        ({"data_dir": tmp_path}, "wh_island.jsonl holds no examples"),
        ({"data_dir": tmp_path, "name": "wh_iland"}, "no .jsonl file with 'wh_iland' .*Did you mean --name=wh_island"),
        ({"data_dir": tmp_path / "nowhere"}, "no such folder or file"),
        ({"data_dir": tmp_path, "columns": {"text": "a"}}, "columns should name good, bad and group"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["minimal_pairs"](**kwargs)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [("tiny_shakespeare", {}), ("lm1b", {}), ("wikipedia", {"name": "wikipedia/20230601.simple"})],
)
def test_tfds_records_become_documents_in_pieces(name, kwargs):
    import tensorflow as tf
    import tensorflow_datasets as tfds

    texts = ["First Citizen:\n" * 10_000, "Zoë"]

    def as_dataset(self, *args, **kwargs):
        features = {key: [texts, ["title"] * 2][key == "title"] for key in self.info.features}
        return tf.data.Dataset.from_tensor_slices(features)

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        splits = DATASETS[name](**kwargs)
    assert all(examples.features == FEATURES for examples in splits.values())
    assert documents(splits["train"]) == documents(splits["train"]) == texts


def test_wikipedia_needs_a_language_and_names_some():
    for name in (None, "wikipedia", "wikipedia/"):
        with pytest.raises(ValueError, match="--name=wikipedia/20230601.en, .*20230601.simple.*Received: name="):
            DATASETS["wikipedia"](name=name)
    with pytest.raises(ValueError, match="no set 'wikipedia/20230601.en_us'. Did you mean .*'wikipedia/20230601.en'"):
        DATASETS["wikipedia"](name="wikipedia/20230601.en_us")
