"""Replaces files atomically, so that neither a reader nor a crash sees half a file. Opens zip archives."""

import contextlib
import functools
import json
import math
import os
import pathlib
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterable


class UnreadableError(ValueError):
    """A file of an example, such as a recording or a picture, can't be read."""


@functools.lru_cache(8)  # opening an archive reads its table of contents
def archive(path: pathlib.Path) -> zipfile.ZipFile:
    """Opens a zip archive.

    Raises:
        UnreadableError: the file is not a zip archive.
    """
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise UnreadableError(f"{path}: not a zip archive: {error}") from error


def replace(path: str | os.PathLike, save: Callable[[str], None]) -> None:
    """Calls ``save(temporary path)`` and moves the result to `path`; if that fails, the old file stays as it is.

    Raises:
        OSError: saving failed. Its file name is `path`, not the temporary one, or None, as on a full disk.
    """
    path = pathlib.Path(path)
    # A name of its own: several processes may write the same file.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.tmp{path.suffix}")
    try:
        save(str(temporary))
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, str(temporary)):  # about a file that `save` reads
            raise
        if error.errno is None:
            raise type(error)(str(error).replace(str(temporary), str(path))) from error
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike, value: object, **options) -> None:
    """Writes JSON, see `to_json`."""
    text = to_json(value, indent=1, **options)
    replace(path, lambda temporary: pathlib.Path(temporary).write_text(text, "utf-8"))


def to_json(value: object, **options) -> str:
    """Returns JSON text. NaN and infinities, which JSON lacks, become null; `options` as in `json.dumps`."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, **options)


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def remove(paths: Iterable[pathlib.Path]) -> None:
    """Deletes files and folders with all they hold; of a link only the link."""
    for path in paths:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def check_folder(folder: str | os.PathLike, flag: str = "--workdir") -> None:
    """Raises a ValueError if `folder`, the value of an option, is a file, or its path leads through one."""
    folder = pathlib.Path(folder)
    for path in (folder, *folder.parents):
        if path.is_file():
            raise ValueError(f"{path} is a file: {flag} should be a folder.")
