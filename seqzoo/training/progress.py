"""Progress: what a person sees while a model trains."""

import contextlib
import time

import keras
from rich import progress


class Progress:
    """A bar with loss, best score so far and time left on a terminal; a line an epoch everywhere.

    Args:
        console: rich.console.Console.
        epochs: of the whole run.
        batches: pipeline.Batches of the training data.
        key: the score that counts: ``"valid_f1"``.
        sign: 1 if more of it is better, -1 if less.
    """

    def __init__(self, console, epochs, batches, key, sign):
        self.console, self.epochs, self.steps, self.key, self.sign = console, epochs, batches.steps, key, sign
        self.begin, self.done = time.perf_counter(), 0

    @contextlib.contextmanager
    def epoch(self, number, history):
        """Shows an epoch's bar; gives the callback that moves it."""
        best = max(
            (epoch[self.key] for epoch in history if self.key in epoch),
            key=lambda score: self.sign * score,
            default=None,
        )
        columns = (
            progress.TextColumn("epoch {task.fields[number]}/{task.fields[epochs]}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("loss {task.fields[loss]:.4f}" + (f"  best {best:.2f}" if best is not None else "")),
            progress.TextColumn("{task.fields[left]}"),
        )
        hidden = not self.console.is_terminal
        with progress.Progress(*columns, console=self.console, transient=True, disable=hidden) as bar:
            task = bar.add_task("", total=self.steps, number=number + 1, epochs=self.epochs, loss=float("nan"), left="")

            def on_batch_end(step, logs):
                share = (step + 1) / self.steps
                passed = time.perf_counter() - self.begin
                left = passed / (self.done + share) * (self.epochs - number - share)
                bar.update(task, completed=step + 1, loss=logs["loss"], left=f"{duration(left)} left")

            yield keras.callbacks.LambdaCallback(on_train_batch_end=on_batch_end)

    def finished(self, epoch, is_best):
        """Prints what an epoch gave."""
        self.done += 1
        left = (time.perf_counter() - self.begin) / self.done * (self.epochs - epoch["epoch"])
        score = f"{self.key} {epoch[self.key]:.2f}{' *' if is_best else '  '}  " if self.key in epoch else ""
        self.console.print(
            f"epoch {epoch['epoch']:>3}/{self.epochs}  loss {epoch['loss']:.4f}  {score}"
            f"{epoch['tokens_per_second']:,.0f} tokens/s  {duration(left)} left",
            highlight=False,
        )


def duration(seconds):
    """Seconds as ``1:02:03`` or ``2:03``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
