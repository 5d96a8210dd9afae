"""What a person sees of predictions and scores: coloured names, tags under their words, labels of texts and the words
that speak for them, JSON lines, HTML, tables.
"""

import html
import json
import zlib

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from seqzoo.metrics.scores import marks_spans
from seqzoo.text.spans import spans

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

# Words for and against a label: the weight from which on a colour is used. Those against are underlined too, for eyes
# that do not tell red from green.
_STEPS = (0.1, 0.4, 0.7)
_FOR = [f"{_BLACK} on #d7ffd7", f"{_BLACK} on #87ff87", f"bold {_BLACK} on #00d75f"]
_AGAINST = [f"underline {_BLACK} on #ffd7d7", f"underline {_BLACK} on #ff8787", f"bold underline {_BLACK} on #ff5f5f"]

_SURPRISES = (3.0, 6.0, 9.0)  # nats from which on a token is coloured

_PERCENT = ("precision", "recall", "f1", "macro_f1", "accuracy")
_TEXT = ("perplexity", "bits_per_character", "bits_per_word", "loss", "seconds")  # of language models
_TRANSLATION = ("bleu", "chrf", "exact")
_MUSIC = ("nats_per_step", "nats_per_token")
_COUNTS = ("support", "count")
_MEASURES = (*_PERCENT, *_TRANSLATION, *_TEXT, *_MUSIC, *_COUNTS)


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


def print_classified(prediction, console):
    """Prints the label of a text and the text, with the words that speak for and against the label.

    A probability below 80% has the second label behind it. Words for the label are green, words against it red and
    underlined, in three strengths. Where the console has no colour, the strongest are ``*good*`` and ``-bad-``, and a
    line below says so.

    Args:
        prediction: ``{"text", "label", "probabilities"}``, and optionally ``"words"`` and ``"gold"``. ``label`` is a
            label, a list of labels, or None for a text with nothing in it; ``probabilities`` is {label: 0..1};
            ``words`` are dicts of ``text, start, end, weight``, places in the text and a weight from -1 (against the
            label) to 1 (for it); ``gold`` is the right label or labels, printed if the answer is another one.
        console: a rich Console.
    """
    colour = bool(console.color_system) and not console.no_color
    chosen, second = _answers(prediction)
    line = Text()
    for label, share in chosen:
        line.append(", " if line and not colour else " " if line else "")
        line.append(f" {label} " if colour else label, _class_style(label))
        line.append(share and f" {share}")
    if not chosen:
        line.append(_nothing(prediction["label"]), "dim")
    if second:
        line.append(f" ({' '.join(second)})", "dim")
    if gold := _other_gold(prediction):
        line.append(f" gold: {gold}", "bold")
    line.append("  ")
    marked = False
    for piece, weight in _weighted(prediction["text"].replace("\n", " "), prediction.get("words")):
        step = sum(abs(weight) >= least for least in _STEPS)
        if colour:
            line.append(piece, (_FOR if weight > 0 else _AGAINST)[step - 1] if step else None)
        elif step > 1:
            mark, marked = "*" if weight > 0 else "-", True
            line.append(f"{mark}{piece}{mark}")
        else:
            line.append(piece)
    line.rstrip()
    console.print(line)
    if marked:
        console.print(Text("(*word* speaks for the label, -word- against it)", "dim"))


def print_scored(row, console):
    """Prints a text with its log-probability, each token the redder the less it was expected.

    Args:
        row: ``{"text", "log_probability", "perplexity", "tokens": [{"text", "start", "end", "log_probability",
            "known"}]}`` and, among alternatives, ``"share"``, its probability among them. Logarithms are natural ones.
        console: a rich Console.
    """
    colour = bool(console.color_system) and not console.no_color
    line = Text()
    if "share" in row:
        line.append(f"{100 * row['share']:5.1f}%  ", "bold")
    # Characters and long texts are easier to read without.
    numbers = len(row["tokens"]) <= 40 and any(len(token["text"].strip()) > 1 for token in row["tokens"])
    line.append(f"{row['log_probability']:10.3f}  perplexity {row['perplexity']:,.1f}  ", "dim")
    place = 0
    for token in row["tokens"]:
        line.append(row["text"][place : token["start"]])
        place = token["end"]
        text, surprise = token["text"].replace("\n", "↵"), -token["log_probability"]
        step = sum(surprise >= least for least in _SURPRISES)
        line.append(text, _AGAINST[step - 1] if colour and step else None)
        if numbers or not token["known"]:
            unknown = "" if token["known"] else " unknown"
            line.append(f"({token['log_probability']:.2f}{unknown}) ", "dim")
    console.print(line)


