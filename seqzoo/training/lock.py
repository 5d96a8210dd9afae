"""The lock of a run folder: one training at a time."""

import contextlib
import errno
import json
import os
import pathlib
import platform
import weakref
from collections.abc import Iterator

from seqzoo.files import check_folder

LOCK = ".lock"

_held = weakref.WeakSet()  # files whose lock this process holds


def _close_in_child():
    for file in [*_held]:
        with contextlib.suppress(OSError):
            file.close()


if hasattr(os, "register_at_fork"):  # a child process that outlives the training must not keep the lock
    os.register_at_fork(after_in_child=_close_in_child)


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Context manager in which no other process trains in `folder`, which is created if needed.

    The kernel holds the lock (`flock`) and releases it however the process ends; a leftover file locks nothing. If the
    system or the file system has no such locks, nothing is locked.

    Raises:
        ValueError: another process trains there; the message says which.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = _lock(folder)
    try:
        yield
    finally:
        if file:
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()  # while it is locked: nobody else can have locked this very file
            file.close()


def _lock(folder):
    """Returns the locked file, or None if the system has no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    path = folder / LOCK
    while True:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115, open as long as the lock is held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                file.seek(0)
                text = file.read()
                file.close()
                raise ValueError(
                    f"{folder}: {_holder(text)} trains there. Wait until it has ended, or give another --workdir."
                ) from None
            file.close()
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                break
        file.close()  # its holder deleted it in the meantime: lock the new file
    _held.add(file)
    file.truncate(0)
    json.dump({"pid": os.getpid(), "host": platform.node()}, file)
    file.flush()
    return file


def _holder(text):
    """Says which process holds a lock, from the text of its file."""
    try:
        found = json.loads(text)
        return f"process {int(found['pid'])} on {found['host']}"
    except (ValueError, TypeError, KeyError):  # the file has just been locked and is still empty
        return "another process"
