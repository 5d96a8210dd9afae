"""Replies: the examples that readers make from a dialogue."""

from collections.abc import Iterator, Sequence

from seqzoo.text.turns import BOT, USER, join_turns

FEATURES = {"history": str, "reply": str}


def replies(turns: Sequence[tuple[str, str]], dialogue: int) -> Iterator[dict]:
    """Yields an example for each turn of the bot that is not empty.

    Args:
        turns: (mark of the speaker, text), see `text.turns`.
        dialogue: its number.

    Yields:
        ``{"history": all turns before it, "reply": str, "dialogue": int, "last": whether it is the dialogue's last}``.
        A bot that speaks first answers an empty turn.
    """
    numbers = [number for number, (mark, text) in enumerate(turns) if mark == BOT and text.strip()]
    for number in numbers:
        history, reply = join_turns(turns[:number]) or USER, turns[number][1].strip()
        yield {"history": history, "reply": reply, "dialogue": dialogue, "last": number == numbers[-1]}
