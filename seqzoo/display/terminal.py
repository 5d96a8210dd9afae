"""Prints answers on a terminal: coloured names, tags below their words, labels of texts and the words that explain
them, scored texts and translations.

Text from data is never markup, and its control characters are shown but have no effect.
"""

import itertools
import os
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from seqzoo.display.labels import (
    BLACK,
    LOW,
    SURPRISES,
    WEIGHT_STEPS,
    asked,
    class_style,
    missed_gold,
    no_label,
    shown_labels,
    tag_style,
    weighted_pieces,
)
from seqzoo.display.plain import plain, plain_text
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import marks_spans
from seqzoo.text.spans import spans

if TYPE_CHECKING:
    import numpy as np

_FADED = "#585858"

# Styles of words for and against a label, by WEIGHT_STEPS. Words against it are also underlined, for people who cannot
# tell red from green.
_FOR = [f"{BLACK} on #d7ffd7", f"{BLACK} on #87ff87", f"bold {BLACK} on #00d75f"]
_AGAINST = [f"underline {BLACK} on #ffd7d7", f"underline {BLACK} on #ff8787", f"bold underline {BLACK} on #ff5f5f"]


def tagged(
    text: str,
    tokens: Sequence[tuple[str, int, int]],
    tags: Sequence[str],
    confidences: "Sequence[float] | np.ndarray | None" = None,
) -> dict:
    """Returns a tagged sentence, ready for JSON and for `print_tagged`.

    Args:
        text: the text that contains the sentence.
        tokens: the tokens of the sentence as (token, start, end), offsets in `text`.
        tags: a tag for each token.
        confidences: a probability for each token, or None.

    Returns:
        ``{"text", "start", "tokens", "entities"}``: the part of `text` that is this sentence and its offset;
        ``tokens``: dicts of ``text, start, end, tag, confidence``; and, only if the tags mark spans, ``entities``:
        dicts of ``text, type, start, end, confidence``. All offsets are in `text`, ends are exclusive. A confidence is
        None if none was given; an entity has the lowest confidence of its tokens.

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


def print_tagged(sentence: dict, console: Console) -> None:
    """Prints a tagged sentence: names are highlighted in the text, other tags below their words.

    A confidence below 80% follows its tag. Without colours, a name is ``[Ford Motor ORG]``.

    Args:
        sentence: from `tagged`.
        console: where to print.
    """
    if "entities" in sentence:
        console.print(_highlighted(sentence, _has_colour(console)))
    else:
        for line in _aligned(sentence["tokens"], console.width):
            console.print(line, no_wrap=True, crop=False)


def print_classified(prediction: dict, console: Console) -> None:
    """Prints a text, or the name of a file, after its label, with the words that speak for and against the label.

    The second-best label follows a label with a probability below 80%. Words for the label are green, words against it
    red and underlined, in three strengths. Without colours, the strongest are marked ``*good*`` and ``-bad-``, with an
    explanation below.

    Args:
        prediction: ``{"text" or "file", "label", "probabilities"}``, and optionally ``"words"`` and ``"gold"``.
            ``label`` is a label, a list of labels, or None for an empty text; ``probabilities`` is {label: 0..1};
            ``words`` are dicts of ``text, start, end, weight``, offsets in the text and a weight from -1 (against the
            label) to 1 (for it); ``gold`` is the right label or labels, printed if the prediction is wrong.
        console: where to print.
    """
    colour = _has_colour(console)
    labels, second = shown_labels(prediction)
    line = Text()
    for label, share in labels:
        line.append(", " if line and not colour else " " if line else "")
        line.append(f" {plain(label)} " if colour else plain(label), class_style(label))
        line.append(share and f" {share}")
    if not labels:
        line.append(no_label(prediction["label"]), "dim")
    if second:
        line.append(f" ({plain(' '.join(second))})", "dim")
    if gold := missed_gold(prediction):
        line.append(f" gold: {plain(gold)}", "bold")
    line.append("  ")
    marked, pieces = False, []
    for piece, weight in weighted_pieces(_one_line(asked(prediction)), prediction.get("words")):
        step = sum(abs(weight) >= least for least in WEIGHT_STEPS)
        if colour:
            line.append(piece, (_FOR if weight > 0 else _AGAINST)[step - 1] if step else None)
        elif piece:
            pieces.append((("*" if weight > 0 else "-") if step > 1 else "", piece))
    for mark, group in itertools.groupby(pieces, lambda pair: pair[0]):  # adjacent letters share their marks
        marked |= bool(mark)
        line.append(f"{mark}{''.join(piece for _, piece in group)}{mark}")
    line.rstrip()
    console.print(line)
    if marked:
        console.print(Text("(*word* speaks for the label, -word- against it)", "dim"))


def print_similar(answer: dict, console: Console) -> None:
    """Prints how similar two texts are, or the lines nearest to a text.

    Args:
        answer: ``{"first", "second"}`` with "score" or "label" and "probability"; or ``{"text", "nearest"}``, a list of
            ``{"line", "text"}`` with the same; or ``{"text", "vector"}``.
        console: where to print.
    """
    if "first" in answer:
        console.print(
            Text.assemble(*_similarity(answer), _one_line(answer["first"]), (" | ", "dim"), _one_line(answer["second"]))
        )
        return
    console.print(Text(_one_line(answer["text"]), "bold"))
    if "vector" in answer:
        console.print(Text("no words" if answer["vector"] is None else " ".join(f"{x:.4g}" for x in answer["vector"])))
    for row in answer.get("nearest", ()):
        console.print(Text.assemble(*_similarity(row), (f"{row['line']:>6}  ", "dim"), _one_line(row["text"])))


def _similarity(answer):
    """Formats the similarity of two texts in 8 columns or more."""
    if "probability" not in answer:
        return [(f"{answer['score']:6.2f}  " if answer["score"] is not None else "     -  ", "bold")]
    share = "-" if answer["probability"] is None else f"{answer['probability']:.0%}"
    return [(f"{share:>6}  ", "bold"), f"{plain(str(answer['label']))}  "]


def print_scored(row: dict, console: Console) -> None:
    """Prints a text with its log-probability; the less expected a token, the redder it is.

    Args:
        row: ``{"text", "log_probability", "perplexity", "tokens": [{"text", "start", "end", "log_probability",
            "known"}]}`` and, among alternatives, ``"share"``, its share of the total. Logarithms are natural.
        console: where to print.
    """
    colour, source = _has_colour(console), plain(row["text"])
    line = Text()
    if "share" in row:
        line.append(f"{100 * row['share']:5.1f}%  ", "bold")
    # Characters and long texts are easier to read without numbers.
    numbers = len(row["tokens"]) <= 40 and any(len(token["text"].strip()) > 1 for token in row["tokens"])
    line.append(f"{row['log_probability']:10.3f}  perplexity {Measure.format(row['perplexity'], 1)}  ", "dim")
    position = 0
    for token in row["tokens"]:
        line.append(source[position : token["start"]])
        position = token["end"]
        text, surprise = plain(token["text"]).replace("\n", "↵"), -token["log_probability"]
        step = sum(surprise >= least for least in SURPRISES)
        line.append(text, _AGAINST[step - 1] if colour and step else None)
        if numbers or not token["known"]:
            unknown = "" if token["known"] else " unknown"
            line.append(f"({token['log_probability']:.2f}{unknown}) ", "dim")
    console.print(line)


def print_sample(sample: dict, console: Console) -> None:
    """Prints a sampled text after its prime; of the first one, only notes, as it was printed while it was drawn.

    Args:
        sample: ``{"sample", "prime", "text", "unknown_in_prime"}``, see `decoding.generation.sample_texts`.
        console: where to print.
    """
    if sample["sample"] > 1:
        console.print(plain_text(f"--- sample {sample['sample']}", "dim"))
        console.print(plain_text(sample["prime"] + sample["text"]), soft_wrap=True)
        return
    console.print()
    if unknown := ", ".join(map(repr, dict.fromkeys(sample["unknown_in_prime"]))):
        console.print(plain_text(f"The prime has tokens that are not in the vocabulary: {unknown}", "dim"))


def print_n_best(answer: dict, console: Console) -> None:
    """Prints the best text, or several with their scores; an empty line if there is none.

    Args:
        answer: ``{"n_best": [{"text", "score"}]}``.
        console: where to print.
    """
    lines = [best["text"] for best in answer["n_best"]] or [""]
    if len(answer["n_best"]) > 1:
        lines = [f"{best['score']:8.3f}  {best['text']}" for best in answer["n_best"]]
    for line in lines:
        console.print(plain_text(line), soft_wrap=True)


def print_transcribed(answer: dict, console: Console) -> None:
    """Prints a transcript after its source, or several with their scores.

    A confidence below 80% follows its token.

    Args:
        answer: ``{"transcript", "tokens": [{"text", "confidence"}], "n_best": [{"text", "score"}]}``, after a first
            entry that is not a number and names the source; ``"reference"`` is printed if the transcript differs.
        console: where to print.
    """
    asked = next(plain(value) for value in answer.values() if isinstance(value, str))
    console.print(plain_text(f"{asked}  {answer['transcript']}"), soft_wrap=True)
    for best in answer["n_best"] if len(answer["n_best"]) > 1 else ():
        console.print(plain_text(f"{best['score']:10.3f}  {best['text']}"), soft_wrap=True)
    doubts = [(token["text"], _doubt(token.get("confidence"))) for token in answer["tokens"]]
    doubts = [f"{text}{doubt}" for text, doubt in doubts if doubt]
    if doubts:
        console.print(plain_text(f"  unsure: {', '.join(doubts)}", "dim"), soft_wrap=True)
    if answer.get("reference", answer["transcript"]) != answer["transcript"]:
        console.print(plain_text(f"  gold: {answer['reference']}", "bold"), soft_wrap=True)


def usage(uses: Sequence[str], folder: str | os.PathLike, demo: str = "") -> Text:
    """Returns commands that use a trained run, a line each.

    Args:
        uses: the modes to suggest, see `Task.uses`.
        folder: folder of the run.
        demo: options of the first command; ``{folder}`` in it stands for the folder.
    """
    folder = shlex.quote(str(folder))
    demo, lines = demo.replace("{folder}", folder), ["The run is trained. To use it:"]
    for use in uses:
        lines.append(f"  python -m seqzoo.run --mode={use} --workdir={folder} {demo}".rstrip())
        demo = ""
    return plain_text("\n".join(lines))


def _has_colour(console: Console) -> bool:
    return bool(console.color_system) and not console.no_color


def _one_line(text: str) -> str:
    return plain(text.replace("\n", " "))


def _highlighted(sentence: dict, colour: bool) -> Text:
    text, offset = _one_line(sentence["text"]), sentence["start"]
    line = Text()
    position = 0
    for entity in sentence["entities"]:
        start, end = entity["start"] - offset, entity["end"] - offset
        line.append(text[position:start])
        label, doubt = plain(entity["type"]), _doubt(entity["confidence"])
        if colour:
            style = tag_style(entity["type"])
            line.append(f" {text[start:end]} ", style)
            line.append(f"{label} ", f"bold {style}")
            line.append(f"{doubt[1:]} " if doubt else "", style.replace(BLACK, _FADED))
        else:
            line.append(f"[{text[start:end]} {label}{doubt}]")
        position = end
    line.append(text[position:])
    return line


def _aligned(tokens: list[dict], width: int) -> Iterator[Text]:
    """Yields pairs of lines, words above and tags below, of at most the width of the console."""
    words, tags = Text(), Text()
    for token in tokens:
        word, tag, doubt = plain(token["text"]), plain(token["tag"]), _doubt(token["confidence"])
        columns = max(cell_len(word), cell_len(tag + doubt))
        if words and cell_len(words.plain) + columns > width:
            yield from (words, tags)
            words, tags = Text(), Text()
        words.append(word + " " * (columns - cell_len(word) + 1))
        tags.append(tag, tag_style(token["tag"]))
        tags.append(doubt, "dim")
        tags.append(" " * (columns - cell_len(tag + doubt) + 1))
    yield from (words, tags)


def _doubt(confidence: float | None) -> str:
    return "" if confidence is None or confidence >= LOW else f" {100 * confidence:.0f}%"
