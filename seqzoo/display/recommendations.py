"""Recommended items: on a terminal, on pages, and as a picture."""

import os
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console

from seqzoo.display.pages import escape
from seqzoo.display.plain import plain, plain_text
from seqzoo.display.plots import save_figure

RECENT = 6  # number of items of a history to show
DRAWN = 4  # histories in a picture
BARS = 6  # items for each history


def recent(answer: dict) -> str:
    """Formats the last items of a history for people."""
    history = answer["history"]
    shown = " | ".join(history[-RECENT:]) or "(no items)"
    return f"... | {shown}" if len(history) > RECENT else shown


def print_recommended(answer: dict, console: Console) -> None:
    """Prints the last items of a history, and the next items with their probabilities; ``*`` marks the right one.

    Args:
        answer: ``{"history", "next", "unknown"}``, optionally ``"gold"``, see the task recommendation.
        console: where to print.
    """
    console.print(plain_text(recent(answer), "bold"), soft_wrap=True)
    for each in answer["next"]:
        mark = "*" if each["item"] == answer.get("gold") else " "
        console.print(plain_text(f"{100 * each['probability']:6.2f}% {mark} {each['item']}"), soft_wrap=True)
    for note in notes(answer):
        console.print(plain_text(note, "dim"), soft_wrap=True)


def notes(answer: dict) -> Iterator[str]:
    """Yields further remarks on an answer, a line each."""
    if answer["unknown"]:
        yield f"never seen in training, and left out: {', '.join(answer['unknown'])}"
    if "gold" in answer:
        rank = f"rank {answer['rank']:,}" if answer["rank"] else "no candidate"
        yield f"right: {answer['gold']}, {rank}"


def recommended_articles(answers: Iterable[dict]) -> Iterator[str]:
    """Yields parts of a page, one for each answer, see `print_recommended`."""
    for answer in answers:
        line = f"<small>line {answer['line']}</small>" if "line" in answer else ""
        rows = ""
        for each in answer["next"]:
            item, right = escape(each["item"]), each["item"] == answer.get("gold")
            rows += f"<tr><td>{100 * each['probability']:.2f}%<td>{f'<strong>{item}</strong>' if right else item}"
        said = "".join(f"<p class=legend>{escape(note)}</p>" for note in notes(answer))
        yield f"<article>{line}<p>{escape(recent(answer))}</p>\n<table>{rows}</table>{said}</article>\n"


def recommended_plot(answers: Sequence[dict], path: str | os.PathLike) -> None:
    """Draws the probabilities of the next items after some histories; the right one has another colour.

    Args:
        answers: see `print_recommended`; the first few are drawn.
        path: the image to write.
    """
    from matplotlib.figure import Figure

    answers = [answer for answer in answers if answer["next"]][:DRAWN]
    figure = Figure(figsize=(10, 2 * len(answers) + 0.2), layout="constrained")
    for panel, answer in zip(figure.subplots(len(answers), 1, squeeze=False, sharex=True)[:, 0], answers, strict=True):
        best = answer["next"][:BARS][::-1]
        colours = ["C1" if each["item"] == answer.get("gold") else "C0" for each in best]
        panel.barh(range(len(best)), [each["probability"] for each in best], color=colours)
        panel.set_yticks(range(len(best)), [plain(each["item"])[:40] for each in best], parse_math=False)
        panel.set_title(plain(recent(answer))[:150], fontsize=9, loc="left", parse_math=False)
    figure.supxlabel("probability; orange: what came next")
    save_figure(figure, path)
