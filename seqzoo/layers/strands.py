"""The two strands of DNA."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class ReverseComplement(keras.layers.Layer):
    """Reads bases from the other strand: x [B, T, 4] in the order A, C, G, T, lengths [B] -> [B, T, 4].

    The n bases of a sequence are complemented and reversed; the padding after them stays in place, as zeros.
    """

    def call(self, x: keras.KerasTensor, lengths: keras.KerasTensor) -> keras.KerasTensor:
        B, T, D = ops.shape(x)
        positions = ops.cast(lengths, "int32")[:, None] - 1 - ops.arange(T)[None]  # [B, T]: n - 1 ... 0, -1 ...
        rows = ops.arange(B)[:, None] * T + ops.maximum(positions, 0)
        # A plain gather, because LiteRT lacks take_along_axis.
        reversed = ops.reshape(ops.take(ops.reshape(x, (B * T, D)), ops.reshape(rows, (-1,)), axis=0), (B, T, D))
        return ops.where(positions[..., None] >= 0, ops.flip(reversed, axis=-1), 0.0)

    def compute_output_spec(self, x: keras.KerasTensor, lengths: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype=x.dtype)
