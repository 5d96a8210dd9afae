"""Comparisons of two runs on a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from seqzoo.display.plain import plain_text
from seqzoo.display.tables import plain_table
from seqzoo.metrics.measure import Measure

if TYPE_CHECKING:
    from seqzoo.training.comparison import Comparison

LONGEST = 300  # characters of a text or a list of labels


def print_comparison(
    found: "Comparison",
    runs: Sequence[str],
    measures: Mapping[str, Measure],
    shows: Sequence[Callable],
    console: Console,
) -> None:
    """Prints the result of `training.comparison.compare`.

    Args:
        found: the Comparison.
        runs: the names of both runs.
        measures: the task's measures.
        shows: prints an answer of each run, ``Task.show``.
        console: where to print.
    """
    columns = ["", *runs, "difference", "95% interval", "p bootstrap", "p randomization"]
    rows = []
    for name, score in found.scores.items():
        numbers = [Measure.format(score[key]) for key in ("first", "second")]
        low, high, difference = (_signed(score[key]) for key in ("low", "high", "difference"))
        p = [f"{score[key]:.3f}" for key in ("bootstrap_p", "randomization_p")]
        rows.append([measures[name].label, *numbers, difference, f"{low} to {high}", *p])
    units = "" if found.units == found.examples else f" in {found.units:,} units"
    left_out = f", {found.left_out:,} left out that only one run answers" if found.left_out else ""
    title = f"{found.task} on {found.split}: {found.examples:,} examples{units}{left_out}, {found.samples:,} samples"
    console.print(plain_table(title, columns, rows))
    if found.right:
        alone = (f"{found.right[key]:,} {run} alone" for key, run in zip(("first", "second"), runs, strict=True))
        text = f"right: {found.right['both']:,} both, {', '.join(alone)}, {found.right['neither']:,} neither"
        console.print(plain_text(text), soft_wrap=True)
    for run, differing in zip(runs, found.ahead, strict=True):
        if differing:
            console.print(plain_text(f"\n{run} is ahead the most on", "bold"), soft_wrap=True)
        for each in differing:
            for line, (name, value) in enumerate(each.example.items()):
                text = " ".join(map(str, value)) if isinstance(value, list) else value
                text = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
                console.print(plain_text(f"{'' if line else each.number:>6}  {name}: {text}"), soft_wrap=True)
            for name, score, answer, show in zip(runs, each.scores, each.answers, shows, strict=True):
                console.print(plain_text(f"        {name}, {Measure.format(score)}: ", "dim"), end="")
                show(answer, console)


def _signed(value):
    return f"{'+' if value >= 0 else ''}{Measure.format(value)}"
