"""HTML pages of answers. A page is self-contained (no script, font or style from elsewhere), UTF-8, and readable on
light and dark screens. Text from data is always escaped, see `escape`.
"""

import html
from collections.abc import Iterable, Iterator

from seqzoo.display.labels import (
    LOW,
    SURPRISES,
    WEIGHT_STEPS,
    asked,
    attended,
    class_colour,
    missed_gold,
    no_label,
    shown_labels,
    tag_colour,
    weighted_pieces,
)
from seqzoo.display.plain import plain
from seqzoo.metrics.diversity import table_of
from seqzoo.metrics.measure import Measure
from seqzoo.text.spans import spans

CORRELATIONS = (
    "Correlations are for this text alone; each unit is the one with the largest. By chance: the correlation that the "
    "best unit reaches with the same feature shifted along the text, in 1 of 20 shifts; a correlation not above it "
    "means nothing."
)


def escape(text: str) -> str:
    """Escapes text for HTML: it is never a tag, and control characters, which HTML lacks, are shown."""
    return html.escape(plain(text))


def page(title: str, parts: Iterable[str], style: str = "") -> Iterator[str]:
    """Yields a page in pieces: its head with the title as heading, the parts of its body as they come, and its end.

    Args:
        title: plain text.
        parts: HTML.
        style: CSS rules in addition to those of all pages.
    """
    yield _HEAD.format(title=escape(title), style=style)
    yield from parts
    yield "</body>\n</html>\n"


def units_page(inspection: dict, title: str) -> Iterator[str]:
    """Yields a page with a text coloured by the values of hidden units at each token, a block for each unit.

    As in Karpathy, Johnson & Fei-Fei, 2015, Visualizing and Understanding Recurrent Networks, figure 2. Blue and red
    can be told apart by colour-blind people.

    Args:
        inspection: ``{"notes", "followed", "tokens", "units"}``: lines of text for the top; the result of
            `inspection.followed`; dicts of ``before, text, log_probability, known``, where ``before`` is the text
            between a token and the previous one; and dicts of ``unit, about, values``, a value for each token.
        title: the heading.

    Yields:
        The page in pieces.
    """
    return page(title, _inspected(inspection), _UNITS_STYLE)


def classified_articles(predictions: Iterable[dict]) -> Iterator[str]:
    """Yields labelled texts for a page, with the words for and against the labels.

    Args:
        predictions: as in `terminal.print_classified`, each optionally with ``"line"``, its line number.

    Yields:
        HTML, in pieces, one a prediction.
    """
    explained = False
    for prediction in predictions:
        if prediction.get("words") and not explained:
            explained = True
            yield (
                f"<p class=legend>Words on {_word('green', 0.7)} speak for the label, words on "
                f"{_word('red, underlined,', -0.7)} against it; the stronger the colour, the more they do. Point at a "
                "word to see its weight, from -1 to +1.</p>\n"
            )
        yield _article(prediction)


def _article(prediction: dict) -> str:
    labels, second = shown_labels(prediction)
    head = [f'<b style="background:{class_colour(label)}">{escape(label)}</b> {share}' for label, share in labels]
    head = head or [f"<span class=second>{no_label(prediction['label'])}</span>"]
    if second:
        head.append(f"<span class=second>({escape(' '.join(second))})</span>")
    if gold := missed_gold(prediction):
        head.append(f"<span class=gold>gold: {escape(gold)}</span>")
    if "line" in prediction:
        head.insert(0, f"<small>line {prediction['line']}</small>")
    pieces = weighted_pieces(asked(prediction), prediction.get("words"))
    text = "".join(_word(piece, weight) for piece, weight in pieces)
    return f"<article>{' '.join(head)}\n<p dir=auto>{text}</p></article>\n"


def _word(word: str, weight: float) -> str:
    word = escape(word)
    if not abs(weight) >= 0.005:  # too small to see, and shown as 0.00
        return word
    colour = "0,150,0" if weight > 0 else "220,0,0"
    line = ";text-decoration:underline" if weight <= -WEIGHT_STEPS[0] else ""
    return (
        f'<i style="background:rgba({colour},{min(abs(weight), 1) * 0.6:.2f}){line}" title="{weight:+.2f}">{word}</i>'
    )


