"""ONNX: one file for ONNX Runtime and what reads its format, in many languages."""

import os
from collections.abc import Callable

import numpy as np

OPSET = 17


def to_onnx(function: Callable, specs: dict) -> bytes:
    """Converts."""
    import tensorflow as tf
    import tf2onnx

    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    graph = tf.function(lambda inputs: function(inputs), input_signature=[specs])
    model, _ = tf2onnx.convert.from_function(graph, input_signature=[specs], opset=OPSET)
    return model.SerializeToString()


def run_onnx(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs an ONNX file, or its content, on {name: array}: {name: NumPy array}."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else os.fspath(model))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {i.name: np.asarray(inputs[i.name]) for i in session.get_inputs()}), strict=True))
