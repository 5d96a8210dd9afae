"""The graph of a function, which the converters read."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def traced(function: Callable, specs: dict) -> "tf.types.experimental.ConcreteFunction":
    """Traces a function of a dict of tensors; returns a tf.ConcreteFunction.

    Raises:
        ValueError: the function computes in 16 bits, which LiteRT and ONNX Runtime do not fully support.
    """
    import tensorflow as tf

    graph = tf.function(lambda inputs: function(inputs)).get_concrete_function(specs)
    types = {tensor.dtype for operation in graph.graph.get_operations() for tensor in operation.outputs}
    if found := types & {tf.bfloat16, tf.float16}:
        raise ValueError(
            f"The model computes in {found.pop().name}: build it anew under keras.config.set_dtype_policy('float32') "
            "and give it the same weights, which are float32 under mixed policies, too."
        )
    return graph
