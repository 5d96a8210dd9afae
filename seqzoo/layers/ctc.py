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


def force_blank(logits: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Makes padded frames blank with probability 1, so that neither loss nor decoding needs the mask.

    Such a blank adds a factor of 1 to a path and no label, so the loss is exactly that of the real frames.

    Shapes: logits [B, T, V], mask [B, T], True at real frames -> [B, T, V], float32.
    """
    logits, mask = ops.cast(logits, "float32"), mask[..., None]
    blank, labels = ops.where(mask, logits[..., :1], 0.0), ops.where(mask, logits[..., 1:], FORBIDDEN)
    return ops.concatenate([blank, labels], axis=-1)


@keras.saving.register_keras_serializable("seqzoo")
class CTCLoss(keras.losses.Loss):
    """-log p(labels | x) of each example: labels [B, U], 0 after their ends; logits [B, T, V] -> [B].

    Pass the logits through `force_blank` first. Labels that need more frames than there are have no path: their loss
    is infinite and their gradient 0. Skip such examples when encoding them: see `frames_needed`.
    """

    def __init__(self, reduction="mean_with_sample_weight", name="ctc_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        labels, logits = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        real = ops.any(logits[..., 1:] > FORBIDDEN, axis=-1)  # [B, T]
        lengths = ops.sum(ops.cast(labels > 0, "int32"), axis=1)  # [B]
        repeats = ops.logical_and(labels[:, 1:] == labels[:, :-1], labels[:, 1:] > 0)
        needed = lengths + ops.sum(ops.cast(repeats, "int32"), axis=1)
        fits = needed <= ops.sum(ops.cast(real, "int32"), axis=1)
        frames = ops.sum(ops.ones_like(real, dtype="int32"), axis=1)
        # Without a path, the backends give different large but finite losses.
        return ops.where(fits, ops.ctc_loss(labels, logits, lengths, frames, mask_index=0), float("inf"))


def frames_needed(labels: Sequence[int] | np.ndarray) -> int:
    """Returns the minimum number of frames for these labels: one each, and a blank between two equal ones."""
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


def frames_given(steps: int | np.integer, subsample: int = 1, upsample: int = 1) -> int | np.integer:
    """Returns the number of frames that `models.transcriber` gives for this many input steps."""
    return -(-steps // subsample) * upsample
