"""The model card of an exported run, and a program that calls it."""

import json
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqzoo.export.sharing import command, nameless
from seqzoo.export.signatures import Signature, shape_text
from seqzoo.task import TASKS

if TYPE_CHECKING:
    from seqzoo.training.folder import Run


_VERSIONS = ("seqzoo", "python", "tensorflow", "keras", "jax")
_SHOWN = 200  # maximum numbers in the program itself; larger examples are read from a file
_EXAMPLES = {
    "savedmodel": '''"""Calls the exported run; needs only TensorFlow."""

{imports}import pathlib

import numpy as np
import tensorflow as tf

model = tf.saved_model.load(str(pathlib.Path(__file__).parent / "model"))  # to be kept: its signatures need it
{setup}answer = model.signatures["{signature}"]({arguments})
for name, value in answer.items():
    value = value.numpy()
    print(name, np.char.decode(value.astype("S"), "utf-8") if value.dtype == object else value)
''',
    "litert": '''"""Calls the exported run; needs only ai-edge-litert."""

import json
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter

folder = pathlib.Path(__file__).parent
run = Interpreter(str(folder / "model.tflite")).get_signature_runner()
inputs = json.loads((folder / "example.json").read_text())  # of a text, padded
types = {types}
for name, value in run(**{{name: np.array(value, types[name]) for name, value in inputs.items()}}).items():
    print(name, value)
''',
    "onnx": '''"""Calls the exported run; needs only onnxruntime."""

import json
import pathlib

import numpy as np
import onnxruntime

folder = pathlib.Path(__file__).parent
session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
inputs = json.loads((folder / "example.json").read_text())  # of a text
types = {types}
outputs = session.run(None, {{name: np.array(value, types[name]) for name, value in inputs.items()}})
for output, value in zip(session.get_outputs(), outputs):
    print(output.name, value)
''',
}


def example(form: str, name: str, inputs: dict) -> str:
    """Returns a program that calls a signature of an exported run.

    Args:
        form: the format.
        name: the signature.
        inputs: {name: array} of one example.
    """
    types, imports, setup = json.dumps({key: value.dtype.name for key, value in inputs.items()}), "", ""
    if form == "savedmodel" and needs_file(form, inputs):
        imports, path = "import json\n", 'pathlib.Path(__file__).with_name("example.json")'
        setup = f"inputs, types = json.loads({path}.read_text()), {types}\n"
        arguments = "**{name: tf.constant(value, types[name]) for name, value in inputs.items()}"
    else:
        given = {key: json.dumps(value.tolist(), ensure_ascii=False) for key, value in inputs.items()}
        arguments = ", ".join(f"{key}=tf.constant({value})" for key, value in given.items())
    return _EXAMPLES[form].format(signature=name, arguments=arguments, types=types, imports=imports, setup=setup)


def needs_file(form: str, inputs: dict) -> bool:
    """Returns whether the program of `example` reads its arrays from example.json."""
    return form != "savedmodel" or sum(value.size for value in inputs.values()) > _SHOWN


def card(
    run: "Run", name: str, form: str, signatures: dict[str, Signature], measured: dict, program: str, about: dict
) -> str:
    """Returns the model card, in Markdown.

    Args:
        run: the run.
        name: the title of the card.
        form: the format.
        signatures: its signatures, by name.
        measured: the content of check.json.
        program: the text of example.py; "" for a copy of the run.
        about: see `about.read_about`.
    """
    return "\n".join(_lines(run, name, form, signatures, measured, program, about)) + "\n"


