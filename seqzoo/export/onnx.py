"""ONNX: one file for ONNX Runtime, which runs it from many languages and on many devices."""

import contextlib
import importlib
import logging
import os
from collections.abc import Callable

import numpy as np

OPSET = 17  # of 2022, which all runtimes read


def to_onnx(function: Callable, specs: dict) -> bytes:
    """Converts a function of arrays, such as a decoded model, to ONNX.

    Inputs and outputs have the names of the dicts. Unknown dimensions, batch and length, stay open.

    Args:
        function: {name: tensor [B, T, ...]} -> {name: tensor}, such as ``decoder(model)``; no input may have the name
            of an output.
        specs: {name: keras.KerasTensor or tf.TensorSpec} of the inputs, such as ``model.input``.

    Returns:
        The content of a .onnx file.

    Raises:
        ValueError: tf2onnx or ONNX Runtime is not installed; or they can't convert or run an operation of the function.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf2onnx, onnxruntime = _import("tf2onnx"), _import("onnxruntime")
    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    graph = tf.function(lambda inputs: function(inputs)).get_concrete_function(specs)
    names = {f"{name}:0": name for name in specs}
    names |= {tensor.name: name for name, tensor in graph.structured_outputs.items()}
    if len({*names.values()}) < len(names):
        raise ValueError(f"No input may have the name of an output. Received: {', '.join(names.values())}")
    # Not tf2onnx.convert.from_function, which makes constants of the function, such as the mean of frames, inputs.
    frozen = convert_variables_to_constants_v2(graph, lower_control_flow=False, aggressive_inlining=True)
    with _quiet():
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(add_shapes=True),
            input_names=[f"{name}:0" for name in specs],
            output_names=[tensor.name for tensor in graph.outputs],
            tensors_to_rename=names,
            opset=OPSET,
        )
    content = model.SerializeToString()
    try:
        onnxruntime.InferenceSession(content)  # tf2onnx leaves what it can't convert as it is
    except Exception as error:
        raise ValueError(f"No ONNX for this model, because of an operation of its graph: {error}") from error
    return content


def run_onnx(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs an ONNX file, or its content, on {name: array}: {name: NumPy array}.

    Raises:
        ValueError: ONNX Runtime is not installed.
    """
    session = _import("onnxruntime").InferenceSession(model if isinstance(model, bytes) else os.fspath(model))
    names = [output.name for output in session.get_outputs()]
    feeds = {part.name: np.asarray(inputs[part.name]) for part in session.get_inputs()}
    return dict(zip(names, session.run(names, feeds), strict=True))


@contextlib.contextmanager
def _quiet():
    """Context without the log of tf2onnx, which reports each step, and reports errors that ONNX Runtime reports better."""
    log = logging.getLogger("tf2onnx")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _import(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ValueError(f'ONNX needs the package {name}: pip install -e ".[onnx]"') from error
