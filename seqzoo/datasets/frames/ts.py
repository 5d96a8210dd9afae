"""The .ts format of sktime and of the archives of time series classification."""

import functools
import os

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, read_lines, split_files
from seqzoo.datasets.frames.numbers import checked_frames, floats
from seqzoo.datasets.splits import refuse_arguments


@DATASETS.register("ts")
def ts(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Labelled time series in .ts files: one or several dimensions, of equal or unequal length, plain or gzipped.

    A line is ``1.0,1.1,1.2:0.3,0.4,0.5:label``. The format: https://www.sktime.net/en/latest/api_reference/file_specifications/ts.html

    Args:
        data_dir: folder with train/valid/test files ending in ``.ts``, or one such file.
        name: take only the files with this in their names.
        columns: of other readers, not used.
        encoding: of the files.

    Returns:
        {split: Examples} of ``{"frames": array [T, D], "label": str, "file": str, the file and the line}``.

    Raises:
        ValueError: no such files; while iterating, with file and line: no class labels, time stamps, a missing value,
            or dimensions that differ in length.
    """
    refuse_arguments("--dataset=ts has no columns.", columns=columns)
    features = {"frames": np.ndarray, "label": str, "file": str}
    files = split_files(data_dir, ".ts", name=name, reader="ts")
    return {split: Examples(functools.partial(_read, path, encoding), features, path) for split, path in files.items()}


def _read(path, encoding):
    header, width = {}, 0
    lines = ((n, line.strip()) for n, line in read_lines(path, encoding) if line.strip() and line[0] not in "#%")
    for number, line in lines:
        key, _, value = line.partition(" ")
        if key.lower() == "@data":
            break
        if not key.startswith("@"):
            raise bad_line(path, number, "before @data, a line of the header should begin with @", line)
        header[key[1:].lower()] = value.strip().lower()
    else:
        raise ValueError(f"{path}: no line @data, so this is not a .ts file.")
    if header.get("timestamps", "false") != "false":
        raise ValueError(f"{path}: time stamps (@timeStamps true) are not supported; write the values alone.")
    if not header.get("classlabel", "").startswith("true"):
        raise ValueError(f"{path}: the series have no class labels; the header should have @classLabel true a b c.")
    labels = header["classlabel"].split()[1:]
    for number, line in lines:
        *dimensions, label = line.split(":")
        label = label.strip()
        if labels and label.lower() not in labels:
            raise bad_line(path, number, f"label {label!r} is not in @classLabel: {', '.join(labels)}", line[-60:])
        rows = [dimension.split(",") for dimension in dimensions]
        width = width or len(rows)
        if any("?" in (field.strip() for field in row) for row in rows):
            raise bad_line(path, number, "a missing value, ?; fill gaps before training", line)
        if len(rows) != width or len({*map(len, rows)}) != 1:
            counts = ", ".join(str(len(row)) for row in rows)
            problem = f"expected {width or 'some'} dimensions of one length, found lengths {counts or 'none'}"
            raise bad_line(path, number, problem, line)
        values = np.array([floats(row, path, number) for row in rows], "float64").T
        yield {
            "frames": checked_frames(values, f"{path}:{number}"),
            "label": label,
            "file": f"{path.name}:{number}",
        }
