"""Percentages, precision, recall and F1 from counts.

A percentage is a float from 0 to 100. A share of nothing (the precision of no predicted span, the accuracy on no
unknown word) is 0, and the count beside it says so.
"""

import math
from collections import Counter


def percent(part: float, whole: float) -> float:
    """100 * part / whole, and 0 if `whole` is 0."""
    return 100.0 * part / whole if whole else 0.0


def scores_of_counts(correct: int, found: int, support: int) -> dict:
    """Precision, recall, F1 and support from counts."""
    return {
        "precision": percent(correct, found),
        "recall": percent(correct, support),
        "f1": percent(2 * correct, found + support),  # 2PR / (P + R), without its two divisions by zero
        "support": support,
    }


def scores_by_class(correct: Counter, found: Counter, support: Counter) -> dict[str, dict]:
    """Returns the `scores_of_counts` of each class that was found or is in the gold data, by name."""
    names = sorted(found.keys() | support.keys())
    return {name: scores_of_counts(correct[name], found[name], support[name]) for name in names}


def macro_f1(classes: dict[str, dict]) -> float:
    """Returns the mean F1 of the given classes; 0 if there are none."""
    return math.fsum(each["f1"] for each in classes.values()) / len(classes) if classes else 0.0
