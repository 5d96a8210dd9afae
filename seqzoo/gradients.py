"""Gradients, and functions as graphs, on the backend that Keras runs on: TensorFlow or JAX."""

import keras
from keras import ops


def gradient(function, x):
    """d sum(function(x)) / dx, of the shape of the tensor x.

    Raises:
        NotImplementedError: Keras runs on another backend than TensorFlow or JAX.
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
    raise NotImplementedError(f"Gradients by inputs need TensorFlow or JAX. Received: backend {backend}")


def compiled(function):
    """A function of tensors as a graph, where the backend has such: its loops then run outside of Python.

    The weights it reads are those of the time it is called. It may change none.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, reduce_retracing=True)
    return _jitted(function) if backend == "jax" else function


def _jitted(function):
    """`compiled` on JAX, where what a graph reads is an argument of it, or else a constant for ever."""
    import jax

    read = {}  # the Keras variables that the function reads, by id; found at the first call

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
            return function(*arguments)  # a part of a larger graph
        if not read:
            with Reading():
                jax.eval_shape(function, *arguments)
        return run([variable.value for variable in read.values()], arguments)

    return call
