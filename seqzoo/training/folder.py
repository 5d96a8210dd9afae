"""Writes and reads the folder of a run, which holds:

config.json       task, options, and the version of this format
assets.json       the assets learned from the training data, see seqzoo.assets
data.json         fingerprints of the splits: a run does not continue on other data
environment.json  versions, machine, command
checkpoint.npz    everything the next epoch, or the next batch of an unfinished one, depends on
model.keras       the model with the weights of the best epoch
history.json      scores of each epoch; history.png, logs/ for TensorBoard
metrics.json      scores of the best epoch, once training has finished
report.html       a readable report of all this, see seqzoo.display.report; summary.json, the summary of the data
fold1, fold2 ...  with --folds the runs, which have all of the above but metrics.json and environment.json
.lock             the process that is training here, see seqzoo.training.lock
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import zoo
from seqzoo.assets import MANIFEST, load_assets
from seqzoo.backend.distribution import Devices
from seqzoo.config import Config
from seqzoo.datasets.fingerprints import changes
from seqzoo.files import check_folder, remove, replace, write_json
from seqzoo.task import TASKS, Task

if TYPE_CHECKING:
    import keras

    from seqzoo.task import AnyPredictor

CHANGEABLE = ("checkpoint_minutes",)  # options without effect on the weights: a run may continue with other values
FORMAT = 2  # version of a run's folder; 1 kept vocabularies in a folder of their own


@dataclasses.dataclass
class Run:
    """A trained run, read from its folder.

    Attributes:
        task: the Task, with the run's config and assets.
        model: the keras.Model with the best weights.
        predictor: decodes and scores, see `task.Task.predictor`.
        folder: the folder that it was read from.
    """

    task: Task
    model: "keras.Model"
    predictor: "AnyPredictor | Callable"
    folder: pathlib.Path

    def output(self) -> pathlib.Path:
        """The folder that modes write into, created if needed: the run's own, or runs/zoo-NAME for a run of the zoo."""
        folder = zoo.writable(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def read_config(folder: str | os.PathLike) -> tuple:
    """Returns (task name, config) of a run folder, or of ``zoo:NAME``.

    Raises:
        ValueError: the folder is not a run, or has another format.
    """
    folder = zoo.located(folder)
    check_folder(folder)
    path = pathlib.Path(folder) / "config.json"
    if not path.is_file():
        state = "has no config.json" if path.parent.is_dir() else "does not exist"
        raise ValueError(f"{folder} is not a run folder: it {state}. Runs are made by --mode=train.")
    remedy = "Restore the file from a backup, or delete the folder and train the run again."
    try:
        values = read_json(path, remedy)
        name, version = values.pop("task"), values.pop("format", 1)
    except KeyError as error:
        raise damaged(path, f"it is not the config of a run: it has no {error}", remedy) from error
    if version != FORMAT:
        raise ValueError(
            f"{folder} was trained by another version of seqzoo (run format {version}; this one reads {FORMAT}): "
            "train it again with the options in its config.json."
        )
    try:
        kind = TASKS[name].Config
        idle = kind.without_effect(values)  # refused today, but accepted when older runs were trained
        return name, kind.from_dict({option: value for option, value in values.items() if option not in idle})
    except (ValueError, TypeError) as error:  # TypeError: a task that is not a text
        raise damaged(path, error, remedy) from error


def fold_folders(folder: pathlib.Path, folds: int) -> list[pathlib.Path]:
    """Returns the folders of the runs of --folds, within `folder`."""
    return [folder / f"fold{number}" for number in range(1, folds + 1)]


def held_folds(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders of the runs of --folds in a folder; [] if it is the folder of a single run."""
    path = folder / "config.json"
    config = read_json(path) if path.is_file() else {}
    return [] if config.get("fold") else fold_folders(folder, config.get("folds", 0))


def load(folder: str | os.PathLike) -> Run:
    """Loads the run in a folder, or ``zoo:NAME``, with its best weights, in any process.

    Raises:
        ValueError: the folder is not a run, or holds no model yet.
    """
    import keras

    import seqzoo.models  # noqa: F401, registers the layers of saved models

    folder = zoo.located(folder)
    name, config = read_config(folder)
    if folds := held_folds(folder):
        raise ValueError(
            f"{folder} holds the {len(folds)} runs of --folds and no model of its own: name one of them, such as "
            f"{folds[0]}."
        )
    if not (folder / "model.keras").is_file():
        raise ValueError(f"{folder} holds no model yet: no epoch was scored. The command that made it continues it.")
    task, path = TASKS[name](config, load_assets(folder)), folder / "model.keras"
    try:
        with zipfile.ZipFile(path) as archive:
            stamp, broken = archive.comment, archive.testzip()  # Keras does not compare the check sums of the weights
        if broken:
            raise ValueError(f"{broken} has another check sum")
        _check_stamp(stamp, name, folder)
        model = keras.models.load_model(path, compile=False)
        predictor = task.predictor(model)
    except (MemoryError, PermissionError, _Mismatch):
        raise
    except Exception as error:  # a damaged file can fail anywhere in Keras
        if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
            raise
        raise damaged(path, error) from error
    return Run(task, model, predictor, folder)


class _Mismatch(ValueError):
    """Files in a folder do not belong together."""


def save_model(folder: pathlib.Path, task: Task, model: "keras.Model") -> None:
    """Saves a model, stamped with the name of the task and the check sums of its assets.

    The stamp is the comment of the zip file, which Keras leaves alone.
    """

    def save(path):
        model.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = json.dumps({"task": task.name, "assets": _sums(folder)}).encode()

    replace(folder / "model.keras", save)


def _sums(folder: pathlib.Path) -> dict[str, str]:
    """Returns {path in the folder: check sum} of the assets."""
    paths = sorted(path for path in (folder / "assets").glob("*") if not path.name.startswith("."))
    return {
        path.relative_to(folder).as_posix(): hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        for path in [folder / MANIFEST, *paths]
    }


def _check_stamp(comment: bytes, name: str, folder: pathlib.Path) -> None:
    """Raises a _Mismatch if the model is of another task or has other assets. A missing stamp is accepted."""
    if not comment:
        return
    stamp = json.loads(comment)
    if stamp["task"] != name:
        raise _Mismatch(
            f"{folder / 'model.keras'} is a model of task {stamp['task']}, and {folder / 'config.json'} is a run of "
            f"{name}. Bring the right file back, or train the run again with --overwrite."
        )
    sums = _sums(folder)
    for path, digest in stamp["assets"].items():
        if sums.get(path) != digest:
            raise _Mismatch(
                f"{folder / path} is not the file that {folder / 'model.keras'} was trained with: one of them is "
                "damaged or of another run. Bring the right file back, or train the run again with --overwrite."
            )


def load_alike(folders: str, task: Task) -> list[Run]:
    """Loads the runs in folders, joined by commas, to average with a run of the same task.

    Raises:
        ValueError: a run is of another task, or has other assets, such as vocabularies.
    """
    runs = [load(folder.strip()) for folder in folders.split(",") if folder.strip()]
    for run in runs:
        if run.task.name != task.name or run.task.assets != task.assets:
            raise ValueError(f"--ensemble: {run.folder} is not a {task.name} run with the same vocabularies.")
    return runs


def prepare(folder: pathlib.Path, task: Task, overwrite: bool = False) -> None:
    """Creates the run folder, or accepts an existing one.

    Raises:
        ValueError: the folder holds something else, a run with another config, or a run that training reads.
    """
    check_apart(folder, task.config)
    wanted = {"task": task.name, "format": FORMAT, **task.config.to_dict()}
    # Not the lock, nor the temporary file of a process that was killed.
    content = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    if not (folder / "config.json").is_file():  # folds may have been trained already, each by a command of its own
        folds = fold_folders(folder, 0 if wanted.get("fold") else wanted.get("folds", 0))
        content = [path for path in content if path not in folds]
    if content:
        if overwrite and _holds_a_run(folder):
            remove(content)  # not the folder itself, nor its lock
        else:
            _check_same(folder, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    # Half-written files of a process that was killed; only training writes these, and it holds the lock.
    remove([*folder.glob(".checkpoint.*.tmp.npz"), *folder.glob(".model.*.tmp.keras")])
    path = folder / "config.json"
    if not path.is_file() or json.loads(path.read_text("utf-8")) != wanted:
        write_json(path, wanted)


def check_apart(folder: pathlib.Path, config: Config) -> None:
    """Raises a ValueError if a folder to train in is or contains a run that training reads, and would overwrite."""
    for name in ("init_from", "contextual"):
        for source in filter(None, getattr(config, name, "").split(",")):
            if folder.resolve() in (path := zoo.located(source).resolve(), *path.parents):
                raise ValueError(f"--{name}={source} is a run within {folder}: give another --workdir.")


def _holds_a_run(folder: pathlib.Path) -> bool:
    """Returns whether a folder holds a run, of any format, rather than somebody's other files."""
    try:
        return json.loads((folder / "config.json").read_text("utf-8"))["task"] in TASKS
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _check_same(folder: pathlib.Path, wanted: dict) -> None:
    """Raises a ValueError if a folder that is not empty does not hold the run that `wanted` describes."""
    try:
        found_name, found_config = read_config(folder)
    except ValueError as error:
        raise ValueError(f"{folder} is not empty: give another --workdir. {error}") from error
    begun = any((folder / name).exists() for name in ("checkpoint.npz", "model.keras", "metrics.json", "fold1"))
    # Options that are newer than the run have their defaults.
    found = {"task": found_name, "format": FORMAT, **found_config.to_dict()}
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key) and key not in CHANGEABLE]
    if begun and keys:  # before the first checkpoint, a change does no harm
        changes = ", ".join(f"{key} {found.get(key)!r} -> {wanted.get(key)!r}" for key in keys)
        raise ValueError(
            f"{folder} holds a run with another config ({changes}). "
            "Give another --workdir, or --overwrite to delete that run and start over."
        )


