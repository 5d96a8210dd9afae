"""Dialogues in the format of the dialog bAbI tasks (Bordes et al., 2017)."""

import functools
import itertools
import os
import re

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.dialogue.replies import FEATURES, replies
from seqzoo.datasets.files import bad_line, read_lines, split_files
from seqzoo.text.turns import BOT, FACTS, USER

_LINE = re.compile(r"(\d+) (.*)")


@DATASETS.register("babi_dialog")
def babi_dialog(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    encoding: str = "utf-8",
) -> dict[str, Examples]:
    """Dialogues with a numbered line for the user's turn, a tab, and the bot's; a blank line ends a dialogue.

    A line without a tab holds a fact, such as a result of the bot's last query; facts that follow each other are one
    turn of the history. The user's ``<SILENCE>`` is an empty turn. The format: https://research.fb.com/downloads/babi

    Args:
        data_dir: folder with files ending in ``.txt``, plain or gzipped, with trn, dev and tst in their names (or
            train, valid, test); or one such file. Files with OOV in their names are read by their paths alone.
        name: take only files with this in their names: ``"task3"``.
        columns: should be empty.
        encoding: of the files.

    Returns:
        Dict split -> `Examples` with ``history`` and ``reply``, see `replies.replies`.

    Raises:
        ValueError: no such files, or of several tasks; while iterating, with file and line: no number, or two tabs.
    """
    if columns:
        raise ValueError(f"--dataset=babi_dialog takes no --columns. Received: {columns}")
    files = split_files(data_dir, ".txt", name=name, reader="babi_dialog", skip="-oov")
    return {split: Examples(functools.partial(_read, path, encoding), FEATURES, path) for split, path in files.items()}


def _read(path, encoding):
    for number, turns in enumerate(_dialogues(path, encoding), 1):
        yield from replies(turns, number)


def _dialogues(path, encoding):
    """Yields the turns of each dialogue."""
    turns = []
    for number, line in itertools.chain(read_lines(path, encoding), [(0, "")]):
        match = _LINE.fullmatch(line)
        if line.strip() and not match:
            raise bad_line(path, number, "expected a number, a blank and a turn", line)
        if turns and (not match or match[1] == "1"):
            yield turns
            turns = []
        if not match:
            continue
        said = match[2].split("\t")
        if len(said) > 2:
            raise bad_line(path, number, "expected one tab, between the user's turn and the bot's", line)
        if len(said) == 2:
            turns += [(USER, said[0]), (BOT, said[1])]
        elif turns and turns[-1][0] == FACTS:
            turns[-1] = FACTS, f"{turns[-1][1]} {said[0]}"
        else:
            turns.append((FACTS, said[0]))
