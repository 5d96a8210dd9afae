"""What a network remembers: answers beside what is right, faults against length, and the heads of a Turing machine."""

from collections.abc import Mapping

import numpy as np
from rich.console import Console

from seqzoo.display.plain import plain, plain_text
from seqzoo.display.plots import save_figure

SHOWN = 12  # steps of an answer that are printed
USED = 0.1  # rows of the memory are drawn if a head gave them so much weight at some step


def print_remembered(answer: Mapping, console: Console) -> None:
    """Prints an answer and, where it is known, what is right: a step a line.

    Args:
        answer: ``{"answer": [...]}``, with ``"gold"``, ``"length"`` and ``"wrong"`` of a sequence that was drawn.
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


def lengths_plot(curves: Mapping[str, Mapping[int, float]], what: str, path: str):
    """Draws what is wrong against the length of sequences, a curve a network.

    Args:
        curves: {name: {length: mean number of faults}}.
        what: what is counted, such as "bits wrong a sequence".
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        lengths = sorted(curve)
        style = {"color": "0.6", "linestyle": ":"} if name == "no memory" else {"marker": "o", "markersize": 4}
        axes.plot(lengths, [curve[length] for length in lengths], label=plain(name), **style)
    axes.set_yscale("symlog", linthresh=0.1)  # of a perfect answer the logarithm is not finite
    axes.set_ylim(bottom=0)
    axes.set_xlabel("length")
    axes.set_ylabel(what)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def memory_plot(
    inputs: np.ndarray, gold: np.ndarray | None, outputs: np.ndarray, trace: Mapping, title: str, path: str
):
    """Draws a sequence, its answer, and what the heads of a Neural Turing Machine did, as figure 6 of Graves et al.

    Args:
        inputs, outputs: [T, D] and [T, K]; gold [T, K], what is right; None: not known.
        trace: of `rnns.ntm.trace`; empty for other networks, of which only inputs and outputs are drawn.
        title: stands above the plot.
        path: the image to write; its suffix chooses the format.
    """
    from matplotlib.figure import Figure

    panels = [("inputs", inputs, "Greys", None)]  # title, values [T, ...], colours, rows to draw or None for all
    panels += [("right outputs", gold, "Greys", None)] if gold is not None else []
    panels += [("outputs", outputs, "Greys", None)]
    for kind in ("write", "read"):
        for number, (vectors, weights) in enumerate(trace.get(kind, ()), 1):
            head = f", head {number}" if len(trace[kind]) > 1 else ""
            panels.append((f"{'adds' if kind == 'write' else 'reads'}{head}", vectors, "RdBu_r", None))
            panels.append((f"{kind} weights{head}", weights, "Blues", used_rows([w for _, w in trace[kind]])))
    heights = [min(3.0, max(0.7, 0.09 * (len(rows) if rows is not None else x.shape[1]))) for _, x, _, rows in panels]
    width = min(16, max(5, 0.07 * len(inputs) + 2))
    figure = Figure(figsize=(width, sum(heights) + 0.45 * len(panels) + 0.5), layout="constrained")
    figure.suptitle(plain(title), fontsize=10)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, (name, values, colours, rows) in zip(grid.flat, panels, strict=True):
        shown = values if rows is None else values[:, rows]
        low, high = (-1, 1) if colours == "RdBu_r" else (0, 1)
        axes.imshow(shown.T, aspect="auto", interpolation="nearest", cmap=colours, vmin=low, vmax=high)
        axes.set_title(name, fontsize=9)
        axes.set_yticks([])
        if rows is not None:
            axes.set_ylabel(f"rows {rows[0] + 1} to {rows[-1] + 1}", fontsize=8)
    axes.set_xlabel("step")
    save_figure(figure, path)


def used_rows(weights: list[np.ndarray]) -> np.ndarray:
    """The shortest stretch of rows, modulo their number, with all that some heads gave weight to.

    Args:
        weights: [T, N] of each head.

    Returns:
        Indices of the rows, in their order around the memory.
    """
    N = weights[0].shape[1]
    used = np.flatnonzero(np.max([each.max(0) for each in weights], 0) >= USED)
    if not len(used):
        return np.arange(N)
    gaps = np.diff([*used, used[0] + N])
    first = used[(int(gaps.argmax()) + 1) % len(used)]
    count = N - gaps.max() + 1
    margin = min(2, (N - count) // 2)
    return (first - margin + np.arange(count + 2 * margin)) % N
