"""The source code of Python's standard library: a text that every Python installation has."""

import hashlib
import os
import pathlib
import platform
import sysconfig

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.datasets.text.text import EVERY, of_files

# Tests, generated tables and texts, and packages that newer versions of Python no longer have.
LEFT_OUT = {"test", "tests", "idle_test", "__pycache__", "encodings", "pydoc_data", "distutils", "lib2to3"}


@DATASETS.register("python_source")
def python_source(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    most: int | None = 1_000_000,
) -> dict[str, Examples]:
    """The source code of Python's standard library, for language modelling; needs no download.

    It is read where Python is installed, so the text depends on Python's version: compare scores of one version only.
    A document is a module, ordered by path. A hash of the path decides whether a module is in valid, as a tenth are,
    and which modules are taken up to `most`: so all versions have most modules in common, in the same split. Tests,
    generated tables and the like are left out (`LEFT_OUT`).

    Args:
        data_dir, name, columns: arguments of other readers, not used.
        most: maximum characters of train, in whole modules; valid has a ninth of it. None: all modules.

    Returns:
        {"train", "valid"}: `Examples` of pieces of documents, ``{"text": str, "end": bool}``, see `text.text`.

    Raises:
        ValueError: this Python has no source files, or none smaller than `most`; a folder, name or columns were given.

    Source: https://docs.python.org/3/library, licence https://docs.python.org/3/license.html
    """
    refuse_arguments(
        "--dataset=python_source reads the standard library of this Python and nothing else. To read other files: "
        "--dataset=text --data_dir='FOLDER/**/*.py'.",
        data_dir=data_dir,
        name=name,
        columns=columns,
    )
    folder = pathlib.Path(sysconfig.get_path("stdlib"))  # the installed Python's, in a virtual environment too
    modules = _modules(folder)
    parts = {
        "train": [path for path in modules if _hash(path) % EVERY],
        "valid": [path for path in modules if not _hash(path) % EVERY],
    }
    if not all(parts.values()):
        raise ValueError(
            f"{folder} has {len(modules)} source files: this Python {platform.python_version()} came without "
            "them, as an embedded or zipped one does. Install it from https://www.python.org or with your system's "
            "package manager (Debian: libpython3-stdlib), or read your own files: --dataset=text --data_dir=FOLDER."
        )
    splits = {}
    for split, limit in {"train": most, "valid": most and most // (EVERY - 1)}.items():
        taken = _within(folder, parts[split], limit)
        if not taken:
            raise ValueError(f"most={most}: no module of {split} has at most {limit} bytes. The default is 1,000,000.")
        splits[split] = of_files(taken, f"python_source {platform.python_version()} {split}")
    return splits


def _modules(folder):
    """Returns the sorted paths of the modules, relative to the folder and with slashes."""
    found = []
    for parent, folders, files in os.walk(folder):
        # A package has an importable name, unlike site-packages, dist-packages, config-3.11-x86_64-linux-gnu.
        folders[:] = [name for name in folders if name.isidentifier() and name not in LEFT_OUT]
        # _sysconfigdata is generated when Python is built and holds paths of that machine.
        files = [name for name in files if name.endswith(".py") and not name.startswith("_sysconfigdata")]
        paths = [pathlib.Path(parent, name) for name in files]
        found += [path.relative_to(folder).as_posix() for path in paths if path.stat().st_size]
    return sorted(found)


def _hash(path):
    """Returns a pseudorandom number that depends on the path alone."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest())


def _within(folder, modules, most):
    """Returns files of modules, in their order, of at most `most` bytes in total, taken by `_hash`; None: all."""
    taken, total = set(), 0
    for path in sorted(modules, key=_hash):
        size = (folder / path).stat().st_size  # at least as many bytes as characters
        if most is None or total + size <= most:
            taken.add(path)
            total += size
    return [folder / path for path in modules if path in taken]