def _lines(run, title, form, signatures, measured, program, about) -> Iterator[str]:
    task, config = run.task, run.task.config
    environment, metrics = (_read(run.folder / name) for name in ("environment.json", "metrics.json"))
    yield f"# {title}, a run of task {task.name}"
    what = about.get("what", TASKS.summary(task.name))
    yield f"\n{what[:1].upper()}{what[1:].rstrip('.')}.\n"
    config = nameless(config)
    source = " ".join(filter(None, [config.dataset, config.name, config.data_dir]))
    yield f"- **Data**: {about.get('data', f'`{source}`')}; {about.get('source', 'their address is not recorded')}"
    yield f"- **Licence of the data**: {about.get('licence', 'not recorded')}"
    if "splits" in about:
        yield f"- **Splits**: {about['splits']}"
    yield f"- **Made by** `{command(task)}`. All options are in config.json."
    trained = [f"{name} {environment[name]}" for name in _VERSIONS if environment.get(name)]
    trained += [f"commit {environment['git'][:12]}"] if environment.get("git") else []
    date = f" {environment['date'][:10]}" if "date" in environment else ""
    yield f"- **Trained**{date} with {', '.join(trained) or 'unknown versions'}."
    exported = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    yield f"- **Exported** with {exported}; {measured['megabytes']:.1f} MB in the format {form}."
    if "minutes" in metrics:
        yield (
            f"- **Size**: {metrics['parameters']:,} parameters, trained in {metrics['minutes']:.0f} minutes, "
            f"{metrics['epochs']} epochs (best: {metrics['best_epoch']})."
        )
    scores = [(*key.partition("_")[::2], value) for key, value in metrics.items()]
    scores = [(split, task.measures[name], value) for split, name, value in scores if name in task.measures]
    if scores:
        yield "\n## Scores\n\n| | score | |\n|---|---|---|"
        for split, measure, value in scores:
            yield f"| {split} | {measure.label} | {measure.format(value)} |"
    if form == "run":
        yield from _of_a_run(measured, about)
        return
    yield "\n## How to call it\n"
    yield f"```python\n{program}```"
    for name, signature in signatures.items():
        yield f"\n### `{name}`\n\n{signature.summary}\n\n| | name | type | what |\n|---|---|---|---|"
        for key, spec in signature.specs.items():
            yield f"| input | `{key}` | {spec.dtype.name} | {shape_text(spec.shape)} |"
        for key, what in signature.outputs.items():
            yield f"| output | `{key}` | | {what} |"
        found = measured["signatures"][name]
        yield (
            f"\nOn {found['examples']} {'texts' if lines_given(measured) else 'validation examples'}, one by one, in a "
            f"process without seqzoo: {_agreement(found)}the largest difference of a number is "
            f"{found['largest_difference']:.1g}, {found['equal_answers']:.1%} of the answers are equal; "
            f"{found['median_ms']:.1f} ms an example, the first {found['first_call_seconds']:.1f} s."
        )
    yield from _limits([*about.get("limits", ()), *task.export_notes()])


def _limits(notes):
    if notes:
        yield "\n## Limits\n"
        yield from (f"- {note}" for note in notes)


def _of_a_run(measured, about) -> Iterator[str]:
    """Yields the parts of the card for a run that is shared as a run."""
    yield "\n## How to use it\n"
    if "example" in about:
        yield f"```bash\n{about['example']}\n```\n"
    if "answer" in about:
        yield f"```\n{about['answer']}\n```\n"
    yield (
        "This folder is that of a run: `--workdir` takes it in every mode that uses a finished run, `--init_from` to "
        "train it further, and `seqzoo.load` in Python. Its weights have 16 bits in the file and 32 in memory. "
        f"Compared with the run as it was trained, on {'texts' if lines_given(measured) else 'validation examples'}:\n"
    )
    yield "| | examples | largest difference of a number | equal answers |\n|---|---|---|---|"
    for name, found in measured["signatures"].items():
        difference, equal = f"{found['largest_difference']:.1g}", f"{found['equal_answers']:.1%}"
        yield f"| `{name}` | {found['examples']} | {difference} | {equal} |"
    yield from _limits(about.get("limits", ()))


def lines_given(measured: dict) -> bool:
    """Returns whether the answers were compared on texts of the user."""
    return bool(measured["input"])


def _agreement(found):
    if "split_alike" not in found:
        return ""
    return f"{found['split_alike']:.1%} of the texts are split into the tokens of seqzoo's own tokenizer; of those "


def _read(path: pathlib.Path) -> dict:
    """Reads the object in a JSON file of the run; {} if there is none."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
