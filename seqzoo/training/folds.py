"""Cross-validation: an ordinary run for each fold, and the mean and spread of their scores."""

import dataclasses
import math
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from numbers import Number

from rich.console import Console

from seqzoo.display.plain import plain_text
from seqzoo.display.tables import ROWS, FittedTable, plain_table
from seqzoo.files import write_json
from seqzoo.metrics.measure import Measure
from seqzoo.task import Task
from seqzoo.training.environment import environment
from seqzoo.training.folder import fold_folders

DEVIATION = "± std. dev."  # the sample standard deviation


def is_folded(task: Task) -> bool:
    """Returns whether the config of a task asks for a run of each fold."""
    return bool(getattr(task.config, "folds", 0)) and not task.config.fold


def train_folds(
    task: Task, folder: pathlib.Path, console: Console, train: Callable[[Task, pathlib.Path], dict]
) -> dict:
    """Trains a run for each fold of --folds, or continues, and writes metrics.json with the means.

    Args:
        task: the task, with its config.
        folder: the prepared folder, in which the folders of the runs are created.
        console: console for the progress.
        train: function (task of one fold, its folder) -> its metrics, {} if the run is paused.

    Returns:
        The means over the folds, as in metrics.json, which also has "spread": {metric: sample standard deviation} and
        "folds": [metrics of each]; "minutes" are those of all folds. {} if a run is paused.
    """
    write_json(folder / "environment.json", environment())
    found = []
    for number, own in enumerate(fold_folders(folder, task.config.folds), 1):
        console.print(plain_text(f"fold {number} of {task.config.folds} -> {own}", "bold"), soft_wrap=True)
        found.append(train(type(task)(dataclasses.replace(task.config, fold=number)), own))
    if not all(found):
        return {}
    metrics = summarized(found)
    write_json(folder / "metrics.json", metrics)
    console.print(fold_table(metrics, task))
    return metrics


def summarized(found: list[dict]) -> dict:
    """Summarizes the metrics of several runs: means, their spread, and the metrics of each run.

    A metric that is not finite in one run, which JSON has as null, has no finite mean.
    """
    found = [{key: math.nan if value is None else value for key, value in metrics.items()} for metrics in found]
    numbers = [{key: value for key, value in metrics.items() if isinstance(value, Number)} for metrics in found]
    means = _mean(found)
    spread = {key: deviation([metrics[key] for metrics in numbers]) for key in means if _everywhere(key, numbers)}
    return {**means, "minutes": sum(metrics["minutes"] for metrics in numbers), "spread": spread, "folds": numbers}


def deviation(values: Sequence[float]) -> float:
    """Returns the sample standard deviation, NaN if a value is not finite."""
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan


def _everywhere(key, rows):
    return all(key in row for row in rows)


def _mean(found: list[Mapping]) -> dict:
    """Returns the means of all numbers, even nested ones, over the folds that have them: a fold may lack a label."""
    means = {}
    for key in dict.fromkeys(key for metrics in found for key in metrics):
        values = [metrics[key] for metrics in found if metrics.get(key) is not None]
        if values and all(isinstance(value, Mapping) for value in values):
            means[key] = _mean(values)
        elif values and all(isinstance(value, Number) for value in values):
            means[key] = statistics.fmean(values)
    return means


def fold_table(metrics: Mapping, task: Task) -> FittedTable:
    """Returns a table of the scores of each fold, their means and standard deviations, a column for each measure."""
    splits = [split for split in ROWS if f"{split}_{task.objective}" in metrics]
    columns = {f"{split}_{name}": (split, measure) for split in splits for name, measure in task.measures.items()}
    columns = {key: of for key, of in columns.items() if isinstance(metrics.get(key), Number) and of[1].direction}
    rows = [(f"fold {number}", row) for number, row in enumerate(metrics["folds"], 1)]
    rows += [("mean", metrics), (DEVIATION, metrics["spread"])]
    for name, scores in metrics.get("valid_baselines", {}).items():
        rows.append((f"baseline: {name}, mean", {f"valid_{key}": value for key, value in scores.items()}))
    cells = [[name, *(Measure.format(row.get(key)) for key in columns)] for name, row in rows]
    headers = ["", *(f"{split} {measure.label}" for split, measure in columns.values())]
    title, minutes = f"{task.name}, {len(metrics['folds'])} folds", f"minutes {metrics['minutes']:.3g}"
    return plain_table(title, headers, cells, minutes)
