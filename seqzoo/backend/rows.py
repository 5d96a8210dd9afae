"""Rows of large tables: reading a few of them must not copy the others."""

import keras
from keras import ops


def lookup(table: keras.Variable, ids: keras.KerasTensor) -> keras.KerasTensor:
    """Returns table[id] of a variable [V, ...] for integer ids of any shape, [..., ...] in the variable's dtype.

    On TensorFlow the gradient holds only these rows (``tf.IndexedSlices``). There `ops.take` reads the whole variable
    first, which TensorFlow copies once an optimizer has updated single rows of it.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(table.value, ids)
    return ops.take(table, ids, axis=0)
