"""The minimal gated unit: a GRU with one gate."""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms


@keras.saving.register_keras_serializable("seqzoo")
class MGUCell(GatedCell):
    """One step of a minimal gated unit.

    Equations (Zhou et al., 2016, "Minimal Gated Unit for Recurrent Neural Networks", arXiv 1603.09420, section 3)::

        f  = sigmoid(x Wf + h Uf + bf)         forgets, and lets the state into the candidate
        h~ = tanh(x Wh + (f h) Uh + bh)
        h' = (1 - f) h + f h~                  (elementwise)

    Shapes: x [B, D], h [B, H]; kernel W [D, 2H], recurrent_kernel U [H, 2H] and bias b [2H], f's columns, then h~'s.
    """

    columns = 2

    def terms(self, xW: keras.KerasTensor) -> Terms:
        return super().terms(xW).split(self.units)

    def step(self, affine: Callable, states: list) -> list:
        (h,) = states
        f = ops.sigmoid(affine(h))
        candidate = self.activation(affine(f * h, 1))
        return [h + f * (candidate - h)]


@RNNS.register("mgu", gates="f", states="h", parameters="2 (D + H + 1)")
def mgu(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Minimal gated unit (Zhou et al., 2016): the forget gate is also the reset gate."""
    return from_cell(MGUCell, units, activation=activation_of(activation, units), **kwargs)
