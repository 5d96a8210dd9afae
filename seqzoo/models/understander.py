"""The understander: tags each word of a request and classifies the whole, with one encoder."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.layers.crf import CRF
from seqzoo.layers.pooling import AttentionWeights, masked_max, weighted_sum
from seqzoo.layers.stack import stack
from seqzoo.models.builder import builder, check_front


@builder
def understander(
    slots: int,
    intents: int,
    front: tuple,
    crf: bool = True,
    allowed: tuple | None = None,
    gate: bool = True,
    **options,
) -> keras.Model:
    """A model of slot filling and intent detection at once, as in Goo et al. (2018), with attention for the intent.

    Front -> recurrent stack -> h_t. The intent is read from the maximum of h_t over time and an attention c over h_t,
    the slots from h_t, which c scales with `gate`:

        c   = sum_t a_t h_t                        (layers.pooling.AttentionWeights)
        g_t = sum(v * tanh(h_t + c W))             (equation 6, with h_t as the slots' context)
        y_t = (h_t + h_t g_t) W_slots              (equation 7)

    Args:
        slots: number of tags, K.
        intents: number of intents, C.
        front: (inputs, x, mask), as returned by `seqzoo.inputs.words`, `ids`, `frames` or `images`.
        crf: score whole sequences of tags; otherwise the scores are those of a softmax.
        allowed: hard constraints of the CRF (see layers.crf.CRF and text.spans.allowed).
        gate: whether the intent gates the slots; otherwise both heads only share the encoder.
        options: of `layers.stack.stack` (rnn, units, layers, dropout ...).

    Returns:
        keras.Model. Inputs: those of the front; no sequence may be empty. Outputs: {"slots": potentials [B, T, K, K]
        with a CRF, else logits [B, T, K], "intent": logits [B, C]}.

    Raises:
        ValueError: a front with a name of the model's own layers.

    Source: Goo et al., 2018, Slot-Gated Modeling for Joint Slot Filling and Intent Prediction.
    """
    inputs, x, mask = check_front(front, "emissions", "slots", "intent", "gate")  # [B, T, D], [B, T]
    h = stack(x, mask, **options)  # [B, T, H]
    c = weighted_sum(AttentionWeights(name="attention")(h, mask=mask), h, mask)  # [B, H]
    intent = keras.layers.Dense(intents, name="intent")(ops.concatenate([masked_max(h, mask), c], -1))  # [B, C]
    if gate:
        h = SlotGate(name="gate")(h, c)
    scores = keras.layers.Dense(slots, name="emissions")(h)  # [B, T, K]
    scores = CRF(allowed, name="slots")(scores, mask=mask) if crf else keras.layers.Identity(name="slots")(scores)
    return keras.Model(inputs, {"slots": scores, "intent": intent}, name="understander")


@keras.saving.register_keras_serializable("seqzoo")
class SlotGate(keras.layers.Layer):
    """h_t + h_t sum(v * tanh(h_t + c W)): the words' states, scaled by a gate that reads the intent.

    Shapes: h [B, T, H], c [B, H] -> [B, T, H].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def build(self, h_shape: Sequence[int | None], c_shape: Sequence[int | None]) -> None:
        width = h_shape[-1]
        self.v = self.add_weight(shape=(width,), name="v", initializer="glorot_uniform")
        self.W = self.add_weight(shape=(c_shape[-1], width), name="W")

    def call(self, h: keras.KerasTensor, c: keras.KerasTensor) -> keras.KerasTensor:
        gate = ops.sum(self.v * ops.tanh(h + ops.matmul(ops.cast(c, h.dtype), self.W)[:, None]), -1, keepdims=True)
        return h + h * gate

    def compute_output_shape(
        self, h_shape: tuple[int | None, ...], c_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return h_shape