def n_best_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields texts generated from a source, for a page, with their attention: rows are tokens, columns source tokens.

    Args:
        answers: ``{"text", "source_tokens", "n_best": [{"text", "score", "tokens", "attention", "copied"}]}`` each; a
            text without attention is shown alone. Words are marked if more than half of their probability comes from
            copying. A ``"reference"`` is shown if it differs.

    Yields:
        HTML, in pieces.
    """
    explained = set()
    for answer in answers:
        for name, legend in _LEGENDS.items():
            if name not in explained and any(name in best for best in answer["n_best"]):
                explained.add(name)
                yield f"<p class=legend>{legend}</p>\n"
        yield f"<article dir=auto><p>{escape(answer['text'])}</p>\n"
        for best in answer["n_best"]:
            yield f"<p><small>{best['score']:.3f}</small><b class=translation>{_copied(best)}</b></p>\n"
            if "attention" in best:
                yield from _attention_table(best, answer["source_tokens"])
        best = answer["n_best"][0]["text"] if answer["n_best"] else ""
        if answer.get("reference", best) != best:
            yield f"<p><span class=second>reference:</span> {escape(answer['reference'])}</p>\n"
        yield "</article>\n"


_LEGENDS = {
    "attention": "Rows are tokens of an answer, columns those of its source: the bluer, the more the row attends to "
    "the column. Point at a field to see its weight. Long sources are reduced to the columns that a row attends to.",
    "copied": "Words <u>underlined</u> were copied from the source. Point at one to see the share of its probability "
    "that comes from copying.",
}


def _copied(best: dict) -> str:
    """Returns the text of an answer, with copied words marked."""
    pieces, position, text = [], 0, best["text"]
    for token, share in zip(best.get("tokens", ()), best.get("copied", ()), strict=False):
        start = text.find(token.strip(), position)
        end = start + len(token.strip())
        if position <= start < end:
            word = escape(text[start:end])
            word = f'<u title="{100 * share:.0f}%">{word}</u>' if share > 0.5 else word
            pieces += [escape(text[position:start]), word]
            position = end
    return "".join([*pieces, escape(text[position:])])


def transcribed_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields transcripts for a page, each after its source; tokens with a low confidence are marked.

    Args:
        answers: see `terminal.print_transcribed`.

    Yields:
        HTML, in pieces, one an answer.
    """
    for answer in answers:
        asked = next(value for value in answer.values() if isinstance(value, str))
        yield f"<article dir=auto><p>{escape(asked)}</p>\n"
        yield f"<p><b class=translation>{escape(answer['transcript'])}</b></p>\n"
        for best in answer["n_best"] if len(answer["n_best"]) > 1 else ():
            yield f"<p><small>{best['score']:.3f}</small>{escape(best['text'])}</p>\n"
        doubts = [token for token in answer["tokens"] if token.get("confidence", 1) < LOW]
        if doubts:
            shown = ", ".join(f"{escape(token['text'])} {100 * token['confidence']:.0f}%" for token in doubts)
            yield f"<p><span class=second>unsure: {shown}</span></p>\n"
        if answer.get("reference", answer["transcript"]) != answer["transcript"]:
            yield f"<p><span class=second>reference:</span> {escape(answer['reference'])}</p>\n"
        yield "</article>\n"


