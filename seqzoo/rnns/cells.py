"""What the families share: activations by name, a layer from a cell, both directions."""

import keras
from keras import ops

_LAYER_ARGUMENTS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "name",
)


@keras.saving.register_keras_serializable("seqzoo")
def crelu(z):
    """Concatenated ReLU, [relu(z), relu(-z)] (Shang et al., 2016), of the first half of z, so that the width stays.

    z [..., H] with even H; the second half of z is not used.
    """
    z = z[..., : z.shape[-1] // 2]
    return ops.concatenate([ops.relu(z), ops.relu(-z)], axis=-1)


def activation(name, units):
    """The activation of a name, for a layer of so many units: any of Keras's, and ``"crelu"``.

    Raises:
        ValueError: crelu of an odd number of units.
    """
    if name != "crelu":
        return keras.activations.get(name)
    if units % 2:
        raise ValueError(f"crelu needs an even number of units. Received: {units}")
    return crelu


def from_cell(cell, units, **kwargs):
    """A Keras RNN layer around ``cell(units, ...)``; each keyword goes to the layer or the cell, whichever knows it."""
    layer_kwargs = {key: kwargs.pop(key) for key in _LAYER_ARGUMENTS if key in kwargs}
    return keras.layers.RNN(cell(units, **kwargs), **layer_kwargs)


def both_directions(layer):
    """`layer` and its copy that reads from the end, outputs joined: [B, T, 2H], or [B, 2H] of both last states."""
    return keras.layers.Bidirectional(layer, merge_mode="concat")
