"""IndRNN: each unit reads only itself."""

from collections.abc import Callable

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class IndRNNCell(GatedCell):
    """One step of an independently recurrent network.

    Equation (Li et al., 2018, "Independently Recurrent Neural Network (IndRNN)", arXiv 1803.04831, equation 2)::

        h' = tanh(x W + u h + b)               (u h elementwise)

    The paper takes ``activation="relu"``, several layers, and u in [-2^(1/T), 2^(1/T)], so that T steps at most double
    a state; here u starts uniform in [0, 1].

    Shapes: x [B, D], h [B, H]; kernel W [D, H], recurrent_kernel u [H], bias b [H].
    """

    def __init__(self, units: int, recurrent_initializer=None, **kwargs):
        recurrent_initializer = recurrent_initializer or keras.initializers.RandomUniform(0, 1)
        super().__init__(units, recurrent_initializer=recurrent_initializer, **kwargs)

    def shapes(self, D: int) -> tuple[tuple, tuple, tuple]:
        return (D, self.units), (self.units,), (self.units,)

    def step(self, affine: Callable, states: list) -> list:
        return [self.activation(affine(states[0]))]


@RNNS.register("indrnn", gates="", states="h", parameters="D + 2")
def indrnn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """IndRNN (Li et al., 2018): a plain RNN with a vector in place of the matrix U."""
    return from_cell(IndRNNCell, units, activation=activation_of(activation, units), **kwargs)
