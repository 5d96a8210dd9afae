"""The LSTM: cuDNN on a GPU, the fused loop elsewhere."""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import FusedLoop, plus
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms


@keras.saving.register_keras_serializable("seqzoo")
class LSTM(FusedLoop, keras.layers.LSTM):
    """Keras's LSTM, weight for weight, with a faster loop where cuDNN does not run.

    Equations (Hochreiter & Schmidhuber, 1997; forget gate: Gers et al., 2000)::

        i, f, o = sigmoid(x W + h U + b)        their columns
        g = tanh(x W + h U + b)
        c' = f c + i g
        h' = o tanh(c')

    Shapes: x [B, T, D], h and c [B, H]; kernel W [D, 4H], recurrent_kernel U [H, 4H], bias b [4H], columns i, f, g, o.
    """

    def terms(self, xW: keras.KerasTensor) -> Terms:
        return Terms([self.cell.recurrent_kernel], [plus(xW, self.cell.bias)])

    def step(self, affine: Callable, states: list) -> list:
        sigmoid, tanh = self.cell.recurrent_activation, self.cell.activation
        h, c = states
        i, f, g, o = ops.split(affine(h), 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return [sigmoid(o) * tanh(c), c]


@RNNS.register("lstm", gates="i f o", states="h c", parameters="4 (D + H + 1)", cudnn=True)
def lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """LSTM (Hochreiter & Schmidhuber, 1997) with forget gate, forget bias 1 and orthogonal U."""
    return LSTM(units, activation=activation_of(activation, units), **kwargs)
