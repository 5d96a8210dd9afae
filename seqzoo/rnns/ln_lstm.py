"""The LSTM with layer normalisation within its gates."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import GatedCell, from_cell, plus
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.loop import Terms, in_float32

EPSILON = 1e-3  # as in keras.layers.LayerNormalization


@keras.saving.register_keras_serializable("seqzoo")
class LayerNormLSTMCell(GatedCell):
    """One step of an LSTM with layer normalisation.

    Equations (Ba et al., 2016, "Layer Normalization", arXiv 1607.06450, equations 20 to 22)::

        i, f, o = sigmoid(LN(h U) a1 + LN(x W) a2 + b)       their columns
        g = tanh(LN(h U) a1 + LN(x W) a2 + b)
        c' = f c + i g
        h' = o tanh(LN(c') a3 + b3)

    where LN(v) = (v - mean(v)) / sqrt(var(v) + 0.001) over all columns of a vector.

    Shapes: x [B, D], h and c [B, H]; kernel W [D, 4H], recurrent_kernel U [H, 4H], bias b [4H], gain_h a1 [4H] and
    gain_x a2 [4H], columns i, f, g, o; gain_c a3 and shift_c b3 [H]. Forget bias 1, gains 1.
    """

    columns = 4
    count = 2
    first: ClassVar = {1: 1.0}

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        H = self.units
        for name, width, first in ("gain_h", 4 * H, 1), ("gain_x", 4 * H, 1), ("gain_c", H, 1), ("shift_c", H, 0):
            setattr(self, name, self.add_weight((width,), keras.initializers.Constant(first), name=name))

    def terms(self, xW: keras.KerasTensor) -> Terms:
        names = "gain_x", "gain_h", "gain_c", "shift_c"
        gain_x, *weights = (in_float32(ops.convert_to_tensor(getattr(self, name))) for name in names)
        return Terms([self.recurrent_kernel], [None], [plus(normalised(xW) * gain_x, self.bias)], weights)

    def step(
        self,
        affine: Callable,
        states: list,
        x: keras.KerasTensor,
        gain_h: keras.KerasTensor,
        gain_c: keras.KerasTensor,
        shift_c: keras.KerasTensor,
    ) -> list:
        h, c = states
        i, f, g, o = ops.split(x + normalised(affine(h)) * gain_h, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * self.activation(g)
        return [ops.sigmoid(o) * self.activation(normalised(c) * gain_c + shift_c), c]


def normalised(v: keras.KerasTensor) -> keras.KerasTensor:
    """LN(v) for v [..., K]."""
    v = v - ops.mean(v, axis=-1, keepdims=True)
    return v * ops.rsqrt(ops.mean(v * v, axis=-1, keepdims=True) + EPSILON)


@RNNS.register("ln_lstm", gates="i f o", states="h c", parameters="4 (D + H) + 14")
def ln_lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """LSTM with layer normalisation of its sums and of its cell (Ba et al., 2016)."""
    return from_cell(LayerNormLSTMCell, units, activation=activation_of(activation, units), **kwargs)
