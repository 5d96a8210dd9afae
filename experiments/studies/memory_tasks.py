"""How far back a recurrent network can remember: adding problem, copy task, temporal order.

    python -m experiments.studies.memory_tasks adding --rnn=gru                       one run; prints its curve
    python -m experiments.studies.memory_tasks adding --rnn=rnn --clip_norm=0         a plain RNN, gradients not clipped
    python -m experiments.studies.memory_tasks adding --suite                         the comparisons of a task, and a figure
    python -m experiments.studies.memory_tasks adding --suite --only=GRU --seed=1     some of them, the others stay

A few inputs decide the answer, and the network reads them up to T = `length` steps before it has to give it. A network
is one recurrent layer and a dense one. Every step trains on a new random batch, so nothing can be overfitted; the
validation set is the same for all runs. Training ends when the task is solved, or after --steps.

    adding   Input [T, 2]: a number from U(0, 1), and a mark that is 1 at two places, one in each half. Answer: the sum
             of the two marked numbers (Hochreiter & Schmidhuber, 1997, experiment 4; in the form of Le et al., 2015,
             and Arjovsky et al., 2016). To answer 1 whatever comes has a mean squared error of 1/6 = 0.167, the
             variance of the sum. Solved, here: an error below 0.01, a sixteenth of that. Score: share of the sums that
             are right within 0.04, the stricter measure of 1997.
    copy     Input: 10 random symbols out of 8, T - 1 blanks, a mark, 10 blanks. Answer: T + 10 blanks, then the symbols
             in order (Arjovsky et al., 2016, after Hochreiter & Schmidhuber, 1997). Without a memory the best is blanks
             and guessed symbols, a cross-entropy of 10 ln 8 / (T + 20) a step. Solved, here: a tenth of that. Score:
             share of the symbols that are right.
    order    Input: symbols, among them X or Y at two places, T/10 to T/5 and T/2 to 6T/10. Answer: XX, XY, YX or YY
             (Hochreiter & Schmidhuber, 1997, experiment 6a; the places as shares of T: Pascanu et al., 2013). Guessing
             has a cross-entropy of ln 4. Score: share of right answers. Solved: 99% (Pascanu et al., 2013).

What the comparisons are about: gates (Hochreiter & Schmidhuber, 1997; Cho et al., 2014); the bias of the forget gate
(Gers et al., 2000; Jozefowicz et al., 2015), and one after the length of the memory that is needed ("chrono": Tallec &
Ollivier, 2018); for plain RNNs clipping (Pascanu et al., 2013), orthogonal U (Saxe et al., 2014), and ReLU with U = 1
(IRNN: Le et al., 2015).

In the adding problem the second mark is at times close to the end, so that a short memory is of some use to begin with.
In temporal order nothing that counts is closer to the end than 4T/10.

Limits. One learning rate for all, not the best one of each; few seeds. When a network leaves the plateau of the
baseline is partly luck: a run that ended unsolved might have been solved later.
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

import numpy as np

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to

SYMBOLS, COPIED = 8, 10  # of the copy task: how many there are, how many are to be copied
# Where the biases of the gate that forgets lie, in blocks of H: i f g o of an LSTM, z r h of a GRU, u c of simple_gru.
FORGETS = {"lstm": 1, "peephole_lstm": 1, "gru": 0, "simple_gru": 0}
# For colour-blind readers too (Okabe & Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")

# What a suite compares, name: flags.
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


def main():
    args = settings()
    if args.suite:
        suite(args)
        return
    keep_to(args.threads)
    result = {"command": " ".join(["python -m experiments.studies.memory_tasks", *given(args)]), **circumstances()}
    result |= trained(args)
    print(described(result))
    if args.out:
        args.out.write_text(json.dumps(result, indent=1), "utf-8")


# --- The tasks ------------------------------------------------------------------------------------


def adding(rng, size, length):
    """The adding problem: x [B, T, 2], a number and a mark; y [B, 1], the sum of the two marked numbers."""
    values = rng.random((size, length), dtype="float32")
    marks = np.zeros_like(values)
    rows = np.arange(size)
    marks[rows, rng.integers(0, length // 2, size)] = 1
    marks[rows, rng.integers(length // 2, length, size)] = 1
    return np.stack([values, marks], axis=-1), (values * marks).sum(1, keepdims=True)


def copy(rng, size, length):
    """The copy task: x [B, T + 20, 10], one-hot; y [B, T + 20], the blank (8) and at the end the first 10 symbols."""
    blank, mark = SYMBOLS, SYMBOLS + 1
    symbols = rng.integers(0, SYMBOLS, (size, COPIED))
    x = np.full((size, length + 2 * COPIED), blank)
    y = x.copy()
    x[:, :COPIED] = symbols
    x[:, length + COPIED - 1] = mark
    y[:, -COPIED:] = symbols
    return one_hot(x, SYMBOLS + 2), y.astype("int32")


def order(rng, size, length):
    """Temporal order: x [B, T, 8], one-hot of a b c d X Y E B; y [B], 0 to 3 for XX, XY, YX, YY.

    E is first, B is last, X or Y stand at two places: at T/10 to T/5, and at T/2 to 6T/10.
    """
    x = rng.integers(0, 4, (size, length))
    x[:, 0], x[:, -1] = 6, 7
    first, second = rng.integers(0, 2, (2, size))
    rows = np.arange(size)
    x[rows, rng.integers(length // 10, length // 5 + 1, size)] = 4 + first
    x[rows, rng.integers(length // 2, 6 * length // 10 + 1, size)] = 4 + second
    return one_hot(x, 8), (2 * first + second).astype("int32")


def one_hot(x, size):
    return np.eye(size, dtype="float32")[x]


@dataclasses.dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        title: what figures call it.
        batch: (rng, size, length) -> x, y.
        shortest: the least length.
        baseline: length -> loss of the best answer without a memory.
        solved: (loss, score, baseline) -> whether that is good enough.
        outputs: how many numbers the network gives.
        loss: what figures call it.
        usual: {flag: value} where none is given.
    """

    title: str
    batch: Callable
    shortest: int
    baseline: Callable
    solved: Callable
    outputs: int
    loss: str
    usual: dict


