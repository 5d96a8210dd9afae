"""The teaching GRU, with an update gate only."""

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell


@keras.saving.register_keras_serializable("seqzoo")
class SimpleGRUCell(keras.layers.SimpleRNNCell):
    """One step of the simplified GRU.

    Equations (Ng, Deep Learning specialisation, 2018; Cho et al., 2014, without the relevance gate)::

        u  = sigmoid(x Wu + c Uu + bu)        update gate
        c~ = tanh(x Wc + c Uc + bc)           candidate
        c' = u c~ + (1 - u) c                 (elementwise)

    Shapes: x [B, D], c [B, H]. kernel [D, 2H] and recurrent_kernel [H, 2H] hold u's columns, then c~'s.
    """

    def build(self, input_shape):
        H = self.units
        self.kernel = self.add_weight(
            (input_shape[-1], 2 * H), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            (H, 2 * H), self.recurrent_initializer, name="recurrent_kernel",
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )  # fmt: skip
        self.bias = self.add_weight(
            (2 * H,), self.bias_initializer, name="bias",
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        ) if self.use_bias else None  # fmt: skip
        self.built = True

    def call(self, sequence, states, training=False):
        x, c = sequence, states[0]
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        c_dropped = c * self.get_recurrent_dropout_mask(c) if training and self.recurrent_dropout else c
        z = ops.matmul(x, self.kernel) + ops.matmul(c_dropped, self.recurrent_kernel)  # [B, 2H]
        if self.use_bias:
            z = z + self.bias
        u = ops.sigmoid(z[:, : self.units])  # [B, H]
        candidate = self.activation(z[:, self.units :])  # [B, H]
        c = u * candidate + (1 - u) * c
        return c, [c]


@RNNS.register("simple_gru", gates="u", states="c", parameters="2 (D + H + 1)")
def simple_gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Teaching GRU with an update gate only: c' = u c~ + (1 - u) c."""
    return from_cell(SimpleGRUCell, units, activation=activation_of(activation, units), **kwargs)
