"""The gated recurrent unit, with its relevance (reset) gate."""

import keras

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep, both_directions
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class GRU(OneStep, keras.layers.GRU):
    """Keras's GRU."""


@RNNS.register("gru")
def gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """GRU: z, r = sigmoid; h = z h + (1 - z) tanh(x W + r (h U + b)) (Cho et al., 2014); orthogonal U.

    The default, ``reset_after=True``, applies the relevance gate r after the matrix product and runs on cuDNN. The
    textbook's (and the paper's), tanh(x W + (r h) U + b), is ``reset_after=False`` and does not.
    """
    return GRU(units, activation=activation_of(activation, units), **kwargs)


@RNNS.register("bigru", bidirectional=True)
def bigru(units: int, **kwargs) -> keras.layers.Layer:
    """GRU in both directions."""
    return both_directions(gru(units, **kwargs))
