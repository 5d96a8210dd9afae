"""One long table of clips: one line per frame, with the id of its clip."""

import itertools
import os

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, clean_label, split_files
from seqzoo.datasets.frames.numbers import LABELS, checked_frames, floats, is_number
from seqzoo.datasets.tables import by_index, find_columns, table_rows

# Common names of the columns, the likeliest first; all other columns are numbers of the frame.
COLUMNS = {
    "id": ("id", "clip", "clipid", "sequence", "sequenceid", "seriesid", "recording", "file"),
    **LABELS,
    "time": ("time", "timestamp", "frame", "step"),
}


@DATASETS.register("frames_table")
def frames_table(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Clips in one table, a line for each frame: the id of its clip, its label, and numbers; read as a stream.

    The lines of a clip follow one another. Every column that is not one of those below is a number of the frame.

    Args:
        data_dir: folder with train/valid/test files, ``.csv``, or ``.tsv`` and ``.txt`` for tabs; or one such file.
        name: take only the files with this in their names.
        columns: {feature: name or index of its column}: id; label; group, such as the subject; time, which has to rise
            within a clip and is not part of the frame. Default: the first of `COLUMNS` that the file has. By
            index, the file may have no header.
        encoding: of the files.

    Returns:
        {split: Examples} of ``{"frames": array [T, D], "file": str, the file and the id}``, with such columns ``"label"
        : str`` and ``"group": str``.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: a field that is not a finite number,
            another number of fields, a clip whose lines do not follow one another, or that has two labels.
    """
    files = split_files(data_dir, ".csv", ".tsv", ".txt", name=name, reader="frames_table")
    return {split: _examples(path, columns, encoding) for split, path in files.items()}


def _examples(path, columns, encoding):
    _, first = next(table_rows(path, encoding), (0, []))
    if not first:
        raise ValueError(f"{path} holds no frames.")
    indices = find_columns(path, first, columns, COLUMNS, ("id",))
    if len(indices) == len(first):
        raise ValueError(f"{path}: no column is left for the numbers of a frame. Found: {', '.join(first)}.")
    header = not by_index(columns) or not all(
        is_number(field) for i, field in enumerate(first) if i not in indices.values()
    )
    features = {"frames": np.ndarray, "file": str} | {key: str for key in ("label", "group") if key in indices}
    return Examples(lambda: _read(path, encoding, header, len(first), indices), features, path)


def _read(path, encoding, header, width, indices):
    own = {feature: index for feature, index in indices.items() if feature != "time"}
    numbers = [index for index in range(width) if index not in indices.values()]
    seen, current, rows, time = set(), None, [], None
    for number, fields in itertools.islice(table_rows(path, encoding), int(header), None):
        row = {feature: fields[index].strip() for feature, index in own.items()}
        if current is None or row["id"] != current["id"]:
            if current:
                yield _clip(path, current, rows)
            if empty := [feature for feature, text in row.items() if not text]:
                raise bad_line(path, number, f"the {empty[0]} is empty", ",".join(fields))
            if row["id"] in seen:
                problem = f"clip {row['id']!r} began before and ended; sort the file by id, and by time"
                raise bad_line(path, number, problem, ",".join(fields))
            seen.add(row["id"])
            current, rows, time = row, [], None
        elif row != current:
            differing = next(feature for feature in row if row[feature] != current[feature])
            problem = f"clip {row['id']!r} has the {differing} {row[differing]!r}, and {current[differing]!r} before"
            raise bad_line(path, number, problem, ",".join(fields))
        if "time" in indices:
            time, before = _time(fields[indices["time"]]), time
            if before is not None and type(time) is type(before) and time < before:
                raise bad_line(path, number, "the time falls within a clip; sort the file", ",".join(fields))
        rows.append(floats(fields, path, number, numbers))
    if current:
        yield _clip(path, current, rows)


def _time(field):
    """Returns a time that can be compared: a number, or a text such as a date in ISO 8601."""
    return float(field) if is_number(field) else field.strip()


def _clip(path, row, rows):
    where = f"{path.name}, clip {row['id']}"
    labels = {"label": clean_label(row["label"])} if "label" in row else {}
    groups = {"group": row["group"]} if "group" in row else {}
    frames = checked_frames(np.array(rows, "float64"), f"{path}, clip {row['id']}")
    return {"frames": frames, "file": where, **labels, **groups}
