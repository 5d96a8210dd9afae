"""Convolution and max pooling over time before the recurrent layers; padding changes nothing."""

import keras
from keras import ops

from seqzoo.layers.masks import lowest
from seqzoo.layers.stack import drop


def convolved(
    x: keras.KerasTensor, mask: keras.KerasTensor, filters: int, kernel_size: int = 9, dropout: float = 0.0
) -> keras.KerasTensor:
    """Detects patterns, as the first layer of DanQ does, for a recurrent stack that reads their order.

        y_t = relu(b + sum_j K_j x_(t + j - (k-1) // 2))      j = 0 ... k-1, x = 0 outside

    Source: Quang & Xie, 2016, DanQ: a hybrid convolutional and recurrent deep neural network for quantifying the
    function of DNA sequences.

    Args:
        x: [B, T, D].
        mask: [B, T] booleans, True at real steps, right-padded.
        filters: F; 0 returns x.
        kernel_size: k, how many steps a filter sees.
        dropout: dropout rate of the filters, one mask for all steps.

    Returns:
        y [B, T, F].
    """
    if not filters:
        return x
    x = ops.where(mask[..., None], x, 0.0)  # the convolution assumes zeros beyond the border
    return drop(keras.layers.Conv1D(filters, kernel_size, padding="same", activation="relu")(x), dropout)


@keras.saving.register_keras_serializable("seqzoo")
class MaximumOver(keras.layers.Layer):
    """Max pooling over n steps that ignores padding: x [B, T, F], mask [B, T] -> [B, ceil(T / n), F], its mask.

    Args:
        steps: n.
    """

    def __init__(self, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def call(self, x: keras.KerasTensor, mask: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        B, T, F = ops.shape(x)
        n = self.steps
        N = (T + n - 1) // n
        x = ops.where(mask[..., None], x, lowest(x))
        x = ops.pad(x, [[0, 0], [0, N * n - T], [0, 0]], constant_values=lowest(x))
        mask = ops.any(ops.reshape(ops.pad(mask, [[0, 0], [0, N * n - T]]), (B, N, n)), axis=-1)  # [B, N]
        x = ops.max(ops.reshape(x, (B, N, n, F)), axis=2)  # [B, N, F]
        return ops.where(mask[..., None], x, 0.0), mask

    def compute_output_spec(
        self, x: keras.KerasTensor, mask: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        steps = None if x.shape[1] is None else -(-x.shape[1] // self.steps)
        return (
            keras.KerasTensor((x.shape[0], steps, x.shape[-1]), dtype=x.dtype),
            keras.KerasTensor((x.shape[0], steps), dtype="bool"),
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "steps": self.steps}
