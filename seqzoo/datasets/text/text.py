"""Plain text for language modelling: one file or a folder of many, never held in memory."""

import functools
import os
import pathlib
import re
from collections.abc import Iterable, Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import data_path, plain_name, split_files, split_folders
from seqzoo.datasets.splits import hold_out_files, refuse_arguments, splits_in
from seqzoo.text.lines import decode_text, open_bytes

FEATURES = {"text": str, "end": bool}
PIECE = 1 << 16  # maximum characters in a piece; also the bytes read at a time
EVERY = 10  # of many files, the 10th, the 20th, ... are valid

_glob = re.compile(r"[*?[]")


@DATASETS.register("text")
def text(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
    group_by: str = "",
) -> dict[str, Examples]:
    """Plain text for language modelling: one file, train/valid/test files, or a folder or glob of many; also gzipped.

    The splits, by the first rule that fits:

    1. One file: its first 90% of characters are train, the rest valid.
    2. Folders called train and valid or test, as in `splits.SPLITS`: all files in each.
    3. Files called so, ``ptb.train.txt``, unless `name` is a glob: each is a split.
    4. Many files: every tenth is valid (of fewer than ten, the last), the rest train, ordered by path.

    A document is a file (in 1., a part of it) and comes in pieces that concatenate to its text, without byte
    order mark, every line end (``\\r\\n``, ``\\r``) as ``\\n``. Of many files, those that are hidden,
    empty, or not text (a NUL character in the first 64 KiB) are skipped.

    Args:
        data_dir: a file; a folder; or a glob, ``"src/**/*.py"``.
        name: for a folder: a glob inside it, ``"**/*.txt"``; or take only the split files with this in their names.
            Default: the split files if there are any, else all files in the folder and its subfolders.
        columns: an argument of other readers, not used.
        encoding: of the files, such as "latin-1".
        group_by: in 4.: see `splits.hold_out_files`.

    Returns:
        Dict split -> `Examples` of ``{"text": str, "end": bool}``: a piece of a document, at most 65,536 characters,
        cut after a line end if it has one, else after a space; and whether it is the document's last.

    Raises:
        ValueError: no such file, or no text in it; it is unclear whether a file is a split or one of many; columns were
            given; with file and line, at once for one file and while iterating for others: not text.
    """
    refuse_arguments("--dataset=text has no columns.", columns=columns)
    wanted = "a text file, a folder, or a glob as 'src/**/*.py'"
    folder, pattern = pathlib.Path(data_dir or "").expanduser(), name
    if data_dir and not folder.exists() and _glob.search(str(folder)):
        first = next(number for number, part in enumerate(folder.parts) if _glob.search(part))
        folder, pattern = pathlib.Path(*folder.parts[:first]), "/".join(folder.parts[first:])
    if name and (folder.is_file() or pattern != name):
        what = "one file" if folder.is_file() else "a glob already"
        raise ValueError(f"--name={name} chooses among the files of a folder, and --data_dir={data_dir} is {what}.")
    folder = data_path(data_dir and folder, "text", wanted)
    if folder.is_file():
        return by_characters(of_files([folder], folder, encoding))

    tops, is_glob = split_folders(folder), bool(_glob.search(pattern or ""))
    if "train" not in tops or len(tops) < 2:
        tops = {}
    if tops and pattern and not is_glob:
        raise ValueError(
            f"{folder} has a folder for each split: --name should be a glob there, as '**/*.txt'. Received: {name!r}"
        )
    if not tops and not is_glob and (found := _split_files(folder, pattern)):
        return {split: of_files([file], file, encoding) for split, file in found.items()}
    files = list_documents(folder, pattern or "**/*", encoding)
    if tops:
        inside = {split: [file for file in files if file.is_relative_to(top)] for split, top in tops.items()}
        if not any(inside.values()):
            names = ", ".join(top.name for top in tops.values())
            raise ValueError(f"{folder}: no file in the folders of the splits fits {pattern!r}: {names}.")
        splits = {split: of_files(some, tops[split], encoding) for split, some in inside.items() if some}
        if group_by and "train" in splits and "valid" not in splits:
            splits |= by_files(inside["train"], tops["train"], encoding, group_by)
        return splits
    if len(files) == 1:
        return by_characters(of_files(files, files[0], encoding))
    return by_files(files, folder / (pattern or ""), encoding, group_by)


def by_characters(document: Examples) -> dict[str, Examples]:
    """Splits a document into train, the first 90% of its characters, and valid; one pass counts them."""
    length = sum(len(piece["text"]) for piece in document)
    if length < 2:
        raise ValueError(f"{document.source}: has one character, too few for two splits.")
    middle = length * 9 // 10

    def part(start, stop):
        for piece in pieces(_clip((piece["text"] for piece in document), start, stop)):
            yield {**piece, "end": piece["end"] and stop == length}  # the document goes on after the first part

    summary = {"held out": "the last 10% of the text are valid"}
    return {
        split: Examples(functools.partial(part, *span), FEATURES, f"{document.source}: {which}", summary=summary)
        for split, span, which in (("train", (0, middle), "first 90%"), ("valid", (middle, length), "last 10%"))
    }


