"""Music as JSON: pieces of frames, each the pitches that sound together, as the published JSB sets have it."""

import collections
import difflib
import functools
import gzip
import json
import pathlib
import re
import zlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import SPLITS, split_files
from seqzoo.registry import did_you_mean

ENDINGS = (".json", ".json.gz")
REST = -1


@DATASETS.register("frames")
def frames(data_dir=None, name=None, columns=None):
    """Music as JSON: pieces of frames, each a list of MIDI numbers that sound together; the form of the JSB sets.

    One file with all splits, ``{"train": [piece, ...], "valid": [...], "test": [...]}``, or a file a split (or `name`),
    each a list of pieces. A piece is a list of frames. Files may be gzipped. Two forms are told apart by themselves:

    - piano roll, ``[[60, 72, 79, 88], [72, 88], [], ...]`` (``jsb-chorales-quarter.json``);
    - voices, ``[[74, 70, 65, -1], ...]`` (``Jsb16thSeparated.json``): all frames of all splits have as many entries,
      two or more, one for each voice, and -1 is a rest.

    A piano roll whose frames all have as many notes looks the same, and is read as voices.

    Boulanger-Lewandowski et al. (2012), https://arxiv.org/abs/1206.6392; files in this form:
    https://github.com/czhuang/JSB-Chorales-dataset

    Args:
        data_dir: the file; or a folder with it, or with a file a split.
        name: take only files with this in their names, for a folder that holds several sets: ``"quarter"``.
        columns: what other readers take; of no use here.

    Returns:
        Dict split -> `Examples` of ``{"frames": list}``: for each frame the pitches that sound, each once, from high to
        low; for voices also ``"voices"``: its rows as they are in the file. Numbers are ints. `source` says how many
        pieces there are, and how many were left out because they have no frame or none with a note.

    Raises:
        ValueError: no such file, or several; columns were given; with file, split, piece and frame (from 1), at once:
            not of this form, or a number that is no pitch from 0 to 127, as -1 in a piano roll.
    """
    if columns:
        raise ValueError(f"--dataset=frames has no columns. Received: columns={columns!r}")
    files = _files(data_dir, name)
    found = {}  # split: the file, how many pieces it has, how many it leaves out
    lengths = collections.Counter()
    rest = None  # where the first rest is
    for split, path in files.items():
        splits = _load(path, split)
        if split and list(splits) != [split]:
            raise ValueError(f"{path}: should have the {split} split only, and has {', '.join(splits)}.")
        for part, pieces in splits.items():
            numbers = [0, 0]
            for number, piece in enumerate(pieces, 1):
                where = f"{path}: {part}, piece {number}"
                sizes, place = _check(piece, where)
                rest = rest or place
                lengths.update(sizes)
                numbers[not _sounds(piece)] += 1
            found[part] = path, *numbers
    voices = len(lengths) == 1 and min(lengths) > 1
    if rest and not voices:
        sizes = ", ".join(str(size) for size in sorted(lengths))
        raise ValueError(
            f"{rest}: -1 is a rest where all frames have as many entries, two or more, one for each voice. These have "
            f"{sizes}: leave the -1 away for a piano roll."
        )
    for split, (path, count, empty) in found.items():
        if not count:
            raise ValueError(f"{path}: {split} has no piece with a note in it ({empty} without).")
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
            example = {"frames": [sorted({pitch for pitch in row if pitch != REST}, reverse=True) for row in rows]}
            yield example | ({"voices": rows} if voices else {})


def _files(data_dir, name):
    """{split: file}, or {None: file} of one that may have all splits."""
    if not data_dir:
        raise ValueError("--dataset=frames needs --data_dir: a .json file, or a folder with one or one for each split.")
    path = pathlib.Path(data_dir).expanduser()
    if path.is_file():
        if name:
            raise ValueError(f"--name={name} chooses among the files of a folder, and {path} is one file.")
        return {None: path}
    if not path.is_dir():
        there = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, there, n=1)
        hint = f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.{hint}")
    there = [file for file in sorted(path.iterdir()) if file.is_file() and file.name.lower().endswith(ENDINGS)]
    fitting = [file for file in there if (name or "").lower() in file.name.lower()]
    words = {word for names in SPLITS.values() for word in names}
    if any(words & set(re.split(r"[^a-z]+", file.name.lower())) for file in fitting):
        return split_files(path, ".json", name=name, reader="frames")
    if len(fitting) != 1:
        names = [file.name for file in there]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.3) if name and not fitting else []
        hint = f" Did you mean --name={near[0]}?" if near else " Say which by --name." if fitting else ""
        named = f" with {name!r} in the name" if name else ""
        raise ValueError(
            f"{path}: {len(fitting) or 'no'} .json files{named}.{hint} There: {', '.join(names[:8]) or 'no such file'}."
        )
    return {None: fitting[0]}


def _load(path, split=None):
    """{split: list of pieces} of a file; a bare list is `split`, or the test split so that any file can be scored."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            content = json.loads(file.read())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip data: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{path}: is not JSON of this form: too many lists in each other") from error
    except ValueError as error:  # also that it is not UTF-8
        raise ValueError(f"{path}: is not JSON: {error}") from error
    if isinstance(content, list):
        return {split or "test": content}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a list of pieces or {{split: list of pieces}}, found {_short(content)}")
    splits = {}
    for key, pieces in content.items():
        part = next((part for part, names in SPLITS.items() if key.lower() in names), None)
        if part is None:
            hint = did_you_mean(key.lower(), [word for names in SPLITS.values() for word in names])
            raise ValueError(f"{path}: {key!r} is no split.{hint} Splits: {', '.join(SPLITS)}.")
        if part in splits:
            raise ValueError(f"{path}: two keys for the {part} split, one of them {key!r}")
        if not isinstance(pieces, list):
            raise ValueError(f"{path}: {key} should be a list of pieces, found {_short(pieces)}")
        splits[part] = pieces
    if not splits:
        raise ValueError(f"{path}: no split in it. Expected {{'train': [piece, ...], ...}}")
    return splits


def _check(piece, where):
    """How many entries the frames of a piece have, and where the first rest is, or None.

    Raises:
        ValueError: with the place: it is not a list of lists of pitches.
    """
    if not isinstance(piece, list):
        raise ValueError(f"{where}: should be a list of frames, found {_short(piece)}")
    rest = None
    for number, frame in enumerate(piece, 1):
        if not isinstance(frame, list):
            raise ValueError(f"{where}, frame {number}: should be a list of MIDI numbers, found {_short(frame)}")
        for pitch in frame:
            # A float if there was a NumPy array before; True is an int to Python.
            if type(pitch) not in (int, float) or not (pitch == REST or 0 <= pitch <= 127) or pitch != int(pitch):
                raise ValueError(
                    f"{where}, frame {number}: a pitch is a whole number from 0 to 127, -1 a rest: {_short(pitch)}"
                )
            if pitch == REST:
                rest = rest or f"{where}, frame {number}"
    return [len(frame) for frame in piece], rest


def _sounds(piece):
    return any(pitch != REST for frame in piece for pitch in frame)


def _short(value, width=40):
    text = json.dumps(value)
    return text[:width] + ("..." if len(text) > width else "")