def check_data(folder: pathlib.Path, fingerprints: dict) -> None:
    """Raises a ValueError if the data have changed since the run in `folder` was begun.

    Runs without fingerprints are accepted.
    """
    path = folder / "data.json"
    if not path.is_file():
        return
    if changed := changes(read_json(path), fingerprints):
        raise ValueError(
            f"The data changed since {folder} was begun: {'; '.join(changed)}. Bring the old data back, give another "
            "--workdir, or --overwrite to delete that run and start over."
        )


def read_json(path: pathlib.Path, remedy: str = "") -> dict:
    """Reads the object in a JSON file of a run.

    Raises:
        ValueError: the file is damaged; the message says what to do.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error, remedy) from error
    if not isinstance(value, dict):
        raise damaged(path, f"it should hold a JSON object, and holds {json.dumps(value)[:60]}", remedy)
    return value


def damaged(path: pathlib.Path, error: object, remedy: str = "") -> ValueError:
    """Returns the error for a damaged or mismatched file of a run: one line with the file, the fault and a remedy.

    Args:
        path: the file.
        error: what is wrong, an exception or a text.
        remedy: what to do; by default, restore the file or train again.
    """
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if "pickle" in text:  # NumPy takes any unknown bytes for a pickle, and would advise to load it unsafely
        text = "unknown file format"
    remedy = remedy or "Restore the file from a backup, or train the run again with --overwrite."
    return ValueError(f"{path} cannot be used ({text}). {remedy}")


def checkpoint(
    folder: pathlib.Path,
    model: "keras.Model",
    history: list[dict],
    begun: dict | None = None,
    devices: Devices | None = None,
) -> None:
    """Saves, in one file, everything that the next epoch or batch depends on.

    Args:
        folder: folder of the run.
        model: the compiled model.
        history: rows of the finished epochs.
        begun: state of an unfinished epoch: {"batches", "seconds", "total", "rows"}, the last two of the losses.
        devices: the devices that the model is trained on; None: one device.
    """
    carried, devices = _carried(model), devices or Devices()
    arrays = {
        f"model{i}": devices.rows(v) if id(v) in carried else np.asarray(v) for i, v in enumerate(model.variables)
    }
    arrays |= {f"optimizer{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    arrays["history"] = np.array(json.dumps(history))
    if begun:
        arrays["begun"] = np.array(json.dumps(begun))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    replace(folder / "checkpoint.npz", save)


def _carried(model) -> set[int]:
    """Returns the ids of the variables that carry a language model's state from batch to batch, a row a stream."""
    return {id(variable) for variable in getattr(model, "carried", ())}


