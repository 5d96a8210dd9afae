"""Histories: one user per line, with the items in order, as in the data of S3-Rec and SASRec; or JSON lines."""

import functools
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, plain_name, read_lines, split_files
from seqzoo.datasets.items.events import JSON
from seqzoo.datasets.text.jsonl import json_objects


@DATASETS.register("histories")
def histories(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Histories, one user per line, plain or gzipped: the user, then their items, the oldest first.

    Tabs separate them, or blanks in a line without tabs. In JSON lines (``.jsonl``, ``.json``, ``.ndjson``) an object
    has a user and a list of items. Blank lines are skipped.

    Args:
        data_dir: folder with train/valid/test files, or one file.
        name: take only the files with this in their names.
        columns: of JSON lines, dict feature -> key: ``{"user": "id", "items": "films"}``. Default: user, items.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of ``{"user": str, "items": list of str}``.

    Raises:
        ValueError: no such files; while iterating, with file and line: a user without items or with a second line, an
            empty item, or JSON without a list of texts or numbers.
    """
    columns = columns or {}
    if set(columns) - {"user", "items"} or not all(isinstance(key, str) for key in columns.values()):
        raise ValueError(
            "--dataset=histories has columns only in JSON lines, such as --columns=user=NAME,items=NAME. In other "
            f"files a line is a user and then the items. Received: {columns}"
        )
    files = split_files(data_dir, name=name, reader="histories")
    return {
        split: Examples(
            functools.partial(_read, path, {"user": "user", "items": "items", **columns}, encoding),
            {"user": str, "items": list},
            path,
        )
        for split, path in files.items()
    }


def _read(path, keys, encoding):
    lines, first = _objects if plain_name(path).endswith(JSON) else _fields, {}
    for number, line, user, items in lines(path, keys, encoding):
        if not user or not items:
            raise bad_line(path, number, "expected a user and one item or more", line)
        if not all(items):
            raise bad_line(path, number, "an item is empty", line)
        if (before := first.setdefault(user, number)) != number:
            raise bad_line(path, number, f"user {user!r} has line {before} already", line)
        yield {"user": user, "items": items}


def _fields(path, keys, encoding):
    for number, line in read_lines(path, encoding):
        if line.strip():
            user, *items = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
            yield number, line, user, items


def _objects(path, keys, encoding):
    for number, line, item in json_objects(path, encoding):
        user, items = item.get(keys["user"]), item.get(keys["items"])
        values = [user, *items] if isinstance(items, list) else [None]
        if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
            problem = f"{keys['user']!r} should be a text or a number, and {keys['items']!r} a list of them"
            raise bad_line(path, number, problem, line)
        yield number, line, str(user), [*map(str, items)]
