"""Chains: a letter and its tag per line, such as coding or noncoding bases, or residues and secondary structure."""

import functools
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, read_lines, split_files
from seqzoo.datasets.splits import refuse_arguments

BEGINS, ENDS = "<>", ("", "end", "<end>")  # lines between chains


@DATASETS.register("chains")
def chains(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Files with a letter and its tag per line, as those of Qian & Sejnowski (1988); plain or gzipped.

    ``<>`` begins a chain; ``end``, ``<end>`` or a blank line ends one. Lines that begin with ``#`` are left out. The
    data: https://archive.ics.uci.edu/dataset/68

    Args:
        data_dir: folder with train/valid/test files, or one labelled file.
        name: take only the files with this in their names.
        columns: argument of other readers, not used.
        encoding: of the files, such as "latin-1".

    Returns:
        Dict split -> `Examples` of ``text``, the letters, and ``tags``, a list with the tag of each; and the ``line``
        where a chain begins.

    Raises:
        ValueError: no such files; columns were given; while iterating, with file and line: not a letter and a tag.
    """
    refuse_arguments("--dataset=chains has no columns: a line is a letter and its tag.", columns=columns)
    files = split_files(data_dir, name=name, reader="chains")
    return {
        split: Examples(functools.partial(_read, path, encoding), {"text": str, "tags": list}, path)
        for split, path in files.items()
    }


def _read(path, encoding):
    letters, tags, first = [], [], 0
    for number, line in read_lines(path, encoding):
        parts = line.split()
        if line.startswith("#"):
            continue
        if line.strip() == BEGINS or line.strip().lower() in ENDS:
            if letters:
                yield {"text": "".join(letters), "tags": tags, "line": first}
            letters, tags = [], []
        elif len(parts) != 2 or len(parts[0]) != 1:
            raise bad_line(path, number, "expected a letter and its tag", line)
        else:
            first = first if letters else number
            letters.append(parts[0])
            tags.append(parts[1])
    if letters:
        yield {"text": "".join(letters), "tags": tags, "line": first}
