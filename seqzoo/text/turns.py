"""Turns of a conversation as one text, each after the mark of its speaker: ``<user> hi <bot> hello <user> a table``.

An empty turn is a mark alone. A mark within a text is written with spaces, ``< bot >``, so that a speaker cannot forge
another speaker's turn.
"""

import itertools
import re
from collections.abc import Callable, Iterable

USER, BOT = "<user>", "<bot>"
FACTS, ACT = "<facts>", "<act>"  # facts that the bot has found or knows; what it should say
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


def latest_turns(history: str, most: int, room: int, length: Callable[[str], int]) -> str:
    """Returns a history without its oldest turns, if it has too many; the last one is always there.

    Args:
        history: the text of turns.
        most: maximum number of turns to keep; 0: all.
        room: maximum number of tokens in total.
        length: function from the text of a turn to its number of tokens, at most its number of characters.
    """
    turns = split_turns(history)
    kept = turns[-most:]
    if len(history) > room:  # in characters: few have to be measured
        lengths = (length(join_turns([turn])) for turn in reversed(kept))
        fitting = sum(total <= room for total in itertools.accumulate(lengths))
        kept = kept[-max(1, fitting) :]
    return history if len(kept) == len(turns) else join_turns(kept)


def read_turns(line: str) -> str:
    """Returns the history that a line holds: turns with tabs between them, the last one the user's.

    User and bot alternate. A turn that begins with a mark is kept unchanged, so that a printed history can be read
    again.
    """
    turns, mark = [], USER
    for text in reversed(line.split("\t")):
        marked = MARK.match(text.strip())
        turns.append(" ".join(text.split()) if marked else join_turns([(mark, text)]))
        speaker = marked[0] if marked else mark
        mark = {USER: BOT, BOT: USER}.get(speaker, mark)
    return " ".join(reversed(turns)) if line.strip() else ""


def _said(text):
    text = " ".join(text.split())
    return "" if text == SILENCE else _FORGED.sub(r"< \1 >", text)
