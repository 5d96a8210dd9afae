"""The gated recurrent unit, with its relevance (reset) gate."""

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class GRU(OneStep, keras.layers.GRU):
    """Keras's GRU."""


@RNNS.register("gru", gates="z r", states="h", parameters="3 (D + H + 2)", cudnn=True)
def gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """GRU: z, r = sigmoid; h = z h + (1 - z) tanh(x W + r (h U + b)) (Cho et al., 2014); orthogonal U.

    The default, ``reset_after=True``, applies the relevance gate r after the matrix product and runs on cuDNN. The
    textbook's (and the paper's), tanh(x W + (r h) U + b), is ``reset_after=False`` and does not.
    """
    return GRU(units, activation=activation_of(activation, units), **kwargs)
