"""The LSTM with peephole connections: its gates read the cell state."""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import StepCell, from_cell
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms, in_float32


@keras.saving.register_keras_serializable("seqzoo")
class PeepholeLSTMCell(StepCell, keras.layers.LSTMCell):
    """One step of an LSTM with peephole connections.

    Equations (Gers & Schmidhuber, 2000; products with p elementwise)::

        i = sigmoid(x Wi + h Ui + pi c + bi)
        f = sigmoid(x Wf + h Uf + pf c + bf)
        c' = f c + i tanh(x Wc + h Uc + bc)
        o = sigmoid(x Wo + h Uo + po c' + bo)      reads the new cell state
        h' = o tanh(c')

    Shapes: x [B, D], h and c [B, H]. The weights are those of Keras's LSTMCell (columns i, f, c, o) and
    peepholes [3, H]: pi, pf, po. Forget bias 1.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, **kwargs)
        self.dropout_mask_count = None  # one mask for the four gates; with recurrent_dropout Keras makes a list of four

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.peepholes = self.add_weight((3, self.units), "zeros", name="peepholes")

    def terms(self, xW: keras.KerasTensor) -> Terms:
        return super().terms(xW)._replace(weights=[in_float32(ops.convert_to_tensor(self.peepholes))])

    def step(self, affine: Callable, states: list, peepholes: keras.KerasTensor) -> list:
        h, c = states
        zi, zf, zc, zo = ops.split(affine(h), 4, axis=-1)  # [B, H] each
        pi, pf, po = ops.unstack(peepholes, 3)
        i = self.recurrent_activation(zi + pi * c)
        f = self.recurrent_activation(zf + pf * c)
        c = f * c + i * self.activation(zc)
        o = self.recurrent_activation(zo + po * c)
        return [o * self.activation(c), c]


@RNNS.register("peephole_lstm", gates="i f o", states="h c", parameters="4 (D + H + 1) + 3")
def peephole_lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """LSTM whose gates read the cell state (Gers & Schmidhuber, 2000); forget bias 1."""
    return from_cell(PeepholeLSTMCell, units, activation=activation_of(activation, units), **kwargs)
