"""The recurrent layers of a model: their order in the stack, and the direction in which each one reads."""

from collections.abc import Iterator

import keras

from seqzoo.layers.attention import FeedingRNN
from seqzoo.layers.notes import NoteDecoder
from seqzoo.layers.weight_drop import WeightDrop


def layers_within(model: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers of a model and its inner models, from input to output, without weight wrappers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_within(layer)
        else:
            yield layer.layer if isinstance(layer, WeightDrop) else layer


def recurrent_layers(model: keras.Model) -> list[tuple[str, keras.layers.RNN]]:
    """Returns [(name, layer)] of the stack of a model: "layer 1"; or "layer 1 forward" and "layer 1 backward"."""
    kinds = keras.layers.RNN | keras.layers.Bidirectional
    found = []
    for number, layer in enumerate((layer for layer in layers_within(model) if isinstance(layer, kinds)), 1):
        if isinstance(layer, keras.layers.Bidirectional):
            found.append((f"layer {number} forward", layer.forward_layer))
            found.append((f"layer {number} backward", layer.backward_layer))
        else:
            found.append((f"layer {number}", layer))
    return found


def depths(model: keras.Model, variables: list[keras.Variable]) -> list[int]:
    """Returns the depth of each variable: how many recurrent layers lie above it.

    Variables above the last recurrent layer, such as those of a CRF, have depth 0. The last recurrent layer has depth
    1. The layer before it, and everything between the two, has depth 2, and so on. Variables before the first recurrent
    layer, such as embeddings, are the deepest.

    Args:
        model: a model from a builder.
        variables: variables of the model, or of a larger model that contains it; additional ones have depth 0.

    Raises:
        ValueError: there are no recurrent layers.
    """
    layers, level, levels = [*layers_within(model)], 0, {}
    kinds = keras.layers.RNN | keras.layers.Bidirectional | FeedingRNN | NoteDecoder
    count = sum(isinstance(layer, kinds) for layer in layers)
    if not count:
        raise ValueError("--layer_decay and --unfreeze_every work layer by layer, but there are no recurrent layers.")
    for layer in layers:
        level += isinstance(layer, kinds)
        above = level == count and not isinstance(layer, kinds)
        levels |= {id(variable): level + above for variable in layer.trainable_variables}
    return [count + 1 - levels.get(id(variable), count + 1) for variable in variables]
