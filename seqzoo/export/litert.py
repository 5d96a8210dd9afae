"""LiteRT, formerly TensorFlow Lite: one file for phones, boards and browsers, which `ai-edge-litert` alone can run."""

import os
from collections.abc import Callable

import numpy as np

QUANTIZE = ("none", "float16", "int8")


def to_litert(function: Callable, specs: dict, length: int, quantize: str = "none") -> bytes:
    """Converts a function of arrays, such as a decoded model, to LiteRT.

    The file has one signature, whose inputs and outputs have the names of the dicts. Shapes are fixed: one example, as
    LiteRT's loops can't change shapes, padded to `length`.

    Args:
        function: {name: tensor [B, T, ...]} -> {name: tensor}, such as ``decoder(model)``.
        specs: {name: keras.KerasTensor or tf.TensorSpec} of the inputs, such as ``model.input``. Each unknown dimension
            behind the first becomes `length`: fix the others, such as the characters of a word.
        length: T, steps of an input.
        quantize: "none": weights are float32; "float16": they are float16, half the size; "int8": those of matrix
            products are int8, a quarter, and their inputs are quantized while it runs.

    Returns:
        The content of a .tflite file.

    Raises:
        ValueError: an unknown `quantize`; or the function has an operation that LiteRT lacks.
    """
    import tensorflow as tf

    if quantize not in QUANTIZE:
        raise ValueError(f"quantize should be one of {', '.join(QUANTIZE)}. Received: {quantize!r}")
    specs = {
        name: tf.TensorSpec([1, *(length if n is None else n for n in spec.shape[1:])], spec.dtype, name)
        for name, spec in specs.items()
    }
    graph = tf.function(lambda inputs: function(inputs)).get_concrete_function(specs)
    # The converter saves what holds the variables. It makes a Keras model's resources that are filled by nobody, so that
    # its answers are NaN; those of a module become constants.
    module = tf.Module()
    module.weights = list(graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], module)
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def run_litert(model: bytes | str | os.PathLike, inputs: dict) -> dict:
    """Runs a LiteRT file, or its content, on {name: array}: {name: NumPy array}.

    Raises:
        ValueError: ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise ValueError('LiteRT needs the package ai-edge-litert: pip install -e ".[litert]"') from error
    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": os.fspath(model)}
    run = Interpreter(**source).get_signature_runner()
    return run(**{name: np.asarray(inputs[name]) for name in run.get_input_details()})
