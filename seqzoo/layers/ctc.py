"""Connectionist temporal classification: training and decoding when labels are not aligned with frames.

Each of the T frames gives a label or the blank, id 0. Such a path stands for the labels that remain when repeats are
merged and blanks are removed: a a - a b - stands for a a b. With logits z [B, T, V] of V labels, blank included:

    p(labels | x) = sum over the paths that stand for them of prod_t softmax(z_t)[path_t]

Source: Graves et al., 2006, Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent
Neural Networks, section 3.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.layers.crf import FORBIDDEN


def force_blank(logits, mask):
    """Makes padded frames blank with probability 1, so that neither loss nor decoding needs the mask.

    Such a blank adds a factor of 1 to a path and no label, so the loss is exactly that of the real frames.

    Shapes: logits [B, T, V], mask [B, T], True at real frames -> [B, T, V], float32.
    """
    logits, mask = ops.cast(logits, "float32"), mask[..., None]
    blank, labels = ops.where(mask, logits[..., :1], 0.0), ops.where(mask, logits[..., 1:], FORBIDDEN)
    return ops.concatenate([blank, labels], axis=-1)


@keras.saving.register_keras_serializable("seqzoo")
class CTCLoss(keras.losses.Loss):
    """-log p(labels | x) of each example: labels [B, U], 0 behind their ends; logits [B, T, V] -> [B].

    The logits of padded frames must have passed `force_blank`. Labels that need more frames than there are have no
    path: their loss is infinite, and their gradient 0. Skip such examples when they are encoded: see `frames_needed`.
    """

    def __init__(self, reduction="mean_with_sample_weight", name="ctc_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true, y_pred):
        labels, logits = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        real = ops.any(logits[..., 1:] > FORBIDDEN, axis=-1)  # [B, T]
        lengths = ops.sum(ops.cast(labels > 0, "int32"), axis=1)  # [B]
        repeats = ops.logical_and(labels[:, 1:] == labels[:, :-1], labels[:, 1:] > 0)
        needed = lengths + ops.sum(ops.cast(repeats, "int32"), axis=1)
        fits = needed <= ops.sum(ops.cast(real, "int32"), axis=1)
        frames = ops.sum(ops.ones_like(real, dtype="int32"), axis=1)
        # Without a path the backends give large finite losses, which differ.
        return ops.where(fits, ops.ctc_loss(labels, logits, lengths, frames, mask_index=0), float("inf"))


def frames_needed(labels: Sequence[int] | np.ndarray) -> int:
    """The fewest frames that can stand for these labels: one each, and a blank between two equal ones."""
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


@keras.saving.register_keras_serializable("seqzoo")
class CTCDecode(keras.layers.Layer):
    """Greedy decoding (Graves et al., 2006, equation 4): the labels of the most probable path.

    Logits [B, T, V], padded frames blank -> {"labels": [B, T], padded with 0; "log_probability" of the path: [B]}.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # 16 bits are too few for probabilities
        self.supports_masking = True

    def compute_mask(self, logits, mask=None):
        return None

    def call(self, logits):
        path = ops.cast(ops.argmax(logits, axis=-1), "int32")  # [B, T]
        before = ops.pad(path[:, :-1], [[0, 0], [1, 0]])
        new = ops.logical_and(path != before, path > 0)
        steps = ops.cumsum(ops.ones_like(path), axis=1)  # 1, 2 ... T
        # Sorting moves the new labels to the front, in their order: the others come T later.
        order = ops.argsort(ops.where(new, steps, steps + ops.shape(path)[1]), axis=1)
        labels = ops.take_along_axis(ops.where(new, path, 0), order, axis=1)
        return {"labels": labels, "log_probability": ops.sum(ops.max(ops.log_softmax(logits), axis=-1), axis=1)}
