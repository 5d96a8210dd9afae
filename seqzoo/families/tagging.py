"""Tagging: what tasks share that give each step of a sequence a tag."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from seqzoo.display.terminal import tagged
from seqzoo.text.vocabulary import Vocabulary


def tag_encoder(tags: Vocabulary, label_weights: dict[str, float], crf: bool) -> Callable:
    """A function (tags of a sequence, () to predict; number of steps) -> (labels, weights), [T] each.

    Args:
        tags: those that the model knows.
        label_weights: {tag: weight in the loss}; others have weight 1.
        crf: whether the loss is that of whole sequences.

    Raises:
        ValueError: a weight of an unknown tag.
    """
    tags.encode(label_weights)

    def encode(gold: Sequence[str], steps: int) -> tuple[np.ndarray, np.ndarray]:
        # A tag unseen in training can't be learned or predicted: it counts as an error, but not in the loss.
        labels, weights = np.zeros(steps, "int32"), np.zeros(steps, "float32")
        for position, tag in enumerate(gold):
            if tag in tags:
                (labels[position],) = tags.encode([tag])
                weights[position] = label_weights.get(tag, 1.0)
        if crf and label_weights:
            # A step's share of the sequence loss may be negative, only their sum is not: one weight per sequence.
            weights[:] = weights.mean() if steps else 1.0
        return labels, weights

    return encode


def tag_loss(crf: bool):
    """The keras.losses.Loss of a tagger, with or without a CRF."""
    import keras

    from seqzoo.layers.crf import CRFLoss

    if crf:
        return CRFLoss()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")


def stretches(text: str, tags: Sequence[str], confidences: Sequence[float] = (), gold: Sequence[str] = ()) -> dict:
    """The answer to a text with a tag for each letter, as of `terminal.tagged`.

    Args:
        text: the letters.
        tags: a tag for each.
        confidences: a probability for each, or none.
        gold: the right tag of each, or none.

    Returns:
        What `tagged` gives. A token is a stretch of letters that have one tag and one ``gold`` tag; its confidence is
        the smallest of its letters'.
    """
    pairs, spans, least, start = [], [], [], 0
    for pair, letters in itertools.groupby(zip(tags, gold or tags, strict=True)):
        end = start + len([*letters])
        pairs.append(pair)
        spans.append((text[start:end], start, end))
        least.append(min(confidences[start:end], default=None))
        start = end
    answer = tagged(text, spans, [tag for tag, _ in pairs], None if None in least else least)
    if gold:
        for token, (_, right) in zip(answer["tokens"], pairs, strict=True):
            token["gold"] = right
    return answer


def tags_of(answer: dict) -> list[str]:
    """The tag of each letter of an answer of `stretches`."""
    return [token["tag"] for token in answer["tokens"] for _ in range(token["end"] - token["start"])]
