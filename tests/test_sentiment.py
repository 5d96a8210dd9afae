"""The sentiment task from the command line, on files as users have them."""

import io
import json

import numpy as np
import pytest
from marks import slow, variants

from seqzoo import run
from seqzoo.datasets import DATASETS
from seqzoo.task import TASKS

SMALL = ["--task=sentiment", "--units=8", "--word_dim=8", "--epochs=2", "--learning_rate=0.01"]


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows]), "utf-8")
    return path.parent


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with train.tsv and no valid split: a line without text, the same text twice, a longer one."""
    rows = [(e["text"], e["label"]) for e in DATASETS["reviews"](sizes={"train": 120})["train"]]
    rows += [("", "positive"), ("never . " * 60, "negative")]
    return write(tmp_path_factory.mktemp("corpus") / "train.tsv", rows)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tsv"
    flags = ["--dataset=tsv", f"--data_dir={corpus}", "--pooling=attention+last", "--max_tokens=20", "--segment=8"]
    assert run.main([*SMALL, *flags, "--rdrop=1", f"--workdir={folder}"]) == 0
    return folder


def test_an_ensemble_is_scored_and_refuses_explanations_and_other_vocabularies(trained, tmp_path, capsys):
    own = json.loads((trained / "metrics.json").read_text())
    assert run.main(["--mode=evaluate", f"--workdir={trained}", f"--ensemble={trained}"]) == 0
    (saved,) = trained.glob("evaluate-*.json")
    assert json.loads(saved.read_text())["valid_accuracy"] == own["valid_accuracy"]
    saved.unlink()
    other = write(tmp_path / "train.tsv", [("other words", "positive"), ("and others", "negative")] * 20)
    assert run.main([*SMALL, "--dataset=tsv", f"--data_dir={other}", f"--workdir={tmp_path / 'other'}"]) == 0
    asked = ["--mode=predict", f"--workdir={trained}", "--text=good"]
    for wrong, said in (
        ([f"--ensemble={trained}", "--explain=occlusion"], "leave out --ensemble, or --explain"),
        ([f"--ensemble={tmp_path / 'other'}"], "is not a sentiment run with the same vocabularies"),
        ([f"--ensemble={tmp_path}"], "is not a run folder"),
    ):
        capsys.readouterr()
        assert run.main([*asked, *wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_run_without_a_valid_split_holds_some_out_and_reports(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert [metrics["valid_classes"][label]["support"] for label in ("positive", "negative")] == [6, 6]
    assert {"valid_accuracy", "valid_macro_f1", "valid_calibration_error"} <= metrics.keys()
    assert metrics["valid_baselines"]["naive Bayes"]["accuracy"] >= 0
    assert {"confusion.png", "reliability.png", "errors.json", "errors.html"} <= {p.name for p in trained.iterdir()}
    for mistake in json.loads((trained / "errors.json").read_text()):
        assert mistake["gold"] != mistake["label"] and mistake["words"]
        assert max(abs(word["weight"]) for word in mistake["words"]) == 1
    history = json.loads((trained / "history.json").read_text())
    assert history[0]["valid_loss"] > 0


def test_the_seed_that_held_examples_out_cannot_be_changed(trained, capsys):
    assert run.main(["--mode=evaluate", f"--workdir={trained}", "--seed=1"]) == 2
    assert "--seed is fixed by the run" in capsys.readouterr().err


def test_a_hundred_unseen_texts_in_a_file_are_all_scored(trained, tmp_path, capsys):
    folder = write(tmp_path / "data" / "train.tsv", [(f"good film {n}", "positive") for n in range(100)])
    for source in (folder, folder / "train.tsv"):
        assert run.main(["--mode=evaluate", f"--workdir={trained}", "--dataset=tsv", f"--data_dir={source}"]) == 0
        assert "test: 100 examples" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.slow
@pytest.mark.variant
def test_classes_named_like_scores_or_that_differ_in_case_keep_their_own(tmp_path):
    labels = ["macro", "Macro", "baseline", "accuracy"]
    folder = write(tmp_path / "data" / "train.tsv", [(f"word{n}", labels[n % 4]) for n in range(80)])
    flags = ["--dataset=tsv", f"--data_dir={folder}", f"--workdir={tmp_path / 'run'}", "--epochs=1"]
    assert run.main([*SMALL, *flags]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert {label: scores["support"] for label, scores in metrics["valid_classes"].items()} == dict.fromkeys(labels, 2)


@pytest.mark.parametrize("explain", ["occlusion", "attention"])
def test_each_line_gets_an_answer_and_its_words(trained, explain, tmp_path, capsys, monkeypatch):
    page = tmp_path / "page.html"
    monkeypatch.setattr("sys.stdin", io.StringIO("The film is great.\n\n<b>Ω</b> 😀\n" + "long " * 10_000 + "\n"))
    assert run.main(["--mode=predict", f"--workdir={trained}", f"--explain={explain}", f"--html={page}"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["line"] for answer in answers] == [1, 2, 3, 4]
    assert answers[1]["label"] is None and answers[1]["text"] == ""
    for answer in (answers[0], answers[2], answers[3]):
        assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        for word in answer["words"]:
            assert answer["text"][word["start"] : word["end"]] == word["text"] and -1 <= word["weight"] <= 1
    assert [word["text"] for word in answers[2]["words"]] == ["Ω", "😀"]
    assert len(answers[3]["words"]) == 20
    assert "&lt;b&gt;" in page.read_text("utf-8") and "great" in page.read_text("utf-8")


def test_a_run_is_evaluated_on_another_file(trained, tmp_path, capsys):
    folder = write(tmp_path / "data" / "more.tsv", [("good film", "positive"), ("bad film", "so-so")])
    flags = ["--dataset=tsv", f"--data_dir={folder / 'more.tsv'}"]
    assert run.main(["--mode=evaluate", f"--workdir={trained}", *flags]) == 0
    (saved,) = trained.glob("evaluate-*more.tsv.json")
    assert json.loads(saved.read_text())["test_classes"]["so-so"]["support"] == 1  # a label it can not know is an error


@pytest.mark.slow
def test_duplicates_and_labels_that_train_lacks_are_reported(tmp_path, capsys):
    folder = write(tmp_path / "data" / "train.tsv", [("A good film it is", "yes"), ("a bad film", "no")] * 3)
    write(folder / "valid.tsv", [("a  GOOD film it is", "yes"), ("what ?", "maybe")])
    phrases = write(tmp_path / "extra" / "phrases.tsv", [("good", "yes")] * 4) / "phrases.tsv"
    flags = ["--dataset=tsv", f"--data_dir={folder}", f"--extra_train={phrases}", f"--workdir={tmp_path / 'run'}"]
    assert run.main([*SMALL, *flags]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 valid examples are also in train (ignoring case and digits)" in out
    assert "unknown labels: 1 in valid (maybe 1)" in out
    assert "train: 10 examples" in out
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["valid_accuracy"] <= 50


@pytest.mark.parametrize("tokenizer", [*slow("unigram"), *variants("characters")])
def test_several_labels_a_text_and_other_units(tokenizer, tmp_path, capsys):
    rows = [("the plot is good", "plot"), ("the plot and the music", "plot|music"), ("the music", "music"), ("a", "")]
    folder = write(tmp_path / "data" / "train.tsv", [row for row in rows if row[1]] * 8)
    write(folder / "valid.tsv", rows[:3])
    flags = ["--dataset=tsv", f"--data_dir={folder}", "--multi_label", f"--tokenizer={tokenizer}", "--subwords=40"]
    assert run.main([*SMALL, *flags, "--epochs=30", "--adversarial=1", f"--workdir={tmp_path / 'run'}"]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["valid_accuracy"] == 100 and metrics["valid_classes"]["music"]["support"] == 2
    capsys.readouterr()
    assert run.main(["--mode=predict", f"--workdir={tmp_path / 'run'}", "--text=the plot and the music"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)["label"]) == ["music", "plot"]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--pooling=maxx"], ["--pooling", "last, max, mean, attention"]),
        (["--vectors=v.txt", "--tokenizer=bpe", "--data_dir=no"], ["--vectors holds vectors of words", "=bpe"]),
        (["--explain=occlusion"], ["--explain is for --mode=predict"]),
        (["--dataset=grammar"], ["grammar", "needs text, label", "--columns"]),
        (["--label_weights=wonderful=2"], ["Unknown label 'wonderful'", "negative, positive"]),
        (["--dataset=tsv", "--data_dir=ONE"], ["two labels or more", "good"]),
        (["--dataset=tsv", "--data_dir=EMPTY"], ["no example is left"]),
    ],
)
def test_a_wrong_command_or_useless_data_is_one_line(flags, words, tmp_path, capsys):
    write(tmp_path / "ONE" / "train.tsv", [("a", "good"), ("b", "good")])
    write(tmp_path / "EMPTY" / "train.tsv", [("", "good"), ("", "bad"), ("", "good"), ("", "bad")])
    flags = [flag.replace("ONE", str(tmp_path / "ONE")).replace("EMPTY", str(tmp_path / "EMPTY")) for flag in flags]
    assert run.main([*SMALL, *flags, f"--workdir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(word in error for word in words), error


@pytest.mark.slow
@pytest.mark.variant
def test_explaining_by_attention_needs_attention(corpus, tmp_path, capsys):
    flags = ["--dataset=tsv", f"--data_dir={corpus}", f"--workdir={tmp_path / 'run'}", "--epochs=1"]
    assert run.main([*SMALL, *flags]) == 0
    assert run.main(["--mode=predict", f"--workdir={tmp_path / 'run'}", "--text=x", "--explain=attention"]) == 2
    assert "--explain=occlusion" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.variant
def test_the_most_confident_mistakes_are_those_with_the_largest_probabilities():
    kind = TASKS["sentiment"]
    unsure = {"label": "b", "probabilities": {"a": 0.3, "b": 0.4, "c": 0.3, "d": 0.0}}
    sure = {"label": "b", "probabilities": {"a": 0.03, "b": 0.91, "c": 0.03, "d": 0.03}}
    assert [kind().conviction({"label": "a"}, answer) for answer in (unsure, sure)] == [0.4, 0.91]
    several = kind(kind.Config(multi_label=True))
    answer = {"label": ["a", "b"], "probabilities": {"a": 0.6, "b": 0.99, "c": 0.0}}
    assert several.conviction({"label": "b"}, answer) == 0.6
    assert several.conviction({"label": "a|b|unseen"}, answer) == 0


def test_a_long_text_keeps_both_ends_and_weights_follow_labels():
    kind = TASKS["sentiment"]
    task = kind(kind.Config(max_tokens=4, label_weights="negative=3"))
    task.load()
    encode = task.encoder()
    inputs, label, weight = encode({"text": "the film is neither good nor bad", "label": "negative"})
    assert task.assets["words"].words.decode(inputs["tokens"]) == ["the", "film", "nor", "bad"]
    assert task.assets["labels"].tokens[label] == "negative" and weight == 3
    _, label, weight = encode({"text": "the film", "label": "so-so"})
    assert weight == 0 and label.dtype == np.int32


def test_an_error_of_the_extra_texts_names_their_option(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\ngood\tpos\nbad\tneg\n")
    (tmp_path / "extra.tsv").write_text("a\tb\nx\ty\n")
    for extra, words in (
        (tmp_path, "no file"),
        (tmp_path / "none.tsv", "no file"),
        (tmp_path / "extra.tsv", "no column"),
    ):
        task = TASKS["sentiment"](
            TASKS["sentiment"].Config(dataset="tsv", data_dir=str(tmp_path), extra_train=str(extra))
        )
        with pytest.raises(ValueError, match=f"^--extra_train: .*{words}"):
            task.splits()
