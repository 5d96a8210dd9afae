"""Folders of clips: a file, or a folder of pictures, for each clip."""

import functools
import os
import pathlib
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import clean_label, data_path, interleaved, plain_name, split_folders
from seqzoo.datasets.frames.numbers import LABELS, checked_frames, floats, is_header
from seqzoo.datasets.splits import refuse_arguments
from seqzoo.datasets.tables import csv_rows, find_columns
from seqzoo.pictures.picture import ENDINGS as PICTURES
from seqzoo.pictures.picture import is_grey, naming, opened, plain
from seqzoo.text.lines import decode_lines, open_bytes

ENDINGS = (".csv", ".tsv", ".npy", ".npz", ".gif")
TABLE = "labels.csv"
# Common names of its columns, the likeliest first.
COLUMNS = {"file": ("file", "path", "filename", "clip", "name"), **LABELS}


@DATASETS.register("clips")
def clips(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    picture_size: int = 0,
) -> dict[str, Examples]:
    """Labelled clips of numbers or of pictures, one a file, in folders named by label or listed in a table.

    A clip is a file that `read_clip` reads, or a folder of pictures, one a frame, in the order of the numbers in their
    names. Its label is the folder that it is in, ``train/LABEL/clip.csv`` or ``LABEL/clip/001.png``; or ``labels.csv``
    in that folder gives file and label of each clip, and optionally its group, such as the subject. Clips are read when
    they are needed.

    Args:
        data_dir: folder with a folder for each split, named as in `splits.SPLITS`; or with the clips of train.
        name: an argument of other readers, not used.
        columns: {feature: column} of ``labels.csv``, for file, label and group.
        picture_size: scale pictures to this many rows and columns; 0: leave them as they are.

    Returns:
        {split: Examples} of ``{"frames": array [T, D] or [T, I, W, C], "label": str, "file": str}``, with a column for
        it ``"group": str``.

    Raises:
        ValueError: no such folder, or no clips in it; a malformed table; while iterating: see `read_clip`.
    """
    refuse_arguments("--dataset=clips has no name.", name=name)
    root = data_path(data_dir, "clips", f"a folder of SPLIT/LABEL/CLIP or LABEL/CLIP, or with a table {TABLE}")
    if not root.is_dir():
        raise ValueError(f"--data_dir={data_dir}: should be a folder, of LABEL/CLIP or with a table {TABLE}.")
    return {
        split: _examples(folder, columns, picture_size)
        for split, folder in (split_folders(root) or {"train": root}).items()
    }


def read_clip(file: BinaryIO, name: str, picture_size: int = 0) -> np.ndarray:
    """Reads a clip from a file: [T, D] numbers, or [T, I, W, C] pictures of values from 0 to 1 or as they are.

    Args:
        file: binary file, not compressed.
        name: name of the file, also for messages. Its ending gives the format: ``.csv`` or ``.tsv``, a frame per line,
            with or without a header; ``.npy``; ``.npz`` with one array, or one called ``frames``; ``.gif``. See
            `numbers.checked_frames` for the shapes of arrays.
        picture_size: for a GIF, as in `clips`.

    Raises:
        ValueError: another ending, or no clip of finite numbers.
    """
    ending = pathlib.Path(name.lower().removesuffix(".gz")).suffix
    if ending in (".csv", ".tsv"):
        array = _read_lines(file, name, "," if ending == ".csv" else "\t")
    elif ending in (".npy", ".npz"):
        array = _read_array(file, name)
    elif ending == ".gif":
        from PIL import ImageSequence

        with opened(file, name) as picture:
            array = _pictures(((frame, name) for frame in ImageSequence.Iterator(picture)), picture_size)
    else:
        raise ValueError(f"{name}: a clip is a file {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")
    return checked_frames(array, name)


def read_pictures(folder: pathlib.Path, picture_size: int = 0) -> np.ndarray:
    """Reads a clip from a folder of pictures, as [T, I, W, C] with values from 0 to 1.

    Args:
        folder: folder with pictures of one size, grey or in colour.
        picture_size: as in `clips`.

    Raises:
        ValueError: no pictures, a damaged one, or pictures of several sizes.
    """
    files = sorted((file for file in folder.iterdir() if file.suffix.lower() in PICTURES), key=_numbered)
    if not files:
        raise ValueError(f"{folder}: no pictures ({', '.join(PICTURES)}).")

    def frames():
        for file in files:
            with file.open("rb") as bytes_, opened(bytes_, str(file)) as picture:
                yield picture, file

    return _pictures(frames(), picture_size)


