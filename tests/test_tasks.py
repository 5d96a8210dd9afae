"""How the tagging tasks encode examples: ids, labels, weights."""

import dataclasses
import shlex

import numpy as np
import pytest

from seqzoo import run
from seqzoo.datasets import DATASETS
from seqzoo.task import TASKS, Task
from seqzoo.text.vocabulary import Vocabulary
from seqzoo.training.loop import below_baseline


@pytest.mark.parametrize("name", TASKS.names())
def test_what_shows_a_trained_run_is_a_command_line_of_its_task(name):
    task = TASKS[name]
    assert set(task.demo) | set(task.advice) <= {"", *DATASETS.names()}
    for options in task.demo.values():
        mode = "predict" if "predict" in task.modes else "generate"
        run.parse([f"--mode={mode}", "--workdir=runs/x", *shlex.split(options)], name, mode)


def test_a_line_that_names_a_file_is_what_it_holds(tmp_path):
    class Counting(Task):
        files = (".csv",)

        def read_file(self, file, name):
            return {"file": name, "bytes": len(file.read())}

    (tmp_path / "A.CSV").write_text("1,2")
    task = Counting(config=object())
    assert task.example(f"{tmp_path}/A.CSV") == {"file": f"{tmp_path}/A.CSV", "bytes": 3}
    with pytest.raises(ValueError, match="ends in .csv. Received: '/etc/passwd'"):
        task.example("/etc/passwd")
    with pytest.raises(ValueError, match="no.csv: No such file"):
        task.example(f"{tmp_path}/no.csv")


@pytest.fixture
def corpus(tmp_path):
    for split in ("train", "valid"):
        text = "<unk> O\n<pad> O\nFord B-ORG\nMotor I-ORG\n\nsupercalifragilisticexpialidocious O\n"
        (tmp_path / f"{split}.txt").write_text(text)
    return str(tmp_path)


def encoded(corpus, **settings):
    """(assets, [(inputs, labels, weights)]) of the two sentences."""
    kind = TASKS["ner"]
    task = kind(kind.Config(dataset="conll", data_dir=corpus, **settings))
    task.load()
    encode = task.encoder()
    return task.assets, [encode(example) for example in DATASETS["conll"](data_dir=corpus)["train"]]


def test_marks_in_a_text_are_unknown_words_and_make_no_hole(corpus):
    assets, (first, _) = encoded(corpus)
    assert first[0]["tokens"].tolist()[:2] == [1, 1] and (first[0]["tokens"] > 0).all()
    assert (first[0]["characters"][:, 0] > 0).all()


def test_labels_are_bioes_and_a_long_word_keeps_both_ends(corpus):
    assets, (first, second) = encoded(corpus, max_word_length=6)
    assert assets["tags"].decode(first[1]) == ["O", "O", "B-ORG", "E-ORG"]
    assert "".join(assets["words"].characters.decode(second[0]["characters"][0])) == "supous"


def test_label_weights_are_a_sentences_with_a_crf_and_a_tokens_without(corpus):
    _, (first, second) = encoded(corpus, label_weights="B-ORG=5", crf=False)
    assert first[2].tolist() == [1, 1, 5, 1] and second[2].tolist() == [1]
    _, (first, second) = encoded(corpus, label_weights="B-ORG=5", crf=True)
    assert first[2].tolist() == [2, 2, 2, 2] and second[2].tolist() == [1]
    with pytest.raises(ValueError, match="Unknown label 'B-PER'"):
        encoded(corpus, label_weights="B-PER=5")


CONLL = "Ford B-ORG\nmet O\n\nMay B-PER\nin O\nParis B-LOC\n\n" * 2
CONLLU = "1\tFord\t_\tPROPN\t_\t_\t_\t_\t_\t_\n\n" * 3


@pytest.mark.parametrize("name", ["more", "test"])
@pytest.mark.parametrize(
    ("task", "dataset", "ending", "text"),
    [
        ("ner", "conll", "txt", CONLL),
        ("pos", "conll", "txt", CONLL.replace("B-", "")),
        ("pos", "conllu", "conllu", CONLLU),
        ("sentiment", "csv", "csv", "text,label\n" + "good film,a\nbad film,b\n" * 3),
        ("sentiment", "tsv", "tsv", "text\tlabel\n" + "good film\ta\nbad film\tb\n" * 3),
        ("sentiment", "jsonl", "jsonl", '{"text": "good film", "label": "a"}\n{"text": "bad", "label": "b"}\n' * 3),
        ("translation", "parallel", "tsv", "a cat\teine Katze\na dog\tein Hund\n" * 2),
        ("similarity", "pairs", "csv", "first,second,label\n" + "a cat,a dog,yes\na cat,it,no\n" * 3),
        ("language_model", "text", "txt", "to be or not to be\n" * 20),
        ("music", "piano_roll", "json", "[[[60], [62]], [[64], [65]], [[67], [69]]]"),
    ],
)
def test_one_labelled_file_or_a_set_without_valid_is_trained_on(tmp_path, task, dataset, ending, text, name):
    (tmp_path / f"{name}.{ending}").write_text(text)
    if name == "test":  # a folder with train and test
        (tmp_path / f"train.{ending}").write_text(text)
    kind, data_dir = TASKS[task], tmp_path if name == "test" else tmp_path / f"more.{ending}"
    task = kind(kind.Config(dataset=dataset, data_dir=str(data_dir)))
    data = task.load()
    assert data.splits["train"].tokens and data.splits["valid"].tokens and "valid" in data.summary["held out"]
    assert ("test" in data.splits) == (name == "test")
    assert [*task.load(unseen=True).splits][-1] == "test"


