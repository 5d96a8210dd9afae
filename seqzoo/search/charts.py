"""Charts of a search, as SVG inside a page: text and axes have the colour of the page's text."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqzoo.config import flag_text
from seqzoo.display.pages import escape
from seqzoo.display.plain import plain
from seqzoo.search.space import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = "#010203"  # a placeholder for the page's text colour, which nothing else may have
BLUE, ORANGE = "#3b82d6", "#e8710a"  # visible on black and on white, and distinct to colour-blind people
LONGEST = 14  # letters of a value below an axis


def option_chart(name: str, values: Values, records: Sequence[dict], title: str, sign: int) -> str:
    """Draws the scores over the values of an option: a point for each trial, a dash for the mean of each choice.

    Args:
        name: the option.
        values: the searched values.
        records: records of the trials with a score, the best first.
        title: the name of the score.
        sign: 1 if a higher score is better, -1 if a lower one is.
    """
    figure, axes = _figure()
    x, scores = [record["settings"][name] for record in records], [record["score"] for record in records]
    if values.choices:
        numeric = values.type in (int, float)
        choices = sorted(values.choices) if numeric else values.choices
        positions = [choices.index(value) for value in x]
        for position in {*positions}:
            own = [score for score, at in zip(scores, positions, strict=True) if at == position]
            axes.hlines(sum(own) / len(own), position - 0.3, position + 0.3, color=TEXT, alpha=0.5)
        # Points of one choice are spread side by side, by a sequence that fills an interval evenly.
        x = [position + (rank * 0.618 % 1 - 0.5) * 0.4 for rank, position in enumerate(positions)]
        labels = [_cut(flag_text(choice)) for choice in choices]
        slanted = {"rotation": 30, "ha": "right"} if sum(map(len, labels)) > 30 else {}
        axes.set_xticks(range(len(choices)), labels, parse_math=False, **slanted)
        axes.set_xlim(-0.6, len(choices) - 0.4)
    elif values.logarithmic:
        axes.set_xscale("log")
        _ticks(axes.xaxis, values.low, values.high)
    _points(axes, x, scores, records)
    _score_axis(axes, scores, title, sign)
    axes.set_xlabel(name, parse_math=False)
    return _svg(figure, f"{title} over {name}")


def course_chart(records: Sequence[dict], title: str, sign: int) -> str:
    """Draws the scores over the trials in order, and the best so far.

    Args:
        records: as in `option_chart`.
        title: the name of the score.
        sign: 1 if a higher score is better, -1 if a lower one is.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure()
    best, course = None, []
    for record in sorted(records, key=lambda record: int(record["id"])):
        best = record["score"] if best is None or sign * record["score"] > sign * best else best
        course.append((int(record["id"]), best))
    axes.step(*zip(*course, strict=True), where="post", color=TEXT, alpha=0.5, linewidth=1.2, label="best so far")
    scores = [record["score"] for record in records]
    _points(axes, [int(record["id"]) for record in records], scores, records)
    _score_axis(axes, scores, title, sign)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.legend(frameon=False, labelcolor=TEXT)
    return _svg(figure, f"{title} over the trials")


def importance_chart(options: dict[str, Sequence[float]]) -> str:
    """Draws a bar for the importance of each option, the most important on top.

    Args:
        options: {option: (mean, spread)}, the most important first.
    """
    figure, axes = _figure(height=0.9 + 0.32 * len(options))
    means, spreads = zip(*options.values(), strict=True)
    axes.barh(range(len(options)), means, 0.6, xerr=spreads, color=BLUE, ecolor=TEXT, capsize=3)
    axes.set_yticks(range(len(options)), [_cut(name, 24) for name in options], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("fall of R² when shuffled")
    return _svg(figure, "importance of the options")


def _figure(height: float = 3.0) -> tuple:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot(facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(TEXT)
    axes.tick_params(which="both", colors=TEXT)
    axes.xaxis.label.set_color(TEXT)
    axes.yaxis.label.set_color(TEXT)
    return figure, axes


def _points(axes, x: Sequence[float], scores: Sequence[float], records: Sequence[dict]) -> None:
    """Draws a point for each trial, linked to its row in the table; the best, which is the first, is a star."""
    links = [f"#trial-{record['id']}" for record in records]
    axes.scatter(x[1:], scores[1:], 28, BLUE, alpha=0.75, linewidths=0, zorder=3).set_urls(links[1:])
    axes.scatter(x[:1], scores[:1], 120, ORANGE, "*", linewidths=0, zorder=4).set_urls(links[:1])


def _score_axis(axes, scores: Sequence[float], title: str, sign: int) -> None:
    axes.set_ylabel(title, parse_math=False)
    axes.grid(axis="y", color=TEXT, alpha=0.15, linewidth=0.8)
    if sign < 0 and min(scores) > 0 and max(scores) > 20 * min(scores):  # a diverged trial would flatten the others
        axes.set_yscale("log")
        _ticks(axes.yaxis, min(scores), max(scores))


def _ticks(axis, low: float, high: float) -> None:
    """Labels a logarithmic axis with plain numbers: 1, 2, 5, 10 ..., or 1, 10, 100 ... for a wide range."""
    powers = [10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    ticks = [power * step for power in powers for step in ((1, 2, 5) if len(powers) < 4 else (1,))]
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("")


def _cut(text: str, length: int = LONGEST) -> str:
    """Cuts a long text for an axis to its end, where paths differ."""
    text = plain(text)
    return text if len(text) <= length else f"…{text[1 - length :]}"


def _svg(figure: "Figure", title: str) -> str:
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # text stays text
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(TEXT, "currentColor")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
