"""Calls an exported run in a process in which seqzoo can't be imported: ``python -I fresh.py FOLDER CASES``.

CASES is an npz file with an array for each input, called SIGNATURE/CASE/INPUT; the outputs are written beside it in
answers.npz, by the same names, with the seconds of each call in SIGNATURE/seconds.
"""

import collections
import pathlib
import sys
import time

sys.modules["seqzoo"] = None  # an import of it fails

import numpy as np  # noqa: E402


def loaded(folder: pathlib.Path):
    """The function (signature, {input: array}) -> {output: array} of an exported run."""
    if (folder / "model.tflite").exists():
        from ai_edge_litert.interpreter import Interpreter

        run = Interpreter(str(folder / "model.tflite")).get_signature_runner()
        return lambda signature, given: run(**given)
    if (folder / "model.onnx").exists():
        import onnxruntime

        session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        names = [output.name for output in session.get_outputs()]
        return lambda signature, given: dict(zip(names, session.run(names, given), strict=True))
    import tensorflow as tf

    model = tf.saved_model.load(str(folder / "model"))

    def call(signature, given):
        given = {
            name: tf.constant(value.tolist() if value.dtype.kind == "U" else value) for name, value in given.items()
        }
        return {name: value.numpy() for name, value in model.signatures[signature](**given).items()}

    return call


def main(folder: str, cases: str) -> None:
    """Calls every signature with every case, one by one."""
    inputs = collections.defaultdict(dict)
    with np.load(cases) as file:
        for key in file.files:
            signature, case, name = key.split("/")
            inputs[signature, case][name] = file[key]
    call, answers, seconds = loaded(pathlib.Path(folder)), {}, collections.defaultdict(list)
    for (signature, case), given in inputs.items():
        start = time.perf_counter()
        outputs = call(signature, given)
        seconds[signature].append(time.perf_counter() - start)
        for name, value in outputs.items():
            value = np.char.decode(value.astype("S"), "utf-8") if value.dtype.kind == "O" else value
            answers[f"{signature}/{case}/{name}"] = value
    answers |= {f"{signature}/seconds": values for signature, values in seconds.items()}
    np.savez(pathlib.Path(cases).with_name("answers.npz"), **answers)
    assert not [name for name in sys.modules if name.startswith("seqzoo.")]


if __name__ == "__main__":
    main(*sys.argv[1:])
