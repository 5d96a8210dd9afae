"""Paired comparison of two runs: intervals, p-values, examples drawn together, and refusals."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from seqzoo import run
from seqzoo.datasets import Examples
from seqzoo.display.comparisons import print_comparison
from seqzoo.display.plain import PlainConsole
from seqzoo.metrics import bootstrap
from seqzoo.metrics.translation import translation_scores
from seqzoo.task import TASKS, TaskData
from seqzoo.training.comparison import check_alike, compare


def canned(kind, name, examples, said):
    """(run, data) of a run of a task whose answer to an example is what `said` returns, None where it leaves it out."""
    task = TASKS[kind]()
    task.feed = list
    task.requested = lambda predictor, request: predictor
    task.answers = lambda predictor, feed: map(
        list, zip(*((e, answer) for e in feed if (answer := said(e)) is not None), strict=True)
    )
    features = {feature: type(value) for feature, value in examples[0].items()}
    splits = {"valid": SimpleNamespace(examples=Examples(lambda: examples, features, name))}
    return SimpleNamespace(task=task, folder=name, predictor=None), TaskData(splits, {})


def compared(kind, examples, *said, **options):
    runs, data = zip(*(canned(kind, name, examples, each) for name, each in zip("ab", said, strict=True)), strict=True)
    return compare(runs, data, **options)


def rating(text, label="good"):
    return {"text": text, "label": label, "gold": "good", "probabilities": {label: 1.0}}


REVIEWS = [{"text": str(number), "label": "good"} for number in range(200)]


def wrong_every(n):
    return lambda example: rating(example["text"], "bad" if int(example["text"]) % n == 0 else "good")


def test_samples_without_a_score_do_not_make_a_difference_significant():
    differences = np.array([np.nan] * 90 + [1.0] * 5 + [-1.0] * 5)  # such as samples of dialogues with single replies
    assert bootstrap.bootstrap_p_value(differences) == bootstrap.randomization_p_value(differences, 1.0) == 1


def test_a_difference_has_the_interval_of_its_standard_error_and_small_p_values():
    found = compared("sentiment", REVIEWS, wrong_every(2), wrong_every(5), samples=1000)
    score = found.scores["accuracy"]
    assert next(iter(found.scores)) == "accuracy"
    assert (score["first"], score["second"], score["difference"]) == (50, 80, 30)
    assert found.right == {"both": 80, "first": 20, "second": 80, "neither": 20} and found.examples == 200
    # Of 200 differences 80 are 1 and 20 are -1: their standard deviation is sqrt(0.5 - 0.3^2).
    deviation = 100 * np.sqrt((0.5 - 0.09) / 200)
    assert score["high"] - score["low"] == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert score["low"] < 30 < score["high"]
    assert score["bootstrap_p"] == pytest.approx(2 / 1001) and score["randomization_p"] == pytest.approx(1 / 1001)
    ahead = [[int(each.example["text"]) for each in side] for side in found.ahead]
    assert ahead == [[5, 15, 25], [2, 4, 6]] and found.ahead[1][0].number == 3
    assert found.ahead[0][0].scores == (100, 0)


def test_equal_answers_and_a_single_other_one_are_no_difference():
    same = compared("sentiment", REVIEWS, wrong_every(3), wrong_every(3), samples=100)
    assert same.scores["accuracy"]["bootstrap_p"] == same.scores["accuracy"]["randomization_p"] == 1
    assert same.ahead == ([], []) and same.right["first"] == same.right["second"] == 0
    one = compared("sentiment", REVIEWS, wrong_every(300), wrong_every(1000), samples=200, shown=1)
    assert one.ahead == ([], []) and one.scores["accuracy"]["low"] == 0  # both are wrong about number 0 alone

    def only_first(example):
        return rating(example["text"], "good" if example["text"] == "0" else "bad")

    none = compared("sentiment", REVIEWS, lambda e: rating(e["text"], "bad"), only_first, samples=200)
    assert none.scores["accuracy"]["randomization_p"] == 1  # exchanged or not, the difference is as large
    assert none.scores["accuracy"]["bootstrap_p"] > 0.5


def test_related_examples_are_drawn_together():
    def replies(last):
        return [
            {"history": f"<user> {number}", "reply": "yes", "dialogue": number // 10, "last": last(number)}
            for number in range(400)
        ]

    def said(example):
        reply = "yes" if example["dialogue"] % 2 else "no"
        return {"text": example["history"], "reply": reply, "reference": "yes", "n_best": []}

    def always_right(example):
        return {**said(example), "reply": "yes"}

    widths = []
    for last, units in ((lambda number: number % 10 == 9, 40), (lambda number: True, 400)):
        found = compared("dialogue", replies(last), said, always_right, samples=300)
        assert found.units == units and found.examples == 400
        assert found.scores["accuracy"]["difference"] == 50
        widths.append(found.scores["accuracy"]["high"] - found.scores["accuracy"]["low"])
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.35)


def test_examples_that_one_run_leaves_out_are_left_out():
    def short(example):
        return rating(example["text"]) if len(example["text"]) < 3 else None

    found = compared("sentiment", REVIEWS, short, wrong_every(2), samples=100)
    assert (found.examples, found.left_out) == (100, 100)
    assert found.scores["accuracy"]["first"] == 100 and found.scores["accuracy"]["second"] == 50


def test_runs_that_do_not_compare_are_refused():
    runs = [canned(kind, kind, REVIEWS, wrong_every(2))[0] for kind in ("sentiment", "ner", "language_model")]
    with pytest.raises(ValueError, match="sentiment is a run of task sentiment, ner one of ner: only runs"):
        check_alike(runs[:2])
    with pytest.raises(ValueError, match="not scored answer by answer"):
        check_alike(runs[2:] * 2)
    own, other = (
        canned("sentiment", name, rows, wrong_every(2)) for name, rows in (("a", REVIEWS), ("b", REVIEWS[:9]))
    )
    with pytest.raises(ValueError, match=r"a and b have different data in valid: 200 and 9 examples\. Name the data"):
        compare(*zip(own, other, strict=True))
    with pytest.raises(ValueError, match="The data of a have no test split. They have valid"):
        compare(*zip(own, own, strict=True), split="test")
    with pytest.raises(ValueError, match="Only 1 of 1 examples of valid can be drawn"):
        compared("sentiment", REVIEWS[:1], wrong_every(1), wrong_every(2))


def test_a_comparison_is_printed_for_people(capsys):
    found = compared("sentiment", REVIEWS, wrong_every(2), wrong_every(5), samples=100, shown=1)
    task = TASKS["sentiment"]()
    print_comparison(found, ["runs/a", "runs/b"], task.measures, [task.show] * 2, PlainConsole(width=120))
    out = capsys.readouterr().out
    assert "sentiment on valid: 200 examples, 100 samples" in out
    assert "accuracy (%)" in out and "+30.00" in out and "right: 80 both, 20 runs/a alone, 80 runs/b alone" in out
    example = "     3  text: 2\n        label: good\n        runs/a, 0.00: bad 100% gold: good  2\n"
    assert f"runs/b is ahead the most on\n{example}" in out


def test_texts_that_sacrebleu_has_met_score_as_new_ones():
    from sacrebleu.metrics import BLEU, CHRF

    rng = np.random.default_rng(0)
    references = [" ".join(rng.choice([*"abcdef"], size=9)) for _ in range(30)]
    texts = [" ".join(rng.permutation(text.split())[:8]) for text in references]
    for chosen in (range(30), rng.integers(30, size=30), [0]):
        said, right = ([rows[i] for i in chosen] for rows in (texts, references))
        found = translation_scores(said, right)
        for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
            assert found[name] == metric.corpus_score(said, [right]).score
            assert found[f"{name}_signature"] == str(metric.get_signature())
    several = [[text, said] if i % 2 else [text] for i, (text, said) in enumerate(zip(references, texts, strict=True))]
    assert "nrefs:var" in translation_scores(texts, several)["bleu_signature"]
    assert "nrefs:1" in translation_scores(texts, references)["bleu_signature"]


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--workdir=runs/a"], "needs two runs"),
        (["--workdir=runs/a,runs/b", "--units=8"], "fixed by the run"),
        (["--workdir=runs/a,runs/b", "--text=x"], "--text is for --mode="),
        (["--workdir=runs/a,runs/nowhere"], "runs/nowhere does not exist|nowhere is not a run folder"),
    ],
)
def test_wrong_flags_are_refused_before_a_run_is_loaded(project, capsys, flags, said):
    assert run.main(["--mode=compare", *flags]) == 2
    assert re.search(said, capsys.readouterr().err)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with configs of two runs."""
    from seqzoo.training.folder import prepare

    monkeypatch.chdir(tmp_path)
    for name in "ab":
        prepare(tmp_path / "runs" / name, TASKS["ner"](TASKS["ner"].tiny()[0]))
    return tmp_path