def _examples(folder, columns, picture_size):
    table = folder / TABLE
    rows = [*(_table_rows(table, columns) if table.is_file() else _label_rows(folder))]
    features = {"frames": np.ndarray, **dict.fromkeys(rows[0], str)}
    return Examples(functools.partial(_read, folder, rows, picture_size), features, folder)


def _label_rows(folder) -> Iterator[dict]:
    """Yields {"file", "label"} of the clips in folders of labels, interleaved in proportion to their numbers."""
    labels = {f: _clips_in(f) for f in sorted(folder.iterdir()) if f.is_dir() and not f.name.startswith(".")}
    if not any(labels.values()):
        present = ", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "nothing"
        raise ValueError(
            f"{folder}: no folder of a label with clips in it: files {', '.join(ENDINGS)}, or folders of pictures; and "
            f"no table {TABLE}. Found: {present}."
        )
    for clip in interleaved([*labels.values()]):
        yield {"file": clip.relative_to(folder).as_posix(), "label": clean_label(clip.parent.name)}


def _clips_in(folder):
    def is_clip(path):
        if path.is_dir():
            return any(file.suffix.lower() in PICTURES for file in path.iterdir())
        return plain_name(path).endswith(ENDINGS)

    return sorted((path for path in folder.iterdir() if is_clip(path)), key=_numbered)


def _table_rows(table, columns) -> Iterator[dict]:
    """Yields {"file", "label"} and, if there is such a column, "group", of the clips in a table."""
    rows = csv_rows(table)
    _, header = next(rows, (0, []))
    indices = find_columns(table, header, columns, COLUMNS, ("file", "label"))
    number = 1
    for number, fields in rows:
        row = {feature: fields[index].strip() for feature, index in indices.items()}
        if empty := [feature for feature, text in row.items() if not text]:
            raise ValueError(f"{table}:{number}: the {empty[0]} is empty.")
        if not (table.parent / row["file"]).exists():
            raise ValueError(f"{table}:{number}: no file {row['file']!r} in {table.parent}.")
        yield row
    if number == 1:
        raise ValueError(f"{table} lists no clips.")


def _read(folder, rows, picture_size):
    for row in rows:
        path = folder / row["file"]
        if path.is_dir():
            frames = read_pictures(path, picture_size)
        else:
            with open_bytes(path) as file:
                frames = read_clip(file, str(path), picture_size)
        yield {"frames": frames, **row}


def _read_lines(file, name, separator):
    rows = []
    for number, line in decode_lines(file, name, flag=""):
        fields = line.split(separator)
        if not line.strip() or (not rows and is_header(fields)):
            continue
        rows.append(floats(fields, name, number))
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(f"{name}:{number}: {len(rows[-1])} numbers; the first frame has {len(rows[0])}.")
    if not rows:
        raise ValueError(f"{name} holds no frames.")
    return np.array(rows, "float64")


def _read_array(file, name):
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        names = loaded.files
        if len(names) == 1 or "frames" in names:
            return loaded["frames" if "frames" in names else names[0]]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name}: not an array of numbers that NumPy wrote: {error}") from error
    raise ValueError(f"{name}: should hold one array, or one called frames. Found: {', '.join(names) or 'none'}.")


def _pictures(pictures, picture_size):
    """Returns [T, I, W, C] from pairs (picture, its name), read one by one: Pillow reuses the picture of a GIF."""
    arrays = []
    for picture, name in pictures:
        with naming(name):
            picture = plain(picture, is_grey(picture))
        if picture_size:
            picture = picture.resize((picture_size, picture_size))
        arrays.append(np.asarray(picture, "float32").reshape(picture.height, picture.width, -1) / 255)
        if arrays[-1].shape[:2] != arrays[0].shape[:2]:
            height, width, _ = arrays[0].shape
            raise ValueError(
                f"{name}: {picture.width} by {picture.height} pixels; the first picture of the clip has {width} by "
                f"{height}. --picture_size=32 scales all to one size."
            )
    channels = max(array.shape[-1] for array in arrays)  # grey pictures of a clip in colour have three, too
    return np.stack([np.broadcast_to(array, (*array.shape[:2], channels)) for array in arrays])


def _numbered(path):
    """Returns the key that sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]
