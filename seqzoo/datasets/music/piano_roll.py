"""Piano rolls as JSON: pieces as lists of frames, the pitches that sound together, in the form of the JSB sets."""

import collections
import difflib
import functools
import json
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import data_path, split_files
from seqzoo.datasets.splits import SPLITS, split_of, splits_in
from seqzoo.music.voices import NO_PITCH
from seqzoo.registry import did_you_mean
from seqzoo.text.lines import decode_text, open_bytes

SUFFIXES = (".json", ".json.gz")


@DATASETS.register("piano_roll")
def piano_roll(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Piano rolls or voices as JSON: lists of frames of MIDI numbers that sound together; the form of the JSB sets.

    One file with all splits, ``{"train": [piece, ...], "valid": [...], "test": [...]}``, or one file per split, each a
    list of pieces. A piece is a list of frames. Files may be gzipped. Two forms are recognized:

    - piano roll, ``[[60, 72, 79, 88], [72, 88], [], ...]`` (``jsb-chorales-quarter.json``);
    - voices, ``[[74, 70, 65, -1], ...]`` (``Jsb16thSeparated.json``): all frames of all splits have the same number of
      entries, two or more, one for each voice, and -1 is a rest.

    A piano roll whose frames all have the same number of notes cannot be distinguished from voices and is read as such.

    Boulanger-Lewandowski et al. (2012), https://arxiv.org/abs/1206.6392; files in this form:
    https://github.com/czhuang/JSB-Chorales-dataset

    Args:
        data_dir: the file; or a folder with it, or with one file per split.
        name: keep only files whose names contain this, for a folder of several sets: ``"quarter"``.
        columns: for other readers; must be empty.

    Returns:
        {split: Examples} of ``{"frames": list}``: for each frame the pitches that sound, each once, from high to low;
        for voices also ``"voices"``: the rows of the file. Numbers are ints. `source` gives the number of pieces, and
        of pieces left out because they have no note.

    Raises:
        ValueError: no such file, or several; columns were given. At the call, naming file, split, piece and frame (from
            1): not of this form, or a number that is not a pitch from 0 to 127, such as -1 in a piano roll.
    """
    if columns:
        raise ValueError(f"--dataset=piano_roll has no columns. Received: columns={columns!r}")
    files = _files(data_dir, name)
    found = {}  # split -> (file, number of pieces, number of pieces without a note)
    lengths = collections.Counter()
    first_rest = None  # where it is
    for split, path in files.items():
        splits = _load(path, split)
        if split and list(splits) != [split]:
            raise ValueError(f"{path}: expected only the {split} split, found {', '.join(splits)}.")
        for part, pieces in splits.items():
            numbers = [0, 0]
            for number, piece in enumerate(pieces, 1):
                where = f"{path}: {part}, piece {number}"
                sizes, rest = _check(piece, where)
                first_rest = first_rest or rest
                lengths.update(sizes)
                numbers[not _sounds(piece)] += 1
            found[part] = path, *numbers
    voices = len(lengths) == 1 and min(lengths) > 1
    if first_rest and not voices:
        sizes = ", ".join(str(size) for size in sorted(lengths))
        raise ValueError(
            f"{first_rest}: -1 is a rest if all frames have the same number of entries, two or more, one for each "
            f"voice. These have {sizes}. Leave out -1 for a piano roll."
        )
    for split, (path, count, empty) in found.items():
        if not count:
            raise ValueError(f"{path}: {split} has no piece with a note ({empty} without).")
    features = {"frames": list} | ({"voices": list} if voices else {})
    return {
        split: Examples(
            functools.partial(_read, found[split][0], split, voices),
            features,
            "{}, {}: {} pieces, {} without a note left out".format(found[split][0], split, *found[split][1:]),
        )
        for split in SPLITS
        if split in found
    }


def _read(path, split, voices):
    for piece in _load(path, split)[split]:
        if _sounds(piece):
            rows = [[int(pitch) for pitch in frame] for frame in piece]
            example = {"frames": [sorted({pitch for pitch in row if pitch != NO_PITCH}, reverse=True) for row in rows]}
            yield example | ({"voices": rows} if voices else {})


def _files(data_dir, name):
    """Returns {split: file}, or {None: file} for one that may have all splits."""
    path = data_path(data_dir, "piano_roll", "a .json file, or a folder with one, or one per split")
    if path.is_file():
        if name:
            raise ValueError(f"--name={name} selects files of a folder, but {path} is a file.")
        return {None: path}
    candidates = [file for file in sorted(path.iterdir()) if file.is_file() and file.name.lower().endswith(SUFFIXES)]
    fitting = [file for file in candidates if (name or "").lower() in file.name.lower()]
    if any(splits_in(file) for file in fitting):
        return split_files(path, ".json", name=name, reader="piano_roll")
    if len(fitting) != 1:
        names = [file.name for file in candidates]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.3) if name and not fitting else []
        hint = f" Did you mean --name={near[0]}?" if near else " Select one with --name." if fitting else ""
        named = f" with {name!r} in the name" if name else ""
        raise ValueError(
            f"{path}: {len(fitting) or 'no'} .json files{named}.{hint} Found: {', '.join(names[:8]) or 'none'}."
        )
    return {None: fitting[0]}


def _load(path, split=None):
    """{split: list of pieces} of a file; a bare list is `split`, or the test split so that any file can be scored."""
    with open_bytes(path) as file:
        text = "".join(decode_text(file, path, flag=""))
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{path}: is not JSON of this form: lists are nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from error
    if isinstance(content, list):
        return {split or "test": content}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a list of pieces or {{split: list of pieces}}, found {_short(content)}")
    splits = {}
    for key, pieces in content.items():
        part = split_of(key)
        if part is None:
            hint = did_you_mean(key.lower(), [word for names in SPLITS.values() for word in names])
            raise ValueError(f"{path}: {key!r} is not a split.{hint} Splits: {', '.join(SPLITS)}.")
        if part in splits:
            raise ValueError(f"{path}: two keys for the {part} split, one of them {key!r}")
        if not isinstance(pieces, list):
            raise ValueError(f"{path}: {key} should be a list of pieces, found {_short(pieces)}")
        splits[part] = pieces
    if not splits:
        raise ValueError(f"{path}: it has no split. Expected {{'train': [piece, ...], ...}}")
    return splits


def _check(piece, where):
    """Returns the number of entries of each frame of a piece, and where its first rest is, or None.

    Raises:
        ValueError: names the frame that is not a list of pitches.
    """
    if not isinstance(piece, list):
        raise ValueError(f"{where}: should be a list of frames, found {_short(piece)}")
    rest = None
    for number, frame in enumerate(piece, 1):
        if not isinstance(frame, list):
            raise ValueError(f"{where}, frame {number}: should be a list of MIDI numbers, found {_short(frame)}")
        for pitch in frame:
            # Floats come from NumPy arrays; True is an int to Python.
            if type(pitch) not in (int, float) or not (pitch == NO_PITCH or 0 <= pitch <= 127) or pitch != int(pitch):
                raise ValueError(
                    f"{where}, frame {number}: a pitch is a whole number from 0 to 127, -1 a rest: {_short(pitch)}"
                )
            if pitch == NO_PITCH:
                rest = rest or f"{where}, frame {number}"
    return [len(frame) for frame in piece], rest


def _sounds(piece):
    return any(pitch != NO_PITCH for frame in piece for pitch in frame)


def _short(value, width=40):
    text = json.dumps(value)
    return text[:width] + ("..." if len(text) > width else "")