TASKS = {
    "adding": Task(
        title="Adding problem",
        batch=adding,
        shortest=2,
        baseline=lambda T: 1 / 6,
        solved=lambda loss, score, baseline: loss < 0.01,
        outputs=1,
        loss="mean squared error",
        usual={"length": 400, "steps": 3000, "units": 64, "learning_rate": 2e-3},
    ),
    "copy": Task(
        title="Copy task",
        batch=copy,
        shortest=1,
        baseline=lambda T: COPIED * math.log(SYMBOLS) / (T + 2 * COPIED),
        solved=lambda loss, score, baseline: loss < baseline / 10,
        outputs=SYMBOLS + 1,
        loss="cross-entropy",
        usual={"length": 30, "steps": 4000, "units": 128, "learning_rate": 5e-3},
    ),
    "order": Task(
        title="Temporal order",
        batch=order,
        shortest=10,
        baseline=lambda T: math.log(4),
        solved=lambda loss, score, baseline: score >= 0.99,
        outputs=4,
        loss="cross-entropy",
        usual={"length": 100, "steps": 3000, "units": 64, "learning_rate": 2e-3},
    ),
}


def batches(task, size, length, seed):
    """Yields random batches for ever; the same ones for the same seed."""
    rng = np.random.default_rng([seed, 1])
    while True:
        yield TASKS[task].batch(rng, size, length)


def validation(task, length):
    """The validation set, 1,000 sequences: one for all seeds, drawn apart from every training batch."""
    return TASKS[task].batch(np.random.default_rng([0, 0]), 1000, length)


# --- One run --------------------------------------------------------------------------------------


def settings(argv=None):
    """The flags of the command line, or of a list; those not given as is usual for the task."""
    flags = parser()
    args = flags.parse_args(argv)
    task = TASKS[args.task]
    for name, value in task.usual.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.rnn in FORGETS and args.initialization == "identity":
        flags.error("--initialization=identity is for a square U, that of --rnn=rnn")
    if args.forget_bias != "" and args.rnn not in FORGETS:
        flags.error(f"--forget_bias is for --rnn={', '.join(FORGETS)}")
    if args.length < task.shortest:
        flags.error(f"--length of {args.task} is {task.shortest} or more")
    return args


