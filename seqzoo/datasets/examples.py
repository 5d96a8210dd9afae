"""Examples: a stream of dicts that can be read repeatedly, checked against declared features."""

import numbers
import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np


class Examples:
    """The examples of one split. Each iteration reads them anew, so they need not fit in memory.

    Args:
        read: function without arguments that returns an iterator of examples, each a dict of named features.
        features: the type of each feature that every example has:
            ``{"tokens": list, "text": str, "frames": np.ndarray, "score": float}``. NumPy's numbers count as int and
            float, and an int as a float.
        source: the file or the name of the data set, for messages.
        aligned: whether all lists and arrays of an example have the same length (tagging), or not (translation).
        summary: {name: text}: facts about the data for users, such as which files were left out.

    Raises (while iterating):
        ValueError: an example does not match the declared features.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[dict]],
        features: dict[str, type],
        source: str | os.PathLike,
        aligned: bool = False,
        summary: dict[str, str] | None = None,
    ):
        self.read = read
        self.features = dict(features)
        self.source = str(source)
        self.aligned = aligned
        self.summary = summary or {}

    def __iter__(self) -> Iterator[dict]:
        kinds = [(name, kind, _ACCEPTED.get(kind, kind)) for name, kind in self.features.items()]
        sequences = [name for name, kind in self.features.items() if self.aligned and kind in (list, np.ndarray)]
        for number, example in enumerate(self.read(), 1):
            for name, kind, accepted in kinds:
                value = example.get(name)
                if not isinstance(value, accepted) or (accepted is not kind and isinstance(value, bool)):
                    raise ValueError(
                        f"{self.source}: example {number}: feature {name!r} should be a {_name(kind)}. "
                        f"Received: {value!r}"
                    )
            if len({len(example[name]) for name in sequences}) > 1:
                lengths = {name: len(example[name]) for name in sequences}
                raise ValueError(f"{self.source}: example {number}: features differ in length: {lengths}")
            yield example

    def with_read(self, read: Callable[[], Iterable[dict]], source: str | os.PathLike | None = None) -> "Examples":
        """Returns Examples with the same features, read by `read`, such as a part of these."""
        return Examples(read, self.features, self.source if source is None else source, self.aligned, self.summary)


# Types that also count as numbers: np.float32 is not a float, and np.int64 is not an int.
_ACCEPTED = {int: numbers.Integral, float: numbers.Real}


def _name(kind):
    return getattr(kind, "__name__", str(kind))
