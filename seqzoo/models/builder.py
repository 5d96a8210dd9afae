"""What every model builder shares: the options of its recurrent stack in its signature, and a check of its front."""

import keras

from seqzoo.layers.stack import stack
from seqzoo.signatures import takes_options

# The decorator of a model builder. Its `**options` are those of `layers.stack.stack`, which it hands on:
#
#     @builder
#     def tagger(tags: int, front, crf: bool = True, **options): ...
builder = takes_options(stack, without=("x", "mask", "initial_state", "last_dropout"))


def check_front(front: tuple, *reserved: str) -> tuple:
    """Checks that the names in a front, of its inputs and layers, differ from those of the builder's own layers.

    Returns:
        The front with its inputs as a dict by their names, even if they were a list or a single ``keras.Input``: a
        model then takes a dict, and so do its decoders, even after export.

    Raises:
        ValueError: they share a name.
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
