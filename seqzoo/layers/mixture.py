"""Mixture density: the next vector of numbers as a sum of Gaussians, whose parameters a network predicts.

    p(x) = sum_k pi_k prod_d N(x_d; mu_kd, sigma_kd)              K components, D dimensions, diagonal covariance

Sources: Bishop, 1994, Mixture Density Networks; Graves, 2013, Generating Sequences With Recurrent Neural Networks,
section 4.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

LEAST = 0.01  # minimum sigma, in units of `scale`: otherwise the likelihood of constant numbers grows without bound


def log_density(
    values: keras.KerasTensor, logits: keras.KerasTensor, mean: keras.KerasTensor, log_sigma: keras.KerasTensor
) -> keras.KerasTensor:
    """Returns the natural log p(x) of a mixture, in float32.

    Shapes: values x [..., D]; logits, log pi up to a constant, [..., K]; mean mu and log_sigma [..., K, D] -> [...].
    """
    z = (ops.cast(values, "float32")[..., None, :] - mean) * ops.exp(-log_sigma)  # [..., K, D]
    each = -0.5 * ops.sum(ops.square(z) + 2 * log_sigma + math.log(2 * math.pi), axis=-1)  # [..., K]
    return ops.logsumexp(ops.log_softmax(logits, axis=-1) + each, axis=-1)


def split(parameters: keras.KerasTensor) -> tuple:
    """Splits a `MixtureDensity` output [..., K, 1 + 2 D] into logits [..., K], mean and log_sigma [..., K, D]."""
    D = parameters.shape[-1] // 2
    return parameters[..., 0], parameters[..., 1 : 1 + D], parameters[..., 1 + D :]


@keras.saving.register_keras_serializable("seqzoo")
class MixtureDensity(keras.layers.Layer):
    """Computes the parameters of a mixture from the output h of a network::

        [a, m, s] = W h + b                                            a [K], m and s [K, D]
        pi = softmax(a)     mu = o + scale m     sigma = scale (0.01 + softplus(s))

    Args:
        components: K.
        scale: [D], the units of m and s, such as the standard deviation of the vectors, or of their changes.

    Inputs: h [B, T, H]; o [B, T, D], the origin of the means, such as the vector before. Output: float32
    [B, T, K, 1 + 2 D], see `split`.
    """

    def __init__(self, components: int, scale, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.supports_masking = True  # an implicit mask has no effect here, so Keras need not warn
        self.components, self.scale = components, np.asarray(scale, "float32").tolist()
        self.dense = keras.layers.Dense(components * (1 + 2 * len(self.scale)), dtype="float32", name="dense")

    def build(self, h_shape: Sequence[int | None], o_shape: Sequence[int | None]) -> None:
        self.dense.build(h_shape)
        self.built = True

    def call(self, h: keras.KerasTensor, o: keras.KerasTensor) -> keras.KerasTensor:
        K, scale = self.components, np.array(self.scale, "float32")
        made = ops.reshape(self.dense(h), (*ops.shape(h)[:-1], K, 1 + 2 * len(scale)))
        a, m, s = split(made)
        log_sigma = ops.log(scale * (LEAST + ops.softplus(s)))
        return ops.concatenate([a[..., None], o[..., None, :] + scale * m, log_sigma], axis=-1)

    def compute_output_shape(
        self, h_shape: tuple[int | None, ...], o_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return (*h_shape[:-1], self.components, 1 + 2 * len(self.scale))

    def get_config(self) -> dict:
        return {**super().get_config(), "components": self.components, "scale": self.scale}


@keras.saving.register_keras_serializable("seqzoo")
class MixtureLoss(keras.losses.Loss):
    """-log p(x), in nats a vector: x [B, T, D], parameters [B, T, K, 1 + 2 D] of `MixtureDensity` -> [B, T].

    Args:
        reduction: as in Keras; by default the mean over the sample weights.
    """

    def __init__(self, reduction: str = "mean_with_sample_weight", name: str = "mixture_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **kwargs)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        return -log_density(y_true, *split(ops.cast(y_pred, "float32")))


@keras.saving.register_keras_serializable("seqzoo")
class Changes(keras.layers.Layer):
    """Joins each vector with its change since the one before, in units of `scale`: [x_t, (x_t - x_{t-1}) / scale].

    Args:
        scale: [D].

    Inputs: x [B, T, D]; mask [B, T], True at real steps, right-padded; last [B, D], the vector before the first.
    Outputs: [B, T, 2 D]; the last real vector [B, D], or `last`.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.supports_masking = True
        self.scale = np.asarray(scale, "float32").tolist()

    def call(
        self, x: keras.KerasTensor, mask: keras.KerasTensor, last: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        before = ops.concatenate([last[:, None], x[:, :-1]], axis=1)  # [B, T, D]
        changes = (x - before) / np.array(self.scale, "float32")
        ends = ops.logical_and(mask, ops.logical_not(ops.pad(mask[:, 1:], [(0, 0), (0, 1)])))  # the last real step
        after = ops.where(ops.any(mask, axis=1)[:, None], ops.sum(ops.where(ends[..., None], x, 0.0), axis=1), last)
        return ops.concatenate([x, changes], axis=-1), after

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], mask_shape: tuple[int | None, ...], last_shape: tuple[int | None, ...]
    ) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        return (*x_shape[:-1], 2 * x_shape[-1]), last_shape

    def compute_output_spec(
        self, x: keras.KerasTensor, mask: keras.KerasTensor, last: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        shapes = self.compute_output_shape(x.shape, mask.shape, last.shape)
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)

    def get_config(self) -> dict:
        return {**super().get_config(), "scale": self.scale}
