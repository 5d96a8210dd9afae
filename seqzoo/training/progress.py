"""Shows the progress of a training."""

import collections
import statistics
import time
from collections.abc import Callable

import keras
from rich import progress

from seqzoo.metrics.measure import Measure

COMPILED = 2  # first steps of a process, which include tracing: for the first shape and for any shape
MEASURED = 3  # further steps that an estimate needs
OUTLIER = 10  # times the median; a longer step has compiled a new shape
REFRESH = 0.1  # seconds between two updates of the bar
LINE = 60  # seconds between two lines within an epoch, without a terminal


class Speed:
    """Estimates the seconds of a step and of an evaluation from earlier ones, without the time of compiling."""

    def __init__(self):
        self.steps, self.seconds, self.evaluations = 0, collections.deque(maxlen=500), []

    def step(self, seconds: float) -> None:
        """Records a step."""
        self.steps += 1
        if self.steps > COMPILED:
            self.seconds.append(seconds)

    def evaluation(self, seconds: float) -> None:
        """Records an evaluation."""
        self.evaluations.append(seconds)

    @property
    def compiling(self) -> bool:
        return self.steps < COMPILED

    @property
    def of_step(self) -> float | None:
        """Returns the seconds of a step; None: not known yet."""
        if len(self.seconds) < MEASURED:
            return None
        most = OUTLIER * statistics.median(self.seconds)
        return statistics.fmean(seconds for seconds in self.seconds if seconds <= most)

    @property
    def of_evaluation(self) -> float:
        """Returns the seconds of an evaluation; 0 before the first."""
        return min(self.evaluations, default=0.0)  # the first one compiles


class Progress(keras.callbacks.Callback):
    """Shows the progress of a training: a bar on a terminal, elsewhere a line a minute, and a line after each epoch.

    ``logs`` of `on_epoch_begin` are {"steps": batches of the epoch, "batches": batches that are done}.

    Args:
        console: rich.console.Console.
        task: the Task, with its config.
        feed: the batches of the training data.
        history: rows of the epochs that are done.
        clock: returns seconds.
    """

    def __init__(self, console, task, feed, history, clock: Callable[[], float] = time.perf_counter):
        super().__init__()
        self.console, self.task, self.epochs, self.clock = console, task, task.config.epochs, clock
        self.tokens = feed.tokens / feed.steps  # of a step
        self.key, self.bar, self.speed = f"valid_{task.objective}", None, Speed()
        self.best = max((row for row in history if self.key in row), key=task.merit, default=None)
        self.printed = clock()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch, self.steps, self.step = epoch, int(logs["steps"]), int(logs["batches"])  # Keras makes them floats
        self.last = self.shown = self.clock()
        if not self.console.is_terminal:
            return
        columns = (
            progress.TextColumn(f"epoch {epoch + 1}/{self.epochs}"),
            progress.BarColumn(bar_width=10),
            progress.TextColumn("{task.description}"),
        )
        self.bar = progress.Progress(*columns, console=self.console, transient=True)
        text = "compiling ..." if self.speed.compiling else ""
        self.row = self.bar.add_task(text, total=self.steps, completed=self.step)
        self.bar.start()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        now = self.clock()
        self.speed.step(now - self.last)
        self.last, self.step = now, batch + 1
        if self.bar and (now - self.shown >= REFRESH or self.step == self.steps):
            text = "compiling ..." if self.speed.compiling else self._state(logs["loss"])
            text = "evaluating ..." if self.step == self.steps else text
            self.bar.update(self.row, completed=self.step, description=text)
            self.shown = now
        elif not self.bar and now - self.printed >= LINE and self.step < self.steps:
            self._print(f"epoch {self.epoch + 1:>3}/{self.epochs}  step {self._state(logs['loss'])}")

    def _state(self, loss: float) -> str:
        """Returns steps, loss, tokens a second and time left, within an epoch."""
        parts = [f"{self.step:,}/{self.steps:,}", f"loss {loss:.4f}"]
        if seconds := self.speed.of_step:
            parts += [f"{self.tokens / seconds:,.0f} tokens/s", f"{duration(self._left())} left"]
        return "  ".join(parts)

    def _left(self) -> float | None:
        """Returns the seconds until the end of the last epoch; None: not known yet."""
        if not (seconds := self.speed.of_step):
            return None
        every = self.task.config.evaluate_every  # and the last epoch is always evaluated
        evaluations = self.epochs // every - self.epoch // every + (self.epochs % every > 0)
        steps = self.steps - self.step + self.steps * (self.epochs - self.epoch - 1)
        return steps * seconds + evaluations * self.speed.of_evaluation

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._stop()
        score = ""
        if self.key in logs:
            self.speed.evaluation(self.clock() - self.last)
            is_best = self.best is None or self.task.merit(logs) > self.task.merit(self.best)
            self.best = logs if is_best else self.best
            score = f"{self.key} {Measure.format(logs[self.key])}{' *' if is_best else '  '}  "
        self.epoch, self.step = epoch + 1, 0
        left = self._left() if self.epoch < self.epochs else None
        self._print(
            f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}  {score}"
            f"{logs['tokens_per_second']:,.0f} tokens/s" + ("" if left is None else f"  {duration(left)} left")
        )

    def on_train_end(self, logs: dict | None = None) -> None:
        self._stop()

    def _stop(self):
        if self.bar:
            self.bar.stop()
        self.bar = None

    def _print(self, line):
        self.console.print(line, highlight=False, soft_wrap=True)
        self.printed = self.clock()


def duration(seconds: float) -> str:
    """Formats seconds as ``1:02:03`` or ``2:03``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
