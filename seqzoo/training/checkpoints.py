"""Checkpoints within an epoch: every few minutes, and before Ctrl-C stops the training."""

import contextlib
import math
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import keras
import numpy as np

from seqzoo.backend.distribution import Devices
from seqzoo.training.folder import checkpoint


class Checkpoints(keras.callbacks.Callback):
    """Saves an epoch that is not finished, so that the same command continues it with the next batch.

    Args:
        folder: folder of the run.
        history: rows of the finished epochs, to which the training appends.
        devices: the devices that the run trains on.
        minutes: time between two checkpoints; 0: none within an epoch, except on Ctrl-C.
        begun: the state of an unfinished first epoch, as `folder.restore` returns it.
        quiet: print nothing on standard error.
        clock: returns seconds.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        history: list[dict],
        devices: Devices,
        minutes: float,
        begun: dict,
        quiet: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ):
        super().__init__()
        self.folder, self.history, self.devices, self.seconds = folder, history, devices, 60 * minutes
        self.begun, self.quiet, self.clock, self.interrupted = begun, quiet, clock, False

    def on_epoch_begin(self, epoch: int, logs: dict) -> None:
        self.epoch, self.steps, self.saved = epoch, int(logs["steps"]), self.clock()
        self.start = self.saved - self.begun.get("seconds", 0.0)
        self.begun = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        due = self.seconds and self.clock() - self.saved >= self.seconds
        if self.interrupted:
            self._stop(batch + 1)
        if due:
            self._save(batch + 1)
            self.saved = self.clock()

    def _stop(self, batches: int) -> NoReturn:
        """Saves the unfinished epoch and raises a KeyboardInterrupt that says so."""
        saved = self._save(batches)
        where = f"saved after batch {batches:,} of epoch {self.epoch + 1}; the same command continues there"
        raise KeyboardInterrupt(*([where] if saved else []))

    def _save(self, batches: int) -> bool:
        """Saves the unfinished epoch; returns whether it could be saved."""
        model = self.model  # on JAX, Keras brings the weights up to date here
        # The other workers hold the states of their own streams.
        if not self.devices.is_chief or (self.devices.workers > 1 and hasattr(model, "carried")):
            return False
        losses = self.devices.losses(model)
        weights = (np.asarray(variable) for variable in model.trainable_variables)
        if not math.isfinite(losses["total"]) or not all(np.isfinite(weight).all() for weight in weights):
            return False  # such a checkpoint could not be continued; the end of the epoch raises an error
        begun = {"batches": batches, "seconds": self.clock() - self.start, **losses}
        checkpoint(self.folder, model, self.history, begun, self.devices)
        return True

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Context manager for the batches of an epoch: Ctrl-C stops after the current batch, a second one at once."""
        own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not own or threading.current_thread() is not threading.main_thread():
            yield
            return

        def wait(number, frame):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.interrupted = True
            if not self.quiet:  # a signal may arrive while sys.stderr is being written
                os.write(2, b"\nsaving after this batch; Ctrl-C again stops at once\n")

        signal.signal(signal.SIGINT, wait)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.interrupted:  # after the last batch
            self._stop(self.steps)

    @contextlib.contextmanager
    def scoring(self) -> Iterator[None]:
        """Context manager for the scores after an epoch: Ctrl-C saves the epoch, whose batches are all done."""
        try:
            yield
        except KeyboardInterrupt:
            self._stop(self.steps)