def tagged_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields tagged sentences for a page: entities in colour in the text, other tags below their words.

    Args:
        answers: from `terminal.tagged`, each token optionally with ``"gold"``, its right tag. The right entities or
            tags are shown if they differ.

    Yields:
        HTML, in pieces, one a sentence.
    """
    explained = False
    for answer in answers:
        tokens = answer["tokens"]
        gold = [token.get("gold", token["tag"]) for token in tokens]
        if "entities" not in answer:
            if gold != [token["tag"] for token in tokens] and not explained:
                explained = True
                yield "<p class=legend>A wrong tag is <s>struck out</s>; the right one follows it.</p>\n"
            yield f"<article dir=auto>{''.join(map(_tagged_word, tokens, gold))}</article>\n"
            continue
        lines = [_entities(answer, [token["tag"] for token in tokens])]
        if lines[0] != (right := _entities(answer, gold)):
            lines = [f"<span class=side>answer</span>{lines[0]}", f"<span class=side>gold</span>{right}"]
        yield f"<article dir=auto>{''.join(f'<p>{line}</p>' for line in lines)}</article>\n"


def _tagged_word(token: dict, gold: str) -> str:
    tag = _tag(token["tag"]) if token["tag"] == gold else f"<s>{escape(token['tag'])}</s> {_tag(gold)}"
    return f"<span class=tagged>{escape(token['text'])}<br>{tag}</span>"


def _tag(tag: str) -> str:
    colour = tag_colour(tag)
    return f'<b style="background:{colour}">{escape(tag)}</b>' if colour else f"<span class=second>{escape(tag)}</span>"


def _entities(answer: dict, tags: list[str]) -> str:
    """Returns the text of a tagged sentence with the entities that `tags` mark."""
    text, offset, tokens, parts, position = answer["text"], answer["start"], answer["tokens"], [], 0
    for first, last, kind in spans(tags):
        start, end = tokens[first]["start"] - offset, tokens[last - 1]["end"] - offset
        name = f"{escape(text[start:end])} <span class=type>{escape(kind)}</span>"
        parts += [
            escape(text[position:start]),
            f'<b class=name style="background:{tag_colour(kind) or class_colour(kind)}">{name}</b>',
        ]
        position = end
    return "".join([*parts, escape(text[position:])])


def scored_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields scored texts for a page: the less expected a token, the redder it is.

    Args:
        answers: from `text.codec.Codec.scored`.

    Yields:
        HTML, in pieces, one a text.
    """
    yield (
        f"<p class=legend>The less expected a token, the {_surprise('redder', SURPRISES[1])} it is. Point at a token "
        "to see the natural logarithm of its probability.</p>\n"
    )
    for answer in answers:
        pieces, position = [], 0
        for token in answer["tokens"]:
            pieces.append(escape(answer["text"][position : token["start"]]))
            position = max(position, token["end"])
            unknown = "" if token["known"] else ", unknown"
            title = f"log p {token['log_probability']:.2f}{unknown}"
            text = escape(token["text"]).replace("\n", "↵\n")
            pieces.append(_surprise(text, -token["log_probability"], title))
        yield (
            f"<article dir=auto><small>perplexity {Measure.format(answer['perplexity'])}</small>"
            f"<p class=text>{''.join(pieces)}</p></article>\n"
        )


def sampled_articles(samples: Iterable[dict]) -> Iterator[str]:
    """Yields samples of a language model for a page, with their diversity.

    Args:
        samples: from `decoding.generation.sample_texts`; the last one may have ``"diversity"``, see
            `metrics.diversity.compared`.

    Yields:
        HTML, in pieces.
    """
    for sample in samples:
        yield (
            f"<article dir=auto><small>sample {sample['sample']}</small>"
            f"<p class=text><b>{escape(sample['prime'])}</b>{escape(sample['text'])}</p></article>\n"
        )
        if found := sample.get("diversity"):
            columns, rows, caption = table_of(found)
            yield f"<p>How varied the samples are, {escape(caption)}:</p>\n<table>\n"
            for name, *cells in zip(columns, *rows, strict=True):  # transposed, for narrow screens
                yield f"<tr><th>{escape(name)}{''.join(f'<td>{escape(cell)}' for cell in cells)}</tr>\n"
            yield "</table>\n"


def _surprise(escaped: str, nats: float, title: str = "") -> str:
    step = sum(nats >= least for least in SURPRISES)
    colour = f' style="background:rgba(225,30,20,{0.2 * step:.1f})"' if step else ""
    return f'<i{colour} title="{title}">{escaped}</i>'


def _attention_table(best: dict, source: list[str]) -> Iterator[str]:
    columns = attended(best["attention"], source)
    source = [source[column] for column in columns]
    yield "<div class=wide><table class=attention><tr><th>"
    yield "".join(f"<th class=source><span>{escape(token)}</span>" for token in source) + "</tr>\n"
    for token, row in zip(best["tokens"], best["attention"], strict=True):
        weights = [row[column] for column in columns]
        cells = "".join(
            f'<td style="background:rgb(0 110 220/{weight:.2f})" title="{escape(token)} ← {escape(name)}: '
            f'{weight:.3f}">'
            for name, weight in zip(source, weights, strict=True)
        )
        yield f"<tr><th>{escape(token)}{cells}</tr>\n"
    yield "</table></div>\n"


