"""Averaging: the common parts of tasks whose runs can be averaged by --ensemble."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.task import Task

if TYPE_CHECKING:
    from seqzoo.decoding.predictor import Predictor
    from seqzoo.training.folder import Run


class Averaging(Task):
    """A task whose requests of evaluation and prediction have the group `options.Ensemble`.

    The scores of the models are averaged, see `models.averaged`, so `decoded` has to accept such an average.
    """

    requests = {"evaluate": options.Ensemble, "predict": options.Ensemble}

    def requested(
        self, predictor: "Predictor | Callable", request: options.Ensemble | None = None
    ) -> "Predictor | Callable":
        if not (request and request.ensemble):
            return predictor
        if getattr(request, "explain", "") or getattr(request, "png", ""):
            raise ValueError("Answers of an ensemble are not explained: leave out --ensemble, or --explain and --png.")
        return _averaged(self, predictor, request.ensemble)

    def predict(self, run: "Run", lines: Iterable[str], request: options.Ensemble | None = None) -> Iterator[dict]:
        run = dataclasses.replace(run, predictor=self.requested(run.predictor, request))
        return super().predict(run, lines, request)


@functools.lru_cache(4)  # loading the runs takes longer than answering a text
def _averaged(task, predictor, folders):
    """Returns the predictor of the average of a predictor's model and those of the runs in folders."""
    from seqzoo.models import averaged
    from seqzoo.training.folder import load_alike

    runs = load_alike(folders, task)
    try:
        return task.predictor(averaged([predictor.model, *(run.model for run in runs)]))
    except ValueError as error:
        raise ValueError(f"--ensemble: {error}") from error
