"""What a person sees of predictions and scores: coloured names, tags under their words, JSON lines, tables."""

import json
import zlib

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from seqzoo.metrics import marks_spans
from seqzoo.spans import spans

# Black on a light colour can be read on a dark terminal and on a light one; where there are only 16 colours rich takes
# the nearest of them. The black is exact: many terminals draw their own black as grey when it is bold.
_BLACK = "#000000"
_FADED = "#585858"
_COLOURS = "#ffd787 #87d7ff #afd787 #ffafd7 #d7afff #87d7af #ffaf87 #afd7d7 #d7d787 #afafff".split()

# Kinds of words share a colour: the tags of Universal Dependencies, and of the Penn Treebank by their beginnings.
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
_LOW = 0.8  # a confidence below this is shown

_PERCENT = ("precision", "recall", "f1", "accuracy")
_COUNTS = ("support", "count")
_MEASURES = (*_PERCENT, "loss", *_COUNTS)


def tagged(text, tokens, tags, confidences=None):
    """Puts a tagged sentence into the form that the rest of this module, and JSON, takes.

    Args:
        text: the text that the tokens are a part of.
        tokens: the tokens of one sentence as (token, start, end), places in `text`.
        tags: a tag for each of them.
        confidences: a probability for each of them, or None.

    Returns:
        ``{"text", "start", "tokens", "entities"}``: the piece of `text` that is this sentence and where it starts;
        ``tokens``: dicts of ``text, start, end, tag, confidence``; and, only if the tags mark spans, ``entities``:
        dicts of ``text, type, start, end, confidence``. All places are in `text`, the last one exclusive. A
        confidence is None where none was given; that of an entity is the smallest of its tokens'.

    Raises:
        ValueError: the numbers of tokens, tags and confidences differ.
    """
    confidences = [None] * len(tokens) if confidences is None else [round(float(value), 4) for value in confidences]
    if not len(tokens) == len(tags) == len(confidences):
        raise ValueError(f"There are {len(tokens)} tokens, {len(tags)} tags and {len(confidences)} confidences.")
    start, end = (tokens[0][1], tokens[-1][2]) if tokens else (0, 0)
    sentence = {
        "text": text[start:end],
        "start": start,
        "tokens": [
            {"text": token, "start": start, "end": end, "tag": tag, "confidence": confidence}
            for (token, start, end), tag, confidence in zip(tokens, tags, confidences, strict=True)
        ],
    }
    if marks_spans(tags):
        sentence["entities"] = []
        for first, last, kind in spans(tags):
            start, end = tokens[first][1], tokens[last - 1][2]
            confidence = None if None in confidences else min(confidences[first:last])
            sentence["entities"].append(
                {"text": text[start:end], "type": kind, "start": start, "end": end, "confidence": confidence}
            )
    return sentence


def to_json(sentence):
    """One line of JSON for a prediction, such as what `tagged` returned; every script stays readable."""
    return json.dumps(sentence, ensure_ascii=False)


def print_tagged(sentence, console):
    """Prints a tagged sentence: names are highlighted in their text, other tags stand under their words.

    A confidence below 80% is shown behind the tag. Where the console has no colour, a name is ``[Ford Motor ORG]``.

    Args:
        sentence: what `tagged` returned.
        console: a rich Console.
    """
    if "entities" in sentence:
        console.print(_highlighted(sentence, colour=bool(console.color_system) and not console.no_color))
    else:
        for line in _aligned(sentence["tokens"], console.width):
            console.print(line, no_wrap=True, crop=False)


def result_table(metrics, title):
    """A table of scores, a row for each set or class and a column for each measure.

    Args:
        metrics: names and numbers. The last word of a name is the measure and what is before it the row:
            ``valid_per_f1`` stands in row "valid per", column "f1". A dict as a value is rows of its own:
            ``{"PER": {"precision": 90.0, ...}}``. What is none of the measures precision, recall, f1, accuracy, loss,
            support and count stands below the table.
        title: what is written above.

    Returns:
        A rich Table.
    """
    rows, others = {}, []
    for row, measure, value in _flat(metrics, ()):
        if measure in _MEASURES:
            rows.setdefault(row, {})[measure] = value
        else:
            number = f"{value:,.4g}" if isinstance(value, float) else str(value)
            others.append(" ".join(filter(None, [row, measure, number])))
    measures = [measure for measure in _MEASURES if any(measure in row for row in rows.values())]
    table = Table(title=Text(title), caption=Text("  ·  ".join(others)) if others else None)
    table.add_column("")
    for measure in measures:
        table.add_column({"f1": "F1"}.get(measure, measure), justify="right")
    for row, values in rows.items():
        table.add_row(Text(row or "all"), *(_number(measure, values.get(measure)) for measure in measures))
    return table


def _flat(metrics, path):
    """Yields (row, measure, value) for names like ``valid_per_f1`` and for nested dicts."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _flat(value, path if name == "classes" else (*path, name))
        else:
            row, _, measure = name.rpartition("_")
            yield " ".join(filter(None, [*path, row.replace("_", " ")])), measure, value


def _number(measure, value):
    if value is None:
        return ""
    if measure in _COUNTS:
        return f"{value:,}"
    return f"{value:.2f}" if measure in _PERCENT else f"{value:.4f}"


def _highlighted(sentence, colour):
    text, offset = sentence["text"].replace("\n", " "), sentence["start"]
    line = Text()
    place = 0
    for entity in sentence["entities"]:
        start, end = entity["start"] - offset, entity["end"] - offset
        line.append(text[place:start])
        label, doubt = entity["type"], _doubt(entity["confidence"])
        if colour:
            style = _style(label)
            line.append(f" {text[start:end]} ", style)
            line.append(f"{label} ", f"bold {style}")
            line.append(f"{doubt[1:]} " if doubt else "", style.replace(_BLACK, _FADED))
        else:
            line.append(f"[{text[start:end]} {label}{doubt}]")
        place = end
    line.append(text[place:])
    return line


def _aligned(tokens, width):
    """Yields pairs of lines, words above and tags below, each as long as the console is wide."""
    words, tags = Text(), Text()
    for token in tokens:
        doubt = _doubt(token["confidence"])
        columns = max(cell_len(token["text"]), cell_len(token["tag"] + doubt))
        if words and cell_len(words.plain) + columns > width:
            yield from (words, tags)
            words, tags = Text(), Text()
        words.append(token["text"] + " " * (columns - cell_len(token["text"]) + 1))
        tags.append(token["tag"], _style(token["tag"]))
        tags.append(doubt, "dim")
        tags.append(" " * (columns - cell_len(token["tag"] + doubt) + 1))
    yield from (words, tags)


def _doubt(confidence):
    return "" if confidence is None or confidence >= _LOW else f" {100 * confidence:.0f}%"


def _style(label):
    """The colours of a label, the same in every run. Punctuation and symbols step back."""
    if label in ("PUNCT", "SYM", "X") or not label[0].isalpha():
        return "dim"
    # The longest beginning that fits: PROPN is not PRP, and NNS is NN.
    fitting = [(len(name), i) for i, names in enumerate(_KINDS) for name in names if label.startswith(name)]
    i = max(fitting)[1] if fitting else zlib.crc32(label.encode()) % len(_COLOURS)
    return f"{_BLACK} on {_COLOURS[i]}"
