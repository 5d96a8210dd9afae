"""Turns of a conversation as one text, each behind the mark of its speaker: ``<user> hi <bot> hello <user> a table``.

An empty turn is a mark alone. A text that holds one of the marks itself is written apart, ``< bot >``, so that nobody
can put words into another speaker's mouth.
"""

import re
from collections.abc import Iterable

USER, BOT = "<user>", "<bot>"
FACTS, ACT = "<facts>", "<act>"  # what the bot has found or knows; what it is to say
SILENCE = "<SILENCE>"  # an empty turn, as bAbI writes it
_NAMES = "user|bot|facts|act"
MARK = re.compile(rf"(?<!\S)(?:<(?:{_NAMES})>)(?!\S)")
_FORGED = re.compile(rf"<({_NAMES})>", re.IGNORECASE)


def join_turns(turns: Iterable[tuple[str, str]]) -> str:
    """Returns the text of turns, each a mark and what was said."""
    return " ".join(f"{mark} {_said(text)}".strip() for mark, text in turns)


def split_turns(history: str) -> list[tuple[str, str]]:
    """Returns the turns of a text that `join_turns` made: [(mark, what was said)]."""
    starts = [match.start() for match in MARK.finditer(history)]
    turns = [history[start:end] for start, end in zip(starts, [*starts[1:], len(history)], strict=True)]
    return [(mark, said.strip()) for mark, _, said in (turn.partition(" ") for turn in turns)]


def read_turns(line: str) -> str:
    """Returns the history that a line holds: turns with tabs between them, the last one the user's.

    User and bot alternate. A turn that begins with a mark is taken as it is, so that a history that was printed can be
    read again.
    """
    turns, mark = [], USER
    for text in reversed(line.split("\t")):
        if MARK.match(text.strip()):
            turns.append(" ".join(text.split()))
        else:
            turns.append(join_turns([(mark, text)]))
            mark = BOT if mark == USER else USER
    return " ".join(reversed(turns)) if line.strip() else ""


def _said(text):
    text = " ".join(text.split())
    return "" if text == SILENCE else _FORGED.sub(r"< \1 >", text)
