"""Arrays of clips in .npz files."""

import functools
import os
import zipfile

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import split_files
from seqzoo.datasets.frames.numbers import checked_frames

# Common names of the arrays, the likeliest first.
ARRAYS = {
    "frames": ("frames", "x", "data", "clips", "sequences"),
    "label": ("label", "labels", "y", "target", "targets"),
    "length": ("length", "lengths"),
    "group": ("group", "groups", "subject", "subjects"),
}


@DATASETS.register("npz")
def npz(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Labelled clips in NumPy's .npz files: arrays of frames and labels, and optionally of lengths and groups.

    Frames are [N, T, D], or pictures [N, T, I, W, C], padded at the end where the clips are shorter (``length``); or
    the frames of all clips one after the other, [sum of lengths, D] or [sum of lengths, I, W, C].

    Args:
        data_dir: folder with train/valid/test files, or one such file.
        name: take only the files with this in their names.
        columns: {feature: name of its array}, of frames, label, length and group. Default: the first of `ARRAYS` that
            the file has, in upper or lower case.

    Returns:
        {split: Examples} of ``{"frames": array [T, D] or [T, I, W, C], "label": str, "file": str, the file and the
        number of the clip}``, with such an array ``"group": str``.

    Raises:
        ValueError: no such files or arrays, or arrays whose sizes do not fit; while iterating: see `checked_frames`.
    """
    files = split_files(data_dir, ".npz", name=name, reader="npz")
    found = {}
    for split, path in files.items():
        arrays = _load(path, columns or {})
        features = {"frames": np.ndarray, "label": str, "file": str} | ({"group": str} if "group" in arrays else {})
        found[split] = Examples(functools.partial(_read, path, arrays), features, path)
    return found


def _load(path, columns):
    """Returns {feature: array}; if the frames of all clips are joined, they are cut by their lengths."""
    if unknown := {*columns} - {*ARRAYS}:
        raise ValueError(f"--columns should name {', '.join(ARRAYS)}. Unknown: {', '.join(sorted(unknown))}")
    try:
        with np.load(path, allow_pickle=False) as file:
            lower, arrays = {key.lower(): key for key in file.files}, {}
            for feature, common in ARRAYS.items():
                default = next((lower[key] for key in common if key in lower), None)
                key = str(columns[feature]) if feature in columns else default
                if key in file.files:
                    arrays[feature] = file[key]
                elif feature in columns or feature in ("frames", "label"):
                    raise ValueError(
                        f"no array for the {feature}: looked for {key or ' or '.join(common)}. Found: "
                        f"{', '.join(file.files)}. Choose it: --columns={feature}=NAME."
                    )
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
    count, frames, lengths = len(arrays["label"]), arrays["frames"], arrays.pop("length", None)
    if lengths is not None and (len(lengths) != count or lengths.dtype.kind not in "iu" or (lengths < 0).any()):
        raise ValueError(f"{path}: lengths should be {count} whole numbers, one a label.")
    if "group" in arrays and len(arrays["group"]) != count:
        raise ValueError(f"{path}: {len(arrays['group'])} groups, but {count} labels.")
    if lengths is not None and frames.ndim in (2, 4):  # one clip after the other
        if lengths.sum() != len(frames):
            raise ValueError(f"{path}: {len(frames)} frames, but the lengths sum up to {lengths.sum()}.")
        arrays["frames"] = np.split(frames, np.cumsum(lengths)[:-1])
    elif frames.ndim not in (3, 5) or len(frames) != count:
        raise ValueError(
            f"{path}: frames should be [{count} clips, T, numbers], for pictures [clips, T, height, width, channels], "
            f"or all clips joined, with an array of lengths. Received: shape {list(frames.shape)}."
        )
    elif lengths is not None:
        if (lengths > frames.shape[1]).any():
            raise ValueError(f"{path}: a length of {lengths.max()}, but the clips have {frames.shape[1]} frames.")
        arrays["frames"] = [clip[:length] for clip, length in zip(frames, lengths, strict=True)]
    return arrays


def _read(path, arrays):
    for i, frames in enumerate(arrays["frames"]):
        example = {
            "frames": checked_frames(frames, f"{path}, clip {i + 1}"),
            "label": _text(arrays["label"][i]),
            "file": f"{path.name}, clip {i + 1}",
        }
        yield example | ({"group": _text(arrays["group"][i])} if "group" in arrays else {})


def _text(value):
    """Returns a label of an array, a number, a text or bytes, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
