"""What tests need to know of Keras's backend, TensorFlow or JAX."""

import keras


def weight_gradients(function, variables):
    """(y, [dy / dw for each]) of the number y = function() by the Keras variables w.

    The gradient of a lookup is a list of rows on TensorFlow (``tf.IndexedSlices``).
    """
    if keras.backend.backend() == "jax":
        import jax

        def of(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function()

        # As a whole: one operation after the other, JAX would compile hundreds.
        return jax.jit(jax.value_and_grad(of))([variable.value for variable in variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        y = function()
    return y, tape.gradient(y, [variable.value for variable in variables])
