"""Compares all recurrent layers of the registry on small tasks, and writes experiments/CELLS.md.

    python -m experiments.cells                                  measure missing entries, write the page
    python -m experiments.cells --rnns=lstm,gru --tasks=parity   measure some entries
    python -m experiments.cells --anew --rnns=lstm               measure again
    python -m experiments.cells --page                           only write the page

Each entry of the table is a run of ``seqzoo.run`` with one forward recurrent layer of 64 units, on one processor. It
ends when the task is solved, when its epochs are over, or after --minutes of processor time, and the best epoch counts.
Entries are recorded one by one in results/cells.json; an interrupted one starts over, so that all its seconds count.

Limits: one seed, one learning rate for all, and a time limit that favours layers which are fast on a CPU: entries that
it stopped are marked.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shlex
import subprocess
import sys
import textwrap
import time

from experiments import HERE, RESULTS
from seqzoo.files import write_json
from seqzoo.metrics.measure import Measure
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS
from seqzoo.training.environment import commit, versions

PAGE, RECORDED = HERE / "CELLS.md", RESULTS / "cells.json"
UNITS = 64


@dataclasses.dataclass(frozen=True)
class Column:
    """A task of the comparison.

    Attributes:
        title: heading of its column.
        about: what the network has to do, and what the score means.
        flags: of ``python -m seqzoo.run``, without those of the layer.
        score: key of metrics.json.
        solved: a score at which training ends; None: it never does.
        equal: whether every layer gets as many parameters as an LSTM, instead of `UNITS` units.
    """

    title: str
    about: str
    flags: str
    score: str
    solved: float | None = None
    equal: bool = False

    @property
    def measure(self) -> Measure:
        """The Measure of the score."""
        task = self.flags.split()[0].removeprefix("--task=")
        return TASKS[task].measures[self.score.removeprefix("valid_")]

    def solves(self, score: float) -> bool:
        """Whether a score solves the task."""
        return self.solved is not None and self.measure.sign * (score - self.solved) >= 0


MEMORY = "--task=memory --batch_size=32 --epochs=200 --learning_rate=0.002"
DIGITS = "--task=activity --pooling=last --dropout=0 --learning_rate=0.003 --average=0.99 --epochs=100"
COLUMNS = {
    "adding": Column(
        "adding, T = 400",
        "The sum of two marked numbers of 400 (Hochreiter & Schmidhuber, 1997). Sums within 0.04, in percent; of a "
        "network that always answers 1: 8.",
        f"{MEMORY} --dataset=adding --length=400",
        "valid_accuracy",
        99.0,
    ),
    "copy": Column(
        "copy",
        "Repeat up to 20 vectors of 8 bits (Graves et al., 2014); scored at 20 to 120 vectors. Bits wrong a sequence; "
        "guessing: 280.",
        f"{MEMORY} --dataset=copy",
        "valid_wrong",
        0.1,
    ),
    "parity": Column(
        "parity",
        "Whether the number of ones is odd, of 1 to 20 bits; scored at 20 to 120. Right answers in percent; guessing: "
        "50. A linear recurrence whose eigenvalues are positive can't count modulo 2 in finite precision (Sarrof et "
        "al., 2024; Grazzi et al., 2025), a nonlinear one can.",
        f"{MEMORY} --dataset=parity",
        "valid_accuracy",
        100.0,
    ),
    "modulo": Column(
        "modulo 3",
        "The sum of 1 to 20 digits from 0 to 2, modulo 3; scored at 20 to 120. Right answers in percent; guessing: 33.",
        f"{MEMORY} --dataset=modulo_3",
        "valid_accuracy",
        100.0,
    ),
    "characters": Column(
        "characters",
        "Python's standard library, a layer with as many parameters as an LSTM of 128 units. Bits a character.",
        "--task=language_model --dim=64 --batch_size=16 --learning_rate=0.005 --epochs=6",
        "valid_bits_per_character",
        equal=True,
    ),
    "rows": Column(
        "digits by rows",
        "Handwritten digits of 8 by 8 pixels, read row by row; the last state decides. Accuracy in percent.",
        f"{DIGITS} --dataset=digit_lines",
        "valid_accuracy",
    ),
    "pixels": Column(
        "digits by pixels",
        "The same digits, read as one sequence of 64 pixels (Le et al., 2015). Accuracy in percent.",
        f"{DIGITS} --dataset=digit_pixels",
        "valid_accuracy",
    ),
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m experiments.cells",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rnns", default=",".join(forward()), help="recurrent layers, with commas (default: all)")
    parser.add_argument("--tasks", default=",".join(COLUMNS), help="tasks, with commas (default: all)")
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes of training an entry (default: 10)")
    parser.add_argument("--runs", type=pathlib.Path, default="runs/cells", help="folder of the runs")
    parser.add_argument("--anew", action="store_true", help="measure recorded entries, too")
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--entry", action="store_true", help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args(argv)
    rnns, tasks = ([*filter(None, names.split(","))] for names in (args.rnns, args.tasks))
    try:
        for name in rnns:
            RNNS.check(name)
    except ValueError as error:
        parser.error(error)
    if unknown := [name for name in tasks if name not in COLUMNS]:
        parser.error(f"Unknown tasks {', '.join(unknown)}. There are: {', '.join(COLUMNS)}")
    if args.entry:
        print(json.dumps(trained(rnns[0], tasks[0], args.minutes, args.runs)))
        return
    found = json.loads(RECORDED.read_text("utf-8")) if RECORDED.is_file() else {}
    for task in () if args.page else tasks:
        for rnn in rnns:
            if args.anew or rnn not in found.get(task, {}):
                found.setdefault(task, {})[rnn] = entry = measured(rnn, task, args)
                write_json(RECORDED, found)
                print(f"{task:12} {rnn:14} {cell(COLUMNS[task], entry)}", flush=True)
    PAGE.write_text(page(found), "utf-8")
    print(f"wrote {PAGE}")


def measured(rnn: str, task: str, args: argparse.Namespace) -> dict:
    """Measures an entry of the table in its own process on one processor."""
    one = {name: "1" for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
    command = [sys.executable, "-m", "experiments.cells", "--entry", f"--rnns={rnn}", f"--tasks={task}"]
    done = subprocess.run(
        [*command, f"--minutes={args.minutes}", f"--runs={args.runs}"],
        env={**os.environ, **one}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stderr}\n{rnn} on {task} failed with exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def flags(rnn: str, task: str) -> str:
    """The options of a run."""
    column = COLUMNS[task]
    layers = "" if column.flags.startswith("--task=memory") else " --layers=1"
    return f"{column.flags} --rnn={rnn} --units={units_of(rnn) if column.equal else UNITS}{layers} --seed=0"


def units_of(rnn: str, D: int = 64, H: int = 128) -> int:
    """How many units give a layer as many parameters as an LSTM of H units that reads D numbers."""
    wanted = RNNS.parameters("lstm", D, H)
    return min(range(8, 1024), key=lambda units: abs(RNNS.parameters(rnn, D, units) - wanted))


def trained(rnn: str, task: str, minutes: float, runs: pathlib.Path) -> dict:
    """Trains an entry and returns its record."""
    import keras

    from seqzoo.run import flag_parser, parse_flags
    from seqzoo.training import train

    column, given, folder = COLUMNS[task], flags(rnn, task), runs / f"{task}-{rnn}"
    kind, *options = given.split()
    kind = TASKS[kind.removeprefix("--task=")]
    late, begin = [], time.process_time()  # other programs do not prolong it

    class Ends(keras.callbacks.Callback):
        """Ends training once the task is solved or the time is over."""

        def on_train_batch_end(self, batch, logs=None):
            if time.process_time() > begin + 60 * minutes:
                late.append(batch)
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs):
            if column.score in logs and column.solves(logs[column.score]):
                self.model.stop_training = True

    config = kind.Config(**parse_flags(flag_parser([kind.Config]), options))
    metrics = train(kind(config), folder, overwrite=True, callbacks=[Ends()])
    return {
        "score": metrics[column.score],
        "seconds": time.process_time() - begin,
        "epochs": metrics["epochs"],
        "parameters": metrics["parameters"],
        "stopped": bool(late),
        "limit": minutes,
        "command": shlex.join(["python", "-m", "seqzoo.run", *given.split()]),
        "commit": commit(HERE.parent),
        "versions": versions(("tensorflow", "keras")),
    }


def cell(column: Column, entry: dict) -> str:
    """An entry as text."""
    score = column.measure.format(entry["score"])
    late = ", *stopped*" if entry["stopped"] else ""
    return f"{f'**{score}**' if column.solves(entry['score']) else score}, {entry['seconds']:,.0f} s{late}"


def page(found: dict) -> str:
    """The page, in Markdown."""
    names = sorted({rnn for entries in found.values() for rnn in entries})
    columns = {name: column for name, column in COLUMNS.items() if name in found}
    lines = [["layer", "gates", "states", "parameters a unit", *(column.title for column in columns.values())]]
    lines.append(["---"] * len(lines[0]))
    for rnn in names:
        traits = (RNNS.trait(rnn, trait, "") for trait in ("gates", "states", "parameters"))
        cells = (found[name].get(rnn) for name in columns)
        entries = [cell(c, entry) if entry else "" for c, entry in zip(columns.values(), cells, strict=True)]
        lines.append([f"`{rnn}`", *(f"`{trait}`" if trait else "-" for trait in traits), *entries])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    about = "\n".join(f"- **{column.title}**: {column.about}" for column in columns.values())
    limits = " or ".join(f"{n:g}" for n in sorted({e["limit"] for row in found.values() for e in row.values()}))
    _, commands, about_it = __doc__.strip().replace("``", "`").split("\n\n", 2)
    missing = len(COLUMNS) * len(forward()) - sum(map(len, found.values()))
    left = f"{missing} entries are not measured yet.\n\n" if missing else ""
    return (
        "# Recurrent layers compared\n\nEvery recurrent layer of [the registry](../seqzoo/rnns/README.md) on small "
        "tasks: its score on valid, and the processor seconds that its training took. **Bold**: solved; "
        f"*stopped*: by the time limit, {limits} minutes.\n\n{table}\n\n{left}{about}\n\n"
        f"Written by this program:\n\n```\n{textwrap.dedent(commands)}\n```\n\n{about_it}\n\n"
        "Commands, commits and versions of each entry are in [results/cells.json](results/cells.json).\n"
    )


def forward() -> list[str]:
    """The names of the layers that read forward."""
    return [name for name in RNNS.names() if not RNNS.trait(name, "bidirectional", False)]


if __name__ == "__main__":
    main()
