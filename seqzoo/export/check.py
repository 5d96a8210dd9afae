"""Compares an exported run with the run itself, on real examples, in a process that has no seqzoo."""

import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.export.signatures import Signature

if TYPE_CHECKING:
    from seqzoo.training.folder import Run


MOST = 100  # examples
LARGEST = 1e-4  # difference of a number that counts as rounding, relative for large numbers
EQUAL = 0.9  # minimum share of equal answers; rounding may turn a tie


def examples_of(run: "Run", lines: Iterable[str] | None) -> list[dict]:
    """Returns up to `MOST` examples of the given lines or, without lines, of the run's validation data.

    Raises:
        ValueError: there are no lines, and the data can no longer be read.
    """
    task = run.task
    if lines is not None:
        return [*itertools.islice((example for line in lines for example in task.examples(line)), MOST)]
    try:
        splits, _ = task.splits()
        return [*itertools.islice(splits["valid" if "valid" in splits else "test"], MOST)]
    except (ValueError, OSError) as error:
        raise ValueError(
            f"The data of the run can't be read to compare its answers: give texts by --input=FILE. {error}"
        ) from error


def cases_of(signatures: dict[str, Signature], examples: list[dict]) -> dict[str, list]:
    """Returns {signature: [(inputs, outputs)]} of examples.

    Raises:
        ValueError: a signature has no cases.
    """
    # NumPy's arrays lose a NUL at the end of a text.
    examples = [example for example in examples if not _has_nul(example)]
    cases = {
        name: [case for example in examples if (case := signature.case(example)) is not None]
        for name, signature in signatures.items()
    }
    if not all(cases.values()):
        raise ValueError(
            f"None of the {len(examples)} examples to compare answers on can be answered: give others by --input or, "
            "if they are too long for the model, a larger --length or --answer_length."
        )
    return cases


def _has_nul(value):
    """Returns whether a NUL character is in a text, in any text of a list, or in any value of a dict."""
    if isinstance(value, dict | list | tuple):
        return any(map(_has_nul, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and "\0" in value


def compare(
    folder: pathlib.Path,
    signatures: dict[str, Signature],
    cases: dict[str, list],
    approximate: bool = False,
    request: dict | None = None,
) -> dict[str, dict]:
    """Calls an exported run and compares its answers with the expected ones.

    Args:
        folder: the exported run.
        signatures: its signatures, by name.
        cases: see `cases_of`.
        approximate: whether its numbers may differ from the run's, as with quantized weights.
        request: options of the export if it is a copy of the run, which seqzoo calls; None: call it without seqzoo.

    Returns:
        {signature: {"examples", "split_alike", "equal_answers", "largest_difference", "first_call_seconds",
        "median_ms"}}, with shares from 0 to 1. If the graph splits texts into words itself, only texts that it splits
        like the run are compared.

    Raises:
        ValueError: the export can't be loaded, or its answers differ from the run's.
    """
    answers = _answers(folder, cases, request)
    found = {name: _compared(name, signature, cases[name], answers) for name, signature in signatures.items()}
    for name, measured in found.items():
        if measured["largest_difference"] > LARGEST and not approximate:
            raise ValueError(
                f"The exported model does not answer as the run does: a number of the signature {name!r} differs by "
                f"{measured['largest_difference']:.2g}. Please report it."
            )
        if measured["equal_answers"] < EQUAL and not approximate:
            raise ValueError(
                f"The exported model does not answer as the run does: only {measured['equal_answers']:.1%} of the "
                f"answers of the signature {name!r} are equal. Please report it."
            )
    return found


def _answers(folder, cases, request):
    """Returns the answers of a fresh process, see `export.fresh`."""
    script = pathlib.Path(__file__).with_name("fresh.py")
    isolated, asked = (["-I"], []) if request is None else ([], [json.dumps(request)])
    with tempfile.TemporaryDirectory() as temporary:
        inputs = {
            f"{signature}/{number}/{name}": value
            for signature, pairs in cases.items()
            for number, (given, _) in enumerate(pairs)
            for name, value in given.items()
        }
        np.savez(f"{temporary}/cases.npz", **inputs)
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        if request is not None:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(
            [sys.executable, *isolated, script, folder.absolute(), f"{temporary}/cases.npz", *asked],
            cwd=temporary, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ValueError(f"The exported model can't be called in a process of its own: {reason}")
        with np.load(f"{temporary}/answers.npz") as file:
            return dict(file)


def _compared(name, signature, cases, answers):
    alike, equal, largest = 0, 0, 0.0
    for number, (_, expected) in enumerate(cases):
        # The outputs of a file with fixed shapes include the padding.
        found = {
            key: answers[f"{name}/{number}/{key}"][tuple(map(slice, value.shape)) if signature.padded else ...]
            for key, value in expected.items()
        }
        split = [key for key in expected if key.endswith("tokens")]
        if not signature.exact and not all(_same(found[key], expected[key]) for key in split):
            continue
        alike += 1
        equal += all(_same(found[key], value) for key, value in expected.items() if value.dtype.kind != "f")
        differences = [_difference(found[key], value) for key, value in expected.items() if value.dtype.kind == "f"]
        largest = max([largest, *differences])
    seconds = answers[f"{name}/seconds"]
    return {
        "examples": len(cases),
        **({} if signature.exact else {"split_alike": alike / len(cases)}),
        "equal_answers": equal / max(alike, 1),
        "largest_difference": float(largest),
        "first_call_seconds": float(seconds[0]),
        "median_ms": float(1000 * np.median(seconds[1:] if len(seconds) > 1 else seconds)),
    }


def _same(found, expected):
    return found.shape == expected.shape and bool((found == expected).all())


def _difference(found, expected):
    """Returns the largest difference of two arrays, relative for numbers above 1."""
    if found.shape != expected.shape:
        return np.inf
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1), initial=0))
