"""LiteRT, formerly TensorFlow Lite: one file for phones, boards and browsers, which needs only `ai-edge-litert`."""

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
    padded to `length`. It needs only LiteRT's own operations, none of TensorFlow's.

    Args:
        function: {name: tensor [B, T, ...]} -> {name: tensor}, such as ``models.decoder(model)``.
        specs: {name: keras.KerasTensor or tf.TensorSpec} of the inputs, such as ``model.input``. Each may have one
            unknown dimension besides the batch, which becomes `length`; all others must be known.
        length: T, steps of an input.
        quantize: "none": float32 weights. "float16": float16 weights, half the size. "int8": int8 weights of embeddings
            and matrix products, a quarter of the size; products quantize their other operand at run time.

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
    # The converter needs an object that holds the variables. It treats those of a Keras model as resources to be filled
    # at run time, so that the file would lack the weights and answer NaN. Those of a module become constants.
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
    except Exception as error:  # exceptions of several kinds, with whole programs as messages
        lacking = re.search(r"(?:Select|Custom) ops: (.+)", str(error))
        reason = f"LiteRT lacks the operation {lacking[1]}" if lacking else f"{error}".splitlines()[0]
        raise ValueError(f"No LiteRT for this model: {reason}.") from error


def run_litert(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs a LiteRT file, or its content, on {name: array}; returns {name: NumPy array}.

    Raises:
        ValueError: ai-edge-litert is not installed.
    """
    check_installed("ai_edge_litert", "LiteRT")
    from ai_edge_litert.interpreter import Interpreter

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": os.fspath(model)}
    with silent():
        run = Interpreter(**source).get_signature_runner()
        return run(**{name: np.asarray(inputs[name]) for name in run.get_input_details()})
