"""Unicode normalization: one spelling of each text, with the offsets of its characters in the original text.

``é`` is one character, or two: ``e`` and an accent. Most corpora have the first form, macOS writes the second. NFC
composes them, so that a word has one spelling on every system.

Source: Unicode Standard Annex 15, Unicode Normalization Forms.
"""

import itertools
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

FORMS = ("nfc", "none")


def normalize(value: Any, form: str = "nfc") -> Any:
    """Returns a text, or all texts in lists and dicts, in a form of `FORMS`; other values are returned as they are."""
    if form == "none":
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [normalize(part, form) for part in value]
    if isinstance(value, dict):
        return {key: normalize(part, form) for key, part in value.items()}
    return value


def align(text: str, form: str = "nfc") -> tuple[str, Sequence[int]]:
    """Normalizes a text and returns where its characters come from.

    Args:
        text: a text.
        form: one of `FORMS`.

    Returns:
        (normalized, offsets): character i of the normalized text begins at ``offsets[i]`` of `text`; the last offset
        is the length of `text`.

    Example::

        align("Cafe\u0301!")  # ("Café!", [0, 1, 2, 3, 5, 6])
    """
    if form == "none" or unicodedata.is_normalized("NFC", text):
        return text, range(len(text) + 1)
    parts, offsets = [], []
    starts = [*_starts(text), len(text)]
    for start, end in itertools.pairwise(starts):
        part = unicodedata.normalize("NFC", text[start:end])
        # Composed characters are at the beginning, so the others are counted from the end.
        offsets += [start, *(max(start, end - left) for left in range(len(part) - 1, 0, -1))]
        parts.append(part)
    return "".join(parts), [*offsets, len(text)]


def _starts(text):
    """Returns where the shortest parts of a text begin that can be normalized one by one."""
    start = 0
    for i, character in enumerate(text):
        # Below U+0300 nothing is composed with what precedes it. Otherwise try: vowels of Korean and of Indic scripts
        # are composed, too, though they are not combining characters.
        if not i or character < "\u0300":
            start = i
            yield i
        elif not unicodedata.combining(character):
            part = text[start:i]
            apart = unicodedata.normalize("NFC", part) + unicodedata.normalize("NFC", character)
            if unicodedata.normalize("NFC", part + character) == apart:
                start = i
                yield i


def normalized(split: Callable, form: str = "nfc") -> Callable[[str], list[tuple[str, int, int]]]:
    """Returns `split`, a function text -> list of (token, start, end), for texts in any form.

    Its tokens are in a form of `FORMS`; their offsets are in the original text.
    """

    def on_normalized(text):
        text, offsets = align(text, form)
        return [(token, offsets[start], offsets[end]) for token, start, end in split(text)]

    return split if form == "none" else on_normalized
