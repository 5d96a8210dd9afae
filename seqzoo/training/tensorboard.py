"""Logs a run for TensorBoard: its curves, and its options beside its scores in the tab HPARAMS."""

import pathlib
import shutil
import time
from collections.abc import Callable

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api

from seqzoo.data import Feed
from seqzoo.files import replace
from seqzoo.task import Task

POINTS = 20  # for each epoch, at most one a batch


class TensorBoard(keras.callbacks.Callback):
    """Writes three TensorBoard runs; a step is a batch of training, counted from the first epoch.

    ``train`` has points inside each epoch: the mean loss of the batches since the point before, the learning rate, the
    tokens a second. ``valid`` has the scores after each epoch, with the loss under the same tag, so that both are in
    one chart. ``best`` has the scores of the best epoch and all options: a row in HPARAMS.

    A continued training appends to the log, and first removes the points of an interrupted epoch.

    Args:
        folder: folder of the log.
        task: the Task, with its config.
        feed: the batches of the training data.
        history: rows of the epochs that are done, as in history.json; it grows as training goes on.
        best_epoch: a function that returns the number of the best epoch so far, or None.
        batches: how many batches of the next epoch are done.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        task: Task,
        feed: Feed,
        history: list[dict],
        best_epoch: Callable[[], int | None],
        batches: int = 0,
    ):
        super().__init__()
        self.folder, self.task, self.feed, self.history, self.best_epoch = folder, task, feed, history, best_epoch
        self.batches = batches

    def on_train_begin(self, logs: dict | None = None) -> None:
        done = len(self.history) * self.feed.steps
        _cut(self.folder / "train", done + self.batches)
        _cut(self.folder / "valid", done - 1)  # the scores of the last epoch may be missing if the run was killed
        self.train, self.valid = (tf.summary.create_file_writer(str(self.folder / name)) for name in ("train", "valid"))
        if self.history:
            self._write_scores(self.valid, self.history[-1])

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.first = epoch * self.feed.steps
        self.batches, self.rows, self.loss = logs["batches"], logs["rows"], logs["total"]
        self.time = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        batches, steps = batch + 1, self.feed.steps
        if batches * POINTS // steps == batch * POINTS // steps:
            return
        # Keras gives the mean of the epoch so far, weighted by rows, which each device counts by itself.
        rows = logs["rows"] if "rows" in logs else float(self.model.metrics[0].count)
        loss, now = logs["loss"] * rows, time.perf_counter()
        tokens = self.feed.tokens / steps * (batches - self.batches)
        values = {
            "loss": (loss - self.loss) / (rows - self.rows),
            "learning rate": float(self.model.optimizer.learning_rate),
            "tokens a second": tokens / (now - self.time),
        }
        _write(self.train, values, self.first + batches)
        self.batches, self.rows, self.loss, self.time = batches, rows, loss, now

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._write_scores(self.valid, self.history[-1])

    def on_train_end(self, logs: dict | None = None) -> None:
        self.train.close()
        self.valid.close()
        shutil.rmtree(self.folder / "best", ignore_errors=True)
        if best := self.best_epoch():
            writer = tf.summary.create_file_writer(str(self.folder / "best"))
            with writer.as_default():
                api.hparams(self.task.config.to_dict(), trial_id="")  # named by the folder, like the curves
            self._write_scores(writer, self.history[best - 1])
            writer.close()

    def _write_scores(self, writer, row: dict) -> None:
        """Writes the scores of an epoch on valid, without counts such as the number of entities."""
        values = {}
        for name, value in row.items():
            split, _, score = name.partition("_")
            measure = self.task.measures.get(score)
            if split == "valid" and (measure is None or measure.direction):
                values["loss" if score == "loss" else measure.label if measure else score] = value
        _write(writer, values, row["epoch"] * self.feed.steps)


def _write(writer, values: dict, step: int) -> None:
    with writer.as_default(step=step):
        for tag, value in values.items():
            tf.summary.scalar(tag, value)
    writer.flush()


def _cut(folder: pathlib.Path, last: int) -> None:
    """Removes the points after the step `last` from the event files of a run."""
    for path in folder.glob("events.*"):
        kept = []
        try:
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                event = tf.compat.v1.Event.FromString(record)
                if event.step <= last or event.HasField("file_version"):
                    kept.append(record)
        except tf.errors.DataLossError:  # the run was killed while writing a record
            pass

        def save(temporary, kept=kept):
            with tf.io.TFRecordWriter(temporary) as file:
                for record in kept:
                    file.write(record)

        replace(path, save)
