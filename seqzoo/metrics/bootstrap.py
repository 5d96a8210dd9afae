"""Resamples the data to tell how certain a score is, or the difference between the scores of two runs.

Sources: Efron & Tibshirani, 1993, An Introduction to the Bootstrap; Koehn, 2004, Statistical Significance Tests for
Machine Translation Evaluation; Riezler & Maxwell, 2005, On Some Pitfalls in Automatic Evaluation and Significance
Testing for MT, for approximate randomization.
"""

from collections.abc import Iterator

import numpy as np

SAMPLES = 1000
REMEMBERED = 1 << 15  # answers whose counts metrics remember, since resamples repeat the same answers


def resamples(size: int, samples: int = SAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """Yields bootstrap samples: `size` indices below `size`, drawn with replacement."""
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        yield rng.integers(size, size=size)


def swaps(size: int, samples: int = SAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """Yields samples of approximate randomization: for each of `size` units whether two systems exchange answers."""
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        yield rng.integers(2, size=size).astype(bool)


def interval(values: np.ndarray, percent: float = 95.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns (low, high): percentiles of the scores [samples, ...] of bootstrap samples, ignoring NaNs."""
    tail = (100 - percent) / 2
    return tuple(np.nanpercentile(values, (tail, 100 - tail), axis=0))


def bootstrap_p_value(differences: np.ndarray) -> float:
    """Returns the two-sided p-value of a difference: how rarely bootstrap samples disagree with its sign.

        2 min(1 + #(d <= 0), 1 + #(d >= 0)) / (samples + 1), at most 1

    Up to rounding, it is below 5% if the 95% interval excludes 0.

    Args:
        differences: [samples], one of each bootstrap sample. NaNs, of samples without a score, are ignored.
    """
    differences = differences[~np.isnan(differences)]
    least = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (1 + least) / (len(differences) + 1)))


def randomization_p_value(differences: np.ndarray, observed: float) -> float:
    """Returns the two-sided p-value of a difference by approximate randomization.

        (1 + #(|d| >= |observed|)) / (samples + 1)

    Args:
        differences: [samples], between two systems that exchanged answers at random; NaNs are ignored.
        observed: the difference between the systems without exchanges.
    """
    differences = differences[~np.isnan(differences)]
    as_large = (np.abs(differences) >= abs(observed) - 1e-9).sum()  # equal sums may differ in their last bits
    return float((1 + as_large) / (len(differences) + 1))
