"""Histories in lines of --text, --input and requests."""

import json
import re


def items_of(line: str, blanks: bool) -> list[str]:
    """Returns the items in a line that somebody types: a JSON list, or names separated by ``|``, tabs or blanks.

    Args:
        line: the text; "" is a history without items.
        blanks: whether items may contain blanks, which then do not separate items.

    Raises:
        ValueError: the line begins with [ but is not a JSON list of texts or numbers.

    Example::

        items_of("heron 4 | heron 5", blanks=True)  # ["heron 4", "heron 5"]
    """
    if line.lstrip().startswith("["):
        try:
            items = json.loads(line)
        except ValueError as error:
            problem = f"A history that begins with [ should be a JSON list of items: {error}. Received: {line:.200}"
            raise ValueError(problem) from None
        if not all(isinstance(item, str | int) and not isinstance(item, bool) for item in items):
            raise ValueError(f"A history should be a list of texts or numbers. Received: {line:.200}")
        return [*map(str, items)]
    separated = re.split(r"[|\t]", line)
    parts = separated if blanks or len(separated) > 1 else line.split()
    return [item for item in map(str.strip, parts) if item]
