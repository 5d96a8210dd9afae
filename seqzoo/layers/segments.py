"""Segments: long sequences are chopped into pieces, each read with a fresh state, so that they form one large batch.

Source: Johnson & Zhang, 2016, Supervised and Semi-Supervised Text Categorization using LSTM for Region Embeddings,
section 2.2: "chop each document into segments of a fixed length"; their outputs are pooled together afterwards.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class Chop(keras.layers.Layer):
    """Chops x [B, T, D] and mask [B, T] into S pieces a sequence, each a row: x [B*S, N, D] and mask [B*S, N].

    The last piece is padded. A piece with nothing but padding is marked as having one real step, since cuDNN refuses
    empty rows; `Join` masks its outputs again.

    Args:
        length: N, time steps in a piece.
    """

    def __init__(self, length: int, **kwargs):
        super().__init__(**kwargs)
        self.length = length
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def call(self, x: keras.KerasTensor, mask: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        B, T, D = ops.shape(x)
        N = self.length
        S = (T + N - 1) // N
        x = ops.pad(x, [[0, 0], [0, S * N - T], [0, 0]])
        mask = ops.pad(mask, [[0, 0], [0, S * N - T]])
        mask = ops.reshape(mask, (B * S, N))
        mask = ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)  # [B*S, N]
        return ops.reshape(x, (B * S, N, D)), mask

    def compute_output_spec(
        self, x: keras.KerasTensor, mask: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        return (
            keras.KerasTensor((None, self.length, x.shape[-1]), dtype=x.dtype),
            keras.KerasTensor((None, self.length), dtype="bool"),
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("seqzoo")
class Join(keras.layers.Layer):
    """Joins the outputs of the pieces, y [B*S, N, H], given the sequences' mask [B, T] -> [B, T, H]."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, y: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        B, T = ops.shape(mask)
        return ops.reshape(y, (B, -1, y.shape[-1]))[:, :T]

    def compute_output_spec(self, y: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((*mask.shape, y.shape[-1]), dtype=y.dtype)
