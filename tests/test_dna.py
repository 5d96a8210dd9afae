"""Sequences of letters: alphabets, readers, the other strand, what decided, and the task dna on them."""

import gzip
import io

import keras
import numpy as np
import pytest

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.generated import genes
from seqzoo.datasets.sequences.fasta import Records
from seqzoo.display.logo import logo_plot
from seqzoo.families.letters import stretches
from seqzoo.inputs import frames
from seqzoo.inputs.letters import Letters, reverse_complement
from seqzoo.layers.convolution import MaximumOver
from seqzoo.layers.pooling import codon_mean
from seqzoo.layers.positions import Positions
from seqzoo.layers.strands import ReverseComplement
from seqzoo.models import classifier
from seqzoo.models.explaining import log_odds, occlusion, substitutions
from seqzoo.task import TASKS
from seqzoo.text.baselines import window_baseline
from seqzoo.text.lines import Lines


def test_a_letter_is_a_distribution_over_what_it_can_stand_for():
    rows = Letters("dna").frames("aCRNu")
    assert rows.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0, 0.5, 0], [0.25] * 4, [0, 0, 0, 1]]
    protein = Letters("protein")
    (b, x, u) = protein.frames("BXu")
    assert b[protein.letters.index("D")] == b[protein.letters.index("N")] == 0.5 and b.sum() == 1
    np.testing.assert_allclose(x, 1 / 20)
    assert u[protein.letters.index("C")] == 1
    assert Letters("dna").frames("").shape == (0, 4)


@pytest.mark.parametrize(
    "text, words",
    [
        ("ACX", ["letter 3 of the sequence, 'X', is not in --alphabet=dna, ACGT"]),
        ("A-C", ["letter 2 of the sequence, '-'", "remove the gaps"]),
        ("AÅ中", ["letter 2 of the sequence, 'Å'"]),
        ("A中", ["letter 2 of the sequence, '中'"]),
    ],
)
def test_a_character_that_is_no_letter_is_named_with_its_position(text, words):
    with pytest.raises(ValueError) as error:
        Letters("dna").frames(text)
    assert all(word in str(error.value) for word in words), error.value


def test_the_other_strand_is_read_backwards_and_its_padding_stays_behind():
    letters = Letters("dna")
    np.testing.assert_array_equal(reverse_complement(letters.frames("AACGR")), letters.frames("YCGTT"))
    x = np.stack([letters.frames("AACGR"), np.pad(letters.frames("GAT"), [(0, 2), (0, 0)], constant_values=7)])
    found = np.array(ReverseComplement()(x, np.array([5, 3])))
    np.testing.assert_array_equal(found[0], letters.frames("YCGTT"))
    np.testing.assert_array_equal(found[1], np.pad(letters.frames("ATC"), [(0, 2), (0, 0)]))


def fasta(folder, text, name="a.fa", **options):
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    (gzip.open(path, "wt") if name.endswith(".gz") else path.open("w")).write(text)
    return DATASETS["fasta"](data_dir=str(options.pop("data_dir", path)), **options)


def rows_of(examples):
    return [(row["text"], row["label"]) for row in examples]


@pytest.mark.parametrize(
    "header, columns, label",
    [
        (">P1|1|training", {"label": 1}, "1"),
        (">P1 human EI", None, "EI"),
        (">P1 length=60 label=IE source=x", None, "IE"),
        (">P1\tN\tx", {"label": -2}, "N"),
    ],
)
def test_the_label_of_a_fasta_header(header, columns, label, tmp_path):
    (row,) = fasta(tmp_path, f"; a comment\n\n{header}\nACgt\r\nNN A\n", columns=columns)["test"]
    assert row == {"text": "ACgtNNA", "label": label, "name": "P1", "line": 3}


