"""Parses and checks numbers of frames, with file and line in every error. Shared by the readers."""

import pathlib
from collections.abc import Sequence

import numpy as np

from seqzoo.datasets.files import bad_line
from seqzoo.text.lines import shorten

# Common names of the columns of tables of clips, the likeliest first, as for `tables.find_columns`.
LABELS = {
    "label": ("label", "activity", "action", "class", "category", "target", "gesture"),
    "group": ("group", "subject", "person", "participant", "user", "speaker"),
}


def floats(
    fields: Sequence[str], source: str | pathlib.Path, number: int, indices: Sequence[int] | None = None
) -> list[float]:
    """Returns the numbers of a line.

    Args:
        fields: its fields.
        source, number: the file and the number of the line, for messages.
        indices: of the fields that are read; None: all.

    Raises:
        ValueError: a field that is not a number.
    """
    indices = range(len(fields)) if indices is None else indices
    try:
        return [float(fields[index]) for index in indices]
    except ValueError:
        index, field = next((index, fields[index]) for index in indices if not is_number(fields[index]))
        problem = f"field {index + 1}" + (f", {shorten(field)}, is not a number" if field.strip() else " is empty")
        raise bad_line(source, number, problem, ",".join(fields)) from None


def is_number(field: str) -> bool:
    """Returns whether a field is a number, including NaN and infinities."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def is_header(fields: Sequence[str]) -> bool:
    """Returns whether the first line of a table is a header: none of its fields is a number or empty."""
    return not any(is_number(field) or not field.strip() for field in fields)


def checked_frames(array: np.ndarray, source: str | pathlib.Path) -> np.ndarray:
    """Returns a clip as [T, D] floats, or as pictures [T, I, W, C].

    Args:
        array: [T], [T, D], joints [T, J, 2 or 3], which are joined, or [T, I, W, C].
        source: its source, for messages.

    Raises:
        ValueError: no frames, no numbers, another rank, or a number that is not finite.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{source}: a clip should hold numbers. Received: an array of {array.dtype}.")
    shape = array.shape
    if array.ndim == 1:
        array = array[:, None]
    elif array.ndim == 3 and shape[-1] in (2, 3):
        array = array.reshape(len(array), -1)
    if array.ndim not in (2, 4):
        raise ValueError(
            f"{source}: a clip should be [frames, numbers], [frames, joints, 2 or 3] or, for pictures, [frames, "
            f"height, width, channels]. Received: shape {list(shape)}."
        )
    if not array.size:
        raise ValueError(f"{source}: an empty clip, of shape {list(shape)}.")
    with np.errstate(over="ignore"):  # beyond the range of 32 bits, which is an infinity
        array = np.ascontiguousarray(array, "float32")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        position = ", ".join(str(i + 1) for i in bad[0][1:])
        raise ValueError(
            f"{source}: frame {bad[0][0] + 1}, number {position} is {array[tuple(bad[0])]}; a clip should hold finite "
            "numbers. Fill gaps, for instance by interpolation, before training."
        )
    return array
