"""The RG-LRU: a diagonal linear recurrence with gates that read the input, the recurrent part of Griffin."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell, in_float32
from seqzoo.rnns.scan import LinearCell, ScanRNN

C = 8.0  # the paper's constant: a fully open gate forgets as much as 8 steps of sigmoid(Λ)


@keras.saving.register_keras_serializable("seqzoo")
class RGLRUCell(LinearCell):
    """One step of a real-gated linear recurrent unit.

    Equations (De et al., 2024, "Griffin", arXiv 2402.19427, section 2.4)::

        r  = sigmoid(x Wr + br)                 recurrence gate
        i  = sigmoid(x Wi + bi)                 input gate
        u  = tanh(x Wu + bu)
        a  = sigmoid(Λ)^(c r)                   c = 8
        h' = a h + sqrt(1 - a^2) (i u)          (elementwise)

    This is the recurrence alone. In Griffin's block, u is a linear layer and a convolution of 4 steps (here
    ``activation=None``, and without convolution), the gates read u through block-diagonal weights, and a gated linear
    layer follows. Here everything reads x, and u has any activation, by default tanh as in the other cells.

    Shapes: x [B, D], h [B, H]; kernel [D, 3H] and bias [3H] hold the columns of r, i, u; decay Λ [H], with
    sigmoid(Λ)^c uniform in (0.9, 0.999) at first.
    """

    parts = 3

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        # In 16 bits a decay near 1 would be 1.
        self.decay = self.add_weight((self.units,), self.first_decay, name="decay", autocast=False)

    def first_decay(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        a = keras.random.uniform(shape, 0.9, 0.999, dtype=dtype) ** (1 / C)
        return ops.log(a) - ops.log1p(-a)

    def gates(self, r: keras.KerasTensor, i: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        log_a = -C * ops.sigmoid(r) * ops.softplus(-in_float32(ops.convert_to_tensor(self.decay)))
        a = ops.exp(log_a)
        # 1 - a^2, without rounding where a is near 1. Where r underflows it is 0, at which the root has no slope.
        squared = ops.maximum((1 + a * a) * ops.tanh(-log_a), 1e-30)
        return a, ops.sqrt(squared) * ops.sigmoid(i)


@RNNS.register("rg_lru", gates="r i", states="h", parameters="3 (D + 1) + 1", parallel=True, recurrent_kernel=False)
def rg_lru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """RG-LRU, the recurrent part of Griffin (De et al., 2024): gates that read x set how fast a state decays."""
    return from_cell(RGLRUCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
