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


def in_float32(x):
    """x in float32 if it has 16 bits: many steps that each round to 8 or 11 binary digits lose what changes slowly."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


class OneStep:
    """Mixin for a Keras recurrent layer: one step outside of training is a call of its cell, without a loop.

    So a sequence that is made step by step, as in sampling, costs what its cells cost.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if training or sequences.shape[1] != 1:
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        y, states = self.cell(sequences[:, 0], list(initial_state))
        states = states if isinstance(states, list | tuple) else [states]
        if mask is not None:
            real = ops.cast(mask, "bool")  # [B, 1]
            y = ops.where(real, y, 0)
            states = [ops.where(real, new, old) for new, old in zip(states, initial_state, strict=True)]
        return y, y[:, None], list(states)


@keras.saving.register_keras_serializable("seqzoo")
class RNN(OneStep, keras.layers.RNN):
    """Keras's layer around a cell."""


def from_cell(cell, units, layer=RNN, **kwargs):
    """A recurrent layer around ``cell(units, ...)``; each keyword goes to the layer or the cell, whichever knows it."""
    layer_kwargs = {key: kwargs.pop(key) for key in _LAYER_ARGUMENTS if key in kwargs}
    dtype = kwargs.get("dtype")  # both know it
    return layer(cell(units, **kwargs), dtype=dtype, **layer_kwargs)


def both_directions(layer):
    """`layer` and its copy that reads from the end, outputs joined: [B, T, 2H], or [B, 2H] of both last states."""
    return keras.layers.Bidirectional(layer, merge_mode="concat", dtype=layer.dtype_policy)