def html_page(predictions, title):
    """A page of HTML with the labels of texts, and the words that speak for and against them.

    The page needs nothing but itself: no script, no font, no style from elsewhere. Colours fit light and dark screens.

    Args:
        predictions: iterable of what `print_classified` takes, each optionally with ``"line"``, the number of its line.
        title: the heading.

    Yields:
        The page in pieces of str, one a prediction and two around them, to be written as UTF-8.
    """
    yield html_start(title)
    explained = False
    for prediction in predictions:
        if prediction.get("words") and not explained:
            explained = True
            yield (
                f"<p class=legend>Words on {_html_word('green', 0.7)} speak for the label, words on "
                f"{_html_word('red, underlined,', -0.7)} against it, the more the stronger the colour is. Point at a "
                "word to see its weight, from -1 to +1.</p>\n"
            )
        yield _html_article(prediction)
    yield "</body>\n</html>\n"


def print_translated(answer, console):
    """Prints a translation, with their scores if there are several.

    Args:
        answer: ``{"translation", "n_best": [{"text", "score"}]}``.
        console: a rich Console.
    """
    lines = [answer["translation"]]
    if len(answer["n_best"]) > 1:
        lines = [f"{best['score']:8.3f}  {best['text']}" for best in answer["n_best"]]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def attention_page(answers, title):
    """A page of HTML with translations and where each of their tokens looked: a row a token, a column a source token.

    Like `html_page` it needs nothing but itself and fits light and dark screens.

    Args:
        answers: iterable of ``{"text", "source_tokens", "n_best": [{"text", "score", "tokens", "attention"}]}``;
            without attention the translations stand alone.
        title: the heading.

    Yields:
        The page in pieces of str, to be written as UTF-8.
    """
    yield html_start(title, _ATTENTION_STYLE)
    for answer in answers:
        yield f"<article dir=auto><p>{html.escape(answer['text'])}</p>\n"
        for best in answer["n_best"]:
            yield f"<p><small>{best['score']:.3f}</small><b class=said>{html.escape(best['text'])}</b></p>\n"
            if "attention" in best:
                yield from _attention_table(best, answer["source_tokens"])
        yield "</article>\n"
    yield "</body>\n</html>\n"


def _attention_table(best, source):
    yield "<div><table class=attention><tr><th>"
    yield "".join(f"<th class=source><span>{html.escape(token)}</span>" for token in source) + "</tr>\n"
    for token, weights in zip(best["tokens"], best["attention"], strict=True):
        cells = "".join(
            f'<td style="background:rgb(0 110 220/{weight:.2f})" title="{html.escape(token)} ← {html.escape(name)}: '
            f'{weight:.3f}">'
            for name, weight in zip(source, weights, strict=True)
        )
        yield f"<tr><th>{html.escape(token)}{cells}</tr>\n"
    yield "</table></div>\n"


def units_page(inspection, title):
    """A page of HTML with a text coloured by what hidden units are at each token, a block a unit.

    As in Karpathy, Johnson & Fei-Fei, 2015, Visualizing and Understanding Recurrent Networks, figure 2. Like
    `html_page` it needs nothing but itself and fits light and dark screens. Blue and red are told apart by colour-blind
    eyes.

    Args:
        inspection: ``{"notes", "followed", "tokens", "units"}``: lines of text to stand above; what
            `inspection.followed` returned; dicts of ``before, text, log_probability, known``, where ``before`` is what
            stands between a token and the one before it; and dicts of ``unit, about, values``, a value a token.
        title: the heading.

    Yields:
        The page in pieces of str, to be written as UTF-8.
    """
    yield html_start(title, _UNITS_STYLE)
    for note in inspection["notes"]:
        yield f"<p>{html.escape(note)}</p>\n"
    shown = {str(block["unit"]) for block in inspection["units"]}
    if inspection["followed"]:
        yield (
            "<table>\n<tr><th>what is followed<th>by unit<th class=number>correlation<th class=number>by chance</tr>\n"
        )
        for row in inspection["followed"]:
            unit = str(row["unit"])
            unit = f'<a href="#u{unit}">{unit}</a>' if unit in shown else unit
            yield (
                f"<tr><td>{html.escape(row['feature'])}<td>{unit}<td class=number>{row['correlation']:+.2f}"
                f"<td class=number>{row['chance']:.2f}</tr>\n"
            )
        yield f"</table>\n<p class=legend>{CORRELATIONS}</p>\n"
    yield (
        "<p class=legend>Each token has the colour of the unit when it has just been read: <i class=n8>blue</i> is "
        "below 0, <i class=p8>red</i> above, strongest at the largest 2% of the unit's values in this text. Point at a "
        "token to see the value, and the natural logarithm of the probability that it had before it was read.</p>\n"
    )
    for number, block in enumerate(inspection["units"]):
        strength = sorted(map(abs, block["values"]))
        strongest = strength[int(0.98 * (len(strength) - 1))] or strength[-1] or 1
        yield (
            f"<details{'' if number else ' open'}><summary><b>{block['unit']}</b> {html.escape(block['about'])}"
            f'</summary>\n<p class=text dir=auto id="u{block["unit"]}">'
        )
        for token, value in zip(inspection["tokens"], block["values"], strict=True):
            yield _html_token(token, value, max(-10, min(10, round(10 * value / strongest))))
        yield "</p></details>\n"
    yield "</body>\n</html>\n"


