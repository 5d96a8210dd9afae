"""A training that stops within an epoch continues with the next batch, to the same weights."""

import functools
import json
import os
import signal

import keras
import numpy as np
import pytest

from seqzoo.datasets import Examples
from seqzoo.task import TASKS
from seqzoo.training import train
from seqzoo.training.checkpoints import Checkpoints

WORDS = {"rnn": "none", "crf": False}  # each word by itself, which is fast

pytestmark = pytest.mark.usefixtures("eagerly")


class At(keras.callbacks.Callback):
    """Calls a function at a batch, both counted from 0, and keeps the numbers of the batches that were trained on."""

    def __init__(self, epoch, batch, function):
        super().__init__()
        self.at, self.function, self.trained = (epoch, batch), function, []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.trained.append((self.epoch, batch))
        if self.trained[-1] == self.at:
            self.function()


def tiny(name, **options):
    """A tiny task with some batches an epoch and all that is random; the config decays over three epochs."""
    config, splits, _ = TASKS[name].tiny()
    task = TASKS[name](type(config)(**config.to_dict() | {"epochs": 3, "average": 0.9} | options))
    task.read = lambda: {
        split: Examples(functools.partial(iter, examples), task.needs, f"tiny/{split}")
        for split, examples in splits.items()
    }
    return task


def die():
    raise RuntimeError("killed")


def cancel():
    raise KeyboardInterrupt


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def state(folder):
    """({array: values} of a checkpoint, the losses of its epochs)."""
    with np.load(folder / "checkpoint.npz") as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, [row["loss"] for row in json.loads(str(arrays.pop("history")))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, options, stop, first",
    [
        (
            "pos",
            {**WORDS, "batch_size": 1, "token_dropout": 0.3, "checkpoint_minutes": 1e-9},
            die,
            2,
        ),
        pytest.param(
            "language_model",
            {"input_dropout": 0.2, "accumulate": 2, "vary_window": True, "checkpoint_minutes": 0},
            interrupt,
            3,
            marks=pytest.mark.tensorflow("--accumulate"),
        ),
    ],
)
def test_an_interrupted_epoch_continues_with_the_next_batch_to_the_same_weights(
    tmp_path, monkeypatch, name, options, stop, first
):
    monkeypatch.setattr("seqzoo.display.plots.history_plot", lambda *args: None)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    whole, stopped = At(0, 0, lambda: None), At(1, 2, stop)
    train(tiny(name, **options), tmp_path / "whole", callbacks=[whole], stop_after=2)
    error, message = (RuntimeError, "killed") if stop is die else (
        KeyboardInterrupt, "saved after batch 3 of epoch 2; the same command continues there"
    )  # fmt: skip
    try:
        with pytest.raises(error, match=message):
            train(tiny(name, **options), tmp_path / "run", callbacks=[stopped], stop_after=2)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    continued = At(0, 0, lambda: None)
    options["checkpoint_minutes"] = 5.0  # another value is no other run
    train(tiny(name, **options), tmp_path / "run", callbacks=[continued], stop_after=2)
    assert continued.trained == whole.trained[whole.trained.index((1, first)) :] and len(continued.trained) > 1
    (a, losses), (b, again) = state(tmp_path / "whole"), state(tmp_path / "run")
    assert a.keys() == b.keys() and "begun" not in a and losses == again and len(losses) == 2
    for array, values in a.items():
        np.testing.assert_array_equal(values, b[array], err_msg=array)


@pytest.mark.parametrize(
    "stop, minutes, error, message",
    [(die, 1e-9, RuntimeError, "killed"), (cancel, 0, KeyboardInterrupt, "saved after batch 4 of epoch 1")],
)
def test_an_epoch_of_which_all_batches_are_done_is_only_evaluated(tmp_path, monkeypatch, stop, minutes, error, message):
    monkeypatch.setattr("seqzoo.display.plots.history_plot", lambda *args: None)
    task = tiny("pos", **WORDS, batch_size=2, checkpoint_minutes=minutes)
    monkeypatch.setattr(task, "evaluate", lambda *args: stop())
    with pytest.raises(error, match=message):
        train(task, tmp_path / "run")
    continued = At(0, 0, lambda: None)
    assert train(tiny("pos", **WORDS, batch_size=2), tmp_path / "run", callbacks=[continued], stop_after=1) == {}
    assert not continued.trained and len(state(tmp_path / "run")[1]) == 1


def test_a_run_that_was_killed_while_its_report_was_written_gets_one(tmp_path, monkeypatch):
    task = tiny("pos", **WORDS, epochs=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("seqzoo.training.loop.write_report", lambda *args: cancel())
        train(task, tmp_path / "run")
    assert not (tmp_path / "run" / "report.html").exists()
    assert train(task, tmp_path / "run")["epochs"] == 1
    assert {"report.html", "confusion.png", "summary.json"} <= {path.name for path in (tmp_path / "run").iterdir()}


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    task = tiny("pos", **WORDS, batch_size=1, checkpoint_minutes=1e-9)

    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.trainable_variables[0].assign(self.model.trainable_variables[0] * np.nan)

    with pytest.raises(FloatingPointError, match="The loss of epoch 1 is nan"):
        train(task, tmp_path / "run", callbacks=[Spoil()])
    begun = json.loads(str(state(tmp_path / "run")[0]["begun"]))
    assert begun["batches"] == 1 and begun["rows"] == 1


def test_a_checkpoint_is_due_some_minutes_after_the_last(monkeypatch, tmp_path):
    now, saved = [0.0], []
    checkpoints = Checkpoints(tmp_path, [], None, 2, {"seconds": 30.0}, clock=lambda: now[0])
    monkeypatch.setattr(checkpoints, "_save", lambda batches: saved.append((now[0], batches)))
    checkpoints.on_epoch_begin(0, {"steps": 11})
    assert checkpoints.start == -30.0
    for batch in range(10):
        now[0] += 50
        checkpoints.on_train_batch_end(batch)
    assert saved == [(150, 3), (300, 6), (450, 9)]
    checkpoints.seconds = 0
    now[0] += 1e6
    checkpoints.on_train_batch_end(10)
    assert len(saved) == 3
