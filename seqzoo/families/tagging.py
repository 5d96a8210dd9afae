"""Tagging: what tasks share that give each step of a sequence a tag."""

from collections.abc import Callable, Sequence

import numpy as np

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
