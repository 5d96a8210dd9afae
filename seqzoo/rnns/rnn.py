"""The plain recurrent network."""

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class SimpleRNN(OneStep, keras.layers.SimpleRNN):
    """Keras's plain recurrent layer."""


@RNNS.register("rnn", gates="", states="h", parameters="D + H + 1")
def rnn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Plain RNN: h = tanh(x W + h U + b) (Elman, 1990); orthogonal U."""
    return SimpleRNN(units, activation=activation_of(activation, units), **kwargs)
