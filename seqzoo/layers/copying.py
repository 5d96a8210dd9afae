"""Copying: lets an encoder-decoder write tokens of its source by pointing at them."""

import keras
from keras import ops

from seqzoo.text.vocabulary import UNKNOWN_ID

LEAST = 1e-30  # minimum probability, whose logarithm is finite


@keras.saving.register_keras_serializable("seqzoo")
class PointerGenerator(keras.layers.Layer):
    """Computes the probability of each next token, generated from the vocabulary or copied from the source.

        P(w) = g softmax(z)(w) + (1 - g) sum_{s: w_s = w} a(s)          g = sigmoid(gate)

    Copying position s writes w_s: the id of the token, below V, or V + the token's first position in the source if it
    is not in the vocabulary.

    Inputs: logits z [B, T, V]; gate [B, T, 1]; attention a [B, T, S]; ids w_s [B, S]. Output: log P [B, T, V + S],
    float32, at least log 1e-30.

    Source: See et al., 2017, Get To The Point: Summarization with Pointer-Generator Networks, equations 8 and 9.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # values at padding are never used

    def call(
        self,
        logits: keras.KerasTensor,
        gate: keras.KerasTensor,
        attention: keras.KerasTensor,
        copied: keras.KerasTensor,
    ) -> keras.KerasTensor:
        logits, gate, attention = (ops.cast(part, "float32") for part in (logits, gate, attention))
        (B, T, S), V = ops.shape(attention), logits.shape[-1]
        row = ops.reshape(ops.arange(B * T, dtype="int32"), (B, T, 1)) * (V + S)
        index = row + ops.cast(copied, "int32")[:, None]  # [B, T, S]
        copies = ops.scatter(
            ops.reshape(index, (-1, 1)), ops.reshape(attention * ops.sigmoid(-gate), (-1,)), (B * T * (V + S),)
        )
        written = ops.pad(ops.sigmoid(gate) * ops.softmax(logits), ((0, 0), (0, 0), (0, S)))
        return ops.log(ops.maximum(written + ops.reshape(copies, (B, T, V + S)), LEAST))

    def compute_output_spec(
        self,
        logits: keras.KerasTensor,
        gate: keras.KerasTensor,
        attention: keras.KerasTensor,
        copied: keras.KerasTensor,
    ) -> keras.KerasTensor:
        B, T, V = logits.shape
        S = attention.shape[-1]
        return keras.KerasTensor((B, T, None if S is None else V + S), dtype="float32")


def known(ids: keras.KerasTensor, tokens: int) -> keras.KerasTensor:
    """Replaces the ids of copied source words by the unknown word, since the embedding has only `tokens` ids."""
    return ops.where(ids < tokens, ids, UNKNOWN_ID)


@keras.saving.register_keras_serializable("seqzoo")
class CoverageLoss(keras.layers.Layer):
    """Adds a penalty on repeated attention to the same positions to the training loss; returns its first input.

        weight mean_t sum_s min(a_t(s), sum_{i<t} a_i(s))          the mean over the real steps of a batch

    Source: See et al., 2017, equations 12 and 13.

    Args:
        weight: lambda in the paper, where it is 1.

    Inputs: x, which is returned; attention a [B, T, S]; mask of the steps [B, T].
    """

    def __init__(self, weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight, self.supports_masking = weight, True

    def call(
        self, x: keras.KerasTensor, attention: keras.KerasTensor, mask: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        if training:
            a, real = ops.cast(attention, "float32"), ops.cast(mask, "float32")
            again = ops.sum(ops.minimum(a, ops.cumsum(a, axis=1) - a), axis=-1)  # [B, T]
            penalty = ops.sum(again * real) / ops.maximum(ops.sum(real), 1.0)
            self.add_loss(ops.cast(self.weight * penalty, keras.config.floatx()))
        return x

    def compute_output_spec(
        self, x: keras.KerasTensor, attention: keras.KerasTensor, mask: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "weight": self.weight}
