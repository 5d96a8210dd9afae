"""The name, direction and unit of a score."""

import dataclasses
import numbers

import numpy as np


@dataclasses.dataclass(frozen=True)
class Measure:
    """Describes one number among the scores of a task. Tables, plots, progress and sweeps read it.

    Args:
        title: the heading of table columns and plot axes: "F1", "Nats a step".
        direction: "max" if larger is better, "min" if smaller is, "" if neither (a count).
        unit: "%", "nats", "bits", "s", ..., or "" for a plain number.
    """

    title: str
    direction: str = ""
    unit: str = ""

    def __post_init__(self):
        if self.direction not in ("", "max", "min"):
            raise ValueError(f'The direction of {self.title!r} is "max", "min" or "", not {self.direction!r}.')

    @property
    def sign(self) -> int:
        """+1 if larger is better, -1 if smaller is, 0 if neither."""
        return {"max": 1, "min": -1, "": 0}[self.direction]

    @property
    def label(self) -> str:
        """The title with its unit: "F1 (%)", "Time (s)"; a unit that the title names is not repeated."""
        if not self.unit or self.unit.lower() in self.title.lower().split():
            return self.title
        return f"{self.title} ({self.unit})"

    @staticmethod
    def format(value: int | float | None, decimals: int = 2) -> str:
        """A value as tables show it: counts with thousands separators, other numbers with two decimals, small ones
        with three digits, huge ones as 1.01e+304."""
        if value is None:
            return ""
        if isinstance(value, numbers.Integral):
            return f"{value:,}"
        if 0.001 <= abs(value) < 0.1:
            return f"{value:.3g}"
        return f"{value:,.{decimals}f}" if abs(value) < 1e12 else f"{value:.3g}"


def flat(split: str, scores: dict) -> dict:
    """Scores of a split, prefixed with its name, ready for JSON: {"valid_f1": 93.1, "valid_classes": {...}}."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        return value.item() if isinstance(value, np.generic) else value

    return {f"{split}_{name}": plain(value) for name, value in scores.items()}
