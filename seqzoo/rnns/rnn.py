"""The plain recurrent network."""

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep, both_directions
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class SimpleRNN(OneStep, keras.layers.SimpleRNN):
    """Keras's plain recurrent layer."""


@RNNS.register("rnn")
def rnn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Plain RNN: h = tanh(x W + h U + b) (Elman, 1990); orthogonal U."""
    return SimpleRNN(units, activation=activation_of(activation, units), **kwargs)


@RNNS.register("birnn", bidirectional=True)
def birnn(units: int, **kwargs) -> keras.layers.Layer:
    """Plain RNN in both directions (Schuster & Paliwal, 1997)."""
    return both_directions(rnn(units, **kwargs))
