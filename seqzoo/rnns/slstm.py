"""sLSTM, the xLSTM cell with a scalar memory: exponential gates, and heads that do not read each other."""

from collections.abc import Callable
from typing import ClassVar

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms


@keras.saving.register_keras_serializable("seqzoo")
class SLSTMCell(GatedCell):
    """One step of an sLSTM.

    Equations (Beck et al., 2024, "xLSTM: Extended Long Short-Term Memory", arXiv 2405.04517, equations 8 to 17), for
    i~, f~, z~, o~ = x W + h R + b, their columns::

        z = tanh(z~)        o = sigmoid(o~)        i = exp(i~)        f = sigmoid(f~)

        m' = max(log f + m, i~)                    the stabiliser: c and n are held divided by exp(m)
        c' = f exp(m - m') c + i exp(-m') z
        n' = f exp(m - m') n + i exp(-m')          the normaliser
        h' = o c' / n'

    A state of zeros is empty: with n = 0, m' = i~. From then on n >= 1 whatever the gates are.

    The block around it in the paper (convolution, group norm, projections) is not part of the cell.

    Shapes: x [B, D], h, c, n and m [B, H]; kernel W [D, 4H] and bias b [4H], columns i, f, z, o; recurrent_kernel R
    [heads, H / heads, 4 H / heads], by which each head reads its own h, columns likewise. Forget bias 1.

    Args:
        heads: number of blocks of units that read only themselves; it must divide the number of units.
    """

    columns = 4
    count = 4
    first: ClassVar = {1: 1.0}

    def __init__(self, units: int, heads: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        if units % heads:
            raise ValueError(f"The units of an sLSTM must be a multiple of its heads. Received: {units}, {heads} heads")
        self.heads = heads

    def shapes(self, D: int) -> tuple[tuple, tuple, tuple]:
        kernel, _, bias = super().shapes(D)
        d = self.units // self.heads
        return kernel, (self.heads, d, 4 * d), bias

    def regrouped(self, z: keras.KerasTensor, groups: int) -> keras.KerasTensor:
        """Regroups columns [..., 4 H] from 4, heads, H / heads to heads, 4, H / heads; or back."""
        shape = ops.shape(z)
        z = ops.reshape(z, (*shape[:-1], groups, 4 * self.heads // groups, self.units // self.heads))
        return ops.reshape(ops.swapaxes(z, -2, -3), shape)

    def terms(self, xW: keras.KerasTensor) -> Terms:
        terms = super().terms(xW)
        return terms if self.heads == 1 else terms._replace(added=[self.regrouped(terms.added[0], 4)])

    def step(self, affine: Callable, states: list) -> list:
        h, c, n, m = states
        columns = affine(h)
        i, f, z, o = ops.split(columns if self.heads == 1 else self.regrouped(columns, self.heads), 4, axis=-1)
        kept = ops.where(n > 0, m - ops.softplus(-f), i)  # log f + m
        m = ops.maximum(kept, i)
        i, f = ops.exp(i - m), ops.exp(kept - m)
        c, n = f * c + i * self.activation(z), f * n + i
        return [ops.sigmoid(o) * c / n, c, n, m]

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads}


# An n that an encoder chose could be near 0, and h = o c / n infinite.
@RNNS.register("slstm", gates="i f o", states="h c n m", parameters="4 (D + H + 1)", given_states=2)
def slstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """sLSTM (Beck et al., 2024, xLSTM): exponential input gates, normalised; `heads`, 1 by default."""
    return from_cell(SLSTMCell, units, activation=activation_of(activation, units), **kwargs)
