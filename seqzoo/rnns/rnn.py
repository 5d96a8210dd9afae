"""The plain recurrent network."""

from collections.abc import Callable

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import FusedLoop, plus
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms


@keras.saving.register_keras_serializable("seqzoo")
class SimpleRNN(FusedLoop, keras.layers.SimpleRNN):
    """Keras's plain recurrent layer, weight for weight, with a faster loop: h' = tanh(x W + h U + b).

    Shapes: x [B, T, D], h [B, H]; kernel W [D, H], recurrent_kernel U [H, H], bias b [H].
    """

    def terms(self, xW: keras.KerasTensor) -> Terms:
        return Terms([self.cell.recurrent_kernel], [plus(xW, self.cell.bias)])

    def step(self, affine: Callable, states: list) -> list:
        return [self.cell.activation(affine(states[0]))]


@RNNS.register("rnn", gates="", states="h", parameters="D + H + 1")
def rnn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Plain RNN: h = tanh(x W + h U + b) (Elman, 1990); orthogonal U."""
    return SimpleRNN(units, activation=activation_of(activation, units), **kwargs)
