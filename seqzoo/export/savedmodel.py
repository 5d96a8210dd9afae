"""SavedModel: TensorFlow's own format, which a program loads with TensorFlow alone."""

import pathlib

import tensorflow as tf

from seqzoo.export.signatures import Signature


def save(signatures: dict[str, Signature], folder: pathlib.Path) -> None:
    """Writes functions as a SavedModel.

    Args:
        signatures: the functions by name.
        folder: folder to write.
    """
    module, functions = tf.Module(), concrete(signatures)
    module.tables = [signature.tables for signature in signatures.values()]
    module.variables_read = [variable for function in functions.values() for variable in function.graph.variables]
    tf.saved_model.save(module, str(folder), signatures=functions)


def concrete(signatures: dict[str, Signature]) -> dict:
    """Returns {name: traced function, which takes its inputs by name}."""
    functions = {}
    for name, signature in signatures.items():
        function = tf.function(lambda _function=signature.function, **inputs: _function(inputs))
        functions[name] = function.get_concrete_function(**signature.specs)
    return functions