def _inspected(inspection: dict) -> Iterator[str]:
    for note in inspection["notes"]:
        yield f"<p>{escape(note)}</p>\n"
    shown = {str(block["unit"]) for block in inspection["units"]}
    if inspection["followed"]:
        yield "<table>\n<tr><th>feature<th>unit<th class=number>correlation<th class=number>by chance</tr>\n"
        for row in inspection["followed"]:
            unit = str(row["unit"])
            unit = f'<a href="#u{unit}">{unit}</a>' if unit in shown else unit
            yield (
                f"<tr><td>{escape(row['feature'])}<td>{unit}<td class=number>{row['correlation']:+.2f}"
                f"<td class=number>{row['chance']:.2f}</tr>\n"
            )
        yield f"</table>\n<p class=legend>{CORRELATIONS}</p>\n"
    yield (
        "<p class=legend>Each token is coloured by the value of the unit just after it was read: <i class=n8>blue</i> "
        "below 0, <i class=p8>red</i> above, strongest for the largest 2% of the unit's values in this text. Point at "
        "a token to see the value, and the natural logarithm of the probability that the model gave the token.</p>\n"
    )
    for number, block in enumerate(inspection["units"]):
        magnitudes = sorted(map(abs, block["values"]))
        strongest = magnitudes[int(0.98 * (len(magnitudes) - 1))] or magnitudes[-1] or 1
        yield (
            f"<details{'' if number else ' open'}><summary><b>{block['unit']}</b> {escape(block['about'])}"
            f'</summary>\n<p class=text dir=auto id="u{block["unit"]}">'
        )
        for token, value in zip(inspection["tokens"], block["values"], strict=True):
            yield _token(token, value, max(-10, min(10, round(10 * value / strongest))))
        yield "</p></details>\n"


def _token(token: dict, value: float, step: int) -> str:
    text = escape(token["text"]).replace("\n", "↵\n")
    colour = f" class={'p' if step > 0 else 'n'}{abs(step)}" if step else ""
    unknown = "" if token["known"] else ", unknown"
    title = f"{value:+.2f}, log p {token['log_probability']:.2f}{unknown}"
    return f'{escape(token["before"])}<i{colour} title="{title}">{text}</i>'


_HEAD = """<!DOCTYPE html>
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
small {{ float: right; margin-left: 1em }}
small, .second, .legend {{ opacity: .75 }}
.gold {{ font-weight: bold; margin-left: .8em }}
.text {{ font-family: ui-monospace, monospace; line-height: 1.5 }}
.wide {{ overflow-x: auto }}
.translation {{ background: none; color: inherit; padding: 0 }}
.attention {{ border-collapse: collapse; font: 13px ui-monospace, monospace; white-space: pre }}
.attention td {{ width: 1.4em; min-width: 1.4em; height: 1.4em; border: 1px solid #8884 }}
.attention th {{ font-weight: normal; text-align: right; padding: 0 .4em }}
.source span {{ writing-mode: vertical-rl; transform: rotate(180deg) }}
.name {{ font-weight: normal; -webkit-box-decoration-break: clone }} .type {{ font-size: 75% }}
.side {{ display: inline-block; width: 4.5em; opacity: .75 }}
.tagged {{ display: inline-block; margin: 0 .5em .4em 0; vertical-align: top; line-height: 1.4 }}
.tagged b, .tagged .second, .tagged s {{ font-size: 75% }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
"""

# Transparent shades of blue and red, on which text is readable on a white or black page.
_UNITS_STYLE = """b { color: inherit; padding: 0 }
th, td { text-align: left; padding: 0 1.5em 0 0; font-weight: normal } th { opacity: .75 }
.number { text-align: right } details { border-top: 1px solid #8886; padding: .5em 0 }
"""
_UNITS_STYLE += "".join(
    f".{name}{step} {{ background: rgba({colour},{0.06 * step:.2f}) }}\n"
    for name, colour in (("n", "30,100,230"), ("p", "225,30,20"))
    for step in range(1, 11)
)
