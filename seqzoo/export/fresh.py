"""Calls an exported run in a process in which seqzoo can't be imported: ``python -I fresh.py FOLDER CASES``.

A copy of a run is called by seqzoo, whose folder is then on the path, with the options of the export in JSON:
``python fresh.py FOLDER CASES REQUEST``.

CASES is an npz file with an array for each input, called SIGNATURE/CASE/INPUT; the outputs are written beside it in
answers.npz, by the same names, with the seconds of each call in SIGNATURE/seconds.
"""

import collections
import json
import pathlib
import sys
import time
from collections.abc import Callable

if not sys.argv[3:]:
    sys.modules["seqzoo"] = None  # importing it fails

import numpy as np  # noqa: E402


def loaded(folder: pathlib.Path) -> Callable:
    """Returns the function (signature, {input: array}) -> {output: array} of an exported run."""
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

    # The model is kept, too: the functions do not keep its variables and tables alive.
    if sys.argv[3:]:
        model, functions = of_a_run(folder, json.loads(sys.argv[3]))
    else:
        model = tf.saved_model.load(str(folder / "model"))
        functions = model.signatures

    def call(signature, given, _kept=model):
        given = {
            name: tf.constant(value.tolist() if value.dtype.kind == "U" else value) for name, value in given.items()
        }
        return {name: value.numpy() for name, value in functions[signature](**given).items()}

    return call


def of_a_run(folder: pathlib.Path, asked: dict) -> tuple:
    """Returns (the object to keep alive, {signature: function}) of a run; asked: options of the export."""
    from seqzoo import options
    from seqzoo.export import savedmodel, signatures_of
    from seqzoo.training import load

    run = load(folder)
    signatures = signatures_of(run, run.task.requests.get("export", options.Exporting)(**asked))
    return signatures, savedmodel.concrete(signatures)


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
    assert sys.argv[3:] or not [name for name in sys.modules if name.startswith("seqzoo.")]


if __name__ == "__main__":
    main(*sys.argv[1:3])
