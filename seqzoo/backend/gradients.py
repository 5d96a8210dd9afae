"""Gradients, compiled functions and loops on Keras's backend, TensorFlow or JAX."""

from collections.abc import Callable

import keras
from keras import ops


def gradient(function: Callable, x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns d sum(function(x)) / dx, in the shape of the tensor x.

    Raises:
        NotImplementedError: the backend is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)
    if backend == "jax":
        import jax

        return jax.grad(lambda x: ops.sum(function(x)))(x)
    raise NotImplementedError(f"Gradients with respect to inputs need TensorFlow or JAX. Received: backend {backend}")


def compiled(function: Callable, signature: tuple | None = None) -> Callable:
    """Compiles a function of tensors into a graph, if the backend has graphs: its loops then run outside of Python.

    Weights are read at each call, so later updates count. The function must not change them.

    Args:
        function: takes positional arguments, nested structures of tensors.
        signature: the arguments as keras.KerasTensor objects, whose unknown dimensions are None: TensorFlow then traces
            a single graph; otherwise each new shape takes a second or two. JAX always compiles each shape.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if signature is None:
            return tf.function(function, reduce_retracing=True)
        specs = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), signature)
        return tf.function(function, input_signature=specs)
    return _jitted(function) if backend == "jax" else function


def _jitted(function):
    """Implements `compiled` on JAX, where a graph treats everything that it reads as a constant, except arguments."""
    import jax

    read = {}  # the Keras variables that the function reads, by id; found in the first call

    class Reading(keras.StatelessScope):
        def get_current_value(self, variable):
            read[id(variable)] = variable
            return super().get_current_value(variable)

    @jax.jit
    def run(values, arguments):
        with keras.StatelessScope(state_mapping=list(zip(read.values(), values, strict=True))):
            return function(*arguments)

    def call(*arguments):
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
            return function(*arguments)  # inside a larger graph
        if not read:
            with Reading():
                jax.eval_shape(function, *arguments)
        return run([variable.value for variable in read.values()], arguments)

    return call


def scan(
    step: Callable,
    carry: keras.KerasTensor | list | tuple,
    xs: keras.KerasTensor | list | tuple,
    like: keras.KerasTensor | list | tuple | None = None,
    reverse: bool = False,
    flip: bool = True,
) -> tuple:
    """Runs a step over the first axis of xs, as `ops.scan` does.

    Keras's loop on TensorFlow (3.15) fails on several xs of a dynamic length, requires outputs with the shapes of the
    carry, and sets no maximum of iterations, which XLA needs to allocate memory for the gradient. It also keeps the
    carry in arrays, which ONNX converters do not support. They also require outputs in the order of the steps, so a
    reversed loop reads and writes flipped arrays here.

    Args:
        step: function (carry, row of xs) -> (carry, outputs).
        carry: the first carry, a tensor or a nested structure of tensors.
        xs: tensors [T, ...], likewise.
        like: a structure of tensors with the shapes and dtypes of the outputs; None: those of the carry.
        reverse: begin at the last row.
        flip: False saves copies of the arrays in a loop that is never exported, such as in a gradient.

    Returns:
        (last carry, outputs [T, ...]).
    """
    if keras.backend.backend() != "tensorflow":
        return ops.scan(step, carry, xs, reverse=reverse)
    import tensorflow as tf

    nest = tf.nest
    carry, xs = (nest.map_structure(tf.convert_to_tensor, part) for part in (carry, xs))
    like = carry if like is None else like
    flip = flip and reverse
    xs = nest.map_structure(lambda x: tf.reverse(x, [0]), xs) if flip else xs
    T = ops.shape(nest.flatten(xs)[0])[0]
    rows = nest.map_structure(lambda x: tf.TensorArray(x.dtype, T, element_shape=x.shape[1:]).unstack(x), xs)
    kept = [tf.TensorArray(part.dtype, T, element_shape=part.shape) for part in nest.flatten(like)]

    def body(t, carry, kept):
        at = T - 1 - t if reverse and not flip else t
        after, outputs = step(carry, nest.map_structure(lambda row: row.read(at), rows))
        after = nest.map_structure(lambda new, old: tf.ensure_shape(new, old.shape), after, carry)
        return t + 1, after, [array.write(at, part) for array, part in zip(kept, nest.flatten(outputs), strict=True)]

    loop = (tf.constant(0), carry, kept)
    _, carry, kept = tf.while_loop(lambda t, *_: t < T, body, loop, parallel_iterations=1, maximum_iterations=T)
    outputs = [tf.reverse(array.stack(), [0]) if flip else array.stack() for array in kept]
    return carry, nest.pack_sequence_as(like, outputs)
