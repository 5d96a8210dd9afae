"""The recurrent highway network: several layers within a step."""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms, in_float32


@keras.saving.register_keras_serializable("seqzoo")
class RHNCell(GatedCell):
    """One step of a recurrent highway network.

    Equations (Zilly et al., 2017, "Recurrent Highway Networks", arXiv 1607.03474, equations 6 to 9, with c = 1 - t),
    for the layers l = 1 ... L of a step, with x W in the first only::

        h_l = tanh(x Wh + s_{l-1} Rh_l + bh_l)
        t_l = sigmoid(x Wt + s_{l-1} Rt_l + bt_l)            the transform gate
        s_l = h_l t_l + s_{l-1} (1 - t_l)                    (elementwise)

    Shapes: x [B, D], s [B, H], of which s_L is the output and the next step's s_0; kernel W [D, 2H], h's columns, then
    t's; recurrent_kernel R [H, 2LH] and bias b [2LH], those of h_1, t_1, h_2, t_2 and so on. bt starts at -2, as in the
    paper, so that a step at first keeps most of its state.

    Args:
        depth: L.
    """

    def __init__(self, units: int, depth: int = 3, **kwargs):
        super().__init__(units, **kwargs)
        self.depth = depth

    @property
    def first(self) -> dict[int, float]:
        return {2 * layer + 1: -2.0 for layer in range(self.depth)}

    def shapes(self, D: int) -> tuple[tuple, tuple, tuple]:
        H, K = self.units, 2 * self.depth * self.units
        return (D, 2 * H), (H, K), (K,)

    def terms(self, xW: keras.KerasTensor) -> Terms:
        R = ops.split(ops.convert_to_tensor(self.recurrent_kernel), self.depth, axis=-1)
        if self.bias is None:
            return Terms(R, [xW, *[None] * (self.depth - 1)])
        b, *deeper = ops.split(in_float32(ops.convert_to_tensor(self.bias)), self.depth)
        return Terms(R, [xW + b, *[None] * (self.depth - 1)], weights=deeper)

    def step(self, affine: Callable, states: list, *b: keras.KerasTensor) -> list:
        (s,) = states
        for layer in range(self.depth):
            z = affine(s, layer) + b[layer - 1] if layer and b else affine(s, layer)
            h, t = ops.split(z, 2, axis=-1)
            s = s + ops.sigmoid(t) * (self.activation(h) - s)
        return [s]

    def get_config(self) -> dict:
        return {**super().get_config(), "depth": self.depth}


@RNNS.register("rhn", gates="t", states="s", parameters="2 D + 6 (H + 1)")
def rhn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Recurrent highway network (Zilly et al., 2017): `depth` highway layers, 3 by default, within each step."""
    return from_cell(RHNCell, units, activation=activation_of(activation, units), **kwargs)
