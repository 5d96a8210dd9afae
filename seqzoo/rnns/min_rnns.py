"""minGRU and minLSTM: their gates do not read the state, so all steps are computed at once."""

from typing import ClassVar

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell
from seqzoo.rnns.scan import LinearCell, ScanRNN


@keras.saving.register_keras_serializable("seqzoo")
class MinGRUCell(LinearCell):
    """One step of a minGRU.

    Equations (Feng et al., 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.1)::

        z  = sigmoid(x Wz + bz)
        h~ = tanh(x Wh + bh)
        h' = (1 - z) h + z h~                  (elementwise)

    In the paper h~ = x Wh + bh, which is ``activation=None``; or h~ = g(x Wh + bh) > 0, with g(v) = v + 0.5 for v >= 0
    and sigmoid(v) below (appendix B), which its scan in logarithms needs. Here h~ has any activation, by default tanh
    as in the other cells, which bounds h.

    Shapes: x [B, D], h [B, H]; kernel [D, 2H] and bias [2H] hold z's columns, then h~'s.
    """

    parts = 2

    def gates(self, z: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        return ops.sigmoid(-z), ops.sigmoid(z)  # 1 - sigmoid(z) = sigmoid(-z), without the rounding


@keras.saving.register_keras_serializable("seqzoo")
class MinLSTMCell(LinearCell):
    """One step of a minLSTM.

    Equations (Feng et al., 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.2, with normalised gates,
    which keep h from growing with the length)::

        i  = sigmoid(x Wi + bi)
        f  = sigmoid(x Wf + bf)
        h~ = tanh(x Wh + bh)
        h' = f / (f + i) h + i / (f + i) h~    (elementwise)

    See MinGRUCell on the activation of h~. Shapes: x [B, D], h [B, H]; kernel [D, 3H] and bias [3H] hold the columns of
    i, f, h~. Forget bias 1.
    """

    parts = 3
    first: ClassVar = {1: 1.0}

    def gates(self, i: keras.KerasTensor, f: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        # f / (f + i) = 1 / (1 + exp(log i - log f)), which is not 0 / 0 when both gates are near 0.
        difference = ops.softplus(-i) - ops.softplus(-f)  # log f - log i
        return ops.sigmoid(difference), ops.sigmoid(-difference)


@RNNS.register("min_gru", gates="z", states="h", parameters="2 (D + 1)", parallel=True, recurrent_kernel=False)
def min_gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """minGRU (Feng et al., 2024): an update gate that does not read the state; all steps at once."""
    return from_cell(MinGRUCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)


@RNNS.register("min_lstm", gates="i f", states="h", parameters="3 (D + 1)", parallel=True, recurrent_kernel=False)
def min_lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """minLSTM (Feng et al., 2024): input and forget gates that do not read the state; all steps at once."""
    return from_cell(MinLSTMCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
