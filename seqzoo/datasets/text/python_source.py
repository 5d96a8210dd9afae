"""The source code of Python's standard library: a text that is there wherever Python is."""

import hashlib
import os
import pathlib
import platform
import sysconfig

from seqzoo.datasets import DATASETS
from seqzoo.datasets.text.text import EVERY, of_files

# Tests; tables and texts that programs wrote; packages that newer versions of Python no longer have.
LEFT_OUT = {"test", "tests", "idle_test", "__pycache__", "encodings", "pydoc_data", "distutils", "lib2to3"}


@DATASETS.register("python_source")
def python_source(data_dir=None, name=None, columns=None, most=1_000_000):
    """The source code of Python's standard library, for language modelling; needs no download.

    It is read where Python is installed, so the text depends on Python's version: compare scores of one version only.
    A document is a module; they come in the order of their paths. A hash of the path decides whether a module is valid,
    which a tenth are, and which ones are taken up to `most`: so all versions have most modules in common, and in the
    same split. Tests, generated tables and such are left out (`LEFT_OUT`).

    Args:
        data_dir, name, columns: what other readers take; of no use here.
        most: how many characters train has at most, in whole modules; valid has a ninth of that. None: all there are.

    Returns:
        {"train", "valid"}: `Examples` of pieces of documents, ``{"text": str, "end": bool}``, see `text.text`.

    Raises:
        ValueError: this Python has no source files, or none as small as `most`; a folder, name or columns were given.

    Source: https://docs.python.org/3/library, licence https://docs.python.org/3/license.html
    """
    given = {"data_dir": data_dir, "name": name, "columns": columns}
    if any(given.values()):
        raise ValueError(
            "--dataset=python_source reads the standard library of this Python and nothing else. To read other files: "
            "--dataset=text --data_dir='FOLDER/**/*.py'. Received: "
            + ", ".join(f"{argument}={value!r}" for argument, value in given.items() if value)
        )
    folder = pathlib.Path(sysconfig.get_path("stdlib"))  # the installed Python's, in a virtual environment too
    modules = _modules(folder)
    parts = {
        "train": [path for path in modules if _draw(path) % EVERY],
        "valid": [path for path in modules if not _draw(path) % EVERY],
    }
    if not all(parts.values()):
        raise ValueError(
            f"{folder} has {len(modules)} source files: this Python {platform.python_version()} came without, as an "
            "embedded or zipped one does. Install it from https://www.python.org or by your system's package manager "
            "(Debian: libpython3-stdlib), or read files of your own: --dataset=text --data_dir=FOLDER."
        )
    splits = {}
    for split, limit in {"train": most, "valid": most and most // (EVERY - 1)}.items():
        taken = _sample(folder, parts[split], limit)
        if not taken:
            raise ValueError(f"most={most}: no module of {split} is as small as {limit} bytes. The default: 1,000,000.")
        splits[split] = of_files(taken, f"python_source {platform.python_version()} {split}")
    return splits


def _modules(folder):
    """The paths of the modules, below the folder, with slashes, sorted."""
    found = []
    for place, folders, files in os.walk(folder):
        # Not site-packages, dist-packages, config-3.11-x86_64-linux-gnu: a package has a name that can be imported.
        folders[:] = [name for name in folders if name.isidentifier() and name not in LEFT_OUT]
        # _sysconfigdata is written when Python is built, with the paths of the machine that built it.
        files = [name for name in files if name.endswith(".py") and not name.startswith("_sysconfigdata")]
        paths = [pathlib.Path(place, name) for name in files]
        found += [path.relative_to(folder).as_posix() for path in paths if path.stat().st_size]
    return sorted(found)


def _draw(path):
    """A number that is as good as random, and the path's own."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest())


def _sample(folder, modules, most):
    """The files of modules, in their order: the first by `_draw` that have `most` bytes together; None: all."""
    taken, total = set(), 0
    for path in sorted(modules, key=_draw):
        size = (folder / path).stat().st_size  # bytes: as many as characters or more
        if most is None or total + size <= most:
            taken.add(path)
            total += size
    return [folder / path for path in modules if path in taken]
