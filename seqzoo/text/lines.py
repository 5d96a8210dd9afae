"""Reads lines and texts of files: line ends, byte order marks, encodings, damaged files. Shared by all readers."""

import codecs
import collections
import gzip
import json
import pathlib
import select
import zlib
from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 1 << 16  # bytes that are read at a time


def open_bytes(path: str | pathlib.Path) -> BinaryIO:
    """Opens a file, plain or gzipped (``.gz``), to read its bytes."""
    path = pathlib.Path(path)
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def decode_lines(file: BinaryIO, source: str | pathlib.Path, encoding: str = "utf-8", **kwargs) -> Iterator[tuple]:
    """Yields (number from 1, text without its line end) for each line; arguments and errors as of `decode_text`."""
    for lines in _line_blocks(file, source, encoding, **kwargs):
        yield from lines


def _line_blocks(file, source, encoding="utf-8", **kwargs):
    """Yields lists of (number, text) of the lines that end in each block."""
    number, parts = 0, []
    for text in decode_text(file, source, encoding, **kwargs):
        first, *others = text.split("\n")
        parts.append(first)
        lines = []
        for other in others:
            number += 1
            lines.append((number, "".join(parts)))
            parts = [other]
        yield lines
    if last := "".join(parts):
        yield [(number + 1, last)]


class Lines:
    """An iterator over the lines of a file, read by `decode_lines`, that can tell whether the next one is available.

    Args:
        file, source, **kwargs: as of `decode_lines`. The file is not closed.

    Attributes:
        source: the source of the lines, for messages.
    """

    def __init__(self, file: BinaryIO, source: str | pathlib.Path, **kwargs):
        self.source = str(source)
        self._file, self._blocks = file, _line_blocks(file, source, **kwargs)
        self._lines, self._error = collections.deque(), None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._lines:
            if self._error:
                raise self._error
            self._lines.extend(next(self._blocks))
        return self._lines.popleft()[1]

    def ready(self) -> bool:
        """Whether the next line is available without waiting: it has been read, or can be read at once."""
        try:
            while not self._lines and not self._error and _readable(self._file):
                self._lines.extend(next(self._blocks))
        except StopIteration:
            pass
        except ValueError as error:  # raised only after the earlier lines have been used
            self._error = error
        return bool(self._lines)


class JsonTexts(Lines):
    """The texts of JSON lines, in place of the lines: strings, or objects with a "text"; "" for a blank line.

    Raises (while iterating):
        ValueError: a line is neither, with file and line.
    """

    number = 0  # of the last line

    def __next__(self) -> str:
        line = super().__next__()
        self.number += 1
        try:
            found = json.loads(line) if line.strip(" \t") else ""
            text = found.get("text") if isinstance(found, dict) else found
            text.encode()  # refuses half of a surrogate pair
        except (ValueError, RecursionError, AttributeError) as error:
            raise ValueError(
                f'{self.source}:{self.number}: should be a JSON string, or an object with a "text": {shorten(line)}'
            ) from error
        return text


def _readable(file):
    """Returns whether reading does not block; on disk and in memory it never does."""
    try:
        descriptor = file.fileno()
    except OSError:  # in memory
        return True
    return bool(select.select([descriptor], [], [], 0)[0])


def decode_text(
    file: BinaryIO,
    source: str | pathlib.Path,
    encoding: str = "utf-8",
    errors: str = "strict",
    allow_nul: bool = False,
    flag: str = "--text_encoding",
) -> Iterator[str]:
    r"""Yields the text of an open binary file in blocks of at most 64 KiB, as soon as they can be read; some are empty.

    A line ends with ``\n``, ``\r\n`` or ``\r``, each of which becomes ``\n``, and with nothing else: U+2028, U+0085 and
    form feeds are characters of a line. A byte order mark at the start is removed.

    Args:
        file: binary file, from `open_bytes`; or standard input's.
        source: its name, for messages.
        encoding: any text encoding that Python knows.
        errors: what happens to bytes that cannot be decoded, as for `bytes.decode`.
        allow_nul: whether NUL characters are read or refused.
        flag: the option that chooses the encoding, for messages; "" if there is none.

    Raises:
        ValueError: with source and line, after the text before it: bytes that are not in `encoding`, a NUL character,
            or damaged gzip data.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    line, head, block, started, returned, nul = 1, b"", b"-", False, False, False
    problem, cause = "", None
    while block and not problem:
        try:
            block = file.read1(BLOCK)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{source}:{line}: damaged gzip data: {error}") from error
        head = head or block
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # The decoder still holds what it held before, so the bytes up to the wrong one can be decoded again.
            data, start, cause = error.object, error.start, error
            text = decoder.decode(block[: max(0, len(block) - len(data) + start)])
            shown = data[max(0, start - 20, data.rfind(b"\n", 0, start) + 1) :]  # from its line alone
            problem = f"not {encoding.upper()}: {error.reason} in {shorten(shown)}"
        except UnicodeError as error:  # UTF-16 without a byte order mark
            text, problem, cause = "", f"not {encoding.upper()}: {error}", error
        if text and not started:
            text, started = text.removeprefix("\ufeff"), True
        if text:  # a \r ends its line at once, without waiting for a \n that may follow
            text, returned = text.removeprefix("\n" if returned else ""), text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not allow_nul and (end := text.find("\0")) >= 0:
            text, problem, nul = text[:end], "a NUL character, so this is not text", True
        line += text.count("\n")
        yield text
    if problem:
        raise ValueError(f"{source}:{line}: {problem}. {encoding_advice(head, flag, nul)}") from cause


ENDIAN = ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")  # UTF-16 without a byte order mark


def encoding_advice(head: bytes, flag: str = "--text_encoding", nul: bool = False) -> str:
    """Returns what to do about a file that begins with the bytes `head` and cannot be decoded, or has a `nul`."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start, name, program = "It is UTF-16", "utf-16", "UTF-16"
    elif max(even, odd) > len(head) / 8 and min(even, odd) < max(even, odd) / 4:  # ASCII has a 0 in every other byte
        start, (name, program) = "It looks like UTF-16", ENDIAN[even > odd]
    elif nul:
        return "It looks like a binary file."
    else:
        start, name, program = "If it is Latin-1", "latin-1", "LATIN1"
    read = f"read it with {flag}={name}, or " if flag else ""
    return f"{start}: {read}convert it: iconv -f {program} -t UTF-8"


def check_encoding(name: str) -> str:
    """Returns the name of a text encoding that Python knows.

    Raises:
        ValueError: it knows no such text encoding.
    """
    try:
        "".encode(name)  # refuses encodings of bytes, such as base64, too
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"--text_encoding should be an encoding such as utf-8, utf-16, latin-1 or cp1252. Received: {name!r}"
        ) from error
    return name


def shorten(line: str | bytes, width: int = 60) -> str:
    """Returns the repr of a line, cut to `width` characters for a message."""
    return repr(line[:width]) + ("..." if len(line) > width else "")