def parser():
    def usual(name):
        return "default: " + ", ".join(f"{task.usual[name]} ({key})" for key, task in TASKS.items())

    flags = argparse.ArgumentParser(
        "python -m experiments.studies.memory_tasks",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("task", choices=TASKS)
    flags.add_argument("--length", type=int, help=f"T; {usual('length')}")
    flags.add_argument("--rnn", default="lstm", help="name of a layer of seqzoo.rnns")
    flags.add_argument("--units", type=int, help=usual("units"))
    flags.add_argument("--activation", default="tanh", help="of the new content, such as relu")
    flags.add_argument(
        "--initialization", default="orthogonal", choices=("orthogonal", "normal", "identity"), help="of U"
    )
    flags.add_argument(
        "--forget_bias", default="", type=bias, help="a number, or chrono: after --length; default: the layer's own"
    )
    flags.add_argument("--clip_norm", type=float, default=1.0, help="largest norm of the gradient; 0: not clipped")
    flags.add_argument("--optimizer", default="Adam", help="name in keras.optimizers")
    flags.add_argument("--learning_rate", type=float, help=usual("learning_rate"))
    flags.add_argument("--batch_size", type=int, default=50)
    flags.add_argument("--steps", type=int, help=f"of training, at most; {usual('steps')}")
    flags.add_argument("--every", type=int, default=100, help="steps between validations")
    flags.add_argument("--seed", type=int, default=0, help="of the weights and of the training batches")
    flags.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    flags.add_argument("--suite", action="store_true", help="run the comparisons of the task")
    flags.add_argument("--only", default="", help=f"only those with this in their name: {'; '.join(VARIANTS)}")
    flags.add_argument("--out", type=pathlib.Path, help="JSON file of the results; a suite's figure gets its name too")
    return flags


def bias(text):
    """The value of --forget_bias: "" (as the layer has it), "chrono", or a number."""
    return text if text in ("", "chrono") else float(text)


def given(args):
    """The flags that say again what is not the default, as a list."""
    usual = parser().parse_args([args.task])
    differ = {name: value for name, value in vars(args).items() if value != getattr(usual, name)}
    return [args.task, *(f"--{name}={value}" for name, value in differ.items() if name not in ("suite", "only", "out"))]


def trained(args):
    """Trains a network until the task is solved; a dict with the curve and how it ended."""
    import keras

    task = TASKS[args.task]
    model = network(args)
    baseline = task.baseline(args.length)
    curve = []

    def solved(loss, score):
        return bool(task.solved(loss, score, baseline))

    begin, cpu_begin = time.perf_counter(), time.process_time()

    class Progress(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            finite = math.isfinite(logs["loss"])
            seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
            point = {"step": min((epoch + 1) * args.every, args.steps), **logs}
            point |= {"minutes": seconds / 60, "cpu_minutes": cpu_seconds / 60}
            curve.append({key: float(f"{value:.5g}") if math.isfinite(value) else None for key, value in point.items()})
            print(", ".join(f"{key} {value:.4g}" for key, value in point.items()), flush=True)
            self.model.stop_training = not finite or solved(logs["val_loss"], logs["val_score"])

    model.fit(
        batches(args.task, args.batch_size, args.length, args.seed),
        steps_per_epoch=min(args.every, args.steps),
        epochs=max(args.steps // args.every, 1),
        validation_data=validation(args.task, args.length),
        validation_batch_size=250,
        callbacks=[Progress()],
        shuffle=False,
        verbose=0,
    )
    end = curve[-1]
    diverged = None in end.values()
    return {
        "diverged": diverged,
        "solved": not diverged and solved(end["val_loss"], end["val_score"]),
        "steps": end["step"],
        "minutes": end["minutes"],
        "cpu_minutes": end["cpu_minutes"],
        "loss": end["val_loss"],
        "score": end["val_score"],
        "baseline": baseline,
        "parameters": model.count_params(),
        "curve": curve,
    }


def network(args):
    """The compiled network of a run."""
    import keras

    from seqzoo.rnns import RNNS

    keras.utils.set_random_seed(args.seed)
    task = TASKS[args.task]
    x, y = task.batch(np.random.default_rng(0), 1, args.length)
    layer = RNNS[args.rnn](
        args.units,
        activation=args.activation,
        recurrent_initializer=initializer(args.initialization, args.units),
        return_sequences=y.shape[1:] == (x.shape[1],),  # of the copy task
    )
    model = keras.Sequential([keras.Input(x.shape[1:]), layer, keras.layers.Dense(task.outputs)])
    if args.forget_bias != "":
        set_forget_bias(layer, args.rnn, args.units, args.forget_bias, args.length, args.seed)
    optimizer = getattr(keras.optimizers, args.optimizer)
    model.compile(
        optimizer=optimizer(args.learning_rate, global_clipnorm=args.clip_norm or None),
        loss="mse" if args.task == "adding" else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[score(args.task)],
        jit_compile=False,  # slower around a recurrent loop on a CPU
    )
    return model


def initializer(name, units):
    """Keras's initializer of U [H, H] or [H, 4H] for the name of one."""
    import keras

    if name == "normal":
        return keras.initializers.RandomNormal(0, units**-0.5)  # eigenvalues within the unit circle (Girko, 1985)
    return {"orthogonal": keras.initializers.Orthogonal, "identity": keras.initializers.Identity}[name]()


def set_forget_bias(layer, rnn, units, value, length, seed):
    """Sets the bias of the gate by which a layer that is built forgets.

    Args:
        layer, rnn, units: the layer, its name in RNNS, and H.
        value: a number; the gate then starts near sigmoid(value), the share of the cell that a step keeps. Or "chrono"
            (Tallec & Ollivier, 2018): log U(1, T - 1), so that units forget within 1 to T steps; the input gate of an
            LSTM gets the negative.
        length: T.
        seed: of the uniform numbers.
    """
    from keras import ops

    kept = value
    if value == "chrono":
        kept = np.log(np.random.default_rng([seed, 2]).uniform(1, max(length - 1, 2), units))
    (variable,) = (weight for weight in layer.weights if weight.name == "bias")
    b = np.array(ops.convert_to_numpy(variable))
    gates = b.reshape(-1, b.shape[-1])[0]  # a view; the second row that Keras's GRU has is added to the first
    block = FORGETS[rnn] * units
    gates[block : block + units] = -kept if rnn == "simple_gru" else kept  # simple_gru: c' = u c~ + (1 - u) c
    if value == "chrono" and rnn in ("lstm", "peephole_lstm"):
        gates[:units] = -kept
    variable.assign(b)


def score(task):
    """The function (answers, outputs) -> 1 where they are right, for Keras to average."""
    from keras import ops

    def score(y, outputs):
        if task == "adding":
            return ops.cast(ops.abs(y - outputs) < 0.04, "float32")
        if task == "copy":
            y, outputs = y[:, -COPIED:], outputs[:, -COPIED:]  # anything can write the blanks
        return ops.cast(ops.equal(ops.cast(y, "int32"), ops.cast(ops.argmax(outputs, -1), "int32")), "float32")

    return score


# --- Comparisons ----------------------------------------------------------------------------------


def suite(args):
    """Runs the comparisons of a task, each in a process of its own; adds them to the file of results, and draws it."""
    out = args.out or RESULTS / f"memory_{args.task}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    results = {"task": args.task, "length": args.length, "baseline": TASKS[args.task].baseline(args.length), "runs": []}
    if args.only and out.exists():
        results = json.loads(out.read_text("utf-8"))
        if results["length"] != args.length:
            sys.exit(f"{out} has results for --length={results['length']}. Give another --out.")
    for name, flags in VARIANTS.items():
        if args.only not in name:
            continue
        print(f"\n{name}, seed {args.seed}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "run.json"
            flags = [*given(args), *shlex.split(flags), f"--out={path}"]
            command = [sys.executable, "-m", "experiments.studies.memory_tasks", *flags]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # TensorFlow is talkative
            if done.returncode:
                sys.exit(f"{done.stderr}\n{name} failed with exit status {done.returncode}")
            run = {"name": name, "seed": args.seed, **json.loads(path.read_text("utf-8"))}
        others = [other for other in results["runs"] if (other["name"], other["seed"]) != (name, args.seed)]
        results["runs"] = sorted([*others, run], key=lambda run: ([*VARIANTS].index(run["name"]), run["seed"]))
        out.write_text(json.dumps(results, indent=1), "utf-8")
    plot(results, out.with_suffix(".png"))
    print("\n" + "\n".join(f"{run['name']:28} seed {run['seed']}  {described(run)}" for run in results["runs"]))
    print(f"saved as {out} and {out.with_suffix('.png')}")


def described(run):
    """A line about how a run ended."""
    if run["diverged"]:
        return f"diverged after {run['steps']:,.0f} steps"
    end = "solved in" if run["solved"] else "unsolved after"
    return (
        f"{end} {run['steps']:,.0f} steps, {run['cpu_minutes']:.1f} processor minutes: loss {run['loss']:.4f} "
        f"(baseline {run['baseline']:.4f}), score {run['score']:.3f}"
    )


def plot(results, path):
    """Draws the learning curves of a suite: the loss on the validation set over the steps."""
    from matplotlib.figure import Figure

    task = TASKS[results["task"]]
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
    axes.set_ylabel(f"{task.loss}, validation")
    axes.set_title(f"{task.title}, T = {results['length']}")
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title="★ steps until solved", alignment="left"
    )
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
