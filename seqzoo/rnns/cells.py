"""Shared by all families: activations by name, a layer around a cell, both directions."""

from collections.abc import Callable

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
def crelu(z: keras.KerasTensor) -> keras.KerasTensor:
    """Concatenated ReLU, [relu(z), relu(-z)] (Shang et al., 2016), of the first half of z, which keeps the width.

    z [..., H] with even H; the second half of z is not used.
    """
    z = z[..., : z.shape[-1] // 2]
    return ops.concatenate([ops.relu(z), ops.relu(-z)], axis=-1)


def activation(name: str, units: int) -> Callable:
    """Returns an activation by name, for a layer of so many units: any of Keras's, or ``"crelu"``.

    Raises:
        ValueError: crelu with an odd number of units.
    """
    if name != "crelu":
        return keras.activations.get(name)
    if units % 2:
        raise ValueError(f"crelu needs an even number of units. Received: {units}")
    return crelu


def in_float32(x: keras.KerasTensor) -> keras.KerasTensor:
    """Casts 16-bit values to float32: over many steps, rounding to 8 or 11 binary digits loses slow changes."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


class OneStep:
    """Mixin for Keras recurrent layers: outside of training, a single step calls the cell, without a loop.

    Decoding step by step, as in sampling, then costs no more than the cells do.
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
    """Keras's recurrent layer around a cell."""


def from_cell(cell: type, units: int, layer: type = RNN, **kwargs) -> keras.layers.Layer:
    """Returns a recurrent layer around ``cell(units, ...)``; each keyword goes to the layer or to the cell."""
    layer_kwargs = {key: kwargs.pop(key) for key in _LAYER_ARGUMENTS if key in kwargs}
    dtype = kwargs.get("dtype")  # of both
    return layer(cell(units, **kwargs), dtype=dtype, **layer_kwargs)


def both_directions(layer: keras.layers.Layer) -> keras.layers.Bidirectional:
    """Joins `layer` and a copy that reads backward (Schuster & Paliwal, 1997).

    Its outputs are [B, T, 2H], or [B, 2H], the last states of both.
    """
    return keras.layers.Bidirectional(layer, merge_mode="concat", dtype=layer.dtype_policy)
