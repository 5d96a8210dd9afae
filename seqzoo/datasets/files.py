"""What the readers of files share: which file is which split, and lines with their numbers."""

import gzip
import pathlib
import re
import zlib

SPLITS = {
    "train": {"train", "training"},
    "valid": {"valid", "validation", "val", "dev", "devel", "development", "testa"},  # testa, testb: CoNLL's own names
    "test": {"test", "testing", "testb"},
}

# What the columns of labelled texts are called, the likeliest first; for `find_columns`.
COLUMNS = {
    "text": ("text", "sentence", "review", "question", "content", "tweet", "comment", "document", "body"),
    "label": ("label", "labels", "sentiment", "class", "category", "target", "polarity", "stars", "rating"),
}


def split_files(data_dir, *extensions, name=None, reader="a reader of files"):
    """Finds the files of the splits by their names: ``train.txt``, ``en_ewt-ud-dev.conllu.gz``, ``eng.testa``.

    The split is the last word in the file's name that means one (`SPLITS`). Where several files fit, the one that is
    called only that wins: ``train.tsv`` before ``train_phrases.tsv``.

    Args:
        data_dir: a folder; or one file, which is then the test split, so that any labelled file can be scored.
        *extensions: the file names' endings, each also with ``.gz``: ``".conllu"``. None given: any.
        name: take only files with this in their names, for a folder that holds several sets: ``"en_ewt"``.
        reader: who asks, for messages: ``"conll"``.

    Returns:
        Dict split -> `pathlib.Path`, in the order train, valid, test, with the splits that are there.

    Raises:
        ValueError: no `data_dir`; it is missing; it has no file of any split, or two for one.
    """
    if not data_dir:
        raise ValueError(
            f"--dataset={reader} needs --data_dir, a folder with train/valid/test files or one labelled file."
        )
    folder = pathlib.Path(data_dir).expanduser()
    if folder.is_file():
        return {"test": folder}
    if not folder.is_dir():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.")

    candidates = {split: [] for split in SPLITS}
    there = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    for file in there:
        plain = file.name.lower().removesuffix(".gz")
        if (name or "").lower() in plain and plain.endswith(tuple(e.lower() for e in extensions) or ""):
            splits = [split for word in re.split(r"[^a-z]+", plain) for split in SPLITS if word in SPLITS[split]]
            if splits:
                candidates[splits[-1]].append(file)

    found = {}
    for split, files in candidates.items():
        exact = [file for file in files if file.name.lower().split(".")[0] in SPLITS[split]]
        if len(exact or files) > 1:
            raise ValueError(
                f"{folder}: {len(exact or files)} files fit the {split} split: {_listed(exact or files)}. "
                "Say which by a part of the file names in `name`, or move the others."
            )
        if files:
            found[split] = (exact or files)[0]
    if not found:
        wanted = f"{' or '.join(extensions)} file" if extensions else "file"
        named = f" and {name!r}" if name else ""
        raise ValueError(
            f"{folder}: no {wanted} with train, valid (or dev, val, testa) or test (or testb){named} in its name. "
            f"There: {_listed(there) or 'nothing'}."
        )
    return found


def find_columns(path, names, columns, hint=""):
    """Finds the columns of labelled texts by their names.

    Args:
        path: the file, for messages.
        names: list of the names of its columns.
        columns: dict feature -> name, for ``text``, ``label`` or both. For the others: the first in `COLUMNS` there is,
            in upper or lower case.
        hint: what else may be wrong, for the message.

    Returns:
        Dict ``{"text": name, "label": name}``.

    Raises:
        ValueError: no such column; `columns` has other features.
    """
    if unknown := set(columns) - set(COLUMNS):
        raise ValueError(f"columns should be of text and label, as --columns=text=NAME,label=NAME. No: {unknown}")
    lower = {name.lower(): name for name in reversed(names)}  # reversed: the first of two alike wins
    found = {}
    for feature, usual in COLUMNS.items():
        if feature in columns:
            wanted, found[feature] = repr(columns[feature]), columns[feature]
        else:
            wanted, found[feature] = " or ".join(usual), next((lower[n] for n in usual if n in lower), None)
        if found[feature] not in names:
            there = ", ".join(shorten(name, 30) for name in names[:20]) + (", ..." if len(names) > 20 else "")
            raise ValueError(
                f"{path}: no column for the {feature}: looked for {wanted}. There: {there}. "
                f"Say which: --columns=text=NAME,label=NAME. {hint}".rstrip()
            )
    return found


def read_lines(path):
    """Yields (number from 1, text without its line end) for each line of a UTF-8 file, plain or gzipped (``.gz``).

    A byte order mark at the start, and Windows line ends, are taken off.

    Raises:
        ValueError: with file and line: not UTF-8, or the gzip data is damaged.
    """
    path = pathlib.Path(path)
    number = 0
    # Bytes, decoded a line at a time: a text file decodes ahead in blocks, and could not say which line is wrong.
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        try:
            for number, line in enumerate(file, 1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}:{number}: not UTF-8: {error.reason} in {shorten(error.object)}. Convert the file first, "
                f"for example: iconv -f LATIN1 -t UTF-8"
            ) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}:{number + 1}: damaged gzip data: {error}") from error


def bad_line(path, number, problem, line):
    """Returns the ValueError for a malformed line: ``file:line: problem: 'the line'``."""
    return ValueError(f"{path}:{number}: {problem}: {shorten(line)}")


def shorten(line, width=60):
    """Returns the repr of a line of text or bytes, cut to `width` for a message."""
    return repr(line[:width]) + ("..." if len(line) > width else "")


def _listed(files, most=8):
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(file.name for file in files[:most]) + more
