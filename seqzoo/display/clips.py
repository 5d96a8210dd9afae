"""Strips of clips: pictures, stick figures, or numbers over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.display.plain import plain
from seqzoo.display.plots import save_figure

if TYPE_CHECKING:
    import os


CLIPS, FRAMES = 6, 8  # maximum numbers to draw


def strips_plot(clips: Sequence[tuple[np.ndarray, str]], path: "str | os.PathLike", vertical: str = "y") -> None:
    """Draws clips in rows, with different labels if there are enough.

    Args:
        clips: (frames, title). Frames [T, I, W, C] are pictures from 0 to 1; [T, D] stick figures if D is 3 numbers for
            each of four joints or more; other numbers are drawn as curves over time.
        path: the image to write.
        vertical: which of the 3 numbers of a joint is its height, "x", "y" or "z".
    """
    from matplotlib.figure import Figure

    chosen = one_of_each(clips, CLIPS)
    figure = Figure(figsize=(1.1 * FRAMES + 1.4, 1.3 * len(chosen)), layout="constrained")
    grid = figure.add_gridspec(len(chosen), FRAMES + 1, width_ratios=[1.3] + [1] * FRAMES)
    for row, (frames, title) in enumerate(chosen):
        label = figure.add_subplot(grid[row, 0])
        label.axis("off")
        label.text(1, 0.5, plain(title)[:20], ha="right", va="center", parse_math=False)
        shown = frames[np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)]
        if frames.ndim == 4:
            _draw_pictures(figure, grid, row, shown)
        elif frames.shape[1] % 3 == 0 and frames.shape[1] >= 12:
            _draw_sticks(figure, grid, row, shown.reshape(FRAMES, -1, 3), frames, "xyz".index(vertical))
        else:
            axes = figure.add_subplot(grid[row, 1:])
            axes.plot(frames, linewidth=0.8)
            axes.tick_params(labelsize=6)
    save_figure(figure, path)


def one_of_each(clips: Sequence[tuple], most: int) -> list[tuple]:
    """Returns at most `most` pairs (anything, label): the first of each label, then others, in their order."""
    first = list({label: i for i, (_, label) in reversed([*enumerate(clips)])}.values())
    others = [i for i in range(len(clips)) if i not in {*first}]
    return [clips[i] for i in sorted((sorted(first) + others)[:most])]


def bones(joints: np.ndarray) -> list[tuple[int, int]]:
    """Guesses which joints are connected: a tree of pairs that are close and whose distance changes little.

    Args:
        joints: [T, J, 3].

    Returns:
        J - 1 pairs (joint, joint): the minimum spanning tree.
    """
    distances = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)  # [T, J, J]
    weights = distances.mean(0) + 2 * distances.std(0)
    tree, inside = [], [0]
    while len(inside) < joints.shape[1]:
        outside = [j for j in range(joints.shape[1]) if j not in inside]
        part = weights[np.ix_(inside, outside)]
        i, j = np.unravel_index(part.argmin(), part.shape)
        tree.append((inside[i], outside[j]))
        inside.append(outside[j])
    return tree


def _draw_pictures(figure, grid, row, shown):
    for column, picture in enumerate(shown, 1):
        axes = figure.add_subplot(grid[row, column])
        axes.imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])


def _draw_sticks(figure, grid, row, shown, frames, height):
    across = min(i for i in range(3) if i != height)
    tree = bones(frames.reshape(len(frames), -1, 3))
    limits = [(shown[..., i].min(), shown[..., i].max()) for i in (across, height)]
    for column, joints in enumerate(shown, 1):
        axes = figure.add_subplot(grid[row, column])
        for pair in tree:
            axes.plot(joints[list(pair), across], joints[list(pair), height], color="tab:blue", linewidth=1.2)
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
        axes.set_aspect("equal")
        axes.axis("off")
