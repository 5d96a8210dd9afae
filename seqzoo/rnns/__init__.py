"""Recurrent layers, one file a family: ``RNNS[name](units, **keras_kwargs)`` returns a Keras layer.

Every layer is called as ``layer(x, mask=mask, initial_state=None)`` with x [B, T, D] and mask [B, T].
"""

from seqzoo.registry import Registry

RNNS = Registry("RNN", "seqzoo.rnns")
