"""Shows what a network remembers: answers and gold, errors against length, the heads of a Neural Turing Machine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from seqzoo.display.plain import plain, plain_text
from seqzoo.display.plots import save_figure

if TYPE_CHECKING:
    import os


SHOWN = 12  # maximum number of steps to print
USED = 0.1  # rows of the memory are drawn if a head gave them this weight at some step


def print_remembered(answer: Mapping, console: Console) -> None:
    """Prints an answer and, if known, the right one, a line for each step.

    Args:
        answer: ``{"answer": [...]}``, with ``"gold"``, ``"length"`` and ``"wrong"`` for a generated sequence.
        console: where to print.
    """
    gold = answer.get("gold", [])
    if "length" in answer:
        console.print(plain_text(f"length {answer['length']:,}: {answer['wrong']:,} wrong", "bold"))
    for step, row in enumerate(answer["answer"][:SHOWN]):
        right = f"  {gold[step]}" if gold else ""
        fault = "  <- wrong" if gold and "wrong" in answer and row != gold[step] and not isinstance(row, list) else ""
        console.print(plain_text(f"  {row}{right}{fault}"), soft_wrap=True)
    if len(answer["answer"]) > SHOWN:
        console.print(plain_text(f"  and {len(answer['answer']) - SHOWN:,} more steps", "dim"))


def lengths_plot(curves: Mapping[str, Mapping[int, float]], what: str, path: "str | os.PathLike") -> None:
    """Draws the errors against the length of sequences, a curve for each network.

    Args:
        curves: {name: {length: mean number of errors}}.
        what: the unit of the errors, such as "bits wrong a sequence".
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        lengths = sorted(curve)
        style = {"color": "0.6", "linestyle": ":"} if name == "no memory" else {"marker": "o", "markersize": 4}
        axes.plot(lengths, [curve[length] for length in lengths], label=plain(name), **style)
    axes.set_yscale("symlog", linthresh=0.1)  # a perfect answer has no finite logarithm
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length")
    axes.set_ylabel(what)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def memory_plot(
    inputs: np.ndarray,
    outputs: np.ndarray,
    gold: np.ndarray | None,
    trace: Mapping,
    title: str,
    path: "str | os.PathLike",
) -> None:
    """Draws a sequence, its answer, and what the heads of a Neural Turing Machine did, as figure 6 of Graves et al.

    Args:
        inputs, outputs: [T, D] and [T, K].
        gold: [A, K], the right answer, due at the last A steps: earlier outputs are not drawn, and outputs more
            than 0.5 off are marked; None: unknown.
        trace: from `rnns.ntm.trace`; empty for other networks, for which only inputs and outputs are drawn.
        title: shown above the plot.
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    T, due = len(inputs), 0 if gold is None else len(inputs) - len(gold)
    rows = max(map(len, trace.values()), default=0)
    figure = Figure(figsize=(min(20, 3 + 0.12 * T), 1.5 + 3.4 * rows), layout="constrained")
    figure.suptitle(plain(title), fontsize=10)
    grid = figure.subplots(1 + 2 * rows, 2, sharex=True, squeeze=False, height_ratios=[1] + [1.3, 2.6] * rows)
    _draw(grid[0, 0], "inputs", inputs, "Greys")
    shown = np.where(np.arange(T)[:, None] < due, 0, outputs)
    _draw(grid[0, 1], "outputs", shown, "Greys")
    if gold is not None:
        step, column = np.nonzero(abs(outputs[due:] - gold) > 0.5)
        grid[0, 1].plot(step + due, column, "x", color="tab:red", markersize=4)
    used = used_rows([weights for found in trace.values() for _, weights in found])
    for column, (kind, vectors) in enumerate((("write", "adds"), ("read", "reads"))):
        for row in range(rows):
            upper, lower = grid[1 + 2 * row, column], grid[2 + 2 * row, column]
            if row >= len(trace[kind]):
                upper.axis("off")
                lower.axis("off")
                continue
            head = f", head {row + 1}" if len(trace[kind]) > 1 else ""
            values, weights = trace[kind][row]
            _draw(upper, f"{vectors}{head}", values, "RdBu_r")
            _draw(lower, f"{kind} weights{head}", weights[:, used], "Blues")
            lower.set_ylabel(f"rows {used[0] + 1} to {used[-1] + 1}", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("step")
    save_figure(figure, path)


def _draw(axes, title, values, colours):
    axes.imshow(
        values.T, aspect="auto", interpolation="nearest", cmap=colours, vmin=-1 if colours == "RdBu_r" else 0, vmax=1
    )
    axes.set_title(title, fontsize=9)
    axes.set_yticks([])


def used_rows(weights: list[np.ndarray]) -> np.ndarray:
    """Returns the shortest stretch of rows, modulo their number, that holds all rows to which heads gave weight.

    Args:
        weights: [T, N] of each head; [] gives no rows.

    Returns:
        Indices of the rows, in their order around the memory.
    """
    if not weights:
        return np.arange(0)
    N = weights[0].shape[1]
    used = np.flatnonzero(np.max([each.max(0) for each in weights], 0) >= USED)
    if not len(used):
        return np.arange(N)
    gaps = np.diff([*used, used[0] + N])
    first = used[(int(gaps.argmax()) + 1) % len(used)]
    count = N - gaps.max() + 1
    margin = min(2, (N - count) // 2)
    return (first - margin + np.arange(count + 2 * margin)) % N
