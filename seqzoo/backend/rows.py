"""Rows of large tables: reading a few of them must not copy the others."""

import keras
from keras import ops


def lookup(table: keras.Variable, ids):
    """table[id] of a variable [V, ...] for integers ids of any shape: [..., ...] in the variable's dtype.

    The gradient is rows alone (``tf.IndexedSlices``) on TensorFlow. There `ops.take` reads the whole variable first,
    of which TensorFlow makes a copy as soon as an optimizer has updated single rows of it.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(table.value, ids)
    return ops.take(table, ids, axis=0)
