"""Plain text for language modelling: a file, or a folder of them; nothing need fit in memory."""

import codecs
import contextlib
import difflib
import gzip
import pathlib
import re
import zlib

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import SPLITS, shorten, split_files

FEATURES = {"text": str, "end": bool}
PIECE = 1 << 16  # characters in a piece, at most; also the bytes that are read at a time
HEAD = 1 << 13  # bytes that tell whether a file is text
EVERY = 10  # of many files, this one is valid: the 10th, the 20th, ...

_glob = re.compile(r"[*?[]")


@DATASETS.register("text")
def text(data_dir=None, name=None, columns=None):
    """Plain text for language modelling: one file, train/valid/test files, or a folder or glob of many; also gzipped.

    What is which split, by the first that fits:

    1. One file: its first 90% of characters are train, the rest valid.
    2. Folders called train and valid or test, as in `files.SPLITS`: all files in each.
    3. Files called so, ``ptb.train.txt``, unless `name` is a glob: each is its split.
    4. Many files: every tenth is valid (of fewer than ten, the last), the rest train; in the order of their paths.

    A document is a file (in 1., a part of it) and comes in pieces, which joined are its text: UTF-8, without byte order
    mark, Windows line ends as ``\\n``. Of many files, those that are hidden, empty, or not text (a NUL byte in the
    first 8 KiB) are left out.

    Args:
        data_dir: a file; a folder; or a glob, ``"src/**/*.py"``.
        name: for a folder: a glob inside it, ``"**/*.txt"``; or take only the split files with this in their names.
            Default: the split files if there are any, else all files in the folder and its folders.
        columns: what other readers take; of no use here.

    Returns:
        Dict split -> `Examples` of ``{"text": str, "end": bool}``: a piece of a document, of 65,536 characters at most,
        cut behind a line end if it has one, else behind a space; and whether it is the document's last.

    Raises:
        ValueError: no such file, or no text in it; it may be a split or one of many; columns were given; with file and
            line, at once for one file and while iterating for others: not text.
    """
    if not data_dir:
        raise ValueError("--dataset=text needs --data_dir: a text file, a folder, or a glob as 'src/**/*.py'.")
    if columns:
        raise ValueError(f"--dataset=text has no columns. Received: columns={columns!r}")
    folder, pattern = pathlib.Path(data_dir).expanduser(), name
    if not folder.exists() and _glob.search(str(folder)):
        first = next(number for number, part in enumerate(folder.parts) if _glob.search(part))
        folder, pattern = pathlib.Path(*folder.parts[:first]), "/".join(folder.parts[first:])
    if name and (folder.is_file() or pattern != name):
        what = "one file" if folder.is_file() else "a glob already"
        raise ValueError(f"--name={name} chooses among the files of a folder, and --data_dir={data_dir} is {what}.")
    if folder.is_file():
        return by_characters(folder)
    if not folder.is_dir():
        raise ValueError(f"--data_dir={data_dir}: there is no such folder or file.{_near(folder)}")

    tops, is_glob = _split_folders(folder), bool(_glob.search(pattern or ""))
    if tops and pattern and not is_glob:
        raise ValueError(f"{folder} has a folder for each split: --name is a glob there, as '**/*.txt'. No: {name!r}")
    if not tops and not is_glob and (found := _split_files(folder, pattern)):
        return {split: of_files([file], file) for split, file in found.items()}
    files = list_documents(folder, pattern or "**/*")
    if tops:
        inside = {split: [file for file in files if file.is_relative_to(top)] for split, top in tops.items()}
        if not any(inside.values()):
            there = ", ".join(top.name for top in tops.values())
            raise ValueError(f"{folder}: what fits {pattern!r} is in none of the splits' folders: {there}.")
        return {split: of_files(some, tops[split]) for split, some in inside.items() if some}
    return by_characters(files[0]) if len(files) == 1 else by_files(files, folder / (pattern or ""))


def by_characters(path):
    """{"train", "valid"} of one file: the first 90% of its characters, and the rest; reads it once to count them."""
    length = sum(map(len, read_pieces(path)))
    if length < 2:
        problem = "is empty" if not length else "has one character, and two splits to fill"
        raise ValueError(f"{path}: {problem}.")
    middle = length * 9 // 10

    def part(start, stop):
        for piece in pieces(_clip(read_pieces(path), start, stop)):
            yield {**piece, "end": piece["end"] and stop == length}  # the document goes on behind the first part

    return {
        "train": Examples(lambda: part(0, middle), FEATURES, f"{path}: first 90%"),
        "valid": Examples(lambda: part(middle, length), FEATURES, f"{path}: last 10%"),
    }


def by_files(files, source):
    """{"train", "valid"} of two or more files, each a document: every tenth is valid, or the last of fewer."""
    valid = set(files[EVERY - 1 :: EVERY] or files[-1:])
    return {
        "train": of_files([file for file in files if file not in valid], source),
        "valid": of_files([file for file in files if file in valid], source),
    }


def of_files(files, source):
    """Examples of files, each a document."""
    if len(files) == 1:
        if not (head := _head(files[0])):
            raise ValueError(f"{files[0]} is empty.")
        if b"\0" in head:
            next(read_pieces(files[0]))  # says where
    return Examples(lambda: (piece for file in files for piece in pieces(read_pieces(file))), FEATURES, source)


