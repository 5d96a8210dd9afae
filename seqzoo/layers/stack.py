"""A stack of recurrent layers, with dropout, residual connections and layer normalisation."""

import keras
from keras import ops

from seqzoo.layers.weight_drop import WeightDrop
from seqzoo.rnns import RNNS


def drop(x: keras.KerasTensor, rate: float, variational: bool = True) -> keras.KerasTensor:
    """Applies dropout to x [B, T, D]; `variational`: one mask for all steps of a sequence (Gal & Ghahramani, 2016)."""
    if not rate:
        return x
    return (keras.layers.SpatialDropout1D if variational else keras.layers.Dropout)(rate)(x)


def state_sizes(rnn: str, units: int, layers: int) -> list[int]:
    """Returns the widths of a stack's states, layer after layer; an LSTM has two, h and c.

    Raises:
        ValueError: the layer is bidirectional, so that no later step can continue its state; or there is no layer.
    """
    if layers < 1:
        raise ValueError(f"layers should be at least 1. Received: {layers}")
    layer = RNNS[rnn](units)
    if isinstance(layer, keras.layers.Bidirectional):
        raise ValueError(f"A layer that reads forward is needed. Received: rnn={rnn!r}, which is bidirectional.")
    sizes = layer.state_size
    return [*(sizes if isinstance(sizes, list | tuple) else [sizes])] * layers


def first_states(summaries: list, rnn: str, units: int, layers: int, name: str) -> list:
    """Computes a stack's initial states from what was read before: tanh(W s + b) for a summary s.

    Some states begin with zeros: the outputs of a layer registered with ``reads_output=False``, which no step reads;
    and, with ``given_states=2``, all states after the first two, such as the memory of a Neural Turing Machine and the
    normaliser of an sLSTM.

    Args:
        summaries: [B, S] for each state.
        rnn, units, layers: of the stack.
        name: prefix of the names of the layers.
    """
    sizes, states = state_sizes(rnn, units, layers), []
    each = len(sizes) // layers
    first, end = int(not RNNS.trait(rnn, "reads_output", True)), RNNS.trait(rnn, "given_states", each)
    for number, (summary, size) in enumerate(zip(summaries, sizes, strict=True)):
        if first <= number % each < end:
            states.append(keras.layers.Dense(size, "tanh", name=f"{name}{number}")(summary))
        else:
            states.append(ops.tile(ops.zeros_like(summary[:, :1]), (1, size)))
    return states


def stack(
    x: keras.KerasTensor,
    mask: keras.KerasTensor,
    rnn: str = "bilstm",
    units: int = 128,
    layers: int = 2,
    dropout: float = 0.0,
    variational: bool = True,
    recurrent_dropout: float = 0.0,
    weight_drop: float = 0.0,
    residual: bool = False,
    layer_norm: bool = False,
    activation: str = "tanh",
    last_dropout: bool = True,
    initial_state: list | None = None,
) -> keras.KerasTensor | tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """Stacks recurrent layers; each gets the mask.

    Args:
        x: [B, T, D].
        mask: [B, T] booleans, True at real steps, right-padded.
        rnn: name in RNNS.
        units: H of each layer (and direction).
        layers: number of layers; 0 returns x, with the last dropout.
        dropout: dropout rate before each layer after the first, and of the last output.
        variational: one dropout mask for all steps of a sequence (Gal & Ghahramani, 2016).
        recurrent_dropout: dropout rate of the state, one mask a sequence; rules out cuDNN.
        weight_drop: dropout rate of each recurrent kernel, one mask a batch (Merity et al., 2018).
        residual: add each layer's input to its output where the widths agree (He et al., 2016).
        layer_norm: normalise each layer's output over its width (Ba et al., 2016).
        activation: name of the activation of the new content.
        last_dropout: also apply dropout to the last output.
        initial_state: list of [B, H] in the widths of `state_sizes`; None: zeros.

    Returns:
        [B, T, H], or [B, T, 2H] for a bidirectional layer. With an `initial_state`, the pair (outputs, list of the
        states after the last real step).
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
