"""Events: a user, an item and a time in each row, such as ratings or clicks. The events of a user are a history."""

import datetime
import functools
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, plain_name, split_files
from seqzoo.datasets.tables import by_index, find_columns, table_rows
from seqzoo.datasets.text.jsonl import json_objects

# Common names of the columns, the likeliest first, as for `tables.find_columns`.
COLUMNS = {
    "user": ("user", "userid", "customer", "customerid", "reviewerid", "visitorid", "session", "sessionid"),
    "item": ("item", "itemid", "movie", "movieid", "product", "productid", "asin", "artist", "artistid", "track"),
    "time": ("time", "timestamp", "ts", "date", "datetime", "unixreviewtime"),
}
JSON = (".jsonl", ".json", ".ndjson")


@DATASETS.register("events")
def events(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Events in columns, user, item and time, in CSV, TSV or JSON lines, plain or gzipped; each user has a history.

    A history is in the order of its times, and events of one time, or all without a time, in the order of the file.

    Args:
        data_dir: folder with train/valid/test files, or one file. The ending says the format: ``.csv``; ``.jsonl``,
            ``.json`` or ``.ndjson``, one object per line; any other, columns separated by tabs.
        name: take only the files with this in their names.
        columns: dict feature -> column: ``{"user": "buyer", "item": "sku", "time": "day"}`` by the names in the header
            line or the keys, or ``{"user": 0, "item": 1, "time": 3}`` by index, negative from the end, for a file
            without a header. Default: the first of `COLUMNS` that the file has. The time is optional.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of ``{"user": str, "items": list}``, with times also ``"times": list`` of floats.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: a number of fields that differs from
            the first line, an empty user or item, or a time that is neither a number nor a date (ISO 8601).
    """
    files = split_files(data_dir, name=name, reader="events")
    return {split: _examples(path, columns or {}, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    is_json = plain_name(path).endswith(JSON)
    rows = functools.partial(json_objects if is_json else _table, path, encoding)
    first, _, names = next(rows(), (0, "", {}))
    if not names:
        raise ValueError(f"{path} holds no events.")
    columns = {feature: str(key) if is_json else key for feature, key in columns.items()}
    keys, fields = [*names], [*names] if is_json else [*names.values()]
    found = find_columns(path, fields, columns, COLUMNS, ("user", "item"))
    found = {feature: keys[index] for feature, index in found.items()}
    skipped = 0 if is_json or by_index(columns) else first
    if skipped and not any(number > skipped for number, _, _ in itertools.islice(rows(), 2)):
        raise ValueError(f"{path} holds no events: its only line is a header.")
    return histories(lambda: _records(path, rows, skipped, found), path, "time" in found)


def _table(path, encoding):
    """Yields (line number, the line, {index of a column: field})."""
    for number, fields in table_rows(path, encoding):
        yield number, " | ".join(fields), dict(enumerate(fields))


def _records(path, rows, skipped, found):
    for number, line, row in rows():
        if number <= skipped:
            continue
        record = {feature: _text(row.get(key)) for feature, key in found.items()}
        for feature in ("user", "item"):
            if not record[feature]:
                raise bad_line(path, number, f"the {feature} should be a text or a number", line)
        if "time" in found:
            try:
                record["time"] = time_of(record["time"])
            except ValueError as error:
                raise bad_line(path, number, str(error), line) from None
        yield record


def _text(value):
    """Returns a field as text; "" if it is neither a text nor a number."""
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_value else ""


def time_of(text: str) -> float:
    """Seconds of a time: a number as it is, or a date as 2024-05-17 or 2024-05-17T20:15:00 (ISO 8601), in UTC.

    Raises:
        ValueError: it is neither.
    """
    try:
        number = float(text)
    except ValueError:
        try:
            time = datetime.datetime.fromisoformat(text)
        except ValueError:
            number = math.nan
        else:
            number = time.replace(tzinfo=time.tzinfo or datetime.UTC).timestamp()
    if not math.isfinite(number):
        raise ValueError(f"the time should be a number, or a date as 2024-05-17, found {text!r}")
    return number


def histories(read: Callable[[], Iterable[dict]], source: str | os.PathLike, timed: bool) -> Examples:
    """The histories of users from events, which are read once and held in memory.

    Args:
        read: returns an iterable of ``{"user", "item"}``, with `timed` also ``"time"``, in any order.
        source: where they come from, for messages.
        timed: whether events have times, which order them.

    Returns:
        `Examples` of ``{"user": str, "items": list}``, with `timed` also ``"times": list``; users in the order in which
        they first appear.
    """

    @functools.cache
    def grouped():
        users, names = {}, {}
        for record in read():
            item = names.setdefault(record["item"], record["item"])  # one text for each item
            users.setdefault(record["user"], []).append((record.get("time", 0.0), item))
        for own in users.values():
            own.sort(key=lambda event: event[0])
        return users

    def examples() -> Iterator[dict]:
        for user, own in grouped().items():
            times = {"times": [time for time, _ in own]} if timed else {}
            yield {"user": user, "items": [item for _, item in own], **times}

    return Examples(examples, {"user": str, "items": list, **({"times": list} if timed else {})}, source, aligned=True)
