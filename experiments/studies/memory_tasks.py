"""Tests how far back a recurrent network remembers: adding problem, delayed copy, temporal order; learning curves.

    python -m experiments.studies.memory_tasks adding --rnn=gru                     one run; prints its curve
    python -m experiments.studies.memory_tasks adding --rnn=rnn --clip_norm=0       a plain RNN, no gradient clipping
    python -m experiments.studies.memory_tasks adding --suite                       all variants of a task, and a figure
    python -m experiments.studies.memory_tasks adding --suite --only=GRU --seed=1   some variants; the others are kept

The sequences and the network are those of `--task=memory`, whose options it takes; an epoch is 100 steps. Training ends
when a task is solved, or after --epochs.

    adding           Always answering 1 has a mean squared error of 1/6 = 0.167, the variance of the sum. Solved, here:
                     an error below 0.01, a sixteenth of that.
    delayed_copy     Without a memory the best answer is blanks and guessed symbols, with a cross-entropy of 10 ln 8 /
                     (T + 20) a step. Solved, here: a tenth of that.
    temporal_order   Guessing has a cross-entropy of ln 4. Solved: an accuracy of 99% (Pascanu et al., 2013).

The variants compare gates (Hochreiter & Schmidhuber, 1997; Cho et al., 2014); the bias of the forget gate (Gers et al.,
2000; Jozefowicz et al., 2015), also one chosen for the required memory length ("chrono": Tallec & Ollivier, 2018); for
plain RNNs gradient clipping (Pascanu et al., 2013), orthogonal U (Saxe et al., 2014), and ReLU with U = 1 (IRNN: Le et
al., 2015).

In the adding problem the second mark is sometimes close to the end, so that a short memory helps to begin with. In
temporal order nothing relevant is closer to the end than 4T/10.

Limits. One learning rate for all, not the best one of each; few seeds. It is partly luck when a network leaves the
baseline's plateau: a run that ended unsolved might have solved the task later.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to
from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.memory import COPIED, SYMBOLS
from seqzoo.task import TASKS, Task

# For colour-blind readers too (Okabe & Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")

# The variants of a suite, name: flags.
GATED = {
    "LSTM, chrono bias": "--rnn=lstm --forget_bias=chrono",
    "LSTM, forget bias 1": "--rnn=lstm --forget_bias=1",
    "LSTM, forget bias 0": "--rnn=lstm --forget_bias=0",
    "GRU": "--rnn=gru",
    "GRU, chrono bias": "--rnn=gru --forget_bias=chrono",
}
PLAIN = {
    "RNN, orthogonal U, clipping": "--rnn=rnn",
    "RNN, normal U, no clipping": "--rnn=rnn --initialization=normal --clip_norm=0",
    "IRNN: ReLU, U = 1, clipping": "--rnn=rnn --activation=relu --initialization=identity",
}
VARIANTS = GATED | PLAIN


@dataclasses.dataclass(frozen=True)
class Problem:
    """A memory task of the study.

    Attributes:
        title, loss: names of it and of its loss in figures.
        options: those that differ from COMMON.
        baseline: the loss of the best answer without a memory, given T.
        solved: whether a loss and an accuracy in percent are good enough, given the baseline.
    """

    title: str
    loss: str
    options: dict
    baseline: Callable[[int], float]
    solved: Callable[[float, float, float], bool]


COMMON = {"rnn": "lstm", "units": 64, "batch_size": 50, "epochs": 30, "learning_rate": 2e-3, "clip_norm": 1.0,
          "batch_tokens": 0, "evaluate_every": 1}  # fmt: skip
PROBLEMS = {
    "adding": Problem(
        "Adding problem", "mean squared error", {}, lambda T: 1 / 6, lambda loss, accuracy, baseline: loss < 0.01
    ),
    "delayed_copy": Problem(
        "Copy task", "cross-entropy", {"units": 128, "epochs": 40, "learning_rate": 5e-3},
        lambda T: COPIED * math.log(SYMBOLS) / (T + 2 * COPIED), lambda loss, accuracy, baseline: loss < baseline / 10,
    ),
    "temporal_order": Problem(
        "Temporal order", "cross-entropy", {}, lambda T: math.log(4), lambda loss, accuracy, baseline: accuracy >= 99
    ),
}  # fmt: skip


# --- One run --------------------------------------------------------------------------------------


def main() -> None:
    args, task = settings()
    if args.suite:
        suite(args, task)
        return
    keep_to(args.threads)
    result = {"command": command(task), **circumstances(), **trained(task)}
    print(described(result))
    if args.out:
        args.out.write_text(json.dumps(result, indent=1), "utf-8")


def settings(argv: list[str] | None = None) -> tuple[argparse.Namespace, Task]:
    """The flags of the study, and the task with the config that the other flags give."""
    from seqzoo.run import flag_parser, parse_flags

    kind = TASKS["memory"]
    parser = argparse.ArgumentParser(
        "python -m experiments.studies.memory_tasks",
        description=__doc__,
        epilog="Other flags: those of --task=memory.",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=PROBLEMS)
    parser.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    parser.add_argument("--suite", action="store_true", help="run all variants of the task")
    parser.add_argument("--only", default="", help=f"only variants with this in their name: {'; '.join(VARIANTS)}")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the results; a suite's figure gets its name too")
    args, flags = parser.parse_known_args(argv)
    try:
        given = parse_flags(flag_parser([kind.Config]), flags)
        return args, kind(kind.Config(**{**usual(args.task), **given}))
    except Exception as error:  # of absl's flags, or of the Config
        parser.error(str(error))


def usual(name: str) -> dict:
    """The options of a problem for which the study has its own defaults."""
    return {"dataset": name, **COMMON, **PROBLEMS[name].options}


def command(task: Task) -> str:
    """The command line that repeats a run: the flags that are not the defaults."""
    name = task.config.dataset
    defaults = type(task).Config(**usual(name)).to_dict()
    flags = [f"--{key}={value}" for key, value in task.config.to_dict().items() if value != defaults[key]]
    return " ".join(["python -m experiments.studies.memory_tasks", name, *flags])


def length(task: Task) -> int:
    """T."""
    return task.config.length or DATASETS[task.config.dataset].usual


def trained(task: Task) -> dict:
    """Trains a network until the task is solved; returns the curve and the final scores."""
    import keras

    from seqzoo.tasks.memory import STEPS
    from seqzoo.training import train

    problem = PROBLEMS[task.config.dataset]
    baseline = problem.baseline(length(task))
    curve, begin = [], (time.perf_counter(), time.process_time())

    class Curve(keras.callbacks.Callback):
        """Keeps the learning curve, and ends the training once the task is solved."""

        def on_epoch_end(self, epoch, logs):
            seconds, cpu_seconds = time.perf_counter() - begin[0], time.process_time() - begin[1]
            point = {
                "step": (epoch + 1) * STEPS,
                "loss": logs["loss"],
                "val_loss": logs["valid_loss"],
                "val_score": logs["valid_accuracy"] / 100,
                "minutes": seconds / 60,
                "cpu_minutes": cpu_seconds / 60,
            }
            curve.append({key: float(f"{value:.5g}") for key, value in point.items()})
            print(", ".join(f"{key} {value:.4g}" for key, value in point.items()), flush=True)
            self.model.stop_training = solved(curve[-1])

    def solved(point):
        return bool(problem.solved(point["val_loss"], 100 * point["val_score"], baseline))

    diverged = False
    with tempfile.TemporaryDirectory(prefix="seqzoo-") as folder:
        try:
            parameters = train(task, pathlib.Path(folder) / "run", callbacks=[Curve()])["parameters"]
        except FloatingPointError:  # the loss is not finite
            diverged, parameters = True, None
    nothing = {"step": STEPS, "val_loss": None, "val_score": None, "minutes": None, "cpu_minutes": None}
    end = curve[-1] if curve else nothing
    return {
        "diverged": diverged,
        "solved": not diverged and solved(end),
        "steps": end["step"],
        "minutes": end["minutes"],
        "cpu_minutes": end["cpu_minutes"],
        "loss": end["val_loss"],
        "score": end["val_score"],
        "baseline": baseline,
        "parameters": parameters,
        "curve": curve,
    }


# --- Comparisons ----------------------------------------------------------------------------------


def suite(args: argparse.Namespace, task: Task) -> None:
    """Runs the variants of a task, each in a process of its own; updates the file of results and its figure."""
    out, T, seed = args.out or RESULTS / f"memory_{args.task}.json", length(task), task.config.seed
    out.parent.mkdir(parents=True, exist_ok=True)
    results = {"task": args.task, "length": T, "baseline": PROBLEMS[args.task].baseline(T), "runs": []}
    if args.only and out.exists():
        results = json.loads(out.read_text("utf-8"))
        if results["length"] != T:
            sys.exit(f"{out} has results for --length={results['length']}. Give another --out.")
    for name, flags in VARIANTS.items():
        if args.only not in name:
            continue
        print(f"\n{name}, seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="seqzoo-") as folder:
            path = pathlib.Path(folder) / "run.json"
            given = [*shlex.split(command(task))[1:], *shlex.split(flags), f"--threads={args.threads}", f"--out={path}"]
            # TensorFlow logs to stderr, which is shown only on failure.
            done = subprocess.run([sys.executable, *given], stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                sys.exit(f"{done.stderr}\n{name} failed with exit status {done.returncode}")
            run = {"name": name, "seed": seed, **json.loads(path.read_text("utf-8"))}
        others = [other for other in results["runs"] if (other["name"], other["seed"]) != (name, seed)]
        results["runs"] = sorted([*others, run], key=lambda run: ([*VARIANTS].index(run["name"]), run["seed"]))
        out.write_text(json.dumps(results, indent=1), "utf-8")
    plot(results, out.with_suffix(".png"))
    print("\n" + "\n".join(f"{run['name']:28} seed {run['seed']}  {described(run)}" for run in results["runs"]))
    print(f"saved as {out} and {out.with_suffix('.png')}")


def described(run: dict) -> str:
    """A line about how a run ended."""
    if run["diverged"]:
        return f"diverged after {run['steps']:,.0f} steps"
    end = "solved in" if run["solved"] else "unsolved after"
    return (
        f"{end} {run['steps']:,.0f} steps, {run['cpu_minutes']:.1f} processor minutes: loss {run['loss']:.4f} "
        f"(baseline {run['baseline']:.4f}), score {run['score']:.3f}"
    )


def plot(results: dict, path: pathlib.Path) -> None:
    """Plots the learning curves of a suite: the validation loss over the steps."""
    from matplotlib.figure import Figure

    problem = PROBLEMS[results["task"]]
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(results["baseline"], color="0.45", linestyle=":", label="without a memory")
    for colour, name in zip(COLOURS, VARIANTS, strict=True):
        runs = [run for run in results["runs"] if run["name"] == name]
        if not runs:
            continue
        style = {"color": colour, "linestyle": "--" if name in PLAIN else "-"}
        for run in runs:
            points = [(point["step"], point["val_loss"]) for point in run["curve"] if point["val_loss"] is not None]
            axes.plot(*zip(*points, strict=True), linewidth=1.8, **style)
            if run["solved"]:
                axes.plot(*points[-1], "*", color=colour, markersize=13)
        ends = " / ".join(f"{run['steps']:,.0f}" if run["solved"] else "unsolved" for run in runs)
        axes.plot([], [], linewidth=1.8, label=f"{name}: {ends}", **style)
    axes.set_yscale("log")
    axes.set_ylim(top=min(axes.get_ylim()[1], 4 * results["baseline"]))
    axes.set_xlim(left=0)
    axes.set_xlabel("training steps")
    axes.set_ylabel(f"{problem.loss}, validation")
    axes.set_title(f"{problem.title}, T = {results['length']}")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title="★ steps until solved", alignment="left"
    )
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
