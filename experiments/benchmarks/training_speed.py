"""Compares how fast a task trains in this checkout and another, such as the commit before a change.

    python -m experiments.benchmarks.training_speed --before=FOLDER --threads=1
    python -m experiments.benchmarks.training_speed --before=FOLDER --task=translation --flags="--units=64"

FOLDER is another checkout of seqzoo (``git worktree add FOLDER COMMIT``). Each checkout runs its own ``seqzoo.run``
with the same flags, in processes of its own, in turns, in reverse order every other round.

Each epoch's ``model.fit`` is timed: batches, steps of training and progress bar, without evaluation. The first epoch
includes tracing and does not count; the median of the others does. The table has the medians of the rounds. The last
lines have the ratio of epoch times, after to before, within a round: its median and range over the rounds. Below 1 this
checkout is faster. On a busy machine look at processor time, with --threads=1, and at the range.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from experiments.benchmarks.benchmark import flags, grouped, medians, peak_mib, run
from seqzoo.training.environment import commit

ROWS = ("before", "after")
ROOT = pathlib.Path(__file__).parents[2]
# Runs seqzoo.run as a program and times each call of Model.fit. It relies on nothing else in the checkout.
DRIVER = """
import json, runpy, sys, time
import keras
times, fit = [], keras.Model.fit
def timed(self, *args, **kwargs):
    begin = time.perf_counter(), time.process_time()
    try:
        return fit(self, *args, **kwargs)
    finally:
        times.append([time.perf_counter() - begin[0], time.process_time() - begin[1], int(self.optimizer.iterations)])
keras.Model.fit = timed
path = sys.argv.pop(1)
try:
    runpy.run_module("seqzoo.run", run_name="__main__", alter_sys=True)
finally:
    with open(path, "w") as file:
        json.dump(times, file)
"""


def main() -> None:
    run(arguments(), ROWS, measured, show, settings=settings)


def arguments() -> argparse.ArgumentParser:
    parser = flags("training_speed", __doc__, ROWS, 6)
    parser.add_argument("--before", type=pathlib.Path, required=True, help="folder of the other checkout")
    parser.add_argument("--after", type=pathlib.Path, default=ROOT, help="folder of this checkout (default: this one)")
    parser.add_argument("--task", default="ner", help="task to train (default: ner)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of a run; the first is not counted (default: 3)")
    parser.add_argument("--flags", default="", help="more flags of seqzoo.run, in one string; paths must be absolute")
    return parser


def settings(args: argparse.Namespace) -> dict:
    """Records the commits of the checkouts instead of their folders."""
    return {row: commit(getattr(args, row)) for row in ROWS}


def measured(args: argparse.Namespace) -> list[dict]:
    """Trains in the checkout of a row; its processes inherit the processors of this one."""
    if args.epochs < 2:
        sys.exit("--epochs should be 2 or more: the first epoch is not counted.")
    checkout = getattr(args, args.row).resolve()
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as folder:
        times, workdir = pathlib.Path(folder) / "times.json", pathlib.Path(folder) / "run"
        command = [sys.executable, "-c", DRIVER, str(times), f"--task={args.task}", f"--epochs={args.epochs}"]
        done = subprocess.run(
            [*command, *args.flags.split(), f"--seed={args.round}", f"--workdir={workdir}"],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{done.stdout[-2000:]}{done.stderr[-4000:]}\nTraining failed in {checkout}.")
        epochs, history = (json.loads(path.read_text("utf-8")) for path in (times, workdir / "history.json"))
    if len(epochs) != len(history):
        sys.exit(
            f"{checkout} called Model.fit {len(epochs)} times in {len(history)} epochs, so that none can be timed."
        )
    seconds, cpu_seconds = (statistics.median(epoch[kind] for epoch in epochs[1:]) for kind in (0, 1))
    steps = epochs[-1][2] - epochs[-2][2]
    return [
        {
            "row": args.row,
            "round": args.round,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "steps": steps,
            "steps_per_second": steps / seconds,
            "ms_per_step": 1000 * seconds / steps,
            "cpu_ms_per_step": 1000 * cpu_seconds / steps,
            "tokens_per_second": statistics.median(epoch["tokens_per_second"] for epoch in history[1:]),
            "loss": history[-1]["loss"],
            "peak_mib": peak_mib(children=True),
        }
    ]


def show(results: dict) -> None:
    """Prints the medians and the ratio of after to before."""
    columns = {
        "steps": ("steps", ",.0f"),
        "steps_per_second": ("steps/s", ",.1f"),
        "tokens_per_second": ("tokens/s", ",.0f"),
        "ms_per_step": ("ms/step", ",.2f"),
        "cpu_ms_per_step": ("CPU ms/step", ",.2f"),
        "loss": ("loss", ".4f"),
        "peak_mib": ("peak MiB", ",.0f"),
    }
    print(medians(results["runs"], {"row": ""}, columns, "cpu_ms_per_step"))
    rounds = grouped(results["runs"], "round").values()
    pairs = [by_row for runs in rounds if (by_row := grouped(runs, "row")).keys() == set(ROWS)]
    for key, title in (("seconds", "wall-clock time"), ("cpu_seconds", "processor time")):
        if ratios := [pair["after"][0][key] / pair["before"][0][key] for pair in pairs]:
            middle, least, most = statistics.median(ratios), min(ratios), max(ratios)
            print(f"{title}, after / before: {middle:.3f} ({least:.3f} to {most:.3f} over {len(ratios)} rounds)")


if __name__ == "__main__":
    main()