def test_two_runs_are_compared_by_a_command(project, capsys):
    from seqzoo.assets import save_assets

    config, splits, _ = TASKS["ner"].tiny()
    rows = [zip(e["tokens"], e["ner"], strict=True) for e in splits["valid"] * 3]
    (project / "unseen.txt").write_text("\n\n".join("\n".join(map(" ".join, row)) for row in rows) + "\n", "utf-8")
    for name in "ab":
        task = TASKS["ner"](config)
        task.assets = task.learn(splits["train"])
        save_assets(project / "runs" / name, task.assets)
        task.build().save(project / "runs" / name / "model.keras")
    data = ["--dataset=conll", "--data_dir=unseen.txt", "--columns=tokens=0,ner=1"]
    assert run.main(["--mode=compare", "--workdir=runs/a,runs/b", "--samples=100", *data]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["runs"] == ["runs/a", "runs/b"] and found["split"] == "test" and found["examples"] == 12
    assert list(found["scores"]) == ["f1", "precision", "recall", "accuracy"]
    assert 0 < found["scores"]["accuracy"]["randomization_p"] <= 1
    assert run.main(["--mode=evaluate", "--workdir=runs/b", "--ensemble=runs/a", *data]) == 0
    (path,) = (project / "runs/b").glob("evaluate-*ensemble-runs-a*.json")  # not those of the run alone
    flags = ["--mode=compare", "--workdir=runs/a,runs/b", "--ensemble=runs/a", "--samples=100", *data]
    capsys.readouterr()
    assert run.main(flags) == 0
    averaged = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert averaged["runs"] == ["runs/a", "runs/b with runs/a"]
    pair = [averaged["scores"]["accuracy"][key] for key in ("first", "second")]
    together = json.loads(path.read_text("utf-8"))["test_accuracy"]
    assert pair == [found["scores"]["accuracy"]["first"], together]
