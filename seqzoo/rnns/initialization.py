"""Initialises recurrent layers: the recurrent weights, and the bias of forget gates."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

# The block of H biases of the forget gate: i f g o in an LSTM, z r h in a GRU, u c in simple_gru.
FORGETS = {"lstm": 1, "peephole_lstm": 1, "gru": 0, "simple_gru": 0}


def recurrent_initializer(name: str, units: int) -> "keras.initializers.Initializer":
    """Returns an initializer of U [H, H] or [H, 4H]: "orthogonal" (Saxe et al., 2014), "normal", "identity" (IRNN).

    Args:
        name: one of the three; "identity", of Le et al. (2015), needs a square U.
        units: H.
    """
    import keras

    if name == "normal":
        return keras.initializers.RandomNormal(0, units**-0.5)  # eigenvalues within the unit circle (Girko, 1985)
    return {"orthogonal": keras.initializers.Orthogonal, "identity": keras.initializers.Identity}[name]()


def set_forget_bias(
    layer: "keras.layers.Layer", rnn: str, units: int, value: str | float, length: int, seed: int
) -> None:
    """Sets the bias of the forget gate of a built layer.

    Args:
        layer, rnn, units: the layer, its name in RNNS (one of FORGETS), and H.
        value: a number; the gate then starts near sigmoid(value), the share of the cell that a step keeps. Or "chrono"
            (Tallec & Ollivier, 2018): log U(1, T - 1), so that units forget within 1 to T steps; the input gate of an
            LSTM gets the negative.
        length: T.
        seed: seed of the uniform numbers.

    Raises:
        ValueError: a layer that is not in FORGETS.
    """
    from keras import ops

    if rnn not in FORGETS:
        raise ValueError(f"forget_bias is for {', '.join(FORGETS)}. Received: rnn={rnn!r}")
    kept = np.log(np.random.default_rng([seed, 2]).uniform(1, max(length - 1, 2), units))
    if value != "chrono":
        kept = float(value)
    (variable,) = (weight for weight in layer.weights if weight.name == "bias")
    b = np.array(ops.convert_to_numpy(variable))
    gates = b.reshape(-1, b.shape[-1])[0]  # a view; Keras's GRU adds its second row to the first
    block = FORGETS[rnn] * units
    gates[block : block + units] = -kept if rnn == "simple_gru" else kept  # simple_gru: c' = u c~ + (1 - u) c
    if value == "chrono" and rnn in ("lstm", "peephole_lstm"):
        gates[:units] = -kept
    variable.assign(b)
