"""LiteRT, formerly TensorFlow Lite: one file for phones, boards and browsers, which `ai-edge-litert` alone can run."""

import os
import re
from collections.abc import Callable

import numpy as np

from seqzoo.backend.silence import silent
from seqzoo.export.tracing import traced
from seqzoo.extras import check_installed
from seqzoo.options import QUANTIZE


def to_litert(function: Callable, specs: dict, length: int, quantize: str = "none") -> bytes:
    """Converts a function of tensors, such as a decoded model, to LiteRT.

    The file has one signature, whose inputs and outputs have the names of the dicts. Its shapes are fixed: one example,
    padded to `length`. It needs LiteRT's own operations only, not those of TensorFlow.

    Args:
        function: {name: tensor [B, T, ...]} -> {name: tensor}, such as ``models.decoder(model)``.
        specs: {name: keras.KerasTensor or tf.TensorSpec} of the inputs, such as ``model.input``. One dimension of each
            may be unknown beside the batch: it becomes `length`. Others, such as the characters of a word, are numbers.
        length: T, steps of an input.
        quantize: "none": weights are float32. "float16": they are float16, half as large. "int8": those of embeddings
            and matrix products are int8, a quarter; products quantize their other operand as they run.

    Returns:
        The content of a .tflite file.

    Raises:
        ValueError: an unknown `quantize`; an input with several unknown dimensions; an operation that
            LiteRT lacks; or 16 bits, see `export.tracing`.
    """
    import tensorflow as tf

    if quantize not in QUANTIZE:
        raise ValueError(f"quantize should be one of {', '.join(QUANTIZE)}. Received: {quantize!r}")
    fixed = {}
    for name, spec in specs.items():
        if tuple(spec.shape[1:]).count(None) > 1:
            raise ValueError(f"LiteRT needs fixed shapes: {name!r} has several unknown dimensions, {tuple(spec.shape)}")
        fixed[name] = tf.TensorSpec([1, *(length if n is None else n for n in spec.shape[1:])], spec.dtype, name)
    graph = traced(function, fixed)
    # The converter wants an object that holds the variables. It takes those of a Keras model for resources that are
    # filled at run time, so the file would lack the weights and answer NaN. Those of a module become constants.
    module = tf.Module()
    module.weights = list(graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], module)
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        with silent():
            return converter.convert()
    except Exception as error:  # of several kinds, with whole programs as messages
        lacking = re.search(r"(?:Select|Custom) ops: (.+)", str(error))
        reason = f"LiteRT lacks the operation {lacking[1]}" if lacking else f"{error}".splitlines()[0]
        raise ValueError(f"No LiteRT for this model: {reason}.") from error


def run_litert(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs a LiteRT file, or its content, on {name: array}: {name: NumPy array}.

    Raises:
        ValueError: ai-edge-litert is not installed.
    """
    check_installed("ai_edge_litert", "LiteRT")
    from ai_edge_litert.interpreter import Interpreter

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": os.fspath(model)}
    with silent():
        run = Interpreter(**source).get_signature_runner()
        return run(**{name: np.asarray(inputs[name]) for name in run.get_input_details()})
