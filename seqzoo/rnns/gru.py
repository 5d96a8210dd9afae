"""The gated recurrent unit, with its relevance (reset) gate: cuDNN on a GPU, the fused loop elsewhere."""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import FusedLoop, plus
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms, in_float32


@keras.saving.register_keras_serializable("seqzoo")
class GRU(FusedLoop, keras.layers.GRU):
    """Keras's GRU, weight for weight, with a faster loop where cuDNN does not run.

    Equations (Cho et al., 2014), with z's, r's and n's columns of W, U and b::

        z, r = sigmoid(x W + h U + b)
        n = tanh(x W + b + r (h U + b'))        reset_after=True, which has a second bias b'
        n = tanh(x W + (r h) U + b)             reset_after=False
        h' = z h + (1 - z) n

    Shapes: x [B, T, D], h [B, H]; kernel W [D, 3H], recurrent_kernel U [H, 3H], columns z, r, n; bias [3H], or [2, 3H],
    b and b', where z and r add both.
    """

    def terms(self, xW: keras.KerasTensor) -> Terms:
        cell = self.cell
        if not cell.reset_after:
            return Terms([cell.recurrent_kernel], [plus(xW, cell.bias)]).split(2 * cell.units)
        if cell.bias is None:
            return Terms([cell.recurrent_kernel], [None], [xW])
        b, after = ops.unstack(in_float32(ops.convert_to_tensor(cell.bias)), 2)
        return Terms([cell.recurrent_kernel], [None], [xW + b], [after])

    def step(self, affine: Callable, states: list, *rest: keras.KerasTensor) -> list:
        sigmoid, tanh = self.cell.recurrent_activation, self.cell.activation
        (h,) = states
        if not self.cell.reset_after:
            z, r = ops.split(sigmoid(affine(h)), 2, axis=-1)
            n = tanh(affine(r * h, 1))
        else:
            x, *after = rest
            xz, xr, xn = ops.split(x, 3, axis=-1)
            hz, hr, hn = ops.split(affine(h) + after[0] if after else affine(h), 3, axis=-1)
            z, r = sigmoid(xz + hz), sigmoid(xr + hr)
            n = tanh(xn + r * hn)
        return [n + z * (h - n)]


@RNNS.register("gru", gates="z r", states="h", parameters="3 (D + H + 2)", cudnn=True)
def gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """GRU: z, r = sigmoid; h = z h + (1 - z) tanh(x W + r (h U + b)) (Cho et al., 2014); orthogonal U.

    The default, ``reset_after=True``, applies the relevance gate r after the matrix product and runs on cuDNN. The
    textbook's (and the paper's) form, tanh(x W + (r h) U + b), is ``reset_after=False`` and does not.
    """
    return GRU(units, activation=activation_of(activation, units), **kwargs)
