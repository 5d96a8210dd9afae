"""Plots of scores."""

import math
import os

import numpy as np

from seqzoo.display.plots import save_figure
from seqzoo.music.keys import pitch_name
from seqzoo.music.score import Score


def piano_roll_plot(score: Score, path: str | os.PathLike, title: str = "") -> None:
    """Plots a score as a piano roll: time to the right, in rows of about eight bars, pitch upwards, a colour per voice.

    A note is a pale bar with a dark edge where it begins, which distinguishes repeated notes from a held one; later
    voices are thinner, so that all voices of a unison are visible. The rows of black keys are shaded.

    Args:
        score: Score; bars follow its metre, and the first one begins at 0.
        path: the image to write, in the format of its suffix.
        title: the name of the score if empty.

    Raises:
        ValueError: the score has no notes.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    if not score.notes:
        raise ValueError("A score without notes cannot be plotted.")
    beat = 4 / score.metre[1]  # in quarter notes, like all times here
    bar = score.metre[0] * beat
    bars = math.ceil(score.length / bar)
    # 32 quarters a row are easy to read; beyond 24 rows they get longer, since the size of an image is limited.
    rows = math.ceil(bars / max(1, round(32 / bar), math.ceil(bars / 24)))
    bars_in_row = math.ceil(bars / rows)
    pitches = [note.pitch for note in score.notes]
    middle, half = (min(pitches) + max(pitches)) / 2, max(9, (max(pitches) - min(pitches)) / 2 + 1.5)
    keys = range(max(0, math.floor(middle - half)), min(127, math.ceil(middle + half)) + 1)
    white = [pitch for pitch in keys if "#" not in pitch_name(pitch)]
    voices = sorted({note.voice for note in score.notes})

    figure = Figure(figsize=(11, rows * (0.23 * half + 0.4) + 0.8), layout="constrained")
    figure.suptitle(title or score.name, parse_math=False)
    for row, axes in enumerate(figure.subplots(rows, 1, squeeze=False).flat):
        first, last = row * bars_in_row, (row + 1) * bars_in_row
        start, end = first * bar, last * bar
        axes.set_xlim(start, end)
        axes.set_ylim(middle - half, middle + half)
        for pitch in keys:
            if pitch not in white:
                axes.axhspan(pitch - 0.5, pitch + 0.5, color="0.95", linewidth=0)
        for time in np.arange(start, end, beat):
            axes.axvline(time, color="0.85", linewidth=0.5)
        for time in np.arange(start, end + bar, bar):
            axes.axvline(time, color="0.55", linewidth=0.9)
        for index, voice in enumerate(voices):
            notes = [note for note in score.notes if note.voice == voice and note.start < end and note.end > start]
            lengths = np.array([float(note.length) for note in notes])
            edges = np.minimum(lengths, (end - start) / 350)
            colour = np.array(to_rgb(f"C{index}"))
            for widths, shade in [(lengths, (1 + colour) / 2), (edges, colour)]:
                axes.barh(
                    [note.pitch for note in notes], widths, 0.92 - 0.5 * index / len(voices),
                    [float(note.start) for note in notes], color=shade, zorder=2,
                )  # fmt: skip
        marked = range(first, last, math.ceil(bars_in_row / 16))
        axes.set_xticks([number * bar for number in marked], [number + 1 for number in marked])
        axes.set_yticks(white, [pitch_name(pitch) for pitch in white], fontsize=7)
        for pitch, tick in zip(white, axes.get_yticklabels(), strict=True):
            tick.set_fontweight("bold" if pitch % 12 == 0 else "normal")
        axes.set_ylabel("note")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    axes.set_xlabel("bar")
    if len(voices) > 1:
        handles = [Patch(color=f"C{index}", label=f"voice {voice + 1}") for index, voice in enumerate(voices)]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(10, len(voices)), frameon=False)
    save_figure(figure, path)