def by_files(
    files: list[pathlib.Path], source: str | os.PathLike, encoding: str = "utf-8", group_by: str = ""
) -> dict[str, Examples]:
    """Splits two or more files, each a document, into train and valid, see `splits.hold_out_files`."""
    train, valid, held_out = hold_out_files(files, EVERY, group_by)
    return {
        split: of_files(some, source, encoding, {"held out": held_out})
        for split, some in (("train", train), ("valid", valid))
    }


def of_files(
    files: list[pathlib.Path],
    source: str | os.PathLike,
    encoding: str = "utf-8",
    summary: dict[str, str] | None = None,
) -> Examples:
    """Returns the pieces of files, each a document; arguments as of `Examples`."""
    if len(files) == 1:
        if not (head := _head(files[0], encoding)):
            raise ValueError(f"{files[0]}: is empty.")
        if "\0" in head:
            next(read_pieces(files[0], encoding))  # raises an error with its line
    return Examples(
        lambda: (piece for file in files for piece in pieces(read_pieces(file, encoding))),
        FEATURES,
        source,
        summary=summary,
    )


def list_documents(folder: pathlib.Path, pattern: str, encoding: str = "utf-8") -> list[pathlib.Path]:
    """Lists the text files in a folder that fit a glob, sorted by path; hidden, empty and binary files are skipped.

    Raises:
        ValueError: there is none, or the glob is malformed.
    """
    if pattern.endswith("**"):
        pattern += "/*"  # before Python 3.13, "**" is folders only
    try:
        found = [file for file in folder.glob(pattern) if file.is_file()]
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"{pattern!r} is not a glob inside a folder, such as '**/*.txt': {error}") from error
    found = [file for file in found if not any(p.startswith(".") for p in file.relative_to(folder).parts)]
    files = [file for file in found if (head := _head(file, encoding)) and "\0" not in head]
    if not files:
        some = ", ".join(sorted(child.name for child in folder.iterdir())[:8]) or "nothing"
        problem = f"{len(found)} files fit {pattern!r}, all empty or not text" if found else f"no file fits {pattern!r}"
        raise ValueError(f"{folder}: {problem}. Found: {some}.")
    return sorted(files, key=pathlib.Path.as_posix)


def pieces(texts: Iterable[str]) -> Iterator[dict]:
    """Yields a document in pieces, ``{"text": str, "end": bool}``, from parts of it of any length."""
    rest = ""
    for part in texts:
        rest, start = rest + part, 0
        while len(rest) - start > PIECE:  # keep some: only when nothing follows is a piece the last
            most = start + PIECE
            stop = rest.rfind("\n", start, most) + 1 or rest.rfind(" ", start, most) + 1 or most
            yield {"text": rest[start:stop], "end": False}
            start = stop
        rest = rest[start:]
    if rest:
        yield {"text": rest, "end": True}


def read_pieces(path: pathlib.Path, encoding: str = "utf-8") -> Iterator[str]:
    """Yields the text of a file, plain or gzipped (``.gz``), at most 64 KiB at a time, cut anywhere.

    Not line by line: a file may be one line. Line ends and errors as in `text.lines.decode_text`.
    """
    with open_bytes(path) as file:
        yield from decode_text(file, path, encoding)


def _head(path, encoding):
    """Returns the beginning of a file as text, whatever it holds; "" if it is empty."""
    with open_bytes(path) as file:
        return next(filter(None, decode_text(file, path, encoding, errors="replace", allow_nul=True)), "")


def _clip(texts, start, stop):
    """Yields the characters from `start` up to `stop`."""
    offset = 0
    for part in texts:
        if inside := part[max(start - offset, 0) : max(stop - offset, 0)]:
            yield inside
        offset += len(part)
        if offset >= stop:
            return


def _split_files(folder, name):
    """Returns {split: file} of a folder's split files; {} if it has none and `name` asks for none."""
    present = [file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")]
    if not name and not any(splits_in(file) for file in present):
        return {}
    try:
        found = split_files(folder, name=name, reader="text")
    except ValueError as error:
        raise ValueError(f"{error} Or read many files, each a document: --name='**/*'.") from error
    # A folder of source code may have a training.py: as the train split, it would hide all other files.
    endings = {pathlib.Path(plain_name(file)).suffix for file in found.values()}
    others = [
        file for file in present if file not in found.values() and pathlib.Path(plain_name(file)).suffix in endings
    ]
    if not name and len(others) >= len(found):
        ending = sorted(endings)[0]
        raise ValueError(
            f"{folder}: is {', '.join(file.name for file in found.values())} the {' and '.join(found)} split, or one "
            f"of many files, with {len(others)} others? Choose: --name={ending or 'train'} for the splits, "
            f"--name='**/*{ending}' to read every file as a document."
        )
    return found
