"""Scores of labelled texts: one label each, or any number of labels each."""

from collections import Counter
from collections.abc import Collection, Sequence

from seqzoo.metrics import counts


def class_scores(gold: Sequence[str], predicted: Sequence[str | None]) -> dict:
    """Accuracy and macro F1 of texts with one label each.

    Args:
        gold: the label of each text.
        predicted: the labels that the model gave the same texts; None, for no label, is an error.

    Returns:
        ``{"accuracy", "macro_f1", "classes"}``: the share of right labels, the mean F1 of the classes, and ``{label:
        {"precision", "recall", "f1", "support"}}``. Classes are all labels in `gold` or in `predicted`.

    Raises:
        ValueError: the numbers of gold and predicted labels differ.
    """
    _check_number(gold, predicted)
    correct = Counter(a for a, b in zip(gold, predicted, strict=True) if a == b)
    found = Counter(label for label in predicted if label is not None)
    classes = counts.classes(correct, found, Counter(gold))
    return {
        "accuracy": counts.percent(correct.total(), len(gold)),
        "macro_f1": counts.macro_f1(classes),
        "classes": classes,
    }


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
    micro = counts.scores(correct.total(), found.total(), support.total())
    classes = counts.classes(correct, found, support)
    return {
        **{measure: micro[measure] for measure in ("precision", "recall", "f1")},
        "macro_f1": counts.macro_f1(classes),
        "accuracy": counts.percent(sum(a == b for a, b in pairs), len(pairs)),
        "classes": classes,
    }


def _check_number(gold: Sequence, predicted: Sequence):
    if len(gold) != len(predicted):
        raise ValueError(f"There are {len(gold)} texts with gold labels and {len(predicted)} with predicted ones.")
