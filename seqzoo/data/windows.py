"""Windows of sequences of vectors, in which each vector is predicted from the vectors before it."""

from collections.abc import Iterator

import numpy as np


def before(values: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Shifts sequences [..., T, D] by one step: `begin` [D], then all but the last vector."""
    first = np.broadcast_to(begin, (*values.shape[:-2], 1, values.shape[-1]))
    return np.concatenate([first, values[..., :-1, :]], axis=-2).astype("float32")


def windows(steps: int, given: int, longest: int) -> Iterator[tuple[int, int, int]]:
    """Cuts a sequence into windows that overlap by half, so that each step is predicted once, given its past.

    Args:
        steps: T.
        given: steps at the beginning that are only read, never predicted.
        longest: maximum steps of a window, 2 or more.

    Yields:
        (first, last, counted): the window is first ... last - 1, of which counted ... last - 1 are predicted.
    """
    counted = given
    while counted < steps:
        first = 0 if counted == 0 else max(0, counted - longest // 2)
        last = min(steps, first + longest)
        yield first, last, counted
        counted = last
