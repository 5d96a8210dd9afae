"""Folders of MIDI files."""

import os
import sys

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import data_path
from seqzoo.datasets.splits import SPLITS, split_of
from seqzoo.display.plain import one_line
from seqzoo.music.midi import read_midi
from seqzoo.music.score import Score

EVERY = 10  # without folders for the splits every 10th file is valid
MAX_REPORTED = 10  # unreadable files that are named


@DATASETS.register("midi")
def midi(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """A folder of MIDI files (``.mid``, ``.midi``), with or without subfolders for the splits.

    Files in folders called train, valid and test (or as in `splits.SPLITS`), at any depth, form those splits; without
    such folders every tenth file, ordered by path, is valid (the last one if there are fewer), and the rest are train.
    A single file is the test split. All files are read once at the start; unreadable ones are left out and reported on
    standard error, with the reason. The others are read anew in each pass.

    Args:
        data_dir: the folder, or a single file.
        name: keep only files whose paths below the folder contain this.
        columns: for other readers; must be empty.

    Returns:
        {split: Examples} of ``{"name": str, "style": str, "score": Score}``: the style is the folder of the file, ""
        for files directly in the folder of a split.

    Raises:
        ValueError: no such folder; no file in it; none of them can be read; the package mido is not installed.
    """
    folder = data_path(data_dir, "midi", "a folder of .mid files or a single one")
    if columns:
        raise ValueError(f"--dataset=midi has no columns. Received: columns={columns!r}")
    try:
        import mido  # noqa: F401
    except ImportError as error:
        raise ValueError('--dataset=midi needs the package mido: pip install "seqzoo[music]"') from error
    if folder.is_file():
        return {"test": _examples([folder], folder, 0)}
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".mid", ".midi") and file.is_file())
    files = [file for file in files if (name or "") in file.relative_to(folder).as_posix()]
    kept, dropped = [], []
    for file in files:
        try:
            read_midi(file)
            kept.append(file)
        except ValueError as error:
            dropped.append(str(error))
    for reason in dropped[:MAX_REPORTED]:
        print(f"left out: {one_line(reason)}", file=sys.stderr)
    if len(dropped) > MAX_REPORTED:
        print(f"left out: {len(dropped) - MAX_REPORTED} more", file=sys.stderr)
    if not kept:
        found = f"{len(files)} .mid files, none of which can be read" if files else "no .mid file"
        raise ValueError(f"{folder}: {found}{f' with {name!r} in its path' if name else ''}.")
    splits = {}
    for file in kept:
        splits.setdefault(_split(file.relative_to(folder)), []).append(file)
    if None in splits:  # files outside the folders of the splits are used only if there are no such folders
        others = splits.pop(None)
        if not splits:
            valid = set(others[EVERY - 1 :: EVERY] or others[1:][-1:])
            splits = {"train": [file for file in others if file not in valid], "valid": sorted(valid)}
    return {split: _examples(splits[split], folder, len(dropped)) for split in SPLITS if splits.get(split)}


def _split(path):
    """The split that a file belongs to by its innermost folder named after one, or None."""
    return next(filter(None, map(split_of, reversed(path.parts[:-1]))), None)


def _examples(files, source, dropped):
    def read():
        for file in files:
            folders = file.relative_to(source).parts[:-1] if file != source else ()
            style = folders[-1] if folders and not split_of(folders[-1]) else ""
            yield {"name": file.stem, "style": style, "score": read_midi(file)}

    left_out = f", {dropped} left out" if dropped else ""
    return Examples(read, {"name": str, "style": str, "score": Score}, f"{source} ({len(files)} files{left_out})")
