"""The network without recurrence: what every recurrent layer is compared with."""

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell
from seqzoo.rnns.min_rnns import LinearCell, ScanRNN


@keras.saving.register_keras_serializable("seqzoo")
class PlainCell(LinearCell):
    """One step of a network without recurrence: h' = tanh(x W + b); the state before is not read.

    Its state is its last output, so that it serves wherever a recurrent cell does. `recurrent_dropout` drops units of
    the output, with one mask a sequence.

    Shapes: x [B, D], h [B, H]; kernel W [D, H], bias b [H].
    """

    parts = 1

    def gates(self) -> tuple[float, float]:
        return 0.0, 1.0  # the recurrence of `LinearCell`, with a = 0


@keras.saving.register_keras_serializable("seqzoo")
class PlainRNN(ScanRNN):
    """A Keras RNN around `PlainCell` that computes all steps at once, without a loop."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        (h,) = initial_state
        _, hs = self.cell.coefficients(ops.cast(sequences, self.cell.compute_dtype), h, training)  # [B, T, H]
        hs = ops.cast(hs, self.cell.compute_dtype)
        if mask is None:
            last = hs[:, 0] if self.go_backwards else hs[:, -1]
        else:
            mask = ops.cast(mask, "bool")  # [B, T]
            steps = ops.cumsum(ops.ones_like(mask, dtype="int32"), axis=1) - 1  # 0, 1 ... T - 1
            if self.go_backwards:
                final = ops.min(ops.where(mask, steps, ops.shape(mask)[1] - 1), axis=1)  # [B]
            else:
                final = ops.max(ops.where(mask, steps, 0), axis=1)  # [B]
            last = ops.take_along_axis(hs, final[:, None, None], axis=1)[:, 0]  # [B, H]
            last = ops.where(ops.any(mask, axis=1, keepdims=True), last, h)  # a row without a real step keeps its state
            if self.zero_output_for_mask:
                hs = ops.where(mask[..., None], hs, 0)
        # Like Keras: outputs in the order in which they were computed.
        return last, ops.flip(hs, 1) if self.go_backwards else hs, [last]


@RNNS.register("none", gates="", states="h", parameters="D + 1", parallel=True, recurrent_kernel=False, both=False)
def none(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """No recurrence: each step on its own, h = tanh(x W + b); the baseline of every recurrent layer."""
    return from_cell(PlainCell, units, PlainRNN, activation=activation_of(activation, units), **kwargs)
