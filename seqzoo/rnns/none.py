"""The network without recurrence, a baseline for every recurrent layer."""

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell
from seqzoo.rnns.scan import LinearCell, ScanRNN, last_real


@keras.saving.register_keras_serializable("seqzoo")
class PlainCell(LinearCell):
    """One step of a network without recurrence: h' = tanh(x W + b); it does not read the state.

    Its state is its last output, so that it can replace any recurrent cell. `recurrent_dropout` drops units of the
    output, with one mask a sequence.

    Shapes: x [B, D], h [B, H]; kernel W [D, H], bias b [H].
    """

    parts = 1

    def gates(self) -> tuple[float, float]:
        return 0.0, 1.0  # the recurrence of `LinearCell`, with a = 0

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        (h,) = states
        _, hs = self.coefficients(x, h, training)
        return hs, [last_real(hs, h, mask)]


@RNNS.register(
    "none",
    gates="",
    states="h",
    parameters="D + 1",
    parallel=True,
    recurrent_kernel=False,
    reads_output=False,
    both=False,
)
def none(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """No recurrence: each step on its own, h = tanh(x W + b); the baseline of every recurrent layer."""
    return from_cell(PlainCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
