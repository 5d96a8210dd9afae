"""Parallel text: sentences and their translations, in two files line by line, or in two columns of one file."""

import functools
import os
import zlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, plain_name, read_lines, split_files, split_folders
from seqzoo.datasets.splits import splits_in
from seqzoo.datasets.tables import tsv_rows

FEATURES = {"source": str, "target": str}
TABLES = (".tsv", ".txt")
# How a set without splits is divided: which remainders of a hash by 20 belong to each split.
PARTS = {"train": range(18), "valid": range(18, 19), "test": range(19, 20)}


@DATASETS.register("parallel")
def parallel(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Parallel text for translation, plain or gzipped, in either of two layouts.

    1. A file for each language, one sentence per line: ``train.en``, ``train.de``, ``valid.en``, ... The direction of
       translation must be given: ``--columns=source=en,target=de``. The languages are the endings of the file names, so
       ``train.en.txt`` is of the language ``en.txt``.
    2. Tab-separated columns without a header, in ``.tsv`` or ``.txt``: ``train.tsv``, ``valid.tsv``, ... The first is
       the source, the second the target, and others are ignored; ``--columns=source=1,target=0`` chooses otherwise.
       Blank lines are skipped.

    Either may have a folder for each split with one file of a set, or one for each language: ``train/kor_train.tsv``,
    ``dev/kor_dev.tsv``.

    Either may come without splits, as ``deu.txt`` of https://www.manythings.org/anki or ``Europarl.de-en.de`` and
    ``.en`` of https://opus.nlpl.eu. It is then split into train 90%, valid 5% and test 5% by a hash (CRC-32) of the
    source text, so that the translations of one source, which such sets often have, are in one split. The other
    direction gives other splits, and a set too small for that is the train split. A single file named as a split,
    ``test.tsv``, is the test split as a whole.

    Args:
        data_dir: a folder, or one file with columns. Files whose names begin with ``.`` or ``_`` are skipped.
        name: take only the files with this in their names, for a folder that holds several sets: ``"deu"``.
        columns: ``{"source": "en", "target": "de"}`` for files of languages; for columns their indices from 0, or
            negative from the end: ``{"source": 1, "target": 0}``.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of strings, ``source`` and ``target``, read in parallel and never all in memory. Texts
        are unchanged, and either may be empty.

    Raises:
        ValueError: no such files, or several for one split; languages were not given; two files of a pair differ in
            their numbers of lines; a file is empty; with file and line: not in this encoding (of
            files of languages at once), or, while iterating, a number of columns that differs from the first line.
    """
    columns = dict(columns or {})
    kinds = {type(column) for column in columns.values()}
    if set(columns) - set(FEATURES) or len(kinds) > 1 or (kinds == {str} and len({*columns.values()}) < 2):
        raise ValueError(
            "columns should be the languages of the source and the target, such as --columns=source=en,target=de, or "
            f"their columns in a file with tabs, such as --columns=source=1,target=0. Received: {columns}"
        )
    path = data_path(data_dir, "parallel", "a folder, such as one with train.en and train.de, or a file")
    if kinds == {str}:
        found = _pairs(path, name, columns, encoding)
    else:
        found = {
            split: (file, functools.partial(_columns, file, {"source": 0, "target": 1, **columns}, encoding))
            for split, file in _tables(path, name).items()
        }
    for source, read in found.values():
        if next(read(), None) is None:
            raise ValueError(f"{source} holds no examples.")
    if None in found:
        return _split_by_hash(*found[None])
    return {split: Examples(read, FEATURES, source) for split, (source, read) in found.items()}


def _pairs(folder, name, languages, encoding):
    """Returns {split: (source, read)} of two files each; {None: ...} of a set without splits."""
    if folder.is_file():
        raise ValueError(
            f"--data_dir={folder}: languages are files of a folder, so give the folder. The columns of one file are "
            f"given by index, such as --columns=source=0,target=1. Received: {languages}"
        )
    files = {feature: _files(folder, name, f".{languages[feature]}") for feature in FEATURES}
    for feature, other in (("source", "target"), ("target", "source")):
        if alone := set(files[feature]) - set(files[other]):
            file = files[feature][alone.pop()]
            raise ValueError(f"{file} has no translation: no file like it ends in .{languages[other]}.")
    found = {}
    for split, source in files["source"].items():
        target = files["target"][split]
        counts = [sum(1 for _ in read_lines(file, encoding)) for file in (source, target)]
        if counts[0] != counts[1]:
            raise ValueError(f"{source} has {counts[0]} lines and {target} has {counts[1]}: expected one per pair.")
        found[split] = f"{source} and {target.name}", functools.partial(_side_by_side, source, target, encoding)
    return found


def _tables(path, name):
    """Returns {split: file} of files with columns; {None: file} of a set without splits."""
    if path.is_file():
        return {"test" if splits_in(path) else None: path}
    languages = _languages(path, name)
    if languages and not any(splits_in(file) for file in _listed(path, name, TABLES)):
        ways = " or ".join(f"--columns=source={a},target={b}" for a, b in (languages[:2], languages[1::-1]))
        raise ValueError(f"{path} has files of {', '.join(languages)}. Choose the direction: {ways}.")
    return _files(path, name, *TABLES)


def _files(folder, name, *endings):
    """Returns {split: file}; or {None: file} where one file fits and it is not named as a split."""
    present = _listed(folder, name, endings)
    if not present and (folders := split_folders(folder)):
        return {split: _only_file(own, name, endings) for split, own in folders.items()}
    if any(splits_in(file) for file in present):
        return split_files(folder, *endings, name=name, reader="parallel")
    if len(present) == 1:
        return {None: present[0]}
    named = f" and {name!r} in its name" if name else ""
    if present:
        problem = f"{len(present)} files, none of them named as a split, such as train.tsv: choose one by --name"
    else:
        problem = f"no file ends in {' or '.join(endings)}" + named
        present = _listed(folder)
    some = ", ".join(file.name for file in present[:8]) or "nothing"
    raise ValueError(f"{folder}: {problem}. Found: {some}.")


def _only_file(folder, name, endings):
    """Returns the file in the folder of a split."""
    present = _listed(folder, name, endings)
    if len(present) == 1:
        return present[0]
    named = f" and {name!r} in its name" if name else ""
    raise ValueError(
        f"{folder}: {len(present) or 'no'} files end in {' or '.join(endings)}{named}, and a split is one: choose it "
        f"by --name. Found: {', '.join(file.name for file in _listed(folder)[:8]) or 'nothing'}."
    )


def _listed(folder, name=None, endings=("",)):
    """Lists the files in a folder, without hidden ones and ones like the ``_about.txt`` of manythings.org."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file()
        and not file.name.startswith((".", "_"))
        and plain_name(file).endswith(tuple(ending.lower() for ending in endings))
        and (name or "").lower() in plain_name(file)
    )


