"""Progress: what a person sees while a model trains."""

import time

import keras
from rich import progress


class Progress(keras.callbacks.Callback):
    """Shows a bar with loss, best score and time left on a terminal, and prints a line after each epoch.

    Args:
        console: rich.console.Console.
        task: the Task, with its config.
        feed: the batches of the training data.
        history: rows of the epochs that are done.
    """

    def __init__(self, console, task, feed, history):
        super().__init__()
        self.console, self.task, self.epochs, self.steps = console, task, task.config.epochs, feed.steps
        self.key, self.done, self.bar = f"valid_{task.objective}", 0, None
        scores = [row[self.key] for row in history if self.key in row]
        self.best = max(scores, key=lambda score: task.sign * score, default=None)
        self.begin = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        best = f"  best {self.best:.2f}" if self.best is not None else ""
        columns = (
            progress.TextColumn("epoch {task.fields[number]}/{task.fields[epochs]}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("loss {task.fields[loss]:.4f}" + best),
            progress.TextColumn("{task.fields[left]}"),
        )
        hidden = not self.console.is_terminal
        self.bar = progress.Progress(*columns, console=self.console, transient=True, disable=hidden)
        self.row = self.bar.add_task(
            "", total=self.steps, number=epoch + 1, epochs=self.epochs, loss=float("nan"), left=""
        )
        self.epoch = epoch
        self.bar.start()

    def on_train_batch_end(self, batch, logs=None):
        fraction = (batch + 1) / self.steps
        passed = time.perf_counter() - self.begin
        left = passed / (self.done + fraction) * (self.epochs - self.epoch - fraction)
        self.bar.update(self.row, completed=batch + 1, loss=logs["loss"], left=f"{duration(left)} left")
        if fraction >= 1:
            self.bar.stop()

    def on_epoch_end(self, epoch, logs=None):
        self.bar.stop()
        self.done += 1
        left = (time.perf_counter() - self.begin) / self.done * (self.epochs - epoch - 1)
        score = ""
        if self.key in logs:
            sign = self.task.sign
            is_best = self.best is None or sign * logs[self.key] > sign * self.best
            self.best = logs[self.key] if is_best else self.best
            score = f"{self.key} {logs[self.key]:.2f}{' *' if is_best else '  '}  "
        self.console.print(
            f"epoch {epoch + 1:>3}/{self.epochs}  loss {logs['loss']:.4f}  {score}"
            f"{logs['tokens_per_second']:,.0f} tokens/s  {duration(left)} left",
            highlight=False,
        )

    def on_train_end(self, logs=None):
        if self.bar:
            self.bar.stop()


def duration(seconds: float) -> str:
    """Seconds as ``1:02:03`` or ``2:03``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
