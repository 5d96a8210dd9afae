"""Folders of MIDI files."""

import pathlib
import sys

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import SPLITS
from seqzoo.music.score import Score, read_midi

EVERY = 10  # of files without a split of their own, this one is valid: the 10th, the 20th, ...
NAMED = 10  # dropped files that are named, at most


@DATASETS.register("midi")
def midi(data_dir=None, name=None, columns=None):
    """Pieces in MIDI files (``.mid``, ``.midi``): a folder, with or without a folder for each split in it.

    Files in folders called train, valid and test (or as in `files.SPLITS`), wherever they are below the folder, are
    those splits; without such folders every tenth file, in the order of their paths, is valid (of fewer the last), and
    the rest train. One file is the test split. All files are read once at the door; those that can not be are left out
    and named, with the reason, on standard error. What is kept is read anew each time.

    Args:
        data_dir: the folder, or one file.
        name: take only files with this in their paths below the folder.
        columns: what other readers take; of no use here.

    Returns:
        {split: Examples} of ``{"name": str, "style": str, "score": music.Score}``: the style is the folder that the
        file lies in, "" of those that lie in no other than the split's.

    Raises:
        ValueError: no such folder; no file in it; none of them can be read; the package mido is missing.
    """
    if not data_dir:
        raise ValueError("--dataset=midi needs --data_dir, a folder of .mid files or one of them.")
    if columns:
        raise ValueError(f"--dataset=midi has no columns. Received: columns={columns!r}")
    try:
        import mido  # noqa: F401
    except ImportError as error:
        raise ValueError('--dataset=midi needs the package mido: pip install "seqzoo[music]"') from error
    folder = pathlib.Path(data_dir).expanduser()
    if folder.is_file():
        return {"test": _examples([folder], folder, 0)}
    if not folder.is_dir():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".mid", ".midi") and file.is_file())
    files = [file for file in files if (name or "") in file.relative_to(folder).as_posix()]
    kept, dropped = [], []
    for file in files:
        try:
            read_midi(file)
            kept.append(file)
        except ValueError as error:
            dropped.append(str(error))
    for reason in dropped[:NAMED]:
        print(f"left out: {reason}", file=sys.stderr)
    if len(dropped) > NAMED:
        print(f"left out: {len(dropped) - NAMED} more", file=sys.stderr)
    if not kept:
        found = f"{len(files)} .mid files, none of which can be read" if files else "no .mid file"
        raise ValueError(f"{folder}: {found}{f' with {name!r} in its path' if name else ''}.")
    splits = {}
    for file in kept:
        splits.setdefault(_split(file.relative_to(folder)), []).append(file)
    if None in splits:  # files outside of the splits' folders are not mixed with them
        others = splits.pop(None)
        if not splits:
            valid = set(others[EVERY - 1 :: EVERY] or others[1:][-1:])
            splits = {"train": [file for file in others if file not in valid], "valid": sorted(valid)}
    return {split: _examples(splits[split], folder, len(dropped)) for split in SPLITS if splits.get(split)}


def _split(path):
    """The split that a file's innermost folder of such a name means, or None."""
    return next(filter(None, map(_named, reversed(path.parts[:-1]))), None)


def _named(folder):
    """The split that a folder's name means, or None."""
    return next((split for split, names in SPLITS.items() if folder.lower() in names), None)


def _examples(files, source, dropped):
    def read():
        for file in files:
            folders = file.relative_to(source).parts[:-1] if file != source else ()
            style = folders[-1] if folders and not _named(folders[-1]) else ""
            yield {"name": file.stem, "style": style, "score": read_midi(file)}

    left_out = f", {dropped} left out" if dropped else ""
    return Examples(read, {"name": str, "style": str, "score": Score}, f"{source} ({len(files)} files{left_out})")
