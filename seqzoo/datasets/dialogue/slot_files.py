"""Requests with slots and an intent, in the three parallel files of Goo et al. (2018): ATIS, SNIPS."""

import functools
import itertools
import os

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.files import bad_line, data_path, read_lines, split_folders
from seqzoo.text import spans

FILES = "seq.in", "seq.out", "label"
FEATURES = {"tokens": list, "slots": list, "intent": str}


@DATASETS.register("slot_files")
def slot_files(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Folders train, valid and test with three parallel files: seq.in, seq.out and label; one request per line.

    ``seq.in`` has the words with blanks between them, ``seq.out`` a tag for each, in any scheme of `seqzoo.text.spans`
    (they are converted to BIO), ``label`` the intent. The format: https://github.com/MiuLab/SlotGated-SLU

    Args:
        data_dir: the folder with those folders, or one such folder, which is then the test split.
        name, columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``tokens``, ``slots`` and ``intent``.

    Raises:
        ValueError: no such files; while iterating, with file and line: an empty line, more or fewer tags than words, a
            malformed tag, or files of different lengths.
    """
    if name or columns:
        raise ValueError(f"--dataset=slot_files takes no --name or --columns. Received: {name or columns}")
    folder = data_path(data_dir, "slot_files", f"a folder with train, valid and test, in each {', '.join(FILES)}")
    folders = {"test": folder} if (folder / FILES[0]).is_file() else split_folders(folder)
    for each in folders.values():
        if missing := [file for file in FILES if not (each / file).is_file()]:
            raise ValueError(f"{each} has no {', '.join(missing)}; expected {', '.join(FILES)}.")
    if not folders:
        raise ValueError(f"{folder}: no {FILES[0]} here, and no folder called train, valid or test.")
    return {
        split: Examples(functools.partial(_read, each, encoding), FEATURES, each, aligned=True)
        for split, each in folders.items()
    }


def _read(folder, encoding):
    lines = itertools.zip_longest(*(read_lines(folder / file, encoding) for file in FILES))
    for number, rows in enumerate(lines, 1):
        if None in rows:
            ended = FILES[rows.index(None)]
            raise ValueError(f"{folder / ended} ends before line {number}, which the other files have.")
        tokens, tags, intent = (row[1].split() for row in rows)
        if not tokens or len(tokens) != len(tags):
            problem = f"{len(tags)} tags for {len(tokens)} words of {FILES[0]}"
            raise bad_line(folder / FILES[1], number, problem, rows[1][1])
        if not intent:
            raise bad_line(folder / FILES[2], number, "no intent", rows[2][1])
        try:
            tags = spans.to_bio(tags)
        except ValueError as error:
            raise bad_line(folder / FILES[1], number, f"{error}", rows[1][1]) from None
        yield {"tokens": tokens, "slots": tags, "intent": " ".join(intent)}
