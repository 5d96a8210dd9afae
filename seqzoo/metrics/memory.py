"""Counts wrong bits, classes or numbers in the answers of memory tasks, and averages them by length."""

import collections
from collections.abc import Iterable

import numpy as np

NEAR = 0.04  # how far a number may be off (Hochreiter & Schmidhuber, 1997)


def faults(kind: str, found: np.ndarray, gold: np.ndarray) -> int:
    """Returns how many bits, classes or numbers of an answer are wrong.

    Args:
        kind: "bits", "classes" or "numbers", see `datasets.generated.memory`.
        found, gold: [A, K], the probabilities or numbers of a network, and the right ones.
    """
    if kind == "numbers":
        return int((~(abs(found - gold) < NEAR)).sum())  # nan is wrong, too
    if kind == "classes":
        return int((found.argmax(-1) != gold.argmax(-1)).sum())
    return int(((found > 0.5) != (gold > 0.5)).sum())


def written(kind: str, found: np.ndarray) -> list:
    """The steps of an answer [A, K], ready for JSON: texts of bits, indices of classes, or lists of numbers."""
    if kind == "bits":
        return ["".join("01"[int(bit > 0.5)] for bit in row) for row in found]
    if kind == "classes":
        return [int(row.argmax()) for row in found]
    return np.round(found, 4).astype(float).tolist()


def memory_scores(lengths: Iterable[int], wrong: Iterable[int]) -> dict:
    """Averages the faults of sequences, given the length and the number of faults of each.

    Returns:
        ``{"wrong", "accuracy"}``: faults a sequence, and the percentage of sequences without any; if there are several
        lengths, ``"lengths"`` has both for each, with the length as a string.
    """
    by_length = collections.defaultdict(list)
    for length, count in zip(lengths, wrong, strict=True):
        by_length[length].append(count)

    def scored(counts):
        return {"wrong": float(np.mean(counts)), "accuracy": 100 * float(np.mean(np.equal(counts, 0)))}

    every = scored([count for counts in by_length.values() for count in counts])
    return {
        **every,
        **({"lengths": {f"{n}": scored(by_length[n]) for n in sorted(by_length)}} if len(by_length) > 1 else {}),
    }


def mean_rows(answers: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the best answer without a memory: the mean of some answers [A, K] at each step, counted from the end.

    Returns:
        [A, K], as long as the longest answer, the last step first.
    """
    rows = collections.defaultdict(list)
    for answer in answers:
        for step, row in enumerate(answer[::-1]):
            rows[step].append(row)
    return np.array([np.mean(rows[step], 0) for step in sorted(rows)])