def test_the_label_of_fasta_is_the_name_of_its_file_or_folder_where_no_name_is_a_split(tmp_path):
    fasta(tmp_path / "one", ">a\nAC\n>b\n\n", "Promoter.fa")
    splits = fasta(tmp_path / "one", ">c\nGT\n", "other.fasta.gz", data_dir=tmp_path / "one")
    assert rows_of(splits["train"]) == [("AC", "Promoter"), ("", "Promoter"), ("GT", "other")]
    splits = fasta(tmp_path / "one", ">d\nTT\n", "other.fa", data_dir=tmp_path / "one")
    assert rows_of(splits["train"])[2:] == [("TT", "other"), ("GT", "other")]
    fasta(tmp_path / "two" / "train" / "yes", ">a\nAC\n", "1.fa")
    fasta(tmp_path / "two" / "test", ">b\nG\n", "no.fa")
    splits = DATASETS["fasta"](data_dir=str(tmp_path / "two"))
    assert {split: rows_of(examples) for split, examples in splits.items()} == {
        "train": [("AC", "yes")], "test": [("G", "no")]
    }  # fmt: skip
    fasta(tmp_path / "three", ">a x\nAC\n", "train.fa")
    assert rows_of(DATASETS["fasta"](data_dir=str(tmp_path / "three"))["train"]) == [("AC", "x")]


