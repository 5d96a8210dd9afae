"""FASTA: sequences of bases or amino acids, a header line before each."""

import os
import pathlib
import re
from collections.abc import Iterable, Iterator

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, clean_label, data_path, plain_name, read_lines, split_files, split_folders
from seqzoo.datasets.splits import splits_in

ENDINGS = (".fasta", ".fa", ".fna", ".ffn", ".faa", ".fas")

_field = re.compile(r"[|\s]+")  # what separates the fields of a header


@DATASETS.register("fasta")
def fasta(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Labelled sequences in FASTA files, plain or gzipped; the label is in the header, or the name of the file.

    A header begins with ``>``; the lines below it, up to the next one, are the sequence. Blank lines, blanks and lines
    that begin with ``;`` are left out.

    Args:
        data_dir: one file, or a folder with train/valid/test files: the label is in each header. Or a folder with a
            file for each label, or such folders for the splits: ``train/promoter.fa``; or with folders of files for
            each label, ``train/promoter/1.fa``.
        name: take only the files with this in their names.
        columns: ``{"label": 1}``: which field of a header, from 0 or negative from the end; ``|`` and blanks separate
            fields. Default: the text after ``label=``, or else the last field.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of strings, ``text`` (the sequence as written, maybe empty), ``label`` and
        ``name`` (the first field of the header), and the ``line`` of the header.

    Raises:
        ValueError: no such files, other columns; while iterating, with file and line: no header before a sequence, a
            header without that field.
    """
    if columns and (set(columns) != {"label"} or not isinstance(columns["label"], int)):
        raise ValueError(f"--columns for --dataset=fasta is a field of the header: label=1. Received: {columns}")
    field = columns["label"] if columns else None
    path = data_path(data_dir, "fasta", "a FASTA file, or a folder of them")
    folders = split_folders(path) if path.is_dir() else {}
    if not folders and (path.is_file() or any(splits_in(plain_name(file)) for file in _files(path, name))):
        files = split_files(path, *ENDINGS, name=name, reader="fasta")
        return {split: _examples({None: [file]}, file, field, encoding) for split, file in files.items()}
    if columns:
        raise ValueError(f"--columns={columns}: the labels are the names of the files in {path}.")
    return {
        split: _examples(_by_label(folder, name), folder, None, encoding)
        for split, folder in (folders or {"train": path}).items()
    }


def _files(folder, name):
    """Returns the FASTA files in a folder, sorted."""
    return sorted(
        file for file in folder.iterdir()
        if file.is_file() and plain_name(file).endswith(ENDINGS) and (name or "").lower() in plain_name(file)
    )  # fmt: skip


def _by_label(folder, name):
    """Returns {label: files} of a folder with a file or a folder for each label."""
    found = {}
    for file in _files(folder, name):
        label = file.name[: len(pathlib.Path(plain_name(file)).stem)]  # in its own case
        found.setdefault(label, []).append(file)
    for child in sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")):
        if files := _files(child, name):
            found.setdefault(child.name, []).extend(files)
    if not found:
        raise ValueError(f"{folder}: no FASTA files, which end in {', '.join(ENDINGS)}, there or in folders of labels.")
    return found


def _examples(files, source, field, encoding):
    return Examples(lambda: _read(files, field, encoding), {"text": str, "label": str}, source)


def _read(files, field, encoding):
    for label, paths in files.items():
        for path in paths:
            for number, header, text in records(read_lines(path, encoding), path):
                found = label or header_label(header, field)
                if not found:
                    lacks = "label=... and no second field" if field is None else f"field {field}"
                    raise bad_line(path, number, f"the header has no {lacks}", f">{header}")
                yield {"text": text, "label": clean_label(found), "name": header_name(header), "line": number}


def header_name(header: str) -> str:
    """Returns the first field of a header, the name of its sequence; "" of an empty one."""
    return _field.split(header.strip(), maxsplit=1)[0]


def header_label(header: str, field: int | None = None) -> str:
    """Returns the label in a header, "" if there is none; see `fasta`."""
    if field is None and (named := re.search(r"\blabels?=(\S+)", header)):
        return named[1]
    fields = [part for part in _field.split(header.strip()) if part]
    field = (-1 if len(fields) > 1 else 1) if field is None else field
    return fields[field] if -len(fields) <= field < len(fields) else ""


def records(lines: Iterable[tuple[int, str]], source: str | os.PathLike) -> Iterator[tuple[int, str, str]]:
    """Yields (line of the header, header, sequence) of FASTA.

    Args:
        lines: (number, text) of each.
        source: their file, for messages.

    Raises:
        ValueError: a sequence without a header before it.
    """
    number, header, parts = 0, None, []
    for here, line in lines:
        if line.startswith(">"):
            if header is not None:
                yield number, header, "".join(parts)
            number, header, parts = here, line[1:].strip(), []
        elif line.strip() and not line.startswith(";"):
            if header is None:
                raise bad_line(source, here, "expected a header, which begins with >", line)
            parts += line.split()
    if header is not None:
        yield number, header, "".join(parts)


class Records:
    """An iterator over the sequences in some lines: each line is one, or each record if the first line is a header.

    Args:
        lines: an iterable, such as `text.lines.Lines`, whose `ready` it passes on.

    Yields:
        A line, or the lines of a record, joined by newlines.
    """

    def __init__(self, lines: Iterable[str]):
        self._lines, self._header = iter(lines), ""
        self.ready = getattr(self._lines, "ready", lambda: True)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        record = [self._header or next(self._lines)]
        self._header = ""
        if record[0].startswith(">"):
            for line in self._lines:
                if line.startswith(">"):
                    self._header = line
                    break
                record.append(line)
        return "\n".join(record)