def test_tags_that_training_never_had_do_not_count_in_the_loss(corpus):
    # With a CRF, the neighbours of such a tag would pay for the moves from and to it: the sentence does not count.
    for crf, label_weights, expected in ((False, "", [0, 1]), (True, "", [0, 0]), (True, "O=5", [0, 0])):
        task = TASKS["ner"](TASKS["ner"].Config(dataset="conll", data_dir=corpus, crf=crf, label_weights=label_weights))
        task.load()
        _, labels, weights = task.encoder()({"tokens": ["Paris", "sleeps"], "ner": ["B-LOC", "O"]})
        assert weights.tolist() == expected and np.isfinite(labels).all()


def test_a_pretokenized_line_is_one_sentence_of_the_tokens_between_blanks():
    kind = TASKS["ner"]
    task, request = kind(kind.Config(), {}), kind.requests["predict"](pretokenized=True)
    (example,) = task.examples("U.S. isn't  here. Go", request)
    assert example["tokens"] == ["U.S.", "isn't", "here.", "Go"] and example["offsets"][2] == ("here.", 12, 17)
    assert [example["tokens"] for example in task.examples("  ", request)] == [[]]
    assert [e["tokens"] for e in task.examples("It isn't. Go")] == [["It", "is", "n't", "."], ["Go"]]


def test_a_run_says_once_that_it_does_not_know_the_words(corpus, capsys):
    kind = TASKS["ner"]
    trained = kind(kind.Config(dataset="conll", data_dir=corpus))
    trained.load()
    run = dataclasses.make_dataclass("Run", ["predictor"])(lambda *batch: {"tags": batch[1], "confidence": batch[2]})
    assert len([*trained.predict(run, ["Ford Motor Zyx ..."])]) == 1 and not capsys.readouterr().err
    assert len([*trained.predict(run, ["Ford Abc Zyx.", "Qqq"])]) == 2
    assert capsys.readouterr().err.startswith("warning: 3 of 4 tokens are unknown to this run.")
    assert len([*trained.predict(run, ["Qqq"])]) == 1 and not capsys.readouterr().err


def test_a_run_that_does_not_reach_its_baseline_says_so():
    task = TASKS["ner"](TASKS["ner"].Config())
    baselines = {"look-up": {"f1": 60.0}, "other": {"f1": 55.0}, "without": {"accuracy": 99.0}}
    message = below_baseline({"valid_f1": 50.0, "valid_baselines": baselines}, task)
    assert message.startswith("The run is worse than a baseline on valid, F1 (%): 50.00, look-up 60.00.")
    assert below_baseline({"valid_f1": 60.0, "valid_baselines": baselines}, task) == ""
    assert below_baseline({"valid_f1": 0.0}, task) == ""
    task = TASKS["language_model"](TASKS["language_model"].Config())  # the lower the better
    metrics = {"valid_bits_per_character": 2.0, "valid_baselines": {"5-gram": {"bits_per_character": 1.5}}}
    assert "5-gram 1.50" in below_baseline(metrics, task)


def test_answers_agree_with_gold_of_any_scheme():
    tags = Vocabulary(["O", "S-LOC", "B-ORG", "E-ORG"], unknown=False)
    task = TASKS["ner"](None, {"tags": tags})
    row = {"tags": tags.encode(["B-ORG", "E-ORG", "S-LOC"]), "confidence": [0.5, 0.5, 0.5]}
    for gold, differs in ((["I-ORG", "I-ORG", "I-LOC"], False), (["O", "S-ORG", "S-LOC"], True)):  # IOB1, BIOES
        answer = task.answer({"tokens": ["Ford", "Motor", "Rome"], "ner": gold}, row)
        assert task.differs(answer) == differs
    assert [token["gold"] for token in answer["tokens"]] == ["O", "B-ORG", "B-LOC"]
    assert not task.differs(task.answer({"tokens": ["Ford", "Motor", "Rome"]}, row))  # nobody knows


def test_of_epochs_with_equal_scores_the_one_with_the_lower_loss_is_better():
    task = TASKS["ner"]()
    rows = [{"valid_f1": 90.0, "valid_loss": 0.5}, {"valid_f1": 90.0, "valid_loss": 0.4}, {"valid_f1": float("nan")}]
    assert max(rows, key=task.merit) is rows[1] and min(rows, key=task.merit) is rows[2]
