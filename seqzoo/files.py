"""Files that are replaced in one step, so that neither a reader nor a kill ever sees half of one."""

import json
import math
import os
import pathlib
from collections.abc import Callable
from typing import Any


def replace(path: str | os.PathLike, save: Callable[[str], None]) -> None:
    """Calls ``save(temporary path)`` and moves the result to `path`; if that fails, the old file stays as it is."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        save(str(temporary))
        os.replace(temporary, path)
    except OSError as error:
        error.filename = str(path)  # the error of a full disk does not name the file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def to_json(value: Any, **options: Any) -> str:
    """JSON text of a value. A number that is not finite becomes null: JSON has neither NaN nor infinity.

    Args:
        value: dicts, lists, strings, numbers, booleans and None.
        **options: of ``json.dumps``.
    """

    def finite(part):
        if isinstance(part, dict):
            return {key: finite(item) for key, item in part.items()}
        if isinstance(part, list | tuple):
            return [finite(item) for item in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(finite(value), allow_nan=False, **options)


def write_json(path: str | os.PathLike, value: Any, **options: Any) -> None:
    """Writes JSON, see `to_json`."""
    text = to_json(value, indent=1, **options)
    replace(path, lambda temporary: pathlib.Path(temporary).write_text(text, "utf-8"))
