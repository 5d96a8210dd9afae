"""Memory: tests how well a network remembers its input, as in copying. Many to many, and many to one."""

import dataclasses
import functools
import json
import pathlib
import random
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import LARGEST, default, option
from seqzoo.config import Config as Options
from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.generated.memory import LONGEST, asked
from seqzoo.display.memory import lengths_plot, memory_plot, print_remembered
from seqzoo.files import replace
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.memory import faults, mean_rows, memory_scores, written
from seqzoo.rnns import RNNS
from seqzoo.rnns.initialization import FORGETS
from seqzoo.task import TASKS, Task

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from seqzoo.decoding.predictor import Predictor
    from seqzoo.training.folder import Run


STEPS = 100  # training steps in an epoch, each on new sequences
SETS = tuple(name for name in DATASETS.names() if DATASETS.trait(name, "memory", False))


@dataclasses.dataclass(frozen=True)
class Network(Options):
    """Network."""

    length: int = option(
        0, "Longest sequence of train; sequences of valid are one to six times as long. For adding, temporal_order and "
        "delayed_copy: the length of all. 0: 20, or for these three 400, 100 and 30.", minimum=1, maximum=LONGEST,
        zero=True, shapes=False,
    )  # fmt: skip
    rnn: str = option("ntm", "Kind of recurrent layer (see --list).", choices=RNNS, sweep=["ntm", "lstm", "gru"])
    units: int = option(100, "Units of the layer or, for an NTM, of its controller.", minimum=1, sweep=[64, 100, 200])
    activation: str = option("tanh", "Activation of the new content, such as relu.")
    initialization: str = option(
        "", "Initialization of the recurrent kernel; empty: the layer's own.",
        choices=("", "orthogonal", "normal", "identity"), shapes=False, sweep=["orthogonal", "normal"],
    )  # fmt: skip
    forget_bias: str = option(
        "", "Bias of the forget gate: a number; chrono: drawn for --length (Tallec & Ollivier, 2018); empty: default.",
        needs="rnn=" + "|".join(FORGETS), shapes=False,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Network, options.Machine, options.Batching, options.Training):
    """Memory."""

    dataset: str = default(options.Data, dataset="copy")
    batch_size: int = default(options.Batching, batch_size=16)
    epochs: int = default(options.Training, epochs=20)
    learning_rate: float = default(options.Training, learning_rate=1e-3)
    schedule: str = default(options.Training, schedule="constant")
    clip_norm: float = default(options.Training, clip_norm=10.0)
    average: float = default(options.Training, average=0.0)
    evaluate_every: int = default(options.Training, evaluate_every=5)

    def __post_init__(self):
        super().__post_init__()
        if self.dataset not in SETS:
            raise ValueError(f"--dataset should be one of {', '.join(SETS)}. Received: {self.dataset!r}")
        if self.forget_bias not in ("", "chrono") and not _is_number(self.forget_bias):
            raise ValueError(f"--forget_bias should be a number, or chrono. Received: {self.forget_bias!r}")
        if self.initialization and not RNNS.trait(self.rnn, "recurrent_kernel", True):
            raise ValueError(f"--initialization has no effect with --rnn={self.rnn}: it has no recurrent kernel.")
        if RNNS.trait(self.controller, "bidirectional", False):
            raise ValueError(f"--controller should be a layer that reads forward. Received: {self.controller!r}")
        if self.initialization == "identity" and RNNS.trait(self.rnn, "gates", "") != "":
            raise ValueError("--initialization=identity needs a square kernel, such as that of --rnn=rnn.")
        if 2 * self.shift + 1 > self.rows:
            raise ValueError(f"--shift={self.shift} needs --rows={2 * self.shift + 1} or more. Received: {self.rows}")


def _is_number(text):
    try:
        return abs(float(text)) <= LARGEST  # not so if it is not a number, "nan"
    except ValueError:
        return False


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    png: str = option(
        "", "Draw the first sequence, its answer and, for an NTM, what its heads write and read.", path=True
    )


