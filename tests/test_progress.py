"""The progress display of a training, with a clock that only the tests move."""

import io
import types

import pytest
from rich.console import Console

from seqzoo.training.progress import Progress, duration


class Training:
    """Trains without a model: 30 batches of 1,000 tokens an epoch, which cost what `step` and `evaluate` say."""

    def __init__(self, terminal, epochs=2, every=1):
        self.now, self.epoch = 0.0, -1
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        config = types.SimpleNamespace(epochs=epochs, evaluate_every=every)
        task = types.SimpleNamespace(config=config, objective="f1", merit=lambda row: row["valid_f1"])
        feed = types.SimpleNamespace(tokens=30_000, steps=30)
        self.shown = Progress(console, task, feed, [], lambda: self.now)
        self.file = console.file

    def begin(self, done=0):
        self.epoch, self.batch = self.epoch + 1, done
        self.shown.on_epoch_begin(self.epoch, {"steps": 30.0, "batches": float(done)})  # as Keras passes them on

    def step(self, *seconds):
        for each in seconds:
            self.now += each
            self.shown.on_train_batch_end(self.batch, {"loss": 1.5})
            self.batch += 1

    def bar(self):
        """What the bar says beside itself."""
        return self.shown.bar.tasks[0].description

    def evaluate(self, seconds):
        self.now += seconds
        self.shown.on_epoch_end(self.epoch, {"loss": 1.25, "tokens_per_second": 1234.4, "valid_f1": 90.0})

    def lines(self):
        return self.file.getvalue().splitlines()


def test_a_bar_says_that_it_compiles_and_estimates_from_later_steps_alone():
    training = Training(terminal=True)
    training.begin()
    assert training.bar() == "compiling ..."
    training.step(40)
    assert training.bar() == "compiling ..."
    training.step(20, 2, 2)
    assert training.bar() == "4/30  loss 1.5000"  # no estimate yet, and never nan
    training.step(2)
    assert training.bar() == "5/30  loss 1.5000  500 tokens/s  1:50 left"  # 55 steps of 2 seconds
    training.step(300, 2)  # a new shape was compiled
    assert training.bar() == "7/30  loss 1.5000  500 tokens/s  1:46 left"
    training.step(*[2] * 23)
    assert training.bar() == "evaluating ..."
    training.evaluate(30)
    assert training.shown.bar is None
    assert "1,234 tokens/s  1:30 left" in training.lines()[-1]  # 30 steps and an evaluation
    training.begin()
    assert training.bar() == ""
    training.step(*[2] * 20)
    assert training.bar() == "20/30  loss 1.5000  500 tokens/s  0:50 left"
    training.step(*[2] * 10)
    training.evaluate(10)
    training.shown.on_train_end()
    assert training.lines()[-1].endswith("epoch   2/2  loss 1.2500  valid_f1 90.00    1,234 tokens/s")


def test_a_pipe_gets_a_line_a_minute_and_one_an_epoch():
    training = Training(terminal=False, epochs=3, every=2)
    training.begin()
    training.step(61, 5, *[10] * 28)
    training.evaluate(1)
    training.begin()
    training.step(*[10] * 30)
    assert training.lines() == [
        "epoch   1/3  step 1/30  loss 1.5000",
        *(f"epoch   1/3  step {step}/30  loss 1.5000  100 tokens/s  {left} left"
          for step, left in [(8, "13:40"), (14, "12:40"), (20, "11:40"), (26, "10:40")]),
        "epoch   1/3  loss 1.2500  valid_f1 90.00 *  1,234 tokens/s  10:02 left",  # two evaluations of a second
        *(f"epoch   2/3  step {step}/30  loss 1.5000  100 tokens/s  {left} left"
          for step, left in [(6, "9:02"), (12, "8:02"), (18, "7:02"), (24, "6:02")]),
    ]  # fmt: skip


def test_a_resumed_epoch_begins_where_it_was_stopped():
    training = Training(terminal=True, epochs=1)
    training.begin(done=20)
    assert training.shown.bar.tasks[0].completed == 20
    training.step(9, 9, 1, 1, 1)
    assert training.bar() == "25/30  loss 1.5000  1,000 tokens/s  0:05 left"
    training.shown.on_train_end()


@pytest.mark.parametrize("seconds, text", [(0.4, "0:00"), (59.6, "1:00"), (3723, "1:02:03")])
def test_durations(seconds, text):
    assert duration(seconds) == text
