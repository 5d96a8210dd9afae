"""How far back a recurrent network can remember: adding problem, copy task, temporal order.

    python -m experiments.studies.memory_tasks adding --rnn=gru                     one run; prints its curve
    python -m experiments.studies.memory_tasks adding --rnn=rnn --clip_norm=0       a plain RNN, no gradient clipping
    python -m experiments.studies.memory_tasks adding --suite                       all variants of a task, and a figure
    python -m experiments.studies.memory_tasks adding --suite --only=GRU --seed=1   some variants; the others are kept

A few inputs decide the answer, up to T = `length` steps before it is due. The network is one recurrent layer and a
dense one. Each is a task like those of tasks/, trained by the same loop; an epoch is 100 steps, each on a new random
batch, so that nothing can be overfitted. The validation set is the same for all runs. Training ends when the task is
solved, or after --epochs.

    adding   Input [T, 2]: a number from U(0, 1), and a mark that is 1 at two positions, one in each half. Answer: the
             sum of the two marked numbers (Hochreiter & Schmidhuber, 1997, experiment 4; in the form of Le et al.,
             2015, and Arjovsky et al., 2016). Always answering 1 has a mean squared error of 1/6 = 0.167, the variance
             of the sum. Solved, here: an error below 0.01, a sixteenth of that. Accuracy: sums that are right within
             0.04, the stricter measure of 1997.
    copy     Input: 10 random symbols out of 8, T - 1 blanks, a mark, 10 blanks. Answer: T + 10 blanks, then the symbols
             in order (Arjovsky et al., 2016, after Hochreiter & Schmidhuber, 1997). The best without a memory is blanks
             and guessed symbols, a cross-entropy of 10 ln 8 / (T + 20) a step. Solved, here: a tenth of that. Accuracy:
             of the symbols, without the blanks.
    order    Input: symbols, among them X or Y at two positions, T/10 to T/5 and T/2 to 6T/10. Answer: XX, XY, YX or YY
             (Hochreiter & Schmidhuber, 1997, experiment 6a; positions as shares of T: Pascanu et al., 2013). Guessing
             has a cross-entropy of ln 4. Solved: an accuracy of 99% (Pascanu et al., 2013).

The variants compare gates (Hochreiter & Schmidhuber, 1997; Cho et al., 2014); the bias of the forget gate (Gers et al.,
2000; Jozefowicz et al., 2015), also one chosen for the required memory length ("chrono": Tallec & Ollivier, 2018); for
plain RNNs gradient clipping (Pascanu et al., 2013), orthogonal U (Saxe et al., 2014), and ReLU with U = 1 (IRNN: Le et
al., 2015).

In the adding problem the second mark is sometimes close to the end, so that a short memory helps to begin with. In
temporal order nothing relevant is closer to the end than 4T/10.

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
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from experiments import RESULTS
from experiments.benchmarks.benchmark import circumstances, keep_to
from seqzoo import options
from seqzoo.config import default, option
from seqzoo.datasets import Examples
from seqzoo.metrics.measure import Measure
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS, Task

if TYPE_CHECKING:
    import keras


STEPS = 100  # of training in an epoch
SYMBOLS, COPIED = 8, 10  # of the copy task: size of the alphabet, symbols to copy
ORDERS = ("XX", "XY", "YX", "YY")  # answers of temporal order
# Which block of H biases is that of the forget gate: i f g o of an LSTM, z r h of a GRU, u c of simple_gru.
FORGETS = {"lstm": 1, "peephole_lstm": 1, "gru": 0, "simple_gru": 0}
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


# --- The sequences --------------------------------------------------------------------------------


def adding(rng: np.random.Generator, length: int) -> dict:
    """The adding problem: frames [T, 2], a number and a mark; answer [1], the sum of the two marked numbers."""
    values, marks = rng.random(length, dtype="float32"), np.zeros(length, "float32")
    marks[[rng.integers(0, length // 2), rng.integers(length // 2, length)]] = 1
    return {"frames": np.stack([values, marks], axis=-1), "answer": (values * marks).sum(keepdims=True)}


def copy(rng: np.random.Generator, length: int) -> dict:
    """The copy task: frames [T + 20, 10], one-hot; answer [T + 20], the blank (8) and last the first 10 symbols."""
    blank, mark = SYMBOLS, SYMBOLS + 1
    x = np.full(length + 2 * COPIED, blank)
    answer = x.copy()
    x[:COPIED] = answer[-COPIED:] = rng.integers(0, SYMBOLS, COPIED)
    x[length + COPIED - 1] = mark
    return {"frames": one_hot(x, SYMBOLS + 2), "answer": answer.astype("int32")}


def order(rng: np.random.Generator, length: int) -> dict:
    """Temporal order: frames [T, 8], one-hot of a b c d X Y E B; answer, an index of ORDERS.

    E is first, B is last, X or Y are at two positions: T/10 to T/5, and T/2 to 6T/10.
    """
    x = rng.integers(0, 4, length)
    x[0], x[-1] = 6, 7
    first, second = rng.integers(0, 2, 2)
    x[rng.integers(length // 10, length // 5 + 1)] = 4 + first
    x[rng.integers(length // 2, 6 * length // 10 + 1)] = 4 + second
    return {"frames": one_hot(x, 8), "answer": int(2 * first + second)}


def one_hot(x: np.ndarray, size: int) -> np.ndarray:
    return np.eye(size, dtype="float32")[x]


# --- The tasks ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(options.Batching, options.Training):
    """Network."""

    length: int = option(400, "T, the number of steps to remember over.", minimum=1)
    rnn: str = option("lstm", "Kind of recurrent layer.", choices=RNNS)
    units: int = option(64, "Units of the layer.", minimum=1)
    activation: str = option("tanh", "Activation of the new content, such as relu.")
    initialization: str = option("orthogonal", "Initialization of U.", choices=("orthogonal", "normal", "identity"))
    forget_bias: str = option("", "Bias of the forget gate: a number; chrono: for --length; empty: the layer's own.")
    seed: int = option(0, "Seed of the weights and of the training batches.", minimum=0)
    batch_size: int = default(options.Batching, batch_size=50)
    batch_tokens: int = default(options.Batching, batch_tokens=0)
    epochs: int = default(options.Training, epochs=30)
    schedule: str = default(options.Training, schedule="constant")
    average: float = default(options.Training, average=0.0)

    def __post_init__(self):
        super().__post_init__()
        if self.rnn in FORGETS and self.initialization == "identity":
            raise ValueError("--initialization=identity needs a square U, such as that of --rnn=rnn.")
        if self.forget_bias and self.rnn not in FORGETS:
            raise ValueError(f"--forget_bias is for --rnn={', '.join(FORGETS)}. Received: --rnn={self.rnn}")
        if self.forget_bias not in ("", "chrono"):
            float(self.forget_bias)


@dataclasses.dataclass(frozen=True)
class CopyConfig(Config):
    """Network."""

    length: int = default(Config, length=30)
    units: int = default(Config, units=128)
    epochs: int = default(options.Training, epochs=40)
    learning_rate: float = default(options.Training, learning_rate=5e-3)


@dataclasses.dataclass(frozen=True)
class OrderConfig(Config):
    """Network."""

    length: int = default(Config, length=100)


class MemoryTask(Task):
    """A memory task: what the three have in common.

    Class attributes:
        title, loss_title: what figures call the task and its loss.
        generate: function (rng, length) -> example.
        shortest: the smallest length.
        outputs: width of the network's output.
        per_step: whether there is an answer at each step.
    """

    Config = Config
    needs = {"frames": np.ndarray, "answer": np.ndarray}
    measures = {"loss": Measure("Loss", "min"), "accuracy": Measure("Accuracy", "max", "%")}
    objective = "loss"
    axes = {"frames": "time"}
    loss_title = "cross-entropy"
    shortest, per_step = 1, False

    @property
    def baseline(self) -> float:
        """The loss of the best answer without a memory."""
        raise NotImplementedError

    def solved(self, loss: float, accuracy: float) -> bool:
        """Whether a loss and an accuracy in percent are good enough."""
        raise NotImplementedError

    def read(self) -> dict[str, Examples]:
        """As many training sequences as an epoch has, and 1,000 of valid, which are the same for all seeds."""
        config = self.config
        if config.length < self.shortest:
            raise ValueError(f"--length should be at least {self.shortest}. Received: {config.length}")
        sizes = {"train": (STEPS * config.batch_size, config.seed + 1), "valid": (1000, 0)}
        return {
            split: Examples(lambda size=size, seed=seed: self.sequences(size, seed), self.needs, f"{self.name}/{split}")
            for split, (size, seed) in sizes.items()
        }

    def sequences(self, size: int, seed: int) -> Iterator[dict]:
        """Random sequences, the same ones for the same seed."""
        rng = np.random.default_rng([seed, 0])
        for _ in range(size):
            yield type(self).generate(rng, self.config.length)

    def learn(self, train: Examples) -> dict:
        return {"width": next(iter(train))["frames"].shape[1]}

    def encoder(self, training: bool = False) -> Callable:
        def encode(example):
            frames = example["frames"]
            inputs = {"frames": frames, "frames_length": np.int32(len(frames))}
            weights = np.ones(len(frames) if self.per_step else (), "float32")
            labels = self.no_answer(len(frames))
            if "answer" not in example:
                return inputs, labels, 0 * weights
            return inputs, np.asarray(example["answer"], labels.dtype), weights

        return encode

    def no_answer(self, steps: int) -> np.ndarray:
        """Labels of a sequence whose answer is unknown."""
        return np.zeros(steps if self.per_step else (), "int32")

    def augmenter(self) -> Callable:
        """Replaces the sequences of the last epoch by new ones."""
        encode = self.encoder(training=True)
        return lambda example, encoded, rng: encode(type(self).generate(rng, self.config.length))

    def build(self):
        import keras

        from seqzoo.inputs import frames

        config = self.config
        inputs, x, mask = frames(self.assets["width"])  # [B, T, D], [B, T]
        layer = RNNS[config.rnn](
            config.units,
            activation=config.activation,
            recurrent_initializer=initializer(config.initialization, config.units),
            return_sequences=self.per_step,
        )
        y = layer(x, mask=mask)  # [B, T, H], or [B, H]
        if config.forget_bias:
            set_forget_bias(layer, config.rnn, config.units, config.forget_bias, config.length, config.seed)
        return keras.Model(inputs, keras.layers.Dense(self.outputs)(y))

    def loss(self) -> "keras.Loss":
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def example(self, line: str) -> dict:
        """A line is a JSON list of frames."""
        return {"frames": np.asarray(json.loads(line), "float32")}

    @classmethod
    def tiny(cls) -> tuple:
        config = cls.Config(length=10, units=8, epochs=2, batch_size=4, learning_rate=0.01)
        rng = np.random.default_rng(0)
        return config, {
            split: [cls.generate(rng, length) for length in (10, 12, 11, 10, 14, 10)] for split in ("train", "valid")
        }


class Adding(MemoryTask):
    """Adding problem: mean squared error, and sums right within 0.04."""

    name = "memory_adding"
    title, loss_title = "Adding problem", "mean squared error"
    measures = {"loss": Measure("Squared error", "min"), "accuracy": Measure("Right within 0.04", "max", "%")}
    generate, shortest, outputs = adding, 2, 1
    baseline = 1 / 6

    def solved(self, loss: float, accuracy: float) -> bool:
        return loss < 0.01

    def no_answer(self, steps: int) -> np.ndarray:
        return np.zeros(1, "float32")

    def loss(self) -> "keras.Loss":
        import keras

        return keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")

    def answer(self, example: dict, row: dict) -> dict:
        return {"sum": float(row["outputs"][0])}

    def scores(self, examples: list, answers: list) -> dict:
        pairs = zip(examples, answers, strict=True)
        return {"accuracy": percent(abs(answer["sum"] - example["answer"][0]) < 0.04 for example, answer in pairs)}


class Copy(MemoryTask):
    """Copy task: cross-entropy, and accuracy of the symbols."""

    name = "memory_copy"
    Config = CopyConfig
    title = "Copy task"
    generate, outputs, per_step = copy, SYMBOLS + 1, True
    axes = {"frames": "time", "labels": "time"}

    @property
    def baseline(self) -> float:
        return COPIED * math.log(SYMBOLS) / (self.config.length + 2 * COPIED)

    def solved(self, loss: float, accuracy: float) -> bool:
        return loss < self.baseline / 10

    def answer(self, example: dict, row: dict) -> dict:
        logits = row["outputs"][: len(example["frames"])]  # [T + 20, 9]
        return {"symbols": logits[-COPIED:].argmax(-1).tolist()}

    def scores(self, examples: list, answers: list) -> dict:  # blanks are easy and do not count
        pairs = zip(examples, answers, strict=True)
        return {
            "accuracy": percent(np.equal(answer["symbols"], example["answer"][-COPIED:]) for example, answer in pairs)
        }


class Order(MemoryTask):
    """Temporal order: cross-entropy and accuracy."""

    name = "memory_order"
    Config = OrderConfig
    title = "Temporal order"
    needs = {"frames": np.ndarray, "answer": int}
    generate, shortest, outputs = order, 10, len(ORDERS)
    baseline = math.log(len(ORDERS))

    def solved(self, loss: float, accuracy: float) -> bool:
        return accuracy >= 99

    def answer(self, example: dict, row: dict) -> dict:
        return {"order": ORDERS[int(row["outputs"].argmax())]}

    def scores(self, examples: list, answers: list) -> dict:
        pairs = zip(examples, answers, strict=True)
        return {"accuracy": percent(answer["order"] == ORDERS[example["answer"]] for example, answer in pairs)}


MEMORY_TASKS = {"adding": Adding, "copy": Copy, "order": Order}


def percent(right: Iterable) -> float:
    """The share of what is right in percent."""
    return 100 * float(np.mean([*right]))


# --- The network ----------------------------------------------------------------------------------


def initializer(name: str, units: int) -> "keras.initializers.Initializer":
    """The initializer of U [H, H] or [H, 4H]."""
    import keras

    if name == "normal":
        return keras.initializers.RandomNormal(0, units**-0.5)  # eigenvalues within the unit circle (Girko, 1985)
    return {"orthogonal": keras.initializers.Orthogonal, "identity": keras.initializers.Identity}[name]()


def set_forget_bias(
    layer: "keras.layers.Layer", rnn: str, units: int, value: str | float, length: int, seed: int
) -> None:
    """Sets the bias of the forget gate of a built layer.

    Args:
        layer, rnn, units: the layer, its name in RNNS, and H.
        value: a number; the gate then starts near sigmoid(value), the share of the cell that a step keeps. Or "chrono"
            (Tallec & Ollivier, 2018): log U(1, T - 1), so that units forget within 1 to T steps; the input gate of an
            LSTM gets the negative.
        length: T.
        seed: of the uniform numbers.
    """
    from keras import ops

    kept = np.log(np.random.default_rng([seed, 2]).uniform(1, max(length - 1, 2), units))
    if value != "chrono":
        kept = float(value)
    (variable,) = (weight for weight in layer.weights if weight.name == "bias")
    b = np.array(ops.convert_to_numpy(variable))
    gates = b.reshape(-1, b.shape[-1])[0]  # a view; the second row that Keras's GRU has is added to the first
    block = FORGETS[rnn] * units
    gates[block : block + units] = -kept if rnn == "simple_gru" else kept  # simple_gru: c' = u c~ + (1 - u) c
    if value == "chrono" and rnn in ("lstm", "peephole_lstm"):
        gates[:units] = -kept
    variable.assign(b)


# --- One run --------------------------------------------------------------------------------------


def main() -> None:
    args, task = settings()
    TASKS.register(task.name)(type(task))  # so that the run's folder can be loaded
    if args.suite:
        suite(args, task)
        return
    keep_to(args.threads)
    result = {"command": command(task), **circumstances(), **trained(task)}
    print(described(result))
    if args.out:
        args.out.write_text(json.dumps(result, indent=1), "utf-8")


def settings(argv: list[str] | None = None) -> tuple[argparse.Namespace, MemoryTask]:
    """The flags of the study, and the task with the config that the other flags give."""
    from seqzoo.run import flag_parser, parse_flags

    parser = argparse.ArgumentParser(
        "python -m experiments.studies.memory_tasks",
        description=__doc__,
        epilog=f"Other flags: {', '.join(f'--{field.name}' for field in dataclasses.fields(Config))}.",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=MEMORY_TASKS)
    parser.add_argument("--threads", type=int, default=1, help="processors to use; 0: all")
    parser.add_argument("--suite", action="store_true", help="run all variants of the task")
    parser.add_argument("--only", default="", help=f"only variants with this in their name: {'; '.join(VARIANTS)}")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file of the results; a suite's figure gets its name too")
    args, flags = parser.parse_known_args(argv)
    task = MEMORY_TASKS[args.task]
    try:
        return args, task(task.Config(**parse_flags(flag_parser([task.Config]), flags)))
    except Exception as error:  # of absl's flags, or of the Config
        parser.error(str(error))


def command(task: MemoryTask) -> str:
    """The command line that repeats a run: the flags that are not the defaults."""
    usual = type(task).Config().to_dict()
    flags = [f"--{name}={value}" for name, value in task.config.to_dict().items() if value != usual[name]]
    return " ".join(["python -m experiments.studies.memory_tasks", task.name.removeprefix("memory_"), *flags])


def trained(task: MemoryTask) -> dict:
    """Trains a network until the task is solved; returns the curve and the final scores."""
    import keras

    from seqzoo.training import train

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
        return bool(task.solved(point["val_loss"], 100 * point["val_score"]))

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
        "baseline": task.baseline,
        "parameters": parameters,
        "curve": curve,
    }


# --- Comparisons ----------------------------------------------------------------------------------


def suite(args: argparse.Namespace, task: MemoryTask) -> None:
    """Runs the variants of a task, each in a process of its own; updates the file of results and its figure."""
    out, length, seed = args.out or RESULTS / f"{task.name}.json", task.config.length, task.config.seed
    out.parent.mkdir(parents=True, exist_ok=True)
    results = {"task": args.task, "length": length, "baseline": task.baseline, "runs": []}
    if args.only and out.exists():
        results = json.loads(out.read_text("utf-8"))
        if results["length"] != length:
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

    task = MEMORY_TASKS[results["task"]]
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
    axes.set_ylabel(f"{task.loss_title}, validation")
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
