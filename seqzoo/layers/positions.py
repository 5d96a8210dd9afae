"""Encodes the position of each step as numbers for a layer to read."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class Positions(keras.layers.Layer):
    """Joins each step with an encoding of its position: x [B, T, D], mask [B, T] -> [B, T, D + P], zeros at padding.

        e_(t, i) = sin(t r_i), e_(t, P/2 + i) = cos(t r_i)      t = 0 ... T-1, i = 0 ... P/2-1, r_i = 1000^(-2i / P)

    Source: Vaswani et al., 2017, Attention Is All You Need, section 3.5, with a shorter longest wave, and the
    sines first.

    Args:
        width: P, an even number.
    """

    def __init__(self, width: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # 16 bits are too few for angles
        self.width = width
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def call(self, x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        t = ops.cumsum(ops.cast(mask, "float32"), axis=1)[..., None] - 1  # [B, T, 1]
        angles = t * (1000.0 ** -np.linspace(0, 1, self.width // 2, endpoint=False)).astype("float32")
        encoded = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)  # [B, T, P]
        return ops.concatenate([x, ops.where(mask[..., None], encoded, 0.0)], axis=-1)

    def compute_mask(self, x: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], mask_shape: tuple[int | None, ...] | None = None
    ) -> tuple[int | None, ...]:
        return (*x_shape[:-1], x_shape[-1] + self.width)

    def get_config(self) -> dict:
        return {**super().get_config(), "width": self.width}
