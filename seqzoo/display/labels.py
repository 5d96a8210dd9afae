"""Shared by terminal and pages: colours of labels, labels of a prediction to show, weighted words."""

import zlib
from collections.abc import Iterator, Sequence

# Black on a light colour is readable on dark and light terminals; with only 16 colours, rich takes the nearest.
# The black is exact, because many terminals show their own black as grey when it is bold.
BLACK = "#000000"
_COLOURS = "#ffd787 #87d7ff #afd787 #ffafd7 #d7afff #87d7af #ffaf87 #afd7d7 #d7d787 #afafff".split()

# Kinds of words that share a colour: tags of Universal Dependencies, and prefixes of Penn Treebank tags.
_KINDS = [
    ("PER", "PERSON"),
    ("LOC", "GPE", "NOUN", "PROPN", "NN"),
    ("VERB", "AUX", "VB", "MD"),
    ("MISC", "ADJ", "JJ"),
    ("ORG", "ADV", "RB"),
    ("PRON", "PRP", "WP"),
    ("DET", "DT", "PDT", "WDT", "EX"),
    ("ADP", "IN", "TO", "RP", "PART"),
    ("NUM", "CD", "DATE", "TIME"),
    ("CCONJ", "SCONJ", "CC"),
]
LOW = 0.8  # confidences below this are shown
WEIGHT_STEPS = (0.1, 0.4, 0.7)  # weights of words at which the colour gets stronger
COLUMNS = 120  # maximum number of source tokens to show in full
VISIBLE = 0.05  # the smallest attention that can be seen
SURPRISES = (3.0, 6.0, 9.0)  # nats at which the colour of a token gets stronger


def tag_style(tag: str) -> str:
    """Returns the rich style of a tag, the same in every run. Punctuation and symbols are dim."""
    colour = tag_colour(tag)
    return f"{BLACK} on {colour}" if colour else "dim"


def tag_colour(tag: str) -> str:
    """Returns the background colour of a tag, the same in every run; "" for punctuation and symbols."""
    if tag in ("PUNCT", "SYM", "X") or not tag[:1].isalpha():
        return ""
    # The longest matching prefix wins: PROPN is not PRP, and NNS is NN.
    matches = [(len(name), i) for i, names in enumerate(_KINDS) for name in names if tag.startswith(name)]
    return _COLOURS[max(matches)[1]] if matches else class_colour(tag)


def class_style(label: str) -> str:
    """Returns the rich style of a label of a text, the same in every run; no label is dim."""
    return f"{BLACK} on {class_colour(label)}"


def class_colour(label: str) -> str:
    """Returns the background colour of a label, the same in every run."""
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]


def shown_labels(prediction: dict) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Returns the predicted labels as (label, "98%"), most probable first, and the runner-up if the model is unsure."""
    label, probabilities = prediction["label"], prediction.get("probabilities") or {}
    if label is None:
        return [], None
    several = not isinstance(label, str)
    names = sorted(label, key=lambda name: -probabilities.get(name, 0)) if several else [label]
    others = sorted(probabilities.keys() - set(names), key=lambda name: (-probabilities[name], name))
    unsure = not names if several else probabilities.get(label, 1) < LOW
    labels = [
        (name, f"{100 * probabilities[name]:.0f}%" if name in probabilities else "") for name in [*names, *others[:1]]
    ]
    return labels[: len(names)], labels[-1] if unsure and others else None


def asked(prediction: dict) -> str:
    """Returns the subject of a prediction: a text or the name of a file; "" if it has neither."""
    return prediction.get("text", prediction.get("file", ""))


def no_label(label: str | list[str] | None) -> str:
    """Placeholder shown when a prediction has no label."""
    return "(no text)" if label is None else "(no label)"


def missed_gold(prediction: dict) -> str | None:
    """Returns the gold label or labels, if they are known and the prediction is wrong; else None."""
    gold, label = prediction.get("gold"), prediction["label"]
    if gold is None:
        return None
    gold, label = ([each] if isinstance(each, str) else each or [] for each in (gold, label))
    return None if set(gold) == set(label) else ", ".join(gold) or no_label([])


def weighted_pieces(text: str, words: list[dict] | None) -> Iterator[tuple[str, float]]:
    """Yields (piece, weight) for a whole text; pieces between words have weight 0."""
    position = 0
    for word in sorted(words or [], key=lambda word: word["start"]):
        start, end = max(word["start"], position), word["end"]
        if start < end:  # otherwise the word lies within the one before
            yield text[position:start], 0.0
            yield text[start:end], float(word["weight"])
            position = end
    yield text[position:], 0.0


def attended(attention: Sequence[Sequence[float]], source: Sequence[str]) -> list[int]:
    """Returns the columns of an attention matrix to show: all, or of more than `COLUMNS` those with visible weights.

    Args:
        attention: weights by row, such as a target token, and column.
        source: the names of the columns.
    """
    if len(source) <= COLUMNS:
        return [*range(len(source))]
    seen = [column for column in range(len(source)) if any(row[column] >= VISIBLE for row in attention)]
    return seen or [*range(COLUMNS)]
