"""Sequence logos: letters as high as their weights."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.display.plain import plain

if TYPE_CHECKING:
    from seqzoo.inputs.letters import Letters


# Bases in the colours of sequencers; amino acids by their chemistry: acids red, bases blue, polar green, others dark.
COLOURS = {"A": "#109648", "C": "#255c99", "G": "#f7b32b", "T": "#d62839"}
CHEMISTRY = {**dict.fromkeys("DE", "#d62839"), **dict.fromkeys("KRH", "#255c99"), **dict.fromkeys("STNQGYC", "#109648")}
SHOWN_SEQUENCES = 20  # rows of a picture, or sequences averaged in a row
SHOWN = 200  # letters of a row; a longer sequence is cut to the stretch with the largest weights


def logo_plot(letters: str, rows: Sequence[tuple[str, np.ndarray]], path: str | os.PathLike) -> None:
    """Draws a logo a row: at each position a stack of letters, upside down below the line.

    Args:
        letters: letters of the columns.
        rows: (title, heights [T, D]); heights below 0 are for letters that speak against the label.
        path: the image to write; its suffix chooses the format.

    Source: Schneider & Stephens, 1990, Sequence logos: a new way to display consensus sequences.
    """
    from matplotlib.figure import Figure

    rows = [(title, *_strongest(heights)) for title, heights in rows]
    width = max(len(heights) for _, _, heights in rows)
    figure = Figure(figsize=(min(max(0.13 * width, 4), 26), 1.7 * len(rows)), layout="constrained")
    for axes, (title, start, heights) in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        _draw(axes, letters, heights, start)
        axes.set_title(plain(title), fontsize=9, loc="left", parse_math=False)
    figure.savefig(path, dpi=120)


def explained_logo_plot(letters: "Letters", rows: Sequence[tuple[str, list[dict]]], path: str | os.PathLike) -> None:
    """Draws, by `logo_plot`, the letters that decided.

    Args:
        letters: the alphabet, an `inputs.letters.Letters`.
        rows: (title, explained answers of one length, whose mean is drawn): {"text", "words": [{"weight"}]} each.
        path: the image to write.
    """

    def heights(answer):
        return letters.frames(answer["text"]) * np.array([word["weight"] for word in answer["words"]])[:, None]

    means = [(title, np.mean([heights(answer) for answer in answers], axis=0)) for title, answers in rows]
    logo_plot(letters.letters, means, path)


def _strongest(heights):
    """Returns (first position, heights) of the stretch of at most SHOWN letters with the largest weights."""
    if len(heights) <= SHOWN:
        return 1, heights
    total = np.convolve(np.abs(heights).sum(axis=1), np.ones(SHOWN), "valid")
    start = int(total.argmax())
    return start + 1, heights[start : start + SHOWN]


def _draw(axes, letters, heights, start):
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    colours = COLOURS if len(letters) == 4 else CHEMISTRY
    font, shapes = FontProperties(family="DejaVu Sans Mono", weight="bold"), {}
    for letter in letters:
        shape = TextPath((0, 0), letter, size=1, prop=font)
        box = shape.get_extents()
        shapes[letter] = Affine2D().translate(-box.x0, -box.y0).scale(0.92 / box.width, 1 / box.height), shape
    for position, row in enumerate(heights, start):
        ends = {1: 0.0, -1: 0.0}  # of the stacks above and below the line
        for column in np.argsort(np.abs(row)):
            height = float(row[column])
            if abs(height) < 1e-3:
                continue
            sign = 1 if height > 0 else -1
            fit, shape = shapes[letters[column]]
            move = Affine2D().scale(1, height).translate(position - 0.46, ends[sign])
            colour = colours.get(letters[column], "#404040")
            axes.add_patch(PathPatch(shape, transform=fit + move + axes.transData, color=colour, lw=0))
            ends[sign] += height
    stacks = np.maximum(heights, 0).sum(axis=1), np.minimum(heights, 0).sum(axis=1)
    axes.set_xlim(start - 0.6, start + len(heights) - 0.4)
    axes.set_ylim(min(stacks[1].min(initial=0) * 1.05, -0.02), max(stacks[0].max(initial=0) * 1.05, 0.02))
    axes.axhline(0, color="0.5", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
