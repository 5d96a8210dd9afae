"""Cross-validation: how examples are dealt out to folds, and what a folder of folds holds."""

import collections
import dataclasses
import json
import math
import statistics

import numpy as np
import pytest
from rich.console import Console

from seqzoo import run
from seqzoo.datasets import Examples
from seqzoo.datasets.splits import fold
from seqzoo.task import TASKS, Task
from seqzoo.training import load
from seqzoo.training.folder import prepare
from seqzoo.training.folds import summarized, train_folds


def folds(rows, count, seed=0, group=lambda row: row["text"], **options):
    examples = Examples(lambda: iter(rows), {}, "made")
    return [[*map(list, fold(examples, count, number, seed, group, **options))] for number in range(1, count + 1)]


def test_each_example_is_in_one_fold_and_equal_ones_in_the_same():
    rows = [{"text": f"s{i % 30}", "label": "ab"[i % 30 < 10], "id": i} for i in range(40)]
    parts = folds(rows, 5)
    ids = [row["id"] for _, held in parts for row in held]
    assert sorted(ids) == [*range(40)]
    for rest, held in parts:
        assert sorted(row["id"] for row in rest + held) == [*range(40)]
        assert not {row["text"] for row in rest} & {row["text"] for row in held}
        assert len(held) == 8
        assert [row["id"] for row in held] == sorted(row["id"] for row in held)  # in the order of the data


def test_folds_have_their_share_of_each_label_and_depend_on_the_seed_alone():
    rows = [{"text": str(i), "label": "rare" if i < 10 else "usual"} for i in range(50)]
    parts = folds(rows, 5)
    assert all(collections.Counter(row["label"] for row in held) == {"rare": 2, "usual": 8} for _, held in parts)
    assert folds(rows, 5) == parts != folds(rows, 5, seed=1)
    shuffled = folds(rows[::-1], 5)  # the order of the data does not matter
    assert [sorted(row["text"] for row in held) for _, held in shuffled] == [
        sorted(row["text"] for row in held) for _, held in parts
    ]


def test_a_document_in_pieces_is_in_one_fold():
    rows = [{"text": f"{d}-{n}", "end": n == 2, "document": d} for d in range(4) for n in range(3)]
    parts = folds(rows, 2, ends=lambda row: row["end"])
    assert sorted(len({row["document"] for row in held}) for _, held in parts) == [2, 2]
    assert all(len(held) == 6 for _, held in parts)


def test_fewer_groups_than_folds_are_an_error_that_says_how_many_there_are():
    rows = [{"text": text} for text in "aabbcc"]
    with pytest.raises(
        ValueError, match="--folds=4 needs as many different groups .* Found: 3; --folds=3 leaves each out"
    ):
        folds(rows, 4)
    assert all(len(held) == 2 for _, held in folds(rows, 3))


def test_equal_arrays_are_one_group():
    class Frames(Task):
        needs = {"frames": np.ndarray, "label": str}

    rows = [{"frames": np.full((3, 2), i % 4), "label": str(i)} for i in range(8)]
    parts = folds(rows, 4, group=Frames(config=object()).group)
    assert sorted(sorted(int(row["label"]) % 4 for row in held) for _, held in parts) == [[i, i] for i in range(4)]


def task_of(**options):
    config, splits, _ = TASKS["pos"].tiny()
    return TASKS["pos"](type(config)(**{**config.to_dict(), **options})), splits["train"]


def test_valid_is_a_fold_of_all_that_is_labelled_but_test(monkeypatch):
    rows = [{"tokens": [str(i)], "pos": ["A"]} for i in range(9)]
    task, _ = task_of(folds=3, fold=2)
    made = {split: Examples(lambda part=part: iter(part), {"tokens": list, "pos": list}, split)
            for split, part in (("train", rows[:4]), ("valid", rows[4:6]), ("test", rows[6:]))}  # fmt: skip
    monkeypatch.setattr(task, "read", lambda: dict(made))
    splits, held_out = task.splits()
    assert [len([*splits[split]]) for split in ("train", "valid", "test")] == [4, 2, 3]
    assert held_out == "fold 2 of 3 is valid, of train and valid"
    unseen, _ = task.splits(hold_out=False)  # data that the run was not trained on
    assert [*unseen["valid"]] == rows[4:6]


def test_texts_that_only_join_train_are_in_no_fold(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "".join(f"{i}\t{'ab'[i % 2]}\n" for i in range(6)))
    (tmp_path / "more.tsv").write_text("text\tlabel\nmore\ta\n")
    kind = TASKS["sentiment"]
    options = {"dataset": "tsv", "data_dir": str(tmp_path / "train.tsv"), "extra_train": str(tmp_path / "more.tsv")}
    splits, _ = kind(kind.Config(**options, folds=3, fold=1)).splits()
    train, valid = ([row["text"] for row in splits[split]] for split in ("train", "valid"))
    assert len(train) == 5 and train[-1] == "more" and len(valid) == 2


