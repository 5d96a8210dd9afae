"""Shared by all model builders: a signature with the options of the recurrent stack, and a check of the front."""

import keras

from seqzoo.layers.stack import stack
from seqzoo.signatures import takes_options

# The decorator of a model builder, whose `**options` are passed on to `layers.stack.stack`:
#
#     @builder
#     def tagger(tags: int, front, crf: bool = True, **options): ...
builder = takes_options(stack, without=("x", "mask", "initial_state", "last_dropout"))


def check_front(front: tuple, *reserved: str) -> tuple:
    """Checks that a front's inputs and layers have other names than the builder's own layers.

    Returns:
        The front with its inputs as a dict by name, even if they were a list or a single ``keras.Input``. The model
        and its decoders then take a dict, even after export.

    Raises:
        ValueError: the front and the builder share a name.
    """
    inputs, x, mask = front
    if not isinstance(inputs, dict):
        inputs = {tensor.name: tensor for tensor in keras.tree.flatten(inputs)}
    names = {operation.name for operation in keras.Function(inputs, [x, mask]).operations} | {*inputs}
    if shared := sorted(names & {*reserved}):
        raise ValueError(
            f"The front has an input or a layer called {', '.join(shared)}, a name that the model needs for its own "
            f"layers: give the front another name. Reserved: {', '.join(reserved)}"
        )
    return inputs, x, mask
