"""Confusion matrices."""

from collections import Counter

import numpy as np

from seqzoo.metrics.tags import Sentences, check_lengths, marks_spans
from seqzoo.text.spans import split_tag


def confusion(gold: Sentences, predicted: Sentences) -> tuple[list[str], np.ndarray]:
    """Counts how often each gold tag got each predicted tag.

    Span tags are counted by token and without their prefix: ``B-PER`` and ``I-PER`` are both ``PER``. A text with one
    label is a sentence with one tag.

    Args:
        gold: a list of tags for each sentence.
        predicted: the tags that the model gave the same sentences.

    Returns:
        ``(labels, counts)``: the labels, the most frequent gold label first, and integers ``counts[gold, predicted]``.

    Raises:
        ValueError: the numbers of gold and predicted tags of a sentence differ.
    """
    check_lengths(gold, predicted)
    pairs = Counter(pair for tags in zip(gold, predicted, strict=True) for pair in zip(*tags, strict=True))
    if marks_spans({tag for pair in pairs for tag in pair}):
        by_type = Counter()
        for (gold_tag, predicted_tag), count in pairs.items():
            by_type[split_tag(gold_tag)[1] or "O", split_tag(predicted_tag)[1] or "O"] += count
        pairs = by_type
    support = Counter()
    for (gold_tag, predicted_tag), count in pairs.items():
        support[gold_tag] += count
        support[predicted_tag] += 0
    labels = sorted(support, key=lambda label: (-support[label], label))
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for (gold_tag, predicted_tag), count in pairs.items():
        counts[index[gold_tag], index[predicted_tag]] = count
    return labels, counts
