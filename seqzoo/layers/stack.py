"""A stack of recurrent layers with what makes deep ones trainable."""

import keras

from seqzoo.rnns import RNNS


def drop(x, rate, variational=True):
    """Dropout of x [B, T, D]; `variational`: one mask for all steps of a sequence (Gal & Ghahramani, 2016)."""
    if not rate:
        return x
    return (keras.layers.SpatialDropout1D if variational else keras.layers.Dropout)(rate)(x)


def stack(
    x,
    mask,
    rnn="bilstm",
    units=128,
    layers=2,
    dropout=0.0,
    variational=True,
    recurrent_dropout=0.0,
    residual=False,
    layer_norm=False,
    activation="tanh",
):
    """Recurrent layers one on the other, each told the mask.

    Args:
        x: [B, T, D].
        mask: [B, T] booleans, True at real steps, right-padded.
        rnn: name in RNNS.
        units: H of each layer (and direction).
        layers: how many.
        dropout: share dropped before each layer after the first, and of the last output.
        variational: lock the dropout over time.
        recurrent_dropout: share of the state dropped, one mask a sequence; rules out cuDNN.
        residual: add the input of each layer to its output, where the widths agree (He et al., 2016).
        layer_norm: normalise each layer's output over its width (Ba et al., 2016).
        activation: of the new content, by name.

    Returns:
        [B, T, H], or [B, T, 2H] of a bidirectional layer.
    """
    for number in range(layers):
        if number:
            x = drop(x, dropout, variational)
        layer = RNNS[rnn](units, activation=activation, recurrent_dropout=recurrent_dropout, return_sequences=True)
        y = layer(x, mask=mask)  # [B, T, H]
        if residual and y.shape[-1] == x.shape[-1]:
            y = y + x
        x = keras.layers.LayerNormalization()(y) if layer_norm else y
    return drop(x, dropout, variational)
