"""Parallel text: sentences and their translations, in two files with a line each, or in one with two columns."""

import functools
import pathlib
import re
import zlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import SPLITS, bad_line, split_files
from seqzoo.datasets.text.delimited import _lines, _tsv_records

FEATURES = {"source": str, "target": str}
TABLES = (".tsv", ".txt")
# Of a set without splits, what each split gets: of 20 parts, by the remainder of a hash.
PARTS = {"train": range(18), "valid": range(18, 19), "test": range(19, 20)}

_words = {word for words in SPLITS.values() for word in words}


@DATASETS.register("parallel")
def parallel(data_dir=None, name=None, columns=None):
    """Parallel text for translation, in UTF-8, plain or gzipped; either of two layouts.

    1. A file for each language, a sentence a line: ``train.en``, ``train.de``, ``valid.en``, ... As nothing says which
       way to translate, the languages are given: ``--columns=source=en,target=de``. They are how the files' names end,
       so ``train.en.txt`` is of the language ``en.txt``.
    2. Columns parted by tabs, without a header, in ``.tsv`` or ``.txt``: ``train.tsv``, ``valid.tsv``, ... The first is
       the source, the second the target, and more are of no matter, unless ``--columns=source=1,target=0`` says other.
       Blank lines are skipped.

    Either may come without splits, as ``deu.txt`` of https://www.manythings.org/anki or ``Europarl.de-en.de`` and
    ``.en`` of https://opus.nlpl.eu. It is then cut into train 90%, valid 5% and test 5% by a hash (CRC-32) of the
    source text, so that sentences of one source, of which such sets have many, are in one split. Another direction
    makes another cut. A single file whose name says a split, ``test.tsv``, is not cut, but all of it is the test split.

    Args:
        data_dir: a folder, or one file with columns. Files whose names begin with ``.`` or ``_`` are left out.
        name: take only the files with this in their names, for a folder that holds several sets: ``"deu"``.
        columns: ``{"source": "en", "target": "de"}`` for files of languages; for columns their numbers from 0, or
            negative from the end: ``{"source": 1, "target": 0}``.

    Returns:
        Dict split -> `Examples` of strings, ``source`` and ``target``, read side by side and never all in memory. Texts
        are as they are in the files: either may be empty.

    Raises:
        ValueError: no such files, or several for one split; languages were not given; two files of a pair differ in
            their numbers of lines; nothing in a file, or too little to cut; with file and line: not UTF-8 (of files of
            languages at once), or, while iterating, another number of columns than in the first line.
    """
    columns = dict(columns or {})
    kinds = {type(column) for column in columns.values()}
    if not data_dir:
        raise ValueError("--dataset=parallel needs --data_dir, a folder such as with train.en and train.de, or a file.")
    if set(columns) - set(FEATURES) or len(kinds) > 1 or (kinds == {str} and len({*columns.values()}) < 2):
        raise ValueError(
            "columns should say which languages the source and the target are, as --columns=source=en,target=de, or "
            f"which columns of a file with tabs, as --columns=source=1,target=0. Received: {columns}"
        )
    path = pathlib.Path(data_dir).expanduser()
    if not path.exists():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.")
    if kinds == {str}:
        found = _pairs(path, name, columns)
    else:
        found = {
            split: (file, functools.partial(_columns, file, {"source": 0, "target": 1, **columns}))
            for split, file in _tables(path, name).items()
        }
    for source, read in found.values():
        if next(read(), None) is None:
            raise ValueError(f"{source}: no line in it.")
    if None in found:
        return _cut(*found[None])
    return {split: Examples(read, FEATURES, source) for split, (source, read) in found.items()}


def _pairs(folder, name, languages):
    """{split: (source, read)} of two files each; the split is None for what is to be cut."""
    if folder.is_file():
        raise ValueError(
            f"--data_dir={folder}: languages are files of a folder, so give the folder. The columns of one file are "
            f"given by number, as --columns=source=0,target=1. Received: {languages}"
        )
    files = {feature: _files(folder, name, f".{languages[feature]}") for feature in FEATURES}
    for feature, other in (("source", "target"), ("target", "source")):
        if alone := set(files[feature]) - set(files[other]):
            file = files[feature][alone.pop()]
            raise ValueError(f"{file} has no translation: no file like it ends in .{languages[other]}.")
    found = {}
    for split, source in files["source"].items():
        target = files["target"][split]
        counts = [sum(1 for _ in _lines(file)) for file in (source, target)]
        if counts[0] != counts[1]:
            raise ValueError(f"{source} has {counts[0]} lines and {target} has {counts[1]}: should be one each a pair.")
        found[split] = f"{source} and {target.name}", functools.partial(_side_by_side, source, target)
    return found


