"""Recordings with a table of their texts, in LibriSpeech's layout, in folders of words, or with texts as names."""

import collections
import functools
import itertools
import os
import pathlib
import random
import re
import zipfile

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, read_lines, split_files, split_folders
from seqzoo.datasets.splits import SPLITS, refuse_arguments, splits_in
from seqzoo.datasets.tables import by_index, find_columns, table_rows
from seqzoo.extras import check_installed
from seqzoo.sound import Clip, Joined, Recording
from seqzoo.sound.recording import ENDINGS, Member, first_rate

FEATURES = {"audio": Recording, "text": str}
# Common names of the columns of tables, the likeliest first, as for `tables.find_columns`.
COLUMNS = {
    "audio": ("path", "audio", "file", "filename", "wav", "clip"),
    "text": ("text", "sentence", "transcript", "transcription", "label", "word"),
}
LISTS = {"validation_list.txt": "valid", "testing_list.txt": "test"}  # of Speech Commands
SILENCE = 0.2  # seconds of silence between two clips that training joins, at most


@DATASETS.register("recordings")
def recordings(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Recordings and their texts: a table for each split, as Common Voice has them; or LibriSpeech's layout.

    Tables are ``train.tsv`` and so on, in columns separated by tabs, or commas in ``.csv``. Their paths are relative
    to the table's folder, or to ``clips`` in it. LibriSpeech: folders such as ``dev-clean``, in which ``*.trans.txt``
    have lines of a name and a text beside ``NAME.flac``. Recordings are read when they are needed, see
    `sound.recording`.

    Args:
        data_dir: the folder, or one table.
        name: take only the tables or folders with this in their names, such as "clean".
        columns: {"audio": column, "text": column}, by the names in the first line, or by index in a table that has no
            such line. Default: the first of `COLUMNS` that the table has.
        encoding: of the tables.

    Returns:
        {split: Examples} of ``{"audio": Recording, "text": str}``.

    Raises:
        ValueError: no such files or columns; while iterating, with file and line: a malformed line. The package
            soundfile is not installed.
    """
    check_installed("soundfile", "--dataset=recordings")
    folder = data_path(data_dir, "recordings", "a folder with train/valid/test tables of paths and texts")
    if folder.is_dir() and next(folder.rglob("*.trans.txt"), None):
        refuse_arguments("LibriSpeech's layout has no columns.", columns=columns)
        return _librispeech(folder, name or "", encoding)
    files = split_files(folder, ".tsv", ".csv", ".txt", name=name, reader="recordings")
    return {split: _table(path, columns, encoding) for split, path in files.items()}


def _table(path, columns, encoding):
    _, first = next(table_rows(path, encoding), (0, []))
    if not first:
        raise ValueError(f"{path} holds no examples.")
    indices = find_columns(path, first, columns, COLUMNS, [*COLUMNS])
    clips = path.parent / "clips"
    roots = [path.parent, *([clips] if clips.is_dir() else [])]

    def read():
        header = not by_index(columns)
        for line, row in itertools.islice(table_rows(path, encoding), int(header), None):
            cell = row[indices["audio"]].strip()
            if not cell:
                raise bad_line(path, line, "no path of a recording", " | ".join(row))
            found = next((root / cell for root in roots if (root / cell).is_file()), roots[-1] / cell)
            yield {"audio": Clip(cell, found), "text": row[indices["text"]].strip()}

    return Examples(read, FEATURES, path)


def _librispeech(folder, name, encoding):
    tables = collections.defaultdict(list)
    for table in sorted(folder.rglob("*.trans.txt")):
        parts = table.relative_to(folder).parts[:-1]
        if name in "/".join(parts):
            splits = [split for part in parts for split in splits_in(part)]
            tables[splits[-1] if splits else "train"].append(table)
    if not tables:
        raise ValueError(f"{folder}: no .trans.txt in a folder with {name!r} in its path.")

    def read(split):
        for table in tables[split]:
            for number, line in read_lines(table, encoding):
                stem, _, text = line.partition(" ")
                if not text:
                    raise bad_line(table, number, "should be the name of a recording and its text", line)
                path = table.parent / f"{stem}.flac"
                yield {"audio": Clip(path.name, path), "text": text.strip()}

    return {
        split: Examples(functools.partial(read, split), FEATURES, f"{folder}/{split}")
        for split in SPLITS if tables.get(split)
    }  # fmt: skip


@DATASETS.register("word_recordings")
def word_recordings(
    data_dir: str | os.PathLike | None = None, name: str | None = None, columns: dict | None = None
) -> dict[str, Examples]:
    """Recordings in folders named by what is said: ``WORD/*.wav`` or ``train/WORD/*.wav``, as in Speech Commands.

    Without folders for the splits, the lists of Speech Commands, ``validation_list.txt`` and ``testing_list.txt``, say
    which recordings are valid and test. Folders whose names begin with ``_`` or ``.`` are skipped.

    Args:
        data_dir: the folder.
        name, columns: arguments of other readers, not used.

    Returns:
        {split: Examples} as of `recordings`, sorted by file name, so that the words are mixed.

    Raises:
        ValueError: no such folder; no recording in it; name or columns were given; soundfile is not installed.
    """
    check_installed("soundfile", "--dataset=word_recordings")
    refuse_arguments("--dataset=word_recordings has no name and columns.", name=name, columns=columns)
    root = data_path(data_dir, "word_recordings", "a folder of WORD/*.wav")
    if not root.is_dir():
        raise ValueError(f"--data_dir={data_dir}: should be a folder, of WORD/*.wav or SPLIT/WORD/*.wav.")
    listed = {
        line: split for file, split in LISTS.items() if (root / file).is_file() for _, line in read_lines(root / file)
    }
    files = collections.defaultdict(list)
    for split, folder in (split_folders(root) or {"train": root}).items():
        for path in folder.glob("*/*"):
            if path.suffix.lower() in ENDINGS and path.parent.name[0] not in "._":
                files[listed.get(path.relative_to(folder).as_posix(), split)].append(path)
    if not files:
        raise ValueError(f"{root}: no recording ({', '.join(ENDINGS)}) in a folder named by its word.")

    def read(split):
        for path in sorted(files[split], key=lambda path: (path.name, path.parent.name)):
            yield {"audio": Clip(f"{path.parent.name}/{path.name}", path), "text": path.parent.name}

    return {
        split: Examples(functools.partial(read, split), FEATURES, f"{root}/{split}")
        for split in SPLITS
        if files.get(split)
    }


@DATASETS.register("named_recordings")
def named_recordings(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    strings: int = 0,
    apart: bool = False,
) -> dict[str, Examples]:
    """Recordings whose names tell what is said, such as ``7_jackson_32.wav``, in a folder or a zip; also joined.

    Lists, text files with valid or test in their names, say which recordings those splits have. A line is an example:
    the names of one recording or of several, each with the number of silent samples after it:
    ``9_jackson_8.wav:129 3_jackson_6.wav:241``. All recordings that no list names are train.

    Args:
        data_dir: the folder with the recordings or zip archives of them, at any depth, and with the lists.
        name: keep only recordings with this in their names.
        columns: {"text": index, "group": index} of the parts of a name between ``_``, from 0, negative from the end.
            Default: the first part is the text, the second one the group, such as a speaker.
        strings: maximum number of recordings in a string of train. Each recording begins one string, of 1 to `strings`
            recordings of the same group with up to 0.2 seconds of silence after each. 0: recordings stay single.
        apart: split up the strings of lists: each recording that they name is an example.

    Returns:
        {split: Examples} as of `recordings`; the text of a string is that of its parts, with blanks between them.

    Raises:
        ValueError: no such folder; no recording in it, or not the one that a list names; two of the same name; a name
            without such a part; soundfile is not installed.
    """
    check_installed("soundfile", "--dataset=named_recordings")
    root = data_path(data_dir, "named_recordings", "a folder of recordings such as 7_jackson_32.wav, or zips of them")
    columns = {"text": 0, "group": 1, **(columns or {})}
    if set(columns) != {"text", "group"} or not all(isinstance(column, int) for column in columns.values()):
        raise ValueError(
            f"--columns should be parts of the names of recordings: --columns=text=0,group=1. Received: {columns}"
        )
    folder = root if root.is_dir() else root.parent
    clips = {}
    for clip in _clips(root):
        if (name or "") in clip.name and clips.setdefault(clip.name, clip) is not clip:
            raise ValueError(f"{root}: two recordings have the name {clip.name}, by which lists would name them.")
    if not clips:
        raise ValueError(f"{root}: no recording ({', '.join(ENDINGS)}){f' with {name!r} in its name' if name else ''}.")

    def part(clip, feature):
        parts = pathlib.PurePath(clip.name).stem.split("_")
        try:
            return parts[columns[feature]]
        except IndexError:
            if feature == "group":
                return ""
            raise ValueError(f"{clip.name}: the name has no part {columns[feature]} between underscores.") from None

    def example(parts, silences, rate):
        text = " ".join(part(clip, "text") for clip in parts)
        if len(parts) == 1 and not silences[0]:
            return {"audio": parts[0], "text": text}
        return {"audio": Joined(" ".join(clip.name for clip in parts), parts, silences, rate), "text": text}

    lists, splits = {}, {}
    for path in sorted(folder.glob("*.txt")):
        for split in {*splits_in(path.name)[-1:]} - {"train"}:
            lists.setdefault(split, []).extend(_listed(path, clips))
    rate = first_rate(clips.values())
    for split, listed in lists.items():
        if apart:
            listed = [((clip,), (0,)) for clip in dict.fromkeys(clip for parts, _ in listed for clip in parts)]
        splits[split] = [example(parts, silences, rate) for parts, silences in listed]
    named = {clip for listed in lists.values() for parts, _ in listed for clip in parts}
    groups = collections.defaultdict(list)
    for clip in clips.values():
        if clip not in named:
            groups[part(clip, "group")].append(clip)
    train = []
    for number, clip in enumerate(clip for group in groups.values() for clip in group):
        rng = random.Random(number)
        others = rng.choices(groups[part(clip, "group")], k=rng.randrange(strings)) if strings else []
        silences = [rng.randrange(round(SILENCE * rate)) if strings else 0 for _ in range(len(others) + 1)]
        train.append(example((clip, *others), tuple(silences), rate))
    splits["train"] = train
    return {
        split: Examples(splits[split].__iter__, FEATURES, f"{root}/{split}") for split in SPLITS if splits.get(split)
    }


def _clips(root):
    """The recordings below a folder and in the zip archives there, or in one archive."""
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.suffix.lower() in ENDINGS:
            yield Clip(path.name, path)
        elif path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = sorted(archive.namelist())
            for member in members:
                if pathlib.PurePath(member).suffix.lower() in ENDINGS:
                    yield Member(pathlib.PurePath(member).name, path, member)


def _listed(path, clips):
    """Returns [(recordings, silent samples after each)] of the lines of a list."""
    strings = []
    for number, line in read_lines(path):
        parts, silences = [], []
        for item in line.split():
            clip, silence = re.fullmatch(r"(.+?)(?::(\d+))?", item).groups()
            if clip not in clips:
                raise bad_line(path, number, f"there is no recording {clip!r}", line)
            parts.append(clips[clip])
            silences.append(int(silence or 0))
        if parts:
            strings.append((tuple(parts), tuple(silences)))
    return strings