def test_the_folds_of_an_option_are_checked():
    with pytest.raises(ValueError, match="--fold should be at most --folds=3. Received: 4"):
        task_of(folds=3, fold=4)
    with pytest.raises(ValueError, match="--fold=1 has no effect"):
        task_of(fold=1)


def test_metrics_are_means_with_their_spread_and_the_folder_names_its_runs(tmp_path):
    scores = [80.0, 90.0, 94.0]
    trained = []

    def train(task, folder):
        trained.append((task.config.fold, folder.name))
        score = scores[task.config.fold - 1]
        return {"valid_accuracy": score, "minutes": 2.0, "valid_classes": {"A": {"f1": score}},
                "valid_baselines": {"look-up": {"accuracy": score / 2}}, "note": "text"}  # fmt: skip

    task, _ = task_of(folds=3)
    (tmp_path / "config.json").write_text(json.dumps({"task": "pos", "format": 2, **task.config.to_dict()}))
    console = Console(record=True, width=100)
    metrics = train_folds(task, tmp_path, console, train)
    assert trained == [(1, "fold1"), (2, "fold2"), (3, "fold3")]
    assert metrics == json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["valid_accuracy"] == 88 and metrics["minutes"] == 6
    assert metrics["spread"]["valid_accuracy"] == pytest.approx(statistics.stdev(scores))
    assert metrics["valid_classes"] == {"A": {"f1": 88.0}}
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["baseline:", "look-up,", "mean", "44.00"] in lines
    assert ["fold", "2", "90.00"] in lines and ["mean", "88.00"] in lines and ["±", "std.", "dev.", "7.21"] in lines
    with pytest.raises(ValueError, match="holds the 3 runs of --folds and no model of its own: .*fold1"):
        load(tmp_path)


@pytest.mark.slow
def test_a_command_trains_all_folds_and_continues_where_it_was(tmp_path, capsys):
    (tmp_path / "train.tsv").write_text(
        "text\tlabel\n" + "".join(f"{'good' if i % 2 else 'bad'} {i}\t{i % 2}\n" for i in range(8))
    )
    flags = ["--task=sentiment", "--dataset=tsv", f"--data_dir={tmp_path / 'train.tsv'}", "--folds=2", "--units=4",
             "--word_dim=4", "--epochs=2", f"--workdir={tmp_path / 'run'}"]  # fmt: skip
    assert run.main([*flags, "--stop_after=1"]) == 0 and not (tmp_path / "run" / "metrics.json").exists()
    assert run.main(flags) == 0
    out = capsys.readouterr().out
    assert out.count("continuing after epoch 1") == 2 and "± std. dev." in out
    metrics, parts = (json.loads((tmp_path / "run" / name).read_text()) for name in ("metrics.json", "config.json"))
    assert parts["fold"] == 0 and len(metrics["folds"]) == 2
    assert run.main(flags) == 0 and "already finished" in capsys.readouterr().out
    assert run.main(["--mode=predict", f"--workdir={tmp_path / 'run'}", "--text=good"]) == 2
    assert "name one of them" in capsys.readouterr().err
    assert run.main(["--mode=predict", f"--workdir={tmp_path / 'run' / 'fold2'}", "--text=good"]) == 0
    assert run.main([*flags, "--fold=1"]) == 2 and "another config (fold 0 -> 1)" in capsys.readouterr().err


def test_a_score_that_is_not_finite_has_no_mean_also_when_it_is_read_again(tmp_path):
    for diverged in (math.inf, None):  # None: as JSON has it
        metrics = summarized([{"valid_loss": 1.0, "minutes": 1}, {"valid_loss": diverged, "minutes": 1}])
        assert not math.isfinite(metrics["valid_loss"]) and math.isnan(metrics["spread"]["valid_loss"])
        assert metrics["minutes"] == 2


def test_folds_that_were_trained_alone_are_joined(tmp_path):
    task, _ = task_of(folds=2)
    for number in (1, 2):
        prepare(tmp_path / f"fold{number}", type(task)(dataclasses.replace(task.config, fold=number)))
    prepare(tmp_path, task)
    assert json.loads((tmp_path / "config.json").read_text())["folds"] == 2
    prepare(tmp_path, task, overwrite=True)
    assert not (tmp_path / "fold1").exists()
    (tmp_path / "others/fold3").mkdir(parents=True)
    with pytest.raises(ValueError, match="others is not empty"):
        prepare(tmp_path / "others", task)


def test_folds_that_are_paused_have_no_metrics_yet(tmp_path):
    task, _ = task_of(folds=2)
    assert train_folds(task, tmp_path, Console(quiet=True), lambda task, folder: {}) == {}
    assert not (tmp_path / "metrics.json").exists()