def list_documents(folder, pattern):
    """The text files in a folder that fit a glob, sorted by path: none that is hidden, empty, or has NUL bytes.

    Raises:
        ValueError: there is none, or the glob is none.
    """
    if pattern.endswith("**"):
        pattern += "/*"  # before Python 3.13, "**" is folders only
    try:
        found = [file for file in folder.glob(pattern) if file.is_file()]
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"{pattern!r} is no glob inside a folder, as '**/*.txt' is: {error}") from error
    found = [file for file in found if not any(p.startswith(".") for p in file.relative_to(folder).parts)]
    files = [file for file in found if (head := _head(file)) and b"\0" not in head]
    if not files:
        some = ", ".join(sorted(child.name for child in folder.iterdir())[:8]) or "nothing"
        problem = f"{len(found)} files fit {pattern!r}, all empty or not text" if found else f"no file fits {pattern!r}"
        raise ValueError(f"{folder}: {problem}. There: {some}.")
    return sorted(files, key=pathlib.Path.as_posix)


def pieces(texts):
    """Yields a document in pieces, ``{"text": str, "end": bool}``; `texts` are parts of it, of any length."""
    rest = ""
    for part in texts:
        rest, start = rest + part, 0
        while len(rest) - start > PIECE:  # never all of it: the last piece is known when nothing follows
            most = start + PIECE
            stop = rest.rfind("\n", start, most) + 1 or rest.rfind(" ", start, most) + 1 or most
            yield {"text": rest[start:stop], "end": False}
            start = stop
        rest = rest[start:]
    if rest:
        yield {"text": rest, "end": True}


def read_pieces(path):
    """Yields the text of a UTF-8 file, plain or gzipped (``.gz``), some 64 KiB at a time, cut anywhere.

    Not by lines: a file may be one line. Line ends become ``\\n`` and a byte order mark is taken off.

    Raises:
        ValueError: with file and line: NUL bytes, not UTF-8, or damaged gzip data.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line, offset, held, block = 1, 0, "", b"-"
    with _open(path) as file:
        while block:
            block = file.read(PIECE)
            if (place := block.find(0)) >= 0:
                line += block.count(b"\n", 0, place)
                raise ValueError(
                    f"{path}:{line}: is not text: a NUL byte at byte {offset + place}. "
                    "If it is UTF-16, convert it first: iconv -f UTF-16 -t UTF-8"
                )
            offset += len(block)
            try:
                part = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                data, start = error.object, error.start  # the data are the last that were read
                line += data.count(b"\n", 0, start)
                raise ValueError(
                    f"{path}:{line}: is not text in UTF-8: {error.reason} at byte {offset - len(data) + start}, in "
                    f"{shorten(data[max(0, start - 20) :])}. Convert it first, for example: iconv -f LATIN1 -t UTF-8"
                ) from error
            line += part.count("\n")
            part = held + part
            held = "\r" if block and part.endswith("\r") else ""  # its "\n" may be in the next block
            if part := part[: len(part) - len(held)].replace("\r\n", "\n"):
                yield part


def _head(path):
    with _open(path) as file:
        return file.read(HEAD).removeprefix(codecs.BOM_UTF8)


@contextlib.contextmanager
def _open(path):
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        try:
            yield file
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip data: {error}") from error


def _clip(texts, start, stop):
    """Yields the characters from `start` to before `stop`."""
    place = 0
    for part in texts:
        if inside := part[max(start - place, 0) : max(stop - place, 0)]:
            yield inside
        place += len(part)
        if place >= stop:
            return


def _split_folders(folder):
    """{split: folder} if there are folders of train and of another split in a folder, else {}."""
    found = {}
    for child in sorted(folder.iterdir()):
        for split, names in SPLITS.items():
            if child.name.lower() in names and child.is_dir():
                if split in found:
                    raise ValueError(f"{folder}: two folders for {split}: {found[split].name}, {child.name}.")
                found[split] = child
    return {split: found[split] for split in SPLITS if split in found} if "train" in found and len(found) > 1 else {}


def _split_files(folder, name):
    """{split: file} of a folder's split files; {} if it has none and none is asked for by `name`."""
    every = {word for words in SPLITS.values() for word in words}
    there = [file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")]
    if not name and not any(every & set(re.split(r"[^a-z]+", _plain(file))) for file in there):
        return {}
    try:
        found = split_files(folder, name=name, reader="text")
    except ValueError as error:
        raise ValueError(f"{error} Or read many files, each a document: --name='**/*'.") from error
    # A folder of programs may have a training.py: taken as the train split, it would hide all others.
    endings = {pathlib.Path(_plain(file)).suffix for file in found.values()}
    others = [file for file in there if file not in found.values() and pathlib.Path(_plain(file)).suffix in endings]
    if not name and len(others) >= len(found):
        ending = sorted(endings)[0]
        raise ValueError(
            f"{folder}: is {', '.join(file.name for file in found.values())} the {' and '.join(found)} split, or one "
            f"of many files, with {len(others)} others? Say which: --name={ending or 'train'} for the splits, "
            f"--name='**/*{ending}' to read every file as a document."
        )
    return found


def _plain(file):
    return file.name.lower().removesuffix(".gz")


def _near(path):
    names = [child.name for child in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