def _tables(path, name):
    """{split: file} of files with columns; the split is None for what is to be cut."""
    if path.is_file():
        return {"test" if _says_split(path) else None: path}
    languages = _languages(path, name)
    if languages and not any(_says_split(file) for file in _listed(path, name, TABLES)):
        ways = " or ".join(f"--columns=source={a},target={b}" for a, b in (languages[:2], languages[1::-1]))
        raise ValueError(f"{path} has files of {', '.join(languages)}. Say which way to translate: {ways}.")
    return _files(path, name, *TABLES)


def _files(folder, name, *endings):
    """{split: file}; or {None: file} where one file fits, and its name says no split."""
    there = _listed(folder, name, endings)
    if any(_says_split(file) for file in there):
        return split_files(folder, *endings, name=name, reader="parallel")
    if len(there) == 1:
        return {None: there[0]}
    named = f" and {name!r} in its name" if name else ""
    if there:
        problem = f"{len(there)} files, and no name says a split, as train.tsv does: say which to read by --name"
    else:
        problem = f"no file ends in {' or '.join(endings)}" + named
        there = _listed(folder)
    some = ", ".join(file.name for file in there[:8]) or "nothing"
    raise ValueError(f"{folder}: {problem}. There: {some}.")


def _listed(folder, name=None, endings=("",)):
    """The files in a folder that are neither hidden nor, as the ``_about.txt`` of manythings.org, about the others."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file()
        and not file.name.startswith((".", "_"))
        and _plain(file).endswith(tuple(ending.lower() for ending in endings))
        and (name or "").lower() in _plain(file)
    )


def _languages(folder, name):
    """The endings of names that have the rest in common, as ``train.en`` and ``train.de`` have: ["de", "en"]."""
    stems = {}
    for file in _listed(folder, name):
        stem, _, ending = _plain(file).rpartition(".")
        if f".{ending}" not in TABLES:
            stems.setdefault(stem, set()).add(ending)
    return sorted(set().union(*(endings for endings in stems.values() if len(endings) > 1)))


def _says_split(file):
    return not _words.isdisjoint(re.split(r"[^a-z]+", _plain(file)))


def _plain(file):
    return file.name.lower().removesuffix(".gz")


def _side_by_side(source, target):
    for (_, text), (_, translation) in zip(_lines(source), _lines(target), strict=True):
        yield {"source": text, "target": translation}


def _columns(path, columns):
    width = None
    for number, fields in _tsv_records(path):
        if width is None:
            width = len(fields)
            if width < 2:
                hint = "if the translations are in another file: --data_dir=FOLDER --columns=source=en,target=de"
                raise bad_line(path, number, f"expected columns parted by tabs, found none; {hint}", fields[0])
            places = {feature: column % width for feature, column in columns.items() if -width <= column < width}
            if len({*places.values()}) < 2:
                raise ValueError(
                    f"{path}: columns should be two of 0 to {width - 1}, or negative from the end, as "
                    f"--columns=source=0,target=1; the file has {width}. Received: {columns}"
                )
        if len(fields) != width:
            problem = f"expected {width} columns (like the first line), found {len(fields)}"
            raise bad_line(path, number, problem, " | ".join(fields))
        yield {feature: fields[place] for feature, place in places.items()}


def _cut(source, read):
    """{split: Examples} of a set without splits."""

    def part(rest):
        return (example for example in read() if zlib.crc32(example["source"].encode()) % 20 in rest)

    if not all(any(True for _ in part(rest)) for rest in PARTS.values()):
        raise ValueError(
            f"{source}: too few different sentences to cut them into {', '.join(PARTS)}. "
            "Make files of each split, with its name in theirs."
        )
    return {
        split: Examples(
            functools.partial(part, rest), FEATURES, f"{source} ({split}: {5 * len(rest)}%, by a hash of the source)"
        )
        for split, rest in PARTS.items()
    }
