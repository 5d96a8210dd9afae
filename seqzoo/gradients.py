"""The gradient of a function by its argument, and functions as graphs, on the backend that Keras runs on."""

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
    """A function of tensors as a graph, where the backend is TensorFlow: its loops then run outside of Python."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, reduce_retracing=True)
