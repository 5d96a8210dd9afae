"""Masks: which time steps are real. A model computes its mask once and passes it on explicitly."""

import keras
from keras import ops


def from_ids(ids: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the mask of padded ids: [B, T] integers, 0 is padding -> [B, T] booleans, True at real steps."""
    return ops.not_equal(ids, 0)


def from_lengths(lengths: keras.KerasTensor, steps: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the mask of true lengths: [B] integers, and a tensor [B, T] of which only the shape counts -> [B, T]."""
    numbers = ops.cumsum(ops.ones_like(steps, dtype="int32"), axis=1)  # 1, 2 ... T; symbolically, T is unknown
    return numbers <= ops.cast(lengths, "int32")[:, None]


def lowest(x: keras.KerasTensor) -> float:
    """Returns the lowest number in the dtype of x, for padding before a maximum.

    Not -inf: in ONNX a choice between a number and 0 becomes a product, and 0 times -inf is NaN.
    """
    return -65504.0 if "float16" == keras.backend.standardize_dtype(x.dtype) else -3e38
