"""Time series in tables: one row per step, split by time."""

import os
import pathlib
import re
from collections.abc import Iterable

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, split_files
from seqzoo.datasets.frames.numbers import checked_frames, floats, is_header, is_number
from seqzoo.datasets.tables import column_parts, csv_rows
from seqzoo.text.lines import shorten

SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}  # of one table, in the order of time

_date = re.compile(r"\d{4}-\d\d(-\d\d.*)?")  # ISO 8601 dates, whose text order is the order of time


@DATASETS.register("series")
def series(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """A time series in CSV: one row per step, the oldest first, with a header; a column of dates is optional.

    Args:
        data_dir: one table, whose first 80% are train, the next 10% valid, the last test; or a folder with
            train/valid/test tables, one following the other.
        name: take only the files with this in their names.
        columns: ``{"frames": "price+volume"}``: the columns that are read, and predicted together. Default: the last.
        encoding: of the files.

    Returns:
        {split: Examples} of one ``{"frames": array [T, D], "given": int, "names": list, "file": str}``: in valid and
        test it begins with all steps before the split, and ``given`` is their number.

    Raises:
        ValueError: no such files or columns; a field that is not a number, unsorted dates, or a split without a step.
    """
    path = data_path(data_dir, "series", "a CSV file, or a folder with train, valid and test files")
    files = {"": path} if path.is_file() else split_files(data_dir, ".csv", name=name, reader="series")
    parts = {split: read_series(csv_rows(file, encoding), file, columns) for split, file in files.items()}
    names = next(iter(parts.values()))[1]
    for split, (_, others) in parts.items():
        if others != names:
            raise ValueError(f"{files[split]}: columns {', '.join(others)}; {path} begins with {', '.join(names)}.")
    lengths = {split: len(part) for split, (part, _) in parts.items()}
    if path.is_file():
        (steps,) = lengths.values()
        ends = np.rint(np.cumsum([*SHARES.values()]) * steps).astype(int)
        lengths = dict(zip(SHARES, np.diff(ends, prepend=0).tolist(), strict=True))
        if not min(lengths.values()):
            raise ValueError(f"{path}: {steps} steps are too few for train, valid and test.")
    whole, found, first = np.concatenate([part for part, _ in parts.values()]), {}, 0
    for split, length in lengths.items():
        example = {"frames": whole[: first + length], "given": first, "names": names, "file": path.name}
        features = {"frames": np.ndarray, "given": int, "names": list, "file": str}
        found[split] = Examples(lambda example=example: iter([example]), features, f"{path}, {split}")
        first += length
    return found


def read_series(
    rows: Iterable[tuple[int, list[str]]], path: str | os.PathLike, columns: dict | None
) -> tuple[np.ndarray, list[str]]:
    """Returns ([T, D], the names of the columns) of the rows of a table, see `series`.

    Args:
        rows: (number of the line, fields), the first of which is the header.
        path: for messages.
        columns: as of `series`.
    """
    rows, path = iter(rows), pathlib.Path(path)
    _, header = next(rows, (0, []))
    header = [field.strip() for field in header]
    if not header or not is_header(header):
        raise ValueError(
            f"{path}: the first line should be a header, names of columns. Received: {shorten(str(header))}"
        )
    wanted = str((columns or {}).get("frames", header[-1]))
    names = column_parts(wanted, header)
    if {*(columns or {})} - {"frames"} or not names:
        raise ValueError(
            f"{path}: no columns {wanted!r}. Found: {', '.join(shorten(name, 30) for name in header[:20])}. Choose "
            "them: --columns=frames=NAME, or NAME+OTHER."
        )
    indices, steps, date = [*map(header.index, names)], [], ""
    for number, fields in rows:
        steps.append(floats(fields, path, number, indices))
        dates = [field.strip() for field in fields if not is_number(field) and _date.fullmatch(field.strip())]
        if dates and dates[0] < date:
            raise bad_line(path, number, f"{dates[0]} follows {date}; sort the file by time", ",".join(fields))
        date = dates[0] if dates else date
    if not steps:
        raise ValueError(f"{path} holds no steps.")
    return checked_frames(np.array(steps, "float64"), path), names
