"""The teaching GRU, with an update gate only."""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class SimpleGRUCell(GatedCell):
    """One step of the simplified GRU.

    Equations (Ng, Deep Learning specialisation, 2018; Cho et al., 2014, without the relevance gate)::

        u  = sigmoid(x Wu + c Uu + bu)        update gate
        c~ = tanh(x Wc + c Uc + bc)           candidate
        c' = u c~ + (1 - u) c                 (elementwise)

    Shapes: x [B, D], c [B, H]. kernel [D, 2H] and recurrent_kernel [H, 2H] hold u's columns, then c~'s.
    """

    columns = 2

    def step(self, affine: Callable, states: list) -> list:
        (c,) = states
        u, candidate = ops.split(affine(c), 2, axis=-1)
        u = ops.sigmoid(u)
        return [u * self.activation(candidate) + (1 - u) * c]


@RNNS.register("simple_gru", gates="u", states="c", parameters="2 (D + H + 1)")
def simple_gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Teaching GRU with an update gate only: c' = u c~ + (1 - u) c."""
    return from_cell(SimpleGRUCell, units, activation=activation_of(activation, units), **kwargs)