@pytest.mark.parametrize(
    "text, columns, words",
    [
        ("AC\n>a x\n", None, "a.fa:1: expected a header"),
        (">a x\nAC\n>b\nAC\n", None, "a.fa:3: the header has no label=... and no second field"),
        (">a x\nAC\n", {"label": 2}, "a.fa:1: the header has no field 2"),
        (">a x\nAC\n", {"text": 2}, "--columns for --dataset=fasta"),
    ],
)
def test_a_malformed_fasta_file_is_named_with_its_line(text, columns, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        [*fasta(tmp_path, text, columns=columns)["test"]]


def test_chains_are_read_with_a_tag_for_each_letter(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("# 1988\n<>\nG _\nV e\nend\n<>\nA h\n<end>\n\nC h\n")
    read = DATASETS["chains"](data_dir=str(path))["test"]
    assert [*read] == [
        {"text": "GV", "tags": ["_", "e"], "line": 3}, {"text": "A", "tags": ["h"], "line": 7},
        {"text": "C", "tags": ["h"], "line": 10},
    ]  # fmt: skip
    path.write_text("<>\nG _\nVal e\n")
    with pytest.raises(ValueError, match="train.txt:3: expected a letter and its tag"):
        [*DATASETS["chains"](data_dir=str(path))["test"]]


def test_only_a_stop_codon_in_the_frame_of_the_start_closes_a_gene():
    def shown(text):
        return "".join(genes.tags(text))

    assert shown("ATGTAAC") == "123123-"
    assert shown("AATGCTAAGTGAC") == "-123123123123"  # TAA and TGA are out of frame: it never ends
    assert shown("ATGCATGTGACATGC") == "123123123123123"  # a start within a gene starts nothing
    assert shown("ATGCATTGACATGC") == "123123123-1231"  # one behind it does
    examples = {split: [*part] for split, part in genes.genes(sizes={"train": 20, "valid": 20}).items()}
    assert all(60 <= len(row["text"]) <= 400 for row in examples["train"])
    share = np.mean([tag != genes.OTHER for row in examples["train"] for tag in row["tags"]])
    assert 0.3 < share < 0.6
    assert [*genes.genes(sizes={"train": 1})["train"]] == examples["train"][:1]


def test_a_window_can_not_tell_genes():
    made = genes.genes(sizes={"train": 100, "valid": 20})
    tag = window_baseline(((row["text"], row["tags"]) for row in made["train"]), 30, 3)
    right = [a == b for row in made["valid"] for a, b in zip(tag(row["text"]), row["tags"], strict=True)]
    assert np.mean(right) < 0.7
    local = window_baseline([("ABAB", "xyxy"), ("ab", "xy")], reach=1)
    assert local("BA") == ["y", "x"] and local("") == []


def test_the_maximum_over_steps_reads_no_padding():
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32") - 5
    mask = np.arange(7) < np.array([[7], [4]])
    y, steps = map(np.array, MaximumOver(3)(x, mask))
    assert steps.tolist() == [[True, True, True], [True, True, False]]
    np.testing.assert_array_equal(y[0, 2], x[0, 6])
    np.testing.assert_array_equal(y[1], [x[1, :3].max(0), x[1, 3], [0, 0, 0]])


def test_a_reading_frame_is_found_wherever_it_begins():
    x = np.zeros((3, 8, 1), "float32")
    x[0, 1::3], x[1, 2:6:3], x[2] = 3, 2, -1
    mask = np.arange(8) < np.array([[8], [6], [8]])
    x[1, 6:] = 99  # padding
    assert np.array(codon_mean(x, mask)).tolist() == [[3], [2], [-1]]


def test_a_position_is_the_same_whatever_the_padding():
    mask = np.arange(5) < np.array([[5], [2]])
    found = np.array(Positions(4)(np.ones((2, 5, 1), "float32"), mask=mask))
    assert found.shape == (2, 5, 5)
    np.testing.assert_allclose(
        found[0, 3, 1:], [np.sin(3), np.sin(3 / 1000**0.5), np.cos(3), np.cos(3 / 1000**0.5)], 1e-5
    )
    np.testing.assert_array_equal(found[1, :2], found[0, :2])
    assert not found[1, 2:, 1:].any()


@pytest.mark.slow
def test_a_letter_s_effect_is_the_mean_over_all_letters_it_might_have_been():
    keras.utils.set_random_seed(0)
    model = classifier(2, frames(4, name="letters"), filters=3, kernel_size=3, units=3, layers=1)
    text, letters = "ACGGT", Letters("dna")
    inputs = {"letters": letters.frames(text)[None], "letters_length": np.array([5], "int32")}

    def score(text):
        return float(log_odds(model({**inputs, "letters": letters.frames(text)[None]}), np.array([1]))[0])

    expected = [
        np.mean([score(text) - score(text[:i] + other + text[i + 1 :]) for other in "ACGT" if other != text[i]])
        for i in range(5)
    ]
    (found,) = occlusion(model, others=substitutions("letters"))(inputs, np.array([1]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_logo_is_drawn_of_any_length_and_alphabet(tmp_path):
    rng = np.random.default_rng(0)
    logo_plot("ACGT", [("$x", rng.normal(size=(12, 4))), ("long", rng.normal(size=(300, 4)))], tmp_path / "a.png")
    logo_plot(Letters("protein").letters, [("p", np.zeros((5, 20)))], tmp_path / "b.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000 and (tmp_path / "b.png").exists()


def test_lines_are_sequences_or_records():
    assert [*Records(["AC", "", "GT"])] == ["AC", "", "GT"]
    assert [*Records([">a", "AC", "GT", ">b", ">c", "T"])] == [">a\nAC\nGT", ">b", ">c\nT"]
    assert Records(Lines(io.BytesIO(b"AC\nGT\n"), "x")).ready()
    assert [*TASKS["dna"].entries([">a", "AC"])] == [">a\nAC"]  # of a file; texts of a client stay apart


def test_an_answer_shows_stretches_and_keeps_every_tag():
    answer = stretches("ACGT", [*"aabb"], [0.9, 0.8, 0.7, 1.0], [*"abbb"])
    assert [(t["text"], t["tag"], t["gold"], t["confidence"]) for t in answer["tokens"]] == [
        ("A", "a", "a", 0.9), ("C", "a", "b", 0.8), ("GT", "b", "b", 0.7)
    ]  # fmt: skip
    assert TASKS["dna_tagging"]().tags_of(answer) == [*"aabb"]
    assert stretches("", [])["tokens"] == []


def tagging_of(monkeypatch, rows):
    kind = TASKS["dna_tagging"]
    features = {name: type(value) for name, value in rows[0].items()}
    made = {"train": Examples(lambda: iter(rows), features, "made.csv")}
    monkeypatch.setitem(DATASETS._things, "csv", lambda **_: made)
    return kind(kind.Config(dataset="csv")).splits()


def test_labels_as_strings_are_tags_of_the_letters(monkeypatch):
    splits, held_out = tagging_of(monkeypatch, [{"text": "ACG", "label": "nnc"}, {"text": "GT", "label": "cc"}] * 3)
    assert held_out.startswith("every 20th") and next(iter(splits["train"]))["tags"] == ["n", "n", "c"]
    with pytest.raises(ValueError, match="made.csv: example 1: 2 tags for 3 letters"):
        [*tagging_of(monkeypatch, [{"text": "ACG", "label": "nn"}] * 2)[0]["train"]]


def test_a_task_for_the_other_kind_of_data_says_what_it_needs(monkeypatch):
    with pytest.raises(ValueError, match="made.csv gives text, but the task needs tags"):
        tagging_of(monkeypatch, [{"text": "AC"}] * 3)
    with pytest.raises(ValueError, match="made.csv gives label, but the task needs text, tags"):
        tagging_of(monkeypatch, [{"label": "cn"}] * 3)
    with pytest.raises(ValueError, match="gives text, tags, but the task needs label"):
        TASKS["dna"](TASKS["dna"].Config(dataset="genes")).read()


def test_options_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="--positions should be even"):
        TASKS["dna"].Config(positions=5)
    with pytest.raises(ValueError, match="--reverse_complement is for --alphabet=dna"):
        TASKS["dna"].Config(alphabet="protein", reverse_complement=True)


def test_an_unknown_letter_is_named_with_file_and_line(tmp_path):
    (tmp_path / "train.csv").write_text("label,name,sequence\n1,a,ACGT\n0,b,ACG!\n")
    task = TASKS["dna"](TASKS["dna"].Config(dataset="csv", data_dir=str(tmp_path)))
    with pytest.raises(ValueError, match=r"train.csv:3: letter 4 of the sequence, '!', is not in --alphabet=dna"):
        [*task.read()["train"]]


def test_the_strands_are_averaged_and_scores_say_what_the_field_reports(monkeypatch):
    kind = TASKS["dna"]
    config, rows, _ = kind.tiny()
    task = kind(kind.Config(**{**config.to_dict(), "reverse_complement": True}))
    monkeypatch.setattr(
        task, "read", lambda: {split: Examples(lambda r=r: iter(r), kind.needs, split) for split, r in rows.items()}
    )
    data = task.load()
    keras.utils.set_random_seed(0)
    predictor = task.predictor(task.build())
    strands = [{"text": "AACGRTTT"}, {"text": "AAAYCGTT"}, {"text": "TTGACAGGGACATA"}]
    first, second, _ = task.answers(predictor, task.feed(strands))[1]
    assert first["probabilities"] == second["probabilities"]
    example, encoded, _ = data.splits["train"]._cache[0]
    made = {task.augmenter()(example, encoded, np.random.default_rng(i))[0]["letters"].tobytes() for i in range(9)}
    assert made == {encoded[0]["letters"].tobytes(), reverse_complement(encoded[0]["letters"]).tobytes()}
    answers = [{"label": label, "probabilities": {}} for label in ("other", "other", "promoter", "other")]
    scores = task.scores(rows["valid"], answers)
    assert scores["mcc"] == pytest.approx(1 / np.sqrt(3)) and scores["classes"]["promoter"]["specificity"] == 100
    assert scores["classes"]["promoter"]["recall"] == 50


def test_fasta_is_answered_by_record(monkeypatch):
    kind = TASKS["dna"]
    task = kind()
    assert task.examples(">a x\nAC\ngt\n>b\nT") == [{"name": "a", "text": "ACgt"}, {"name": "b", "text": "T"}]
    assert task.examples(" AC gt") == [{"text": "ACgt"}]
    with pytest.raises(ValueError, match="^b: letter 1 of the sequence, '!'"):
        task.examples(">b\n!")
