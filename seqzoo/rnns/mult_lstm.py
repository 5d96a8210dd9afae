"""The multiplicative LSTM: the input chooses the recurrent weights."""

from collections.abc import Callable
from typing import ClassVar

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell, plus
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms


@keras.saving.register_keras_serializable("seqzoo")
class MultiplicativeLSTMCell(GatedCell):
    """One step of a multiplicative LSTM.

    Equations (Krause et al., 2016, "Multiplicative LSTM for sequence modelling", arXiv 1609.07959, section 2.3)::

        m = (x Wm) (h Um)                      (elementwise)
        i, f, o = sigmoid(x W + m U + b)       their columns
        g = tanh(x W + m U + b)
        c' = f c + i g
        h' = o tanh(c')

    Shapes: x [B, D], h and c [B, H]; kernel [D, 5H] and recurrent_kernel [H, 5H] hold the columns of i, f, g, o, then
    Wm and Um; bias b [4H]. Forget bias 1.
    """

    count = 2
    first: ClassVar = {1: 1.0}

    def shapes(self, D: int) -> tuple[tuple, tuple, tuple]:
        H = self.units
        return (D, 5 * H), (H, 5 * H), (4 * H,)

    def terms(self, xW: keras.KerasTensor) -> Terms:
        H = self.units
        xW, xWm = ops.split(xW, [4 * H], axis=-1)
        U, Um = ops.split(ops.convert_to_tensor(self.recurrent_kernel), [4 * H], axis=-1)
        return Terms([Um, U], [None, plus(xW, self.bias)], [xWm])

    def step(self, affine: Callable, states: list, xWm: keras.KerasTensor) -> list:
        h, c = states
        i, f, g, o = ops.split(affine(xWm * affine(h), 1), 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * self.activation(g)
        return [ops.sigmoid(o) * self.activation(c), c]


@RNNS.register("mult_lstm", gates="i f o", states="h c", parameters="5 (D + H) + 4")
def mult_lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Multiplicative LSTM (Krause et al., 2016): its recurrent weights depend on the input."""
    return from_cell(MultiplicativeLSTMCell, units, activation=activation_of(activation, units), **kwargs)
