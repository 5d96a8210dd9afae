"""Measures how long one waits: for help and error messages, the first step of training, and answers of a trained run.

    python -m experiments.benchmarks.latency --workdir=runs/ner                the run of the README's first command
    python -m experiments.benchmarks.latency --workdir=runs/ner --threads=1    on one processor

    help, list, error     ``seqzoo.run`` with ``--task=ner --help``, ``--list``, and an option that does not exist.
    training              ``--task=ner`` from the start of the program to the end of the first step: imports, data,
                          vocabularies, model, tracing.
    predict               ``--mode=predict`` on one sentence, the whole program.
    run                   ``seqzoo.load(FOLDER)`` and ``run.task.predict(run, [text])``.
    export                the SavedModel of ``--mode=export`` and its signature "text", with TensorFlow alone.

Protocol. Each row runs in a process of its own. `run` and `export` have four lines: to load, imports included; the
first answer, to a short sentence; the second answer, to a long one; and the median of --answers more to generated
sentences. The table has processor and wall-clock seconds, medians of the rounds. Beside other programs look at the
former.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Callable

from experiments.benchmarks.benchmark import Clock, flags, medians, run
from experiments.benchmarks.serving import in_python, sentences

PROGRAMS = {
    "help": ["--task=ner", "--help"],
    "list": ["--list"],
    "error": ["--task=ner", "--unit=64"],
    "predict": ["--mode=predict", "--text=May met Ford in Paris."],
}
# Runs seqzoo.run as a program that ends with the first step of training.
FIRST_STEP = """
import keras, os, runpy
def end(*_, **__):
    os._exit(0)
keras.callbacks.CallbackList.on_train_batch_end = end
runpy.run_module("seqzoo.run", run_name="__main__", alter_sys=True)
"""
KEYS = ("cpu_seconds", "seconds")
ROWS = ("help", "list", "error", "training", "predict", "run", "export")


def main() -> None:
    parser = flags("latency", __doc__, ROWS, 3)
    parser.add_argument("--workdir", type=pathlib.Path, required=True, help="folder of a run of task ner")
    parser.add_argument("--answers", type=int, default=300, help="how many warm answers are timed")
    run(parser, ROWS, measured, show, exported, settings=lambda args: {"workdir": args.workdir.name})


def exported(args: argparse.Namespace) -> dict:
    """Exports the run for the row `export`."""
    command = [sys.executable, "-m", "seqzoo.run", "--mode=export", f"--workdir={args.workdir}"]
    subprocess.run([*command, f"--out={args.folder / 'export'}"], check=True, capture_output=True)
    return {}


def measured(args: argparse.Namespace) -> list[dict]:
    """One row: seconds of each wait."""
    if args.row in ("run", "export"):
        waits = answers(args)
    else:
        waits = {args.row: program(args)}
    return [{"row": name, "round": args.round, **wait} for name, wait in waits.items()]


def program(args: argparse.Namespace) -> dict:
    """The seconds of a whole program."""
    command = ["-m", "seqzoo.run", *PROGRAMS.get(args.row, ())]
    if args.row == "predict":
        command.append(f"--workdir={args.workdir}")
    elif args.row == "training":
        command = ["-c", FIRST_STEP, "--task=ner", f"--workdir={args.folder / f'run{args.round}'}"]
    before = os.times()
    with Clock() as clock:
        done = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True)
    after = os.times()
    if bool(done.returncode) != (args.row == "error"):
        sys.exit(f"{done.stderr}\nexit status {done.returncode}")
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return {"seconds": clock.seconds, "cpu_seconds": used}


def answers(args: argparse.Namespace) -> dict[str, dict]:
    """The seconds to load and of the first, second and later answers."""
    texts = sentences()[: args.answers]
    with Clock() as loading:
        answer = in_python(args.workdir) if args.row == "run" else of_export(args.folder / "export" / "model")
    clocks = []
    for text in ("May met Ford in Paris.", " ".join(["May met Ford in Paris ,"] * 6), *texts):
        with Clock() as clock:
            answer(text)
        clocks.append(clock)
    first, second, *later = clocks
    found = {"load": [loading], "first answer": [first], "second, of another length": [second], "later": later}
    return {
        f"{args.row}, {name}": {key: statistics.median(getattr(clock, key) for clock in own) for key in KEYS}
        for name, own in found.items()
    }


def of_export(folder: pathlib.Path) -> Callable:
    """Loads a SavedModel and returns a function of a text."""
    import tensorflow as tf

    model = tf.saved_model.load(str(folder))
    answer = model.signatures["text"]
    return lambda text: {name: array.numpy() for name, array in answer(text=tf.constant([text])).items()}


def show(results: dict) -> None:
    columns = {"cpu_seconds": ("CPU s", ".3f"), "seconds": ("s", ".3f")}
    print(medians(results["runs"], {"row": ""}, columns, "cpu_seconds"))


if __name__ == "__main__":
    main()