def restore(folder: pathlib.Path, model: "keras.Model", devices: Devices | None = None) -> tuple[list[dict], dict]:
    """Loads a checkpoint into a model and its optimizer, see `checkpoint`.

    Nothing is changed unless the whole checkpoint fits. The only exception is the carried state of a language model,
    which starts from zeros if it has another number of rows, as in older checkpoints of several devices.

    Returns:
        (history, state of an unfinished epoch): ([], {}) if there is no checkpoint.

    Raises:
        ValueError: the checkpoint is damaged, or of another model.
    """
    path = folder / "checkpoint.npz"
    if not path.is_file():
        return [], {}
    remedy = "Delete it, and the same command trains the run from the beginning."
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        history, begun = json.loads(str(arrays.pop("history"))), json.loads(str(arrays.pop("begun", "{}")))
        if not (isinstance(history, list) and all(isinstance(row, dict) and "epoch" in row for row in history)):
            raise ValueError("its history is not a list of epochs")
        if begun and begun.keys() != {"batches", "seconds", "total", "rows"}:
            raise ValueError(f"its unfinished epoch has {', '.join(begun)}")
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds
        raise damaged(path, error, remedy) from error
    kinds = {"model": model.variables, "optimizer": model.optimizer.variables}
    variables = {f"{kind}{i}": variable for kind, own in kinds.items() for i, variable in enumerate(own)}
    # Keras tracks each of several losses in a variable of its own, which it creates with the first batch.
    more = [
        name for name in arrays if name not in variables and not (name.startswith("model") and arrays[name].ndim == 0)
    ]
    if more or variables.keys() - arrays.keys():
        raise damaged(path, f"it holds {len(arrays)} arrays, and the model has {len(variables)}", remedy)
    carried, devices = _carried(model), devices or Devices()
    fitting = {}
    for name, variable in variables.items():
        shape, wanted = arrays[name].shape, tuple(variable.shape)
        if id(variable) in carried:
            wanted = (wanted[0] * devices.count, *wanted[1:])
        if shape == wanted:
            fitting[name] = variable
        elif id(variable) not in carried or begun or shape[1:] != wanted[1:]:
            raise damaged(path, f"{variable.path} should be of shape {wanted}, and is of {shape}", remedy)
    for name, variable in fitting.items():
        devices.assign_rows(variable, arrays[name]) if id(variable) in carried else variable.assign(arrays[name])
    return history, begun