@TASKS.register("memory")
class Memory(Task):
    """Memory tasks such as copy: errors in the answer to a sequence, even to longer ones than in training."""

    Config = Config
    requests = {"predict": Predicting}
    needs = {"frames": np.ndarray, "answer": np.ndarray, "length": int, "kind": str}
    measures = {
        "wrong": Measure("wrong a sequence", "min"),
        "accuracy": Measure("all right", "max", "%"),
        "loss": Measure("loss", "min"),
    }
    objective = "wrong"
    axes = {"frames": "time", "labels": "time"}
    demo = {"": "--text=20 --png={folder}/sequence.png"}
    first = None

    @property
    def reader(self) -> Callable:
        return DATASETS[self.config.dataset]

    def read(self) -> dict[str, Examples]:
        sizes = {"train": STEPS * (self.config.batch_size or 32), "valid": 384}
        return self.reader(**options.source(self.config), length=self.config.length, sizes=sizes)

    def content(self, example: dict) -> str:
        return example["frames"].tobytes().hex()

    def learn(self, train: Examples) -> dict:
        first = next(iter(train))
        guesses = mean_rows(example["answer"] for example in train).round(4).tolist()
        shapes = {"inputs": first["frames"].shape[1], "outputs": first["answer"].shape[1]}
        return {**shapes, "kind": first["kind"], "guesses": guesses}

    def encoder(self, training: bool = False) -> Callable:
        outputs = self.assets["outputs"]

        def encode(example):
            frames = example["frames"].astype("float32", copy=False)
            labels, weights = np.zeros((len(frames), outputs), "float32"), np.zeros(len(frames), "float32")
            if "answer" in example:
                answered = len(frames) - len(example["answer"])
                labels[answered:], weights[answered:] = example["answer"], 1
            return {"frames": frames, "frames_length": np.array(len(frames), "int32")}, labels, weights

        return encode

    def augmenter(self) -> Callable | None:
        """Replaces the sequences of the last epoch by new ones."""
        encode, draw = self.encoder(training=True), self.reader.draw
        return lambda example, encoded, rng: encode(draw(random.Random(int(rng.integers(2**63))), example["length"]))

    def build(self) -> "keras.Model":
        from seqzoo.inputs import frames
        from seqzoo.models import memorizer

        config = self.config
        network = {**config.arguments(Network), "length": config.length or self.reader.usual, "seed": config.seed}
        machine = config.arguments(options.Machine) if config.rnn == "ntm" else {}
        return memorizer(self.assets["outputs"], frames(self.assets["inputs"]), **network, **machine)

    def loss(self) -> "keras.losses.Loss":
        import keras

        kind = {
            "bits": functools.partial(keras.losses.BinaryCrossentropy, from_logits=True),
            "classes": functools.partial(keras.losses.CategoricalCrossentropy, from_logits=True),
            "numbers": keras.losses.MeanSquaredError,
        }[self.assets["kind"]]
        return kind(reduction="mean_with_sample_weight")

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from keras import ops

        to = {"bits": ops.sigmoid, "classes": ops.softmax, "numbers": lambda x: x}[self.assets["kind"]]
        return {"answer": to(model.output)}

    def example(self, line: str) -> dict:
        return asked(self.reader, line, self.assets["inputs"])

    def answer(self, example: dict, row: dict | None) -> dict:
        if row is None:
            return {"answer": []}
        kind, gold, steps = self.assets["kind"], example.get("answer"), len(example["frames"])
        found = row["answer"][:steps]
        if gold is None:
            return {"steps": steps, "answer": written(kind, found)}
        found = found[steps - len(gold) :]
        wrong = faults(kind, found, gold)
        return {
            "length": example["length"],
            "wrong": wrong,
            "answer": written(kind, found),
            "gold": written(kind, gold),
        }

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        lengths = [example["length"] for example in examples]
        return memory_scores(lengths, [answer["wrong"] for answer in answers])

    def baselines(self, train: Iterable[dict]) -> dict[str, Callable]:
        guesses = np.array(self.assets["guesses"])

        def answer(example):
            steps = np.minimum(np.arange(len(example["answer"])), len(guesses) - 1)[::-1]
            return {"wrong": faults(self.assets["kind"], guesses[steps], example["answer"])}

        return {"no memory": answer}

    def differs(self, answer: dict) -> bool:
        return bool(answer.get("wrong"))

    def show(self, answer: dict, console: "Console") -> None:
        print_remembered(answer, console)

    def examples(self, line: str, request: Predicting | None = None) -> list[dict]:
        example = self.example(line)
        self.first = self.first or example
        return [example]

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        self.first = None  # the example of the first line, to draw it
        for answer in super().predict(run, lines, request):
            if request and request.png and answer["line"] == 1:
                self.draw(run.predictor, self.first, request.png)
            yield answer

    def draw(self, predictor: "Predictor", example: dict, path: str | pathlib.Path) -> None:
        """Draws a sequence, its answer, and what the heads of an NTM do."""
        from seqzoo.rnns.ntm import NTM, trace

        ((_, row),) = self.feed([example]).outputs(predictor)
        frames, layer = example["frames"], predictor.model.get_layer("memory")
        heads = trace(layer, frames) if isinstance(layer, NTM) else {}
        length = f", length {example['length']}" if "length" in example else ""
        drawn = frames, row["answer"], example.get("answer"), heads, f"{self.config.dataset}{length}: {self.config.rnn}"
        replace(pathlib.Path(path), lambda path: memory_plot(*drawn, path))

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: pathlib.Path) -> None:
        """Saves errors against length as lengths.png, and the first sequence of valid as memory.png."""
        curves = {self.config.rnn: answers}
        for name, answer in self.baselines(()).items():
            curves[name] = [{"wrong": answer(example)["wrong"]} for example in examples]
        scored = {name: self.scores(examples, found) for name, found in curves.items()}
        if "lengths" in scored[self.config.rnn]:
            curves = {name: {int(n): row["wrong"] for n, row in s["lengths"].items()} for name, s in scored.items()}
            lengths_plot(curves, f"{self.assets['kind']} wrong a sequence", str(folder / "lengths.png"))
        self.draw(predictor, examples[0], folder / "memory.png")

    @classmethod
    def tiny(cls) -> tuple:
        draw = DATASETS["copy"].draw
        examples = [draw(random.Random(0), length) for length in (1, 3, 2, 1)]  # which begin alike
        config = cls.Config(units=16, epochs=2, learning_rate=0.02, batch_size=4, evaluate_every=1)
        return config, {"train": examples, "valid": examples}, ["3", json.dumps([[0.0] * 9] * 2)]
