"""Folders of MIDI files."""

import collections
import os
import sys

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import data_path
from seqzoo.datasets.splits import SPLITS, hold_out_files, split_of
from seqzoo.display.plain import one_line
from seqzoo.extras import check_installed
from seqzoo.music.midi import listed, read_midi
from seqzoo.music.score import Score

FEATURES = {"name": str, "style": str, "score": Score}
SUFFIXES = (".mid", ".midi")
EVERY = 10  # without folders for the splits every 10th file is valid
MAX_REPORTED = 10  # unreadable files that are named


@DATASETS.register("midi")
def midi(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    group_by: str = "",
    drums: bool = False,
) -> dict[str, Examples]:
    """A folder of MIDI files (``.mid``, ``.midi``), with or without subfolders for the splits.

    Files in folders called train, valid and test (or as in `splits.SPLITS`), at any depth, form those splits; without
    such folders every tenth file, ordered by path, is valid (the last one if there are fewer), and the rest are train.
    A single file is the test split. All files are read once at the start; unreadable ones are left out and reported on
    standard error, with the reason, and the summary of the `Examples` names what was skipped in others. They are read
    anew in each pass.

    Args:
        data_dir: the folder, or a single file.
        name: keep only files whose paths below the folder contain this.
        columns: for other readers; must be empty.
        group_by: see `splits.hold_out_files`.
        drums: read the drums and nothing else, see `music.midi.read_midi`.

    Returns:
        {split: Examples} of ``{"name": str, "style": str, "score": Score}``: the style is the folder of the file, ""
        for files directly in the folder of a split.

    Raises:
        ValueError: no such folder; no file in it; none of them can be read; the package mido is not installed.
    """
    folder = data_path(data_dir, "midi", "a folder of .mid files or a single one")
    if columns:
        raise ValueError(f"--dataset=midi has no columns. Received: columns={columns!r}")
    check_installed("mido", "--dataset=midi")
    files = [folder]
    if folder.is_dir():
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        files = [file for file in files if (name or "") in file.relative_to(folder).as_posix()]
    kept, dropped, damaged = [], [], []
    for file in files:
        try:
            read_midi(file, drums=drums, skipped=(skipped := collections.Counter()))
        except ValueError as error:
            dropped.append(str(error))
            continue
        kept.append(file)
        if skipped:
            damaged.append(f"{file}: {listed(skipped)}")
    for reason in dropped[:MAX_REPORTED]:
        print(f"left out: {one_line(reason)}", file=sys.stderr)
    if len(dropped) > MAX_REPORTED:
        print(f"left out: {len(dropped) - MAX_REPORTED} more", file=sys.stderr)
    if not kept:
        found = f"{len(files)} .mid files, none of which can be read" if files else "no .mid file"
        named = f" with {name!r} in its path" if name else ""
        raise ValueError(f"{folder}: {found}{named}{', such as ' if files else '.'}{''.join(dropped[:1])}")
    summary = {}
    if damaged:
        more = f"; and {len(damaged) - MAX_REPORTED} more files" if len(damaged) > MAX_REPORTED else ""
        summary["skipped"] = "; ".join(damaged[:MAX_REPORTED]) + more
    splits = {}
    for file in kept:
        splits.setdefault(_split(file.relative_to(folder)), []).append(file)
    others = splits.pop(None, [])  # used only if there are no folders of splits
    divided = bool(splits)
    if folder.is_file():
        splits["test"] = others
    elif not divided:
        splits["train"] = others
    if "train" in splits and "valid" not in splits and (group_by or not divided):
        splits["train"], splits["valid"], summary["held out"] = hold_out_files(splits["train"], EVERY, group_by)
    left_out = f", {len(dropped)} left out" if dropped else ""

    def examples(files):
        source = f"{folder} ({len(files)} files{left_out})"
        return Examples(lambda: _read(files, folder, drums), FEATURES, source, summary=summary)

    return {split: examples(splits[split]) for split in SPLITS if splits.get(split)}


def _split(path):
    """Returns the split that a file belongs to by its innermost folder named after one, or None."""
    return next(filter(None, map(split_of, reversed(path.parts[:-1]))), None)


def _read(files, folder, drums):
    for file in files:
        folders = file.relative_to(folder).parts[:-1]
        style = folders[-1] if folders and not split_of(folders[-1]) else ""
        yield {"name": file.stem, "style": style, "score": read_midi(file, drums=drums)}
