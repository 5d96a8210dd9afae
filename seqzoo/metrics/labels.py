"""Scores of labelled texts, with one label each or any number of them, and of the probabilities of labels."""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from seqzoo.metrics.counts import macro_f1, percent, scores_by_class, scores_of_counts


def class_scores(gold: Sequence[str], predicted: Sequence[str | None]) -> dict:
    """Accuracy and macro F1 of texts with one label each.

    Args:
        gold: the label of each text.
        predicted: the labels that the model gave the same texts; None, for no label, counts as an error.

    Returns:
        ``{"accuracy", "macro_f1", "classes"}``: the share of right labels, the mean F1 of the classes, and ``{label:
        {"precision", "recall", "f1", "support"}}``. Classes are all labels in `gold` or in `predicted`.

    Raises:
        ValueError: the numbers of gold and predicted labels differ.
    """
    _check_number(gold, predicted)
    correct = Counter(a for a, b in zip(gold, predicted, strict=True) if a == b)
    found = Counter(label for label in predicted if label is not None)
    classes = scores_by_class(correct, found, Counter(gold))
    return {
        "accuracy": percent(correct.total(), len(gold)),
        "macro_f1": macro_f1(classes),
        "classes": classes,
    }


def matthews(gold: Sequence[str], predicted: Sequence[str | None]) -> float:
    """Matthews's correlation coefficient for any number of classes, from -1 to 1; 0 if there is only one class.

    With s answers, c of them right, and t_k gold and p_k predicted labels of class k:

        (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))

    Source: J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004).
    """
    _check_number(gold, predicted)
    support, found = Counter(gold), Counter(predicted)
    size, right = len(gold), sum(a == b for a, b in zip(gold, predicted, strict=True))
    shared = sum(support[label] * found[label] for label in support)
    spread = math.sqrt(math.prod(size**2 - sum(n * n for n in counts.values()) for counts in (support, found)))
    return (right * size - shared) / spread if spread else 0.0


def one_against_rest(gold: Sequence[str], predicted: Sequence[str | None]) -> dict[str, dict]:
    """Specificity (the share of other gold labels that were not taken for the class, %) and Matthews's coefficient of
    each class, by name; its sensitivity is its recall."""
    scores = {}
    for label in sorted({*gold} | {*predicted} - {None}):
        own = [[str(each == label) for each in labels] for labels in (gold, predicted)]
        others = [b for a, b in zip(*own, strict=True) if a == "False"]
        scores[label] = {"specificity": percent(others.count("False"), len(others)), "mcc": matthews(*own)}
    return scores


def label_set_scores(gold: Sequence[Collection[str]], predicted: Sequence[Collection[str]]) -> dict:
    """Scores of texts with any number of labels each.

    Args:
        gold: the set of labels of each text.
        predicted: the sets that the model gave the same texts.

    Returns:
        ``{"precision", "recall", "f1", "macro_f1", "accuracy", "classes"}``: micro averages over all labels of all
        texts, the mean F1 of the classes, the share of texts whose set is exactly right (an empty one too), and
        ``{label: {"precision", "recall", "f1", "support"}}``. Classes are all labels in `gold` or in `predicted`.

    Raises:
        ValueError: the numbers of gold and predicted sets differ.
    """
    _check_number(gold, predicted)
    gold, predicted = [set(labels) for labels in gold], [set(labels) for labels in predicted]
    pairs = list(zip(gold, predicted, strict=True))
    correct = Counter(label for a, b in pairs for label in a & b)
    found, support = (Counter(label for labels in sets for label in labels) for sets in (predicted, gold))
    micro = scores_of_counts(correct.total(), found.total(), support.total())
    classes = scores_by_class(correct, found, support)
    return {
        **{measure: micro[measure] for measure in ("precision", "recall", "f1")},
        "macro_f1": macro_f1(classes),
        "accuracy": percent(sum(a == b for a, b in pairs), len(pairs)),
        "classes": classes,
    }


def calibration(confidences: Sequence[float], correct: Sequence[bool], bins: int = 15) -> tuple[float, list[dict]]:
    """Expected calibration error: how far the confidence in answers is from their accuracy.

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


def _check_number(gold: Sequence, predicted: Sequence):
    if len(gold) != len(predicted):
        raise ValueError(f"There are {len(gold)} texts with gold labels and {len(predicted)} with predicted ones.")
