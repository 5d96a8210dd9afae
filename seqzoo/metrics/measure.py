"""The name, direction and unit of a score."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Measure:
    """Describes one number among the scores of a task. Tables, plots, progress and sweeps read it.

    Args:
        title: what columns of tables and axes of plots say: "F1", "Nats a step".
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
