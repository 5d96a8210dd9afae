"""ONNX: one file for ONNX Runtime, which runs on many devices and is called from many languages."""

import contextlib
import importlib
import logging
import os
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from seqzoo.backend.silence import silent
from seqzoo.export.tracing import traced
from seqzoo.extras import check_installed

OPSET = 17  # from 2022, so that older runtimes can also read it


def to_onnx(function: Callable, specs: dict) -> bytes:
    """Converts a function of tensors, such as a decoded model, to ONNX.

    Inputs and outputs have the names of the dicts; an output with the name of an input, such as a state, gets the
    prefix `next_`. Unknown dimensions, such as batch and length, stay open.

    Args:
        function: {name: tensor [B, T, ...]} -> {name: tensor}, such as ``models.decoder(model)``.
        specs: {name: keras.KerasTensor or tf.TensorSpec} of the inputs, such as ``model.input``.

    Returns:
        The content of a .onnx file.

    Raises:
        ValueError: tf2onnx or ONNX Runtime is not installed; an operation that they can't convert or run; or
            16 bits, see `export.tracing`.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf2onnx, onnxruntime = _imported("tf2onnx"), _imported("onnxruntime")
    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in specs.items()}
    graph = traced(function, specs)
    names = {f"{name}:0": name for name in specs}
    for name, tensor in graph.structured_outputs.items():
        names[tensor.name] = f"next_{name}" if name in specs else name
    # Frozen here, because tf2onnx.convert.from_function turns constants of Keras, such as the mean of frames, into
    # inputs. Loops stay loops.
    frozen = convert_variables_to_constants_v2(graph, lower_control_flow=False, aggressive_inlining=True)
    try:
        with _quiet(), silent():
            model, _ = tf2onnx.convert.from_graph_def(
                frozen.graph.as_graph_def(add_shapes=True),
                input_names=[f"{name}:0" for name in specs],
                output_names=[tensor.name for tensor in graph.outputs],
                tensors_to_rename=names,
                opset=OPSET,
            )
            _sum_duplicates(model.graph)
            content = model.SerializeToString()
            onnxruntime.InferenceSession(content)  # tf2onnx leaves in the file what it can't convert
    except Exception as error:  # of several kinds
        raise ValueError(f"No ONNX for this model: {str(error).splitlines()[0]}") from error
    return content


def _sum_duplicates(graph) -> None:
    """Sums values that are scattered to the same index, like TensorFlow; with tf2onnx (1.17) the last one wins."""
    from onnx import helper

    for node in graph.node:
        if node.op_type == "ScatterND" and node.name.rpartition("/")[2].startswith("ScatterNd"):
            node.attribute.append(helper.make_attribute("reduction", "add"))
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):  # of loops
                _sum_duplicates(body)


def run_onnx(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs an ONNX file, or its content, on {name: array}; returns {name: NumPy array}.

    Raises:
        ValueError: ONNX Runtime is not installed.
    """
    session = _imported("onnxruntime").InferenceSession(model if isinstance(model, bytes) else os.fspath(model))
    names = [output.name for output in session.get_outputs()]
    given = {part.name: np.asarray(inputs[part.name]) for part in session.get_inputs()}
    return dict(zip(names, session.run(names, given), strict=True))


def _imported(name: str) -> ModuleType:
    check_installed(name, "ONNX")
    return importlib.import_module(name)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Context manager that hides the logs of tf2onnx and TensorFlow, which report each step and deprecation."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
