"""Subsampling and upsampling in time: a transcriber's input may be longer or shorter than its output."""

import keras
from keras import ops


def subsample(
    x: keras.KerasTensor, mask: keras.KerasTensor, factor: int, filters: int = 128
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Joins every `factor` steps into one by convolutions over time, of width 3 and stride 2, with ReLU.

        y_t = relu(W [x_{2t-1}; x_2t; x_{2t+1}] + b)

    Steps outside a sequence are 0, so that padding changes nothing; ``padding="same"`` could shift the windows by a
    step, depending on the length of the batch.

    Args:
        x: [B, T, D]; mask: [B, T], True at real steps.
        factor: a power of two; 1 returns x unchanged.
        filters: width F of each convolution.

    Returns:
        (x [B, T / factor, F], mask [B, T / factor]), lengths rounded up.

    Raises:
        ValueError: the factor is not a power of two.
    """
    if factor < 1 or factor & (factor - 1):
        raise ValueError(f"subsample should be a power of two: 1, 2, 4 ... Received: {factor}")
    while factor > 1:
        x = ops.pad(ops.where(mask[..., None], x, 0.0), ((0, 0), (1, 1), (0, 0)))
        x, mask = keras.layers.Conv1D(filters, 3, strides=2, activation="relu")(x), mask[:, ::2]
        factor //= 2
    return x, mask


def upsample(x: keras.KerasTensor, mask: keras.KerasTensor, factor: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Repeats each step `factor` times: x [B, T, D], mask [B, T] -> [B, T factor, D], [B, T factor].

    Raises:
        ValueError: the factor is below 1.
    """
    if factor < 1:
        raise ValueError(f"upsample should be at least 1. Received: {factor}")
    if factor == 1:
        return x, mask
    repeated = keras.layers.Reshape((-1, x.shape[-1]))(ops.concatenate([x] * factor, axis=-1))
    return repeated, keras.layers.Reshape((-1,))(ops.stack([mask] * factor, axis=-1))
