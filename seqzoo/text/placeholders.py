"""Delexicalised text: the values of a database, or of a dialogue act, replaced by the names of their slots.

"Prezzo serves Italian food" becomes "[value_name] serves [value_food] food", so that a model that has
learned about one restaurant knows all (Wen et al., 2015, Semantically Conditioned LSTM-based Natural Language
Generation).
"""

import re
from collections.abc import Callable, Mapping

PLACEHOLDER = re.compile(r"\[value_\w+\]")


def placeholder(slot: str) -> str:
    """Returns the placeholder of a value: ``[value_name]``."""
    return f"[value_{slot}]"


def delexicalizer(slots: Mapping[str, str]) -> Callable[[str], str]:
    """Returns a function text -> text with placeholders.

    Args:
        slots: {value: slot}. Where values overlap in a text, the longest counts. Values are whole words, whatever the
            blanks between their parts: "01223 352500" is 01223352500, too.
    """
    if not slots:
        return lambda text: text
    values = "|".join(r"\s*".join(map(re.escape, value.split())) for value in sorted(slots, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{values})(?!\w)")
    names = {"".join(value.split()): placeholder(slot) for value, slot in slots.items()}
    return lambda text: pattern.sub(lambda match: names["".join(match[0].split())], text)
