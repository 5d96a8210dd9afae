"""Calibration: whether a model's probabilities match its accuracy."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from seqzoo.metrics.counts import percent


def calibration(confidences: Sequence[float], correct: Sequence[bool], bins: int = 15) -> tuple[float, list[dict]]:
    """Expected calibration error: how far the confidence of answers is from their accuracy.

    Args:
        confidences: a probability for each answer, from 0 to 1.
        correct: whether each answer is right.
        bins: number of bins of equal width that the answers are sorted into by their confidence. A confidence on an
            edge is in the bin below it, as in the paper; 0 is in the first bin.

    Returns:
        ``(error, bins)``: the expected calibration error, the mean distance of accuracy and confidence weighted by the
        answers in a bin, and ``{"confidence", "accuracy", "count"}`` for each bin that is not empty, the lowest first:
        the mean confidence, the accuracy and the number of its answers. All but the count are percentages.

    Raises:
        ValueError: there are no answers, a confidence is not between 0 and 1, `bins` is not positive, or the numbers of
            confidences and of values of `correct` differ.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    if bins < 1:
        raise ValueError(f"Answers cannot be sorted into {bins} bins.")
    if len(confidences) != len(correct):
        raise ValueError(f"There are {len(confidences)} confidences and {len(correct)} values of correct.")
    if not len(confidences):
        raise ValueError("Calibration needs at least one answer.")
    edges = [i / bins for i in range(1, bins + 1)]
    members = defaultdict(list)
    for confidence, right in zip(confidences, correct, strict=True):
        confidence = float(confidence)
        if not -1e-6 <= confidence <= 1 + 1e-6:  # the sum of a float32 softmax is 1 to about 7 digits; nan fails
            raise ValueError(f"A confidence is a probability from 0 to 1, not {confidence}.")
        confidence = min(max(confidence, 0.0), 1.0)
        members[bisect_left(edges, confidence)].append((confidence, bool(right)))
    filled = [
        {
            "confidence": percent(math.fsum(confidence for confidence, _ in answers), len(answers)),
            "accuracy": percent(sum(right for _, right in answers), len(answers)),
            "count": len(answers),
        }
        for _, answers in sorted(members.items())
    ]
    error = math.fsum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in filled) / len(confidences)
    return error, filled
