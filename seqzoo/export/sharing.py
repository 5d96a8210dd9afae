"""A copy of a run to share: a run folder with 16-bit weights, and nothing about its data or the machine."""

import io
import pathlib
import shutil
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np

from seqzoo import zoo
from seqzoo.assets import MANIFEST
from seqzoo.config import Config
from seqzoo.files import write_json
from seqzoo.training.folder import FORMAT, Run, read_json

if TYPE_CHECKING:
    from seqzoo.task import Task


KEPT = ("metrics.json", "history.json", "corpus.json", MANIFEST)  # copied unchanged, if the run has them
WEIGHTS = "model.weights.h5"  # in a .keras file


def share(run: Run, folder: pathlib.Path, about: dict) -> None:
    """Writes the copy.

    Args:
        run: the run, see `training.load`.
        folder: folder to write.
        about: content of the copy's about.json.

    Raises:
        ValueError: a weight is too large for 16 bits.
    """
    config = nameless(run.task.config)
    write_json(folder / "config.json", {"task": run.task.name, "format": FORMAT, **config.to_dict()})
    for name in KEPT:
        if (run.folder / name).is_file():
            shutil.copy(run.folder / name, folder)
    if (run.folder / "assets").is_dir():
        shutil.copytree(run.folder / "assets", folder / "assets", ignore=shutil.ignore_patterns(".*"))
    if (run.folder / "environment.json").is_file():
        environment = read_json(run.folder / "environment.json")
        write_json(folder / "environment.json", {**environment, "command": command(run.task)})
    if about:
        write_json(folder / "about.json", about, ensure_ascii=False)
    _halve(run.folder / "model.keras", folder / "model.keras")


def nameless(config: Config, folder: str = "") -> Config:
    """Returns a config whose paths are reduced to the names of files and folders, in `folder` if that is given."""

    def short(paths):
        parts = paths.split(",") if paths else ()
        return ",".join(part if part.startswith(zoo.PREFIX) else f"{folder}{pathlib.Path(part).name}" for part in parts)

    paths = {field.name for field in config.__dataclass_fields__.values() if field.metadata["path"]}
    return type(config)(**{**config.to_dict(), **{name: short(getattr(config, name)) for name in paths}})


def command(task: "Task") -> str:
    """Returns the command that trains such a run, with FOLDER in place of the folder of its data."""
    return " ".join(["python -m seqzoo.run", f"--task={task.name}", *nameless(task.config, "FOLDER/").flags()])


def _halve(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies a .keras file with its weights in 16 bits; Keras loads them into 32-bit variables."""
    with zipfile.ZipFile(source) as full, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as half:
        for name in full.namelist():
            content = full.read(name)
            half.writestr(name, _halved(content) if name == WEIGHTS else content)
        half.comment = full.comment  # the stamp, see training.folder.save_model


def _halved(content: bytes) -> bytes:
    """Converts the 32-bit weights of a file to 16 bits."""
    written = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as full, h5py.File(written, "w") as half:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                values = item[()]
                packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True} if values.ndim else {}
                made = half.create_dataset(name, data=_in_16_bits(values, name), **packed)
            else:
                made = half.require_group(name)
            made.attrs.update(item.attrs)

        half.attrs.update(full.attrs)
        full.visititems(copy)
    return written.getvalue()


def _in_16_bits(values, name):
    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        short = values.astype(np.float16)
    if (np.isinf(short) & np.isfinite(values)).any():
        raise ValueError(
            f"The weights {name} reach {np.abs(values).max():.3g}, beyond 65,504, the largest number of 16 bits: "
            "the run can't be shared by --format=run."
        )
    return short