def _languages(folder, name):
    """Returns the endings of file names that have the same stem: ["de", "en"] of ``train.en`` and ``train.de``."""
    stems = {}
    for file in _listed(folder, name):
        stem, _, ending = plain_name(file).rpartition(".")
        if f".{ending}" not in TABLES:
            stems.setdefault(stem, set()).add(ending)
    return sorted(set().union(*(endings for endings in stems.values() if len(endings) > 1)))


def _side_by_side(source, target, encoding):
    for (_, text), (_, translation) in zip(read_lines(source, encoding), read_lines(target, encoding), strict=True):
        yield {"source": text, "target": translation}


def _columns(path, columns, encoding):
    width = None
    for number, fields in tsv_rows(path, encoding):
        if width is None:
            width = len(fields)
            if width < 2:
                hint = "if the translations are in another file: --data_dir=FOLDER --columns=source=en,target=de"
                raise bad_line(path, number, f"expected tab-separated columns, found none; {hint}", fields[0])
            indices = {feature: column % width for feature, column in columns.items() if -width <= column < width}
            if len({*indices.values()}) < 2:
                raise ValueError(
                    f"{path}: columns should be two of 0 to {width - 1}, or negative from the end, as "
                    f"--columns=source=0,target=1; the file has {width}. Received: {columns}"
                )
        yield {feature: fields[index] for feature, index in indices.items()}


def _split_by_hash(source, read):
    """Returns {split: Examples} of a set without splits."""

    def part(remainders):
        return (example for example in read() if zlib.crc32(example["source"].encode()) % 20 in remainders)

    if not all(any(True for _ in part(remainders)) for remainders in PARTS.values()):
        return {"train": Examples(read, FEATURES, source)}  # too few: part of them is held out as valid
    return {
        split: Examples(
            functools.partial(part, remainders),
            FEATURES,
            f"{source} ({split}: {5 * len(remainders)}%, by a hash of the source)",
        )
        for split, remainders in PARTS.items()
    }
