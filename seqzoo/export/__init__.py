"""Exports trained runs for programs that do not use this package: as files, and by a server (`export.server`).

`export` writes a folder:

model/          the SavedModel, for TensorFlow alone; or model.tflite, or model.onnx
MODEL_CARD.md   the task, data, scores, options and versions, and how to call it
example.py      a program that calls it; example.json: arrays that it reads
check.json      its size, its speed, and how its answers compare with the run's
config.json     the options of the run
vocabularies/   the assets that the run learned from its data

With ``--format=run``, the folder is a run for this package instead: see `export.sharing`.
"""

import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING

from seqzoo.files import check_folder, write_json

if TYPE_CHECKING:
    from seqzoo import options
    from seqzoo.export.signatures import Signature
    from seqzoo.training.folder import Run


REPORT = "check.json"  # marks a folder as an export


def export(
    run: "Run",
    folder: str | os.PathLike,
    request: "options.Exporting",
    lines: Iterable[str] | None = None,
    overwrite: bool = False,
    source: str = "",
) -> dict:
    """Exports a trained run, and compares the export with the run.

    Args:
        run: see `training.load`.
        folder: folder to write. It is created or replaced only after everything is written and compared.
        request: options of the group `options.Exporting`.
        lines: texts to compare answers on; None: examples of the run's validation data.
        overwrite: replace the export that the folder holds.
        source: the source of the lines.

    Returns:
        The content of check.json.

    Raises:
        ValueError: the folder is not empty; the backend is not TensorFlow; or the answers differ from the run's.
    """
    import keras
    import tensorflow as tf

    import seqzoo
    from seqzoo.export import card, check, sharing
    from seqzoo.export.about import read_about

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"Runs are exported by TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}")
    folder = pathlib.Path(folder)
    check_target(folder, overwrite)
    about = read_about(run.folder, request.about)
    of_arrays, shared = request.format in ("litert", "onnx"), request.format == "run"
    if of_arrays and run.task.config.precision != "float32":
        run = in_float32(run)
    signatures = signatures_of(run, request)
    if of_arrays:
        signatures = _of_arrays(run, signatures, request)
    cases = check.cases_of(signatures, check.examples_of(run, lines))
    temporary = folder.absolute().with_name(f".{folder.absolute().name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # left over from a process that was killed
    temporary.mkdir(parents=True)
    try:
        if shared:
            sharing.share(run, temporary, about)
        path = temporary if shared else _write(signatures, request, temporary)
        measured = {
            "export": request.format,
            "task": run.task.name,
            "input": pathlib.Path(source).name,
            "versions": {"seqzoo": seqzoo.__version__, "tensorflow": tf.__version__, "keras": keras.__version__},
            "quantize": request.quantize,
            "megabytes": sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()) / 1e6,
            "signatures": check.compare(
                temporary,
                signatures,
                cases,
                shared or request.quantize != "none",
                request.to_dict() if shared else None,
            ),
        }
        program = "" if shared else _add_example(run, signatures, cases, request, temporary)
        name = (folder if shared else run.folder).absolute().name
        text = card.card(run, name, request.format, signatures, measured, program, about)
        (temporary / "MODEL_CARD.md").write_text(text, "utf-8")
        write_json(temporary / REPORT, measured)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return measured


def signatures_of(run: "Run", request: "options.Exporting") -> "dict[str, Signature]":
    """Returns {name: `signatures.Signature`} of a run, the easiest one last; request: see `export`."""
    from seqzoo.export.signatures import arrays

    return run.task.signatures(run, request) or {"arrays": arrays(run)}


def _add_example(run, signatures, cases, request, folder):
    """Writes a program that calls an export, and the files that it needs; returns the text of the program."""
    from seqzoo.export import card

    best = [*signatures][-1]
    inputs = cases[best][0][0]
    program = card.example(request.format, best, inputs)
    if card.needs_file(request.format, inputs):
        write_json(folder / "example.json", {name: value.tolist() for name, value in inputs.items()})
    (folder / "example.py").write_text(program, "utf-8")
    shutil.copy(run.folder / "config.json", folder)
    if (run.folder / "assets").is_dir():
        shutil.copytree(run.folder / "assets", folder / "vocabularies", ignore=shutil.ignore_patterns(".*"))
    return program


def in_float32(run: "Run") -> "Run":
    """Returns a run of mixed precision with layers in 32 bits, as other formats have few operations in 16 bits."""
    import keras

    config = json.dumps(keras.saving.serialize_keras_object(run.model))
    for name in ("bfloat16", "float16"):
        config = config.replace(f'"mixed_{name}"', '"float32"').replace(f'"{name}"', '"float32"')
    model = keras.saving.deserialize_keras_object(json.loads(config))
    model.set_weights(run.model.get_weights())
    return dataclasses.replace(run, model=model, predictor=run.task.predictor(model))


def _of_arrays(run, signatures, request):
    """Returns the only signature that a file can have: it takes arrays and does not sample."""
    from seqzoo.export.signatures import padded, renamed

    name = next((name for name in ("arrays", "step") if name in signatures), None)
    if name is None:
        raise ValueError(
            "LiteRT and ONNX files hold one function from arrays to arrays, without random draws. Runs of task "
            f"{run.task.name} have only {', '.join(signatures)}: use --format=savedmodel."
        )
    if request.format == "onnx":
        return {name: renamed(signatures[name])}
    words, widths = run.task.assets.get("words"), {}
    if words:
        widths = {key: words.max_word_length for key in signatures[name].specs if key.endswith("characters")}
    return {name: padded(signatures[name], request.length, widths)}


def _write(signatures, request, folder):
    """Writes functions in the requested format; returns the path."""
    if request.format == "savedmodel":
        from seqzoo.export import savedmodel

        savedmodel.save(signatures, folder / "model")
        return folder / "model"
    (signature,) = signatures.values()
    function, specs = signature.function, signature.specs
    if request.format == "litert":
        from seqzoo.export.litert import to_litert

        path = folder / "model.tflite"
        path.write_bytes(to_litert(function, specs, request.length, request.quantize))
    else:
        from seqzoo.export.onnx import to_onnx

        path = folder / "model.onnx"
        path.write_bytes(to_onnx(function, specs))
    return path


def check_target(folder: pathlib.Path, overwrite: bool) -> None:
    """Raises a ValueError unless a folder is new, empty, or an export that may be replaced."""
    check_folder(folder, "--out")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        known = "export" in json.loads((folder / REPORT).read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        known = False
    if not known:
        raise ValueError(f"{folder} is not empty and holds no export: give another --out.")
    if not overwrite:
        raise ValueError(f"{folder} holds an export: give another --out, or --overwrite to replace it.")
