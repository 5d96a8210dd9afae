"""A stack of recurrent layers with what makes deep ones trainable."""

import keras

from seqzoo.layers.weight_drop import WeightDrop
from seqzoo.rnns import RNNS


def drop(x, rate, variational=True):
    """Dropout of x [B, T, D]; `variational`: one mask for all steps of a sequence (Gal & Ghahramani, 2016)."""
    if not rate:
        return x
    return (keras.layers.SpatialDropout1D if variational else keras.layers.Dropout)(rate)(x)


def state_sizes(rnn, units, layers):
    """The widths of the states of a stack, layer after layer: an LSTM's are h and c.

    Raises:
        ValueError: a layer that reads from the end has no state to go on from; and no layer has none.
    """
    if layers < 1:
        raise ValueError(f"layers should be at least 1. Received: {layers}")
    layer = RNNS[rnn](units)
    if isinstance(layer, keras.layers.Bidirectional):
        raise ValueError(f"A layer that reads forward is needed. Received: rnn={rnn!r}, which reads from the end too.")
    sizes = layer.state_size
    return [*(sizes if isinstance(sizes, list | tuple) else [sizes])] * layers


def stack(
    x,
    mask,
    rnn="bilstm",
    units=128,
    layers=2,
    dropout=0.0,
    variational=True,
    recurrent_dropout=0.0,
    weight_drop=0.0,
    residual=False,
    layer_norm=False,
    activation="tanh",
    last_dropout=True,
    initial_state=None,
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
        weight_drop: share of each recurrent kernel dropped, one mask a batch.
        residual: add the input of each layer to its output, where the widths agree (He et al., 2016).
        layer_norm: normalise each layer's output over its width (Ba et al., 2016).
        activation: of the new content, by name.
        last_dropout: whether the last output is dropped too.
        initial_state: list of [B, H], of the widths `state_sizes`, to begin with; None: zeros.

    Returns:
        [B, T, H], or [B, T, 2H] of a bidirectional layer; with an `initial_state` the pair of it and the list of the
        states after the last real step.
    """
    states, left = [], list(initial_state or ())
    for number in range(layers):
        if number:
            x = drop(x, dropout, variational)
        layer = RNNS[rnn](
            units,
            activation=activation,
            recurrent_dropout=recurrent_dropout,
            return_sequences=True,
            return_state=initial_state is not None,
        )
        if weight_drop:
            layer = WeightDrop(layer, weight_drop)
        if initial_state is None:
            y = layer(x, mask=mask)  # [B, T, H]
        else:
            count = len(initial_state) // layers
            y, *after = layer(x, mask=mask, initial_state=[left.pop(0) for _ in range(count)])
            states += after
        if residual and y.shape[-1] == x.shape[-1]:
            y = y + x
        x = keras.layers.LayerNormalization()(y) if layer_norm else y
    x = drop(x, dropout, variational) if last_dropout else x
    return x if initial_state is None else (x, states)
