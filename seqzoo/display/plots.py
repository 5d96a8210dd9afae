"""Plots of a run: confusion matrix, learning curves, reliability diagram, gates over time, attention.

Figures are created as objects and saved directly, so plotting needs no display and leaves the pyplot state of the
calling program alone.
"""

import csv
import math
import pathlib
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.display.labels import attended
from seqzoo.display.plain import plain
from seqzoo.metrics.measure import Measure

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure


CONFUSED = 40  # labels in a confusion plot; a thousand would take gigabytes
DRAWN_UNITS = 16  # units in a plot of gates; the names of 256 would not be readable
FEWEST = 10  # minimum answers of a point in a reliability diagram; with fewer, accuracy is mostly chance
GATE_NAMES = {
    "i": "input gate i",
    "f": "forget gate f (1 keeps the cell)",
    "o": "output gate o",
    "z": "update gate z (1 keeps the state)",
    "r": "reset gate r",
    "u": "update gate u (1 replaces the state)",
    "a": "a, the share of the state that is kept",
}
STATE_NAMES = {"g": "candidate g", "c": "cell c", "h": "output h"}
_VISIBLE_SPACES = str.maketrans({"\n": "↵", "\t": "⇥", " ": "␣"})


def confusion_plot(labels: Sequence[str], counts: np.ndarray, path: str | pathlib.Path) -> None:
    """Draws a confusion matrix: colours are shares of the row, numbers are counts.

    At most the 40 most confused labels are drawn; the whole matrix is written as CSV beside the image.

    The colour scale is the square root of the share: a good tagger's errors are a percent or two of a row, which would
    be white on a linear scale.

    Args:
        labels: names of the rows and columns.
        counts: [gold, predicted], from `metrics.tags.confusion`.
        path: the image to write; its suffix chooses the format (``.png``, ``.pdf``, ``.svg``). Beside it the same name
            with ``.csv``: a row for each gold label, a column for each predicted one.
    """
    counts = np.asarray(counts)
    with open(pathlib.Path(path).with_suffix(".csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["gold", *labels])
        writer.writerows([label, *row] for label, row in zip(labels, counts.tolist(), strict=True))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    title = ""
    if len(labels) > CONFUSED:
        title = f"The {CONFUSED} most confused of {len(labels):,} labels"
        chosen = most_confused(counts, CONFUSED)
        labels = [labels[i] for i in chosen]
        counts, shares = (matrix[np.ix_(chosen, chosen)] for matrix in (counts, shares))
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    n, labels = len(labels), _cut(labels, 30)
    side = max(3.2, (0.46 if n <= 20 else 0.34) * n)  # inches; beyond 20 labels cells and numbers shrink
    figure = Figure(figsize=(side + 2.2, side + 1.2), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    fits = max(map(len, labels), default=0) * 0.1 < side / n  # inches of a letter and of a cell
    axes.set_xticks(range(n), labels, rotation=0 if fits else 90, parse_math=False)  # "$" is a tag
    axes.set_yticks(range(n), labels, parse_math=False)
    axes.tick_params(length=0, labeltop=n > 20)
    axes.set_xticks([i + 0.5 for i in range(n - 1)], minor=True)
    axes.set_yticks([i + 0.5 for i in range(n - 1)], minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    if title:
        axes.set_title(title)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            if count:
                colour = "white" if shares[i][j] > 0.35 else "black"
                size = 11 if n <= 6 else 8 if n <= 20 else 6
                axes.text(j, i, _short(int(count)), ha="center", va="center", color=colour, fontsize=size)
    ticks = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1]
    bar = figure.colorbar(image, ax=axes, ticks=ticks, shrink=min(1, 4 / side), pad=0.02)
    bar.ax.set_yticklabels([f"{100 * tick:g}%" for tick in ticks])
    bar.set_label("share of the gold label")
    save_figure(figure, path, bbox_inches="tight")


def most_confused(counts: np.ndarray, number: int) -> np.ndarray:
    """Returns the indices of the labels with the most errors, given or missed, in the order of the matrix.

    Ties go to the first labels.
    """
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return np.sort(np.argsort(-errors, kind="stable")[:number])


def history_plot(
    history: list[dict],
    objective: str,
    measures: Mapping[str, Measure],
    path: str | pathlib.Path,
    best: int | None = None,
) -> None:
    """Draws the losses, and below them the objective, over the epochs, and marks the best epoch.

    Other measures of the same unit are drawn together with an objective that should be high: precision and recall with
    F1. Costs, such as bits a character and bits a word, have no common scale.

    Args:
        history: a dict for each epoch, with ``epoch``, ``loss`` and ``valid_MEASURE``, such as ``valid_loss``. An epoch
            may lack a key.
        objective: the measure that chooses the best epoch: ``"f1"``.
        measures: {name: Measure} of the task.
        path: the image to write; its suffix chooses the format.
        best: the number of the best epoch; None: the first one with the best value of the objective.

    Raises:
        ValueError: no epoch has a value of the objective.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    def points(key):
        rows = [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
        return [(epoch, value) for epoch, value in rows if math.isfinite(value)]

    measure, key = measures[objective], f"valid_{objective}"
    if not points(key):
        raise ValueError(f"No epoch of this history has a value of {key}.")
    values = dict(points(key))
    epoch = best if best in values else max(values, key=lambda epoch: measure.sign * values[epoch])
    beside = [
        name
        for name, other in measures.items()
        if name != objective and other.sign == measure.sign == 1 and other.unit == measure.unit
    ]
    panels = [
        ("Loss", "", [("loss", "train"), ("valid_loss", "valid")], {"loss", "valid_loss"}),
        (
            f"{measure.title} (valid)",
            measure.unit or measure.title,
            [(key, measure.title), *((f"valid_{name}", measures[name].title) for name in beside)],
            {key},
        ),
    ]
    figure = Figure(figsize=(6, 6.4), layout="constrained")  # as wide as a phone can show
    for axes, (title, unit, lines, main) in zip(figure.subplots(2, 1, sharex=True), panels, strict=True):
        for name, label in lines:
            if points(name):
                style = {"linewidth": 2} if name in main else {"linewidth": 1.2, "alpha": 0.6}
                axes.plot(*zip(*points(name), strict=True), marker="o", markersize=3, label=label, **style)
        axes.axvline(epoch, color="0.6", linestyle=":", zorder=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_ylabel(unit)
        axes.set_title(title)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("epoch")
    label = f"best: {values[epoch]:.4g} in epoch {epoch}"
    axes.plot(epoch, values[epoch], "*", color="black", markersize=12, label=label)
    for axes in figure.axes:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    save_figure(figure, path)


def reliability_plot(bins: list[dict], error: float, path: str | pathlib.Path) -> None:
    """Draws a reliability diagram: accuracy against confidence, and below it the number of answers.

    A well calibrated model is on the diagonal, an overconfident one below it. Neighbouring bins with few answers are
    drawn as one point, and each point has the 95% interval of its accuracy.

    Args:
        bins: list of ``{"confidence", "accuracy", "count"}``, from `metrics.labels.calibration`.
        error: the expected calibration error, in percent.
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    points = merged_bins(bins)
    confidences, accuracies, counts = ([row[key] for row in points] for key in ("confidence", "accuracy", "count"))
    ranges = [accuracy_interval(row["accuracy"], row["count"]) for row in points]
    figure = Figure(figsize=(5.2, 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1.4])
    upper.plot([0, 100], [0, 100], color="0.6", linestyle=":", label="perfectly calibrated")
    upper.vlines(
        confidences, [low for low, _ in ranges], [high for _, high in ranges], color="tab:blue", alpha=0.35,
        linewidth=4, label="95% interval",
    )  # fmt: skip
    upper.plot(confidences, accuracies, marker="o", markersize=5, linewidth=2, label="model", clip_on=False)
    upper.set_ylim(0, 100)
    upper.set_ylabel("accuracy (%)")
    joined = f"\nbins with fewer than {FEWEST} answers are joined" if len(points) < len(bins) else ""
    upper.set_title(f"Expected calibration error {error:.2f}%{joined}", fontsize=11)
    upper.legend(frameon=False, loc="lower right" if min(accuracies, default=0) > 40 else "upper left")
    bars = lower.bar(confidences, counts, width=1.2)
    lower.bar_label(bars, [_short(count) for count in counts], fontsize=8, padding=1)
    lower.margins(y=0.3)  # for the numbers
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    lower.set_xlim(min([50, *confidences]) // 10 * 10, 100)
    lower.set_xlabel("confidence (%)")
    lower.set_ylabel("answers")
    for axes in (upper, lower):
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def merged_bins(bins: list[dict], fewest: int = FEWEST) -> list[dict]:
    """Joins neighbouring bins until each has at least `fewest` answers, or there is only one.

    Args:
        bins: list of ``{"confidence", "accuracy", "count"}``, the lowest first.
        fewest: answers of a bin.

    Returns:
        Bins like those given, with the means of all their answers.
    """
    groups, open_group = [], False
    for row in bins:
        groups = [*groups[:-1], [*groups[-1], row]] if open_group else [*groups, [row]]
        open_group = sum(row["count"] for row in groups[-1]) < fewest
    if open_group and len(groups) > 1:  # the last group is too small
        groups[-2:] = [groups[-2] + groups[-1]]
    joined = []
    for group in groups:
        count = sum(row["count"] for row in group)
        means = {key: sum(row["count"] * row[key] for row in group) / count for key in ("confidence", "accuracy")}
        joined.append({**means, "count": count})
    return joined


def accuracy_interval(accuracy: float, count: int) -> tuple[float, float]:
    """Returns the 95% interval of an accuracy of `count` answers, in percent (Wilson, 1927)."""
    z, share = 1.96, accuracy / 100
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    return 100 * (middle - half), 100 * (middle + half)


def similarity_plot(gold: Sequence, predicted: Sequence[float], label: str, path: str | pathlib.Path) -> None:
    """Draws predicted against gold similarities, a point for each pair; for two labels, a histogram of each.

    Args:
        gold: the number or the label of each pair.
        predicted: the similarity of each pair.
        label: name of the number or label.
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    if isinstance(gold[0], str):
        names = sorted({*gold})
        values = [[p for p, g in zip(predicted, gold, strict=True) if g == name] for name in names]
        axes.hist(values, bins=20, range=(0, 1), label=names)
        axes.set_xlabel(label)
        axes.set_ylabel("pairs")
        axes.legend(frameon=False)
    else:
        low, high = min(*gold, *predicted), max(*gold, *predicted)
        axes.plot([low, high], [low, high], color="0.6", linestyle=":")
        axes.scatter(gold, predicted, s=12, alpha=0.4, linewidths=0)
        axes.set_xlabel(f"gold {label}")
        axes.set_ylabel(f"predicted {label}")
        axes.set_aspect("equal")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def gate_plot(
    layer: Mapping[str, np.ndarray], tokens: Sequence[str], units: np.ndarray, title: str, path: str | pathlib.Path
) -> None:
    """Draws the gates and states of a recurrent layer while it reads: rows are units, columns tokens.

    Args:
        layer: {name: [T, H]}, from `inspection.trace`; the gates in `GATE_NAMES` are drawn on a scale from 0 to 1,
            everything else on a scale centred on 0.
        tokens: T texts.
        units: indices of the units to draw, from the top row down.
        title: shown above the plot.
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    shown = _cut(_spaces_shown(tokens), 15)
    letters = max(map(len, shown))
    width, height = max(5, 0.125 * len(tokens) + 1.5), 0.15 * len(units) + 0.75 + 0.08 * letters
    figure = Figure(figsize=(width, len(layer) * height + 0.5), layout="constrained")
    figure.suptitle("\n".join(_wrapped(title, width)), parse_math=False)
    for (name, values), axes in zip(layer.items(), figure.subplots(len(layer), 1, squeeze=False).flat, strict=True):
        if name in GATE_NAMES:
            style = {"cmap": "Blues", "vmin": 0, "vmax": 1}
        else:
            largest = max(np.quantile(abs(values[:, units]), 0.98), 1e-6)  # a few cells may hold large values
            style = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        image = axes.imshow(values[:, units].T, aspect="auto", interpolation="nearest", **style)
        axes.set_title({**GATE_NAMES, **STATE_NAMES}[name])
        _name_columns(axes, range(len(shown)), shown, fontsize=8)
        axes.set_yticks(range(len(units)), [str(unit + 1) for unit in units], fontsize=8)
        axes.tick_params(length=0)
        axes.set_ylabel("unit")
        extend = "neither" if name in GATE_NAMES else "both"
        figure.colorbar(image, ax=axes, pad=0.01, aspect=20, extend=extend)
    axes.set_xlabel("token that was read")
    save_figure(figure, path)


def attention_plot(
    source: Sequence[str],
    target: Sequence[str],
    weights: Sequence[Sequence[float]],
    path: str | pathlib.Path,
    title: str = "",
) -> None:
    """Draws the attention of each target token to the source tokens: rows are target tokens, columns source tokens.

    Args:
        source, target: S and T tokens. Of a long source, only attended tokens are drawn, see `labels.attended`. If
            there are more than 120, only some are labelled. Long tokens are cut.
        weights: [T, S], from 0 to 1.
        path: the image to write; its suffix chooses the format.
        title: shown above the plot.
    """
    from matplotlib.figure import Figure

    target = target or [""]  # an empty translation has no attention
    weights = np.zeros((1, len(source))) if not len(weights) else np.asarray(weights)
    columns = attended(weights, source)
    source, weights = [source[column] for column in columns], weights[:, columns]
    source, target = (_cut(_spaces_shown(names), 30) for names in (source, target))
    letters = max(map(len, [*source, *target]))
    size = 3.2 + 0.24 * min(120, len(source)), 1.9 + 0.08 * letters + 0.22 * min(120, len(target))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    columns, rows = (range(0, len(names), math.ceil(len(names) / 120)) for names in (source, target))
    _name_columns(axes, columns, [source[i] for i in columns], fontsize=9)
    axes.set_yticks(rows, [target[i] for i in rows], fontsize=9, family="monospace", parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source token")
    axes.set_ylabel("target token")
    bar = figure.colorbar(
        image, ax=axes, pad=0.02, aspect=12, shrink=min(1, 3 / size[1]), ticks=[0, 0.25, 0.5, 0.75, 1]
    )
    bar.set_label("attention")
    figure.suptitle("\n".join(_wrapped(title, size[0])), parse_math=False, fontsize=10)
    save_figure(figure, path)


def spikes_plot(
    p: np.ndarray, labels: Sequence[str], steps: Sequence[str], path: str | pathlib.Path, title: str = ""
) -> None:
    """Draws the probability of each label in each frame of a transcriber: a curve for each label, the blank dashed.

    Args:
        p: [T, V] probabilities; 0 is the blank.
        labels: V names.
        steps: names of the S input steps, such as letters, drawn with equal width over the T frames; () draws none.
        path: the image to write; its suffix chooses the format.
        title: shown above the plot.
    """
    from matplotlib.figure import Figure

    frames = np.arange(len(p)) + 0.5
    figure = Figure(figsize=(min(24, 3 + 0.22 * len(p)), 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(frames, p[:, 0], "--", color="0.7", linewidth=1)
    for number in range(1, p.shape[1]):
        if p[:, number].max() < 0.05:  # the curve would be invisible
            continue
        (line,) = axes.plot(frames, p[:, number], linewidth=1.5)
        best = int(p[:, number].argmax())
        name = _cut(_spaces_shown([labels[number]]), 8)[0]
        axes.annotate(
            name, (frames[best], p[best, number]), xytext=(0, 3), textcoords="offset points", ha="center",
            color=line.get_color(), parse_math=False,
        )  # fmt: skip
    axes.set(xlim=(0, len(p)), ylim=(0, 1.12), ylabel="probability")
    if len(steps):
        width = len(p) / len(steps)
        _name_columns(axes, width * (np.arange(len(steps)) + 0.5), _cut(_spaces_shown(steps), 8))
        axes.set_xticks(width * np.arange(len(steps) + 1), minor=True)
        axes.grid(axis="x", which="minor", color="0.9")
        axes.tick_params(which="both", length=0)
    else:
        axes.set_xlabel("frame")
    figure.suptitle("\n".join(_wrapped(title, figure.get_figwidth())), parse_math=False, fontsize=10)
    save_figure(figure, path)


def _name_columns(axes, columns: Sequence[int], names: Sequence[str], **style):
    """Names columns by tokens; single characters are upright."""
    axes.set_xticks(columns, names, family="monospace", parse_math=False, **style)
    for tick, name in zip(axes.xaxis.get_major_ticks(), names, strict=True):
        for label in (tick.label1, tick.label2):
            label.set_rotation(90 if len(name) > 1 else 0)


def _spaces_shown(tokens: Sequence[str]) -> list[str]:
    """Makes spaces, tabs and line ends of tokens visible."""
    return [token.translate(_VISIBLE_SPACES) for token in tokens]


def _wrapped(title: str, width: float) -> list[str]:
    """Wraps the title of a figure, whose width is in inches, into at most three lines."""
    return textwrap.wrap(plain(title), int(12 * width), max_lines=3, placeholder=" …")  # 12 letters to the inch


def _cut(names: Sequence[str], width: int) -> list[str]:
    """Prepares names from data for drawing: without control characters, and at most `width` characters long."""
    return [plain(name if len(name) <= width else f"{name[: width - 1]}…") for name in names]


def save_figure(figure: "Figure", path: "str | os.PathLike", **options) -> None:
    """Saves a figure without warnings about glyphs."""
    with warnings.catch_warnings():  # characters that the font lacks are drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(path, dpi=120, **options)


def _short(count: int) -> str:
    """Formats a count in at most four characters: 9999, 12k, 3M."""
    if count < 10_000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / 1e6:.0f}M"
