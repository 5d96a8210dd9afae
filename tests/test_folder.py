"""The folder of a run: other data, a second training, damaged files."""

import json
import os
import platform
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from seqzoo.backend.distribution import Devices
from seqzoo.datasets import Examples
from seqzoo.datasets.fingerprints import Fingerprinted, changes, serialized
from seqzoo.music.score import Note, Score
from seqzoo.task import TASKS
from seqzoo.training import loop, train
from seqzoo.training.folder import check_data
from seqzoo.training.lock import locked


def given(splits):
    """Examples of each split, from lists."""
    return {
        split: Examples(lambda rows=rows: iter(rows), {"tokens": list, "ner": list}, split, aligned=True)
        for split, rows in splits.items()
    }


def rows(count, tag="O"):
    return [{"tokens": ["in", "Rome"], "ner": ["O", "B-LOC" if i % 2 else tag]} for i in range(count)]


def tiny(monkeypatch, splits, **options):
    """A tiny tagging task on these splits."""
    config, _, _ = TASKS["ner"].tiny()
    task = TASKS["ner"](type(config)(**config.to_dict() | options))
    monkeypatch.setattr(task, "read", lambda: given(splits))
    return task


def test_a_fingerprint_tells_examples_apart_and_costs_no_second_reading():
    readings = []

    def read():
        readings.append(1)
        return iter(rows(4))

    examples = Fingerprinted(Examples(read, {"tokens": list, "ner": list}, "x"))
    next(iter(examples))  # not to the end: no fingerprint
    assert [*examples] == rows(4)
    first = examples.fingerprint
    assert first["examples"] == 4 and len(readings) == 2
    assert first == Fingerprinted(given({"x": rows(4)})["x"]).fingerprint
    swapped = rows(4)[1:2] + rows(4)[:1] + rows(4)[2:]
    for other in (swapped, rows(4, "B-PER"), rows(5)):
        assert Fingerprinted(given({"x": other})["x"]).fingerprint["hash"] != first["hash"]


@pytest.mark.parametrize(
    "one, other",
    [
        ({"a": np.arange(6)}, {"a": np.arange(6).reshape(2, 3)}),
        ({"a": np.zeros(2, "int32")}, {"a": np.zeros(2, "float32")}),
        ({"a": Score([Note(0, 1, 60)])}, {"a": Score([Note(0, 1, 61)])}),
        ({"a": "x", "b": "y"}, {"a": "xy", "b": ""}),
        ({"a": ["x", "y"]}, {"a": ["x y"]}),
        ({"a": {1, 2}}, {"a": {1, 3}}),
        ({"a": b"\xff"}, {"a": b"\xfe"}),
        ({"a": "\ud800"}, {"a": "\ud801"}),
    ],
)
def test_all_kinds_of_features_are_told_apart(one, other):
    assert serialized(one) == serialized(dict(reversed(one.items()))) != serialized(other)


def test_changes_name_the_split_and_both_numbers():
    before = {"train": {"examples": 1000, "hash": "a"}, "valid": {"examples": 9, "hash": "b"}}
    now = {"train": {"examples": 1001, "hash": "c"}, "valid": {"examples": 9, "hash": "d"}, "test": {"examples": 1}}
    assert changes(before, now) == [
        "train had 1,000 examples, now 1,001", "valid has 9 examples as before, but not the same ones", "test is new",
    ]  # fmt: skip
    assert changes(now, before)[-1] == "test is gone"
    assert not changes(before, before)


@pytest.mark.parametrize(
    "train_rows, valid_rows, message",
    [
        (rows(9), rows(4), "train had 8 examples, now 9"),
        (rows(8), rows(4)[::-1], "valid has 4 examples as before, but not the same ones"),
    ],
)
def test_a_run_does_not_continue_on_other_data_of_the_same_vocabulary(
    monkeypatch, tmp_path, train_rows, valid_rows, message
):
    paused = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=2)
    assert train(paused, tmp_path / "run", stop_after=1) == {}
    other = tiny(monkeypatch, {"train": train_rows, "valid": valid_rows}, epochs=2)
    with pytest.raises(ValueError, match=message):
        train(other, tmp_path / "run")
    same = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=2)
    assert train(same, tmp_path / "run")["epochs"] == 2


def test_a_run_without_fingerprints_is_accepted(tmp_path):
    check_data(tmp_path, {"train": {"examples": 1, "hash": "a"}})
    (tmp_path / "data.json").write_text("[")
    with pytest.raises(ValueError, match=r"data\.json is damaged.*--overwrite"):
        check_data(tmp_path, {})


HOLD = """
import os, pathlib, sys, time
from seqzoo.training.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    if "fork" in sys.argv and os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)  # a child that outlives its parent
        os._exit(0)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["", "fork"])
def test_a_second_training_says_who_trains_and_any_death_frees_the_folder(tmp_path, how):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), how], stdout=subprocess.PIPE, text=True)
    pids = {int(holder.stdout.readline()) for _ in range(2 if how else 1)}
    try:
        with pytest.raises(ValueError, match=rf"process {holder.pid} on {platform.node()} trains there"):  # noqa: SIM117
            with locked(tmp_path):
                pass
        holder.kill()
        holder.wait()
        assert (tmp_path / ".lock").is_file()  # left over, and free
        with locked(tmp_path):
            assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
        assert not [*tmp_path.iterdir()]
    finally:
        holder.kill()
        for pid in pids - {holder.pid}:
            os.kill(pid, signal.SIGKILL)
        holder.stdout.close()


def test_training_holds_the_lock_of_its_folder_also_while_it_overwrites(monkeypatch, tmp_path):
    folder, refused = tmp_path / "run", []
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1)

    class Second(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for overwrite in (False, True):
                with pytest.raises(ValueError, match="trains there"):
                    train(task, folder, overwrite=overwrite)
                refused.append(overwrite)

    for overwrite in (False, True):
        train(task, folder, callbacks=[Second()], overwrite=overwrite)
        assert not (folder / ".lock").exists()
    assert len(refused) == 4
    (folder / "metrics.json").chmod(0o400)
    folder.chmod(0o500)
    try:
        assert train(task, folder)["epochs"] == 1  # finished: nothing is locked or written
    finally:
        folder.chmod(0o700)


def test_only_the_chief_of_a_cluster_takes_the_lock(monkeypatch, tmp_path):
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1)
    worker = Devices()
    worker.is_chief = False
    with locked(tmp_path / "run"):  # the chief's
        monkeypatch.setattr(loop, "_train", lambda *args: {"trained": 1})
        monkeypatch.setattr(worker, "agree", lambda value: 1)
        assert train(task, tmp_path / "run", devices=worker) == {"trained": 1}


def test_a_file_as_the_folder_of_a_run_is_refused(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)})
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ValueError, match="file is a file: --workdir should be a folder"):
            train(task, folder)
    assert (tmp_path / "file").read_text() == "mine"