def plain_table(title, columns, rows, caption=None):
    """A rich Table of rows of str; of all columns but the first, what is a number stands on the right."""
    table = Table(title=Text(title), caption=caption and Text(caption), title_justify="left", caption_justify="left")
    for name, column in zip(columns, zip(*rows, strict=True) if rows else [()] * len(columns), strict=True):
        numbers = all(cell.strip("+-.%").replace(".", "").isdigit() for cell in column)
        table.add_column(name, justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def result_table(metrics, title):
    """A table of scores, a row for each set or class and a column for each measure.

    Args:
        metrics: names and numbers. The end of a name is the measure and what is before it the row: ``valid_per_f1``
            stands in row "valid per", column "f1". A dict as a value is rows of its own: ``{"PER": {"precision": 90.0,
            ...}}``. What is none of the measures precision, recall, f1, macro_f1, accuracy, support and count stands
            below the table, which is at most 80 columns wide where the names of rows are short.
        title: what is written above.

    Returns:
        A rich Table.
    """
    rows, others = {}, []
    for row, measure, value in _flat(metrics, ()):
        if measure in _MEASURES:
            rows.setdefault(row, {})[measure] = value
        elif not isinstance(value, str):  # such as a signature: it is in the file
            number = f"{value:,.4g}" if isinstance(value, float) else str(value)
            others.append(" ".join(filter(None, [row, measure, number])))
    measures = [measure for measure in _MEASURES if any(measure in row for row in rows.values())]
    table = Table(title=Text(title), caption=Text("  ·  ".join(others)) if others else None)
    table.add_column("")
    for measure in measures:
        table.add_column(measure.replace("_", " ").replace("f1", "F1"), justify="right")
    for row, values in rows.items():
        table.add_row(Text(row or "all"), *(_number(measure, values.get(measure)) for measure in measures))
    return table


def _flat(metrics, path):
    """Yields (row, measure, value) for names like ``valid_per_f1`` and for nested dicts."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _flat(value, path if name == "classes" else (*path, name))
        else:
            measure = max((m for m in _MEASURES if f"_{name}".endswith(f"_{m}")), key=len, default="")
            row = name.removesuffix(measure).rstrip("_")
            if not measure:
                row, _, measure = name.rpartition("_")
            yield " ".join(filter(None, [*path, row.replace("_", " ")])), measure, value


def _number(measure, value):
    if value is None:
        return ""
    return f"{value:,}" if measure in _COUNTS else f"{value:.2f}"


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
    return f"{_BLACK} on {_COLOURS[max(fitting)[1]]}" if fitting else _class_style(label)


def _class_style(label):
    """The colours of the label of a text, the same in every run. Other than a tag, no label steps back."""
    return f"{_BLACK} on {_class_colour(label)}"


def _class_colour(label):
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]


def _answers(prediction):
    """The labels of a prediction as (label, "98%"), the likeliest first, and the next one if that is worth seeing."""
    label, probabilities = prediction["label"], prediction.get("probabilities") or {}
    if label is None:
        return [], None
    several = not isinstance(label, str)
    names = sorted(label, key=lambda name: -probabilities.get(name, 0)) if several else [label]
    others = sorted(probabilities.keys() - set(names), key=lambda name: (-probabilities[name], name))
    unsure = not names if several else probabilities.get(label, 1) < _LOW
    answers = [
        (name, f"{100 * probabilities[name]:.0f}%" if name in probabilities else "") for name in [*names, *others[:1]]
    ]
    return answers[: len(names)], answers[-1] if unsure and others else None


def _nothing(label):
    return "(no text)" if label is None else "(no label)"


def _other_gold(prediction):
    """The gold label or labels as a str if the answer is another one, else None."""
    gold, label = prediction.get("gold"), prediction["label"]
    if gold is None:
        return None
    gold, label = ([each] if isinstance(each, str) else each or [] for each in (gold, label))
    return None if set(gold) == set(label) else ", ".join(gold) or _nothing([])


def _weighted(text, words):
    """Yields (piece, weight) for a text from its beginning to its end; what is no word has the weight 0."""
    place = 0
    for word in sorted(words or [], key=lambda word: word["start"]):
        start, end = max(word["start"], place), word["end"]
        if start < end:  # else it lies in the word before
            yield text[place:start], 0.0
            yield text[start:end], float(word["weight"])
            place = end
    yield text[place:], 0.0


def html_start(title, style=""):
    """The beginning of a page of HTML, up to its heading, with styles of its own."""
    return _HTML_START.format(title=html.escape(title), style=style)


_HTML_START = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }}
article {{ border-top: 1px solid #8886; padding: .8em 0 }}
p {{ margin: .3em 0; white-space: pre-wrap; overflow-wrap: anywhere }}
b {{ color: #000; border-radius: .3em; padding: .1em .5em }}
i {{ font-style: normal; border-radius: .2em }}
small {{ float: right }}
small, .second, .legend {{ opacity: .75 }}
.gold {{ font-weight: bold; margin-left: .8em }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
"""


CORRELATIONS = (
    "Correlations are of this text alone, each of the unit that has the largest. By chance: what the best unit reaches "
    "for the same thing displaced in the text, in 1 of 20 places; what is not above it says nothing."
)

# Steps of blue and red that black and white text can be read on, as a page lies on white or on black.
_ATTENTION_STYLE = """div { overflow-x: auto } .said { background: none; color: inherit; padding: 0 }
.attention { border-collapse: collapse; font: 13px ui-monospace, monospace; white-space: pre }
.attention td { width: 1.4em; min-width: 1.4em; height: 1.4em; border: 1px solid #8884 }
.attention th { font-weight: normal; text-align: right; padding: 0 .4em }
.source span { writing-mode: vertical-rl; transform: rotate(180deg) }
"""
_UNITS_STYLE = "b { color: inherit; padding: 0 } .text { font-family: ui-monospace, monospace; line-height: 1.5 }\n"
_UNITS_STYLE += "th, td { text-align: left; padding: 0 1.5em 0 0; font-weight: normal } th { opacity: .75 }\n"
_UNITS_STYLE += ".number { text-align: right } details { border-top: 1px solid #8886; padding: .5em 0 }\n"
_UNITS_STYLE += "".join(
    f".{name}{step} {{ background: rgba({colour},{0.06 * step:.2f}) }}\n"
    for name, colour in (("n", "30,100,230"), ("p", "225,30,20"))
    for step in range(1, 11)
)


def _html_token(token, value, step):
    text = html.escape(token["text"]).replace("\n", "↵\n")
    colour = f" class={'p' if step > 0 else 'n'}{abs(step)}" if step else ""
    unknown = "" if token["known"] else ", unknown"
    title = f"{value:+.2f}, log p {token['log_probability']:.2f}{unknown}"
    return f'{html.escape(token["before"])}<i{colour} title="{title}">{text}</i>'


def _html_article(prediction):
    chosen, second = _answers(prediction)
    head = [
        f'<b style="background:{_class_colour(label)}">{html.escape(label)}</b> {share}' for label, share in chosen
    ] or [f"<span class=second>{_nothing(prediction['label'])}</span>"]
    if second:
        head.append(f"<span class=second>({html.escape(' '.join(second))})</span>")
    if gold := _other_gold(prediction):
        head.append(f"<span class=gold>gold: {html.escape(gold)}</span>")
    if "line" in prediction:
        head.insert(0, f"<small>line {prediction['line']}</small>")
    text = "".join(
        _html_word(piece, weight) for piece, weight in _weighted(prediction["text"], prediction.get("words"))
    )
    return f"<article>{' '.join(head)}\n<p dir=auto>{text}</p></article>\n"


def _html_word(word, weight):
    word = html.escape(word)
    if not abs(weight) >= 0.005:  # nothing to be seen, and 0.00 to be read
        return word
    colour = "0,150,0" if weight > 0 else "220,0,0"
    line = ";text-decoration:underline" if weight <= -_STEPS[0] else ""
    return (
        f'<i style="background:rgba({colour},{min(abs(weight), 1) * 0.6:.2f}){line}" title="{weight:+.2f}">{word}</i>'
    )
