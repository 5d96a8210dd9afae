"""The simple recurrent unit: gates that do not read the state, and a highway around the recurrence."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell, in_float32
from seqzoo.rnns.scan import ScanCell, ScanRNN, last_real, linear_scan, where_real


@keras.saving.register_keras_serializable("seqzoo")
class SRUCell(ScanCell):
    """One step of a simple recurrent unit.

    Equations (Lei et al., 2018, "Simple Recurrent Units for Highly Parallelizable Recurrence", arXiv 1709.02755)::

        f  = sigmoid(x Wf + bf)                 forget gate
        r  = sigmoid(x Wr + br)                 reset gate
        x~ = x W
        c' = f c + (1 - f) x~
        h' = r tanh(c') + (1 - r) x             (elementwise); the highway carries x Wp if D is not H

    These are the gates of the paper's first version. In its last one they also read the state, + v c, so that only the
    matrix products are computed at once for all steps; it has no tanh, which is ``activation=None`` here.

    Shapes: x [B, D], h and c [B, H]; kernel [D, 3H or 4H], columns f, r, x~, p; bias [2H], f and r.
    """

    biased = 2

    def __init__(self, units: int, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, units]

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.parts = 3 if input_shape[-1] == self.units else 4
        super().build(input_shape)

    def coefficients(
        self, x: keras.KerasTensor, h: keras.KerasTensor, training: bool | None = False
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
        """Returns the coefficients a and b of c, and r and the highway's (1 - r) x, all [..., H]."""
        f, r, new, *projected = self.products(x, training)
        (highway,) = projected or [in_float32(x)]
        return ops.sigmoid(f), self.drop(ops.sigmoid(-f) * new, h, training), ops.sigmoid(r), ops.sigmoid(-r) * highway

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        h, c = states
        a, b, r, highway = self.coefficients(sequence, h, training)
        c_new = a * in_float32(c) + b
        h_new = r * self.activation(c_new) + highway
        h, c = ops.cast(h_new, h.dtype), ops.cast(c_new, c.dtype)
        return h, [h, c]

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        h, c = states
        a, b, r, highway = self.coefficients(x, h, training)
        cs = linear_scan(*where_real(mask, a, b), c)
        hs = r * self.activation(cs) + highway
        return hs, [last_real(hs, h, mask), cs[:, -1]]


@RNNS.register(
    "sru",
    gates="f r",
    states="h c",
    parameters="(3 + (D != H)) D + 2",
    parallel=True,
    recurrent_kernel=False,
    reads_output=False,
)
def sru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Simple recurrent unit (Lei et al., 2018): gates that do not read the state, and a highway for x."""
    return from_cell(SRUCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
