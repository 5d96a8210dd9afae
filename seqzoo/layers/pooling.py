"""Pooling over time: x [B, T, H] and its mask [B, T] -> one vector a sequence, [B, H].

Padding is never read, whatever it holds. A row without a real step becomes zeros.
"""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.layers.masks import lowest


def last_state(x: keras.KerasTensor, mask: keras.KerasTensor, bidirectional: bool = False) -> keras.KerasTensor:
    """Returns the state after the whole sequence: at the last real step; for a backward layer, at the first.

    x [B, T, H]; if `bidirectional`, its second half is the backward layer's.
    """
    steps = ops.cumsum(ops.cast(mask, "int32"), axis=1)  # [B, T]: 1, 2 ... count, count ...
    count = steps[:, -1]  # [B]
    at_last = ops.logical_and(mask, ops.equal(steps, count[:, None]))  # [B, T]; LiteRT can't take_along_axis
    state = ops.sum(ops.where(at_last[..., None], x, ops.zeros_like(x)), axis=1)  # [B, H]
    if bidirectional:
        half = x.shape[-1] // 2
        state = ops.concatenate([state[:, :half], x[:, 0, half:]], axis=-1)
    return ops.where(count[:, None] > 0, state, ops.zeros_like(state))


def masked_max(x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the maximum of each unit over the real steps (Collobert et al., 2011)."""
    x = ops.where(mask[..., None], x, lowest(x))
    return ops.where(ops.any(mask, axis=1)[:, None], ops.max(x, axis=1), 0.0)


def masked_mean(x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the mean over the real steps, in float32: a sum of many steps in 16 bits would lose small values."""
    count = ops.sum(ops.cast(mask, "float32"), axis=1)[:, None]  # [B, 1]
    return ops.sum(ops.where(mask[..., None], ops.cast(x, "float32"), 0.0), axis=1) / ops.maximum(count, 1)


def codon_mean(x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Averages every third real step, starting from each of the first three, and takes each unit's largest mean.

    One of the three means fits patterns that are read in triplets, such as codons with an unknown reading frame.
    """
    phase = ops.mod(ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1, 3)  # [B, T]: 0, 1, 2, 0 ...
    frames = [ops.logical_and(mask, ops.equal(phase, k)) for k in range(3)]  # [B, T] each
    means = ops.stack([masked_mean(x, frame) for frame in frames], axis=1)  # [B, 3, H]
    # A sequence of fewer than three steps has frames without steps.
    return masked_max(means, ops.stack([ops.any(frame, axis=1) for frame in frames], axis=1))


def weighted_sum(weights: keras.KerasTensor, x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Returns sum_t a_t x_t over the real steps, in float32: weights [B, T] -> [B, H]."""
    x = ops.where(mask[..., None], ops.cast(x, "float32"), 0.0)
    return ops.sum(ops.cast(weights, "float32")[..., None] * x, axis=1)


@keras.saving.register_keras_serializable("seqzoo")
class AttentionWeights(keras.layers.Layer):
    """Computes the weight of each step by a learned query u_w; exactly 0 at padding:

        u_t = tanh(h_t W + b)
        a_t = exp(u_t u_w) / sum_s exp(u_s u_w)

    Source: Yang et al., 2016, Hierarchical Attention Networks for Document Classification, equations 5 and 6; the
    pooled vector is their equation 7, sum_t a_t h_t.

    Args:
        units: width of u_t.

    Shapes: h [B, T, H], mask [B, T] -> a [B, T].
    """

    def __init__(self, units: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on
        self.projection = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy)
        self.question = keras.layers.Dense(1, use_bias=False, dtype=self.dtype_policy)

    def build(self, h_shape: Sequence[int | None]) -> None:
        self.projection.build(h_shape)
        self.question.build((*h_shape[:-1], self.units))

    def call(self, h: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        scores = ops.cast(self.question(self.projection(h))[..., 0], "float32")  # [B, T]
        weights = ops.softmax(ops.where(mask, scores, -1e9), axis=-1)  # [B, T]
        return ops.cast(ops.where(mask, weights, 0.0), self.compute_dtype)

    def compute_output_shape(self, h_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return h_shape[:-1]

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}
