"""The folder of a run: what it holds, and how it is read back.

config.json       task, options, and the version of this format
assets.json       what was learned from the training data: see seqzoo.assets
data.json         fingerprints of the splits: a run does not continue on other data
environment.json  versions, machine, command
checkpoint.npz    everything the next epoch depends on
model.keras       the model with the weights of the best epoch
history.json      scores of each epoch; history.png, logs/ for TensorBoard
metrics.json      scores of the best epoch, once training has finished
.lock             while somebody trains here: which process, see seqzoo.training.lock
"""

import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np

from seqzoo.assets import load_assets
from seqzoo.datasets.fingerprints import changes
from seqzoo.files import replace, write_json
from seqzoo.task import TASKS, Task
from seqzoo.training.lock import LOCK

FORMAT = 2  # version of a run's folder; 1 kept vocabularies in a folder of their own


@dataclasses.dataclass
class Run:
    """A trained run, read from its folder.

    Attributes:
        task: the Task, with the run's config and assets.
        model: the keras.Model with the best weights.
        predictor: what the task decodes and scores with, see `task.Task.predictor`.
        folder: where it was read from.
    """

    task: Task
    model: object
    predictor: object
    folder: pathlib.Path


def read_config(folder: str | os.PathLike) -> tuple:
    """(task name, config) of a run folder.

    Raises:
        ValueError: the folder is not a run, or one of another format.
    """
    path = pathlib.Path(folder) / "config.json"
    if not path.is_file():
        state = "has no config.json" if path.parent.is_dir() else "does not exist"
        raise ValueError(f"{folder} is not a run folder: it {state}. Runs are made by --mode=train.")
    try:
        values = json.loads(path.read_text("utf-8"))
        name, version = values.pop("task"), values.pop("format", 1)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not the config of a run: {error!r}") from error
    if version != FORMAT:
        raise ValueError(
            f"{folder} was trained by another version of seqzoo (run format {version}; this one reads {FORMAT}): "
            "train it again with the options in its config.json."
        )
    return name, TASKS[name].Config.from_dict(values)


def load(folder: str | os.PathLike) -> Run:
    """The run in a folder, with its best weights, in any process.

    Raises:
        ValueError: the folder is not a run, or holds no model yet.
    """
    import keras

    import seqzoo.models  # noqa: F401, registers the layers of saved models

    folder = pathlib.Path(folder)
    name, config = read_config(folder)
    if not (folder / "model.keras").is_file():
        raise ValueError(f"{folder} holds no model yet: no epoch was scored. The command that made it continues it.")
    task = TASKS[name](config, load_assets(folder))
    model = keras.models.load_model(folder / "model.keras", compile=False)
    return Run(task, model, task.predictor(model), folder)


def load_alike(folders: str, task: Task) -> list[Run]:
    """The runs in some folders, joined by commas, to average with a run of the same task.

    Raises:
        ValueError: one is of another task, or learned other assets, such as vocabularies.
    """
    runs = [load(folder.strip()) for folder in folders.split(",") if folder.strip()]
    for run in runs:
        if run.task.name != task.name or run.task.assets != task.assets:
            raise ValueError(f"--ensemble: {run.folder} is not a {task.name} run with the same vocabularies.")
    return runs


def prepare(folder: pathlib.Path, task: Task, overwrite: bool = False) -> None:
    """Creates the run folder, or accepts the one that is there.

    Raises:
        ValueError: the folder holds something else, or a run with another config.
    """
    wanted = {"task": task.name, "format": FORMAT, **task.config.to_dict()}
    content = [path for path in folder.iterdir() if path.name != LOCK] if folder.is_dir() else []
    if content:
        if overwrite and _holds_a_run(folder):
            for path in content:  # not the folder itself, nor its lock
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        else:
            _check_same(folder, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    if not path.is_file() or json.loads(path.read_text("utf-8")) != wanted:
        write_json(path, wanted)


def _holds_a_run(folder: pathlib.Path) -> bool:
    """Whether a folder holds a run, of whatever format, and not somebody's other files."""
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
    begun = any((folder / name).exists() for name in ("checkpoint.npz", "model.keras", "metrics.json"))
    # Options that did not exist yet when the run was started have their defaults.
    found = {"task": found_name, "format": FORMAT, **found_config.to_dict()}
    if begun and found != wanted:  # before the first epoch is finished nothing can be mixed up
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        changes = ", ".join(f"{key} {found.get(key)!r} -> {wanted.get(key)!r}" for key in keys)
        raise ValueError(
            f"{folder} holds a run with another config ({changes}). "
            "Give another --workdir, or --overwrite to delete that run and start over."
        )


def check_data(folder: pathlib.Path, fingerprints: dict) -> None:
    """Raises a ValueError if the data are not those that the run in `folder` was begun with.

    Runs that kept no fingerprints are accepted.
    """
    path = folder / "data.json"
    if not path.is_file():
        return
    if changed := changes(read_json(path), fingerprints):
        raise ValueError(
            f"The data changed since {folder} was begun: {'; '.join(changed)}. Bring the old data back, give another "
            "--workdir, or --overwrite to delete that run and start over."
        )


def read_json(path: pathlib.Path, kind: type = dict):
    """The value in a JSON file of a run.

    Raises:
        ValueError: the file is damaged; says what to do.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(value, kind):
        raise damaged(path, f"it holds {json.dumps(value)[:60]}")
    return value


def damaged(path: pathlib.Path, error: object, remedy: str = "") -> ValueError:
    """The error of a damaged file of a run: one line with the file, what is wrong, and what to do.

    Args:
        path: the file.
        error: what is wrong, an exception or a text.
        remedy: what to do; by default to bring the file back or to train again.
    """
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if "pickle" in text:  # NumPy takes any unknown bytes for a pickle, and would advise to load it unsafely
        text = "unknown file format"
    remedy = remedy or "Bring the file back from a copy, or train the run again with --overwrite."
    return ValueError(f"{path} is damaged ({text}). {remedy}")


def checkpoint(folder: pathlib.Path, model, history: list[dict]) -> None:
    """Saves everything the next epoch depends on in one file."""
    arrays = {f"model{i}": np.asarray(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}
    arrays["history"] = np.array(json.dumps(history))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    replace(folder / "checkpoint.npz", save)


def restore(folder: pathlib.Path, model) -> list[dict]:
    """Loads a checkpoint into a model and its optimizer; returns the history, [] if there is no checkpoint."""
    path = folder / "checkpoint.npz"
    if not path.is_file():
        return []
    with np.load(path) as arrays:
        for kind, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
            for i, variable in enumerate(variables):
                array = arrays[f"{kind}{i}"]
                if variable.shape == array.shape:  # a carried state has fewer rows on several devices
                    variable.assign(array)
        return json.loads(str(arrays["history"]))
