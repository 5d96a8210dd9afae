"""Motion and forecasting: continues sequences of numbers, such as the joints of a body or a time series."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data.augmentation import augmented
from seqzoo.data.windows import before, windows
from seqzoo.display.motion import write_sample
from seqzoo.display.report import update_report
from seqzoo.families.forecasting import Forecasting, Forecasts, Horizons, Predicting
from seqzoo.inputs import Frames, Starts
from seqzoo.inputs.starts import FRAMES
from seqzoo.metrics import forecasts
from seqzoo.task import TASKS, TaskData

if TYPE_CHECKING:
    import keras

    from seqzoo.datasets import Examples
    from seqzoo.export.signatures import Signature
    from seqzoo.models import VectorDecoder
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Motion(Options):
    """Motion."""

    condition: str = option(
        "label", "Allow samples of a given label, if the data have labels.", choices=("label", "none")
    )
    hide_label: float = option(
        0.3, "Share of the training clips whose label is hidden; scores always hide it.", minimum=0, maximum=1,
        needs="condition", shapes=False,
    )  # fmt: skip
    max_frames: int = option(
        400, "Most frames to read at once; longer sequences are cut into windows that overlap by half.", minimum=4,
        shapes=False,
    )  # fmt: skip
    relative: bool = option(
        True, "Also read changes from frame to frame, and predict changes. --norelative: predict frames by themselves."
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Generator."""

    components: int = option(5, "Gaussians of the mixture that predicts the next frame.", minimum=1, sweep=[1, 5, 20])
    join: str = option(
        "both", "Where the label enters: the initial state, each step, or both.", choices=("state", "step", "both"),
        needs="condition",
    )  # fmt: skip
    condition_dim: int = option(16, "Width of the embedding of the label.", minimum=1)
    input_dropout: float = option(0.0, "Dropout of the numbers of a frame.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Generating(options.Sampling):
    """Samples."""

    label: str = option("", "Label of the samples; empty: any.")
    primer: str = option("", "File whose first frames are continued; empty: a training clip of the label.", path=True)
    prime_frames: int = option(5, "Frames of it that begin a sample; 0: the model generates the first.", minimum=0)
    length: int = option(75, "Frames to generate after those that begin a sample.", minimum=1, maximum=100_000)
    out: str = option("", "Folder for arrays, tables and pictures. Empty: samples in the run's folder.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Motion, Horizons, Model, options.Augmentation, options.Batching, options.Recurrent, options.Training
):  # fmt: skip
    """Motion."""

    dataset: str = default(options.Data, dataset="figures")
    rnn: str = default(options.Recurrent, rnn="lstm", sweep=["lstm", "gru"])
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=15)
    average: float = default(options.Training, average=0.99)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()


@TASKS.register("motion", "forecasting")
class MotionTask(Forecasting):
    """Motion and forecasting: nats a frame, and the error of forecasts."""

    Config = Config
    requests = {"evaluate": Forecasts, "predict": Predicting, "generate": Generating}
    advice = {
        "figures": "These figures were generated. To train on your own: --dataset=clips --data_dir=FOLDER, or for a "
        "time series --dataset=series --data_dir=TABLE.csv"
    }

    def learn(self, train: "Examples") -> dict:
        config, first = self.config, next(iter(train), {})
        frames, names = Frames.learn(train, velocities=True), first.get("names", [])
        labelled = "label" in train.features and config.condition == "label"
        labels = sorted({example["label"] for example in train}) if labelled else []
        if config.rotation and (frames.width % 3 or names):
            raise ValueError(f"--rotation needs frames of 3 numbers a joint. Received: {frames.width} numbers.")
        if config.joint_dims and frames.width % config.joint_dims:
            raise ValueError(f"--joint_dims={config.joint_dims} should divide the {frames.width} numbers of a frame.")
        return {
            "frames": frames,
            "labels": labels,
            "starts": Starts.learn(train, labels),
            "names": names,  # names of the columns of a series
            "naive": forecasts.naive_error(first["frames"], config.season).tolist() if names else [],
        }

    def load(self, unseen: bool = False) -> TaskData:
        data = super().load(unseen)
        if not self.assets["names"] and (text := forecasts.rounded(self.config.fps)):
            data.summary["horizons"] = text
        return data

    def encoder(self, training: bool = False) -> Callable:
        frames, longest = self.assets["frames"].encoder(), self.config.max_frames

        def encode(example):
            x, given = frames(example)["frames"], example.get("given", 0)
            known = self.known_label(example.get("label", "")) if training else {}
            return [self.arrays(x[i:j], known, counted - i) for i, j, counted in windows(len(x), given, longest)]

        return encode

    def arrays(self, x: np.ndarray, known: dict, given: int = 0) -> tuple:
        """Returns (inputs, labels, weights) of a window [T, D], whose first `given` frames are not scored."""
        begin = self.assets["frames"].mean[: x.shape[1]]
        inputs = {"frames": before(x, begin), "frames_length": np.array(len(x), "int32")}
        return {**inputs, **self.known_label(""), **known}, x, (np.arange(len(x)) >= given).astype("float32")

    def augmenter(self) -> Callable | None:
        """Hides labels, and changes clips, except for windows whose first frames are not scored."""
        changes = self.config.arguments(options.Augmentation)

        def augment(example, encoded, rng):
            inputs, x, weights = encoded
            known = {name: inputs[name] for name in self.known_label("") if rng.random() >= self.config.hide_label}
            if weights.all():
                x = augmented(x, rng, self.assets["frames"].raw_std, **changes)
            return self.arrays(x, known, int((weights == 0).sum()))

        return augment

    def build(self) -> "keras.Model":
        from seqzoo.models import generator

        frames, labels = self.assets["frames"], self.assets["labels"]
        return generator(
            width=frames.width,
            mean=frames.mean[: frames.width],
            std=frames.raw_std,
            change=frames.std[frames.width :] if self.config.relative else None,
            conditions={"label": len(labels) + 1} if labels else None,
            **self.config.arguments(Model, options.Recurrent),
        )

    def loss(self) -> "keras.losses.Loss":
        from seqzoo.layers.mixture import MixtureLoss

        return MixtureLoss()

    def predictor(self, model: "keras.Model") -> "VectorDecoder":
        from seqzoo.models import VectorDecoder

        return VectorDecoder(model)

    def generate(self, run: "Run", request: Generating, write: Callable[[str], object]) -> Iterator[dict]:
        from seqzoo.decoding.continuation import continued

        config = self.config
        label, check, starts = self.asked_label(request.label), self.assets["frames"].encoder(), self.assets["starts"]
        if request.prime_frames > FRAMES and not request.primer:
            raise ValueError(
                f"--prime_frames={request.prime_frames}: a run keeps the first {FRAMES} frames of training clips. To "
                "begin with more, give a clip: --primer=FILE."
            )
        seeds = [(request.seed, number) for number in range(1, request.samples + 1)]
        begun = (
            [check(self.example(request.primer))["frames"]] * len(seeds)
            if request.primer
            else [starts.draw(label, np.random.default_rng(seed)) for seed in seeds]
        )
        begun = [x[: request.prime_frames] for x in begun]
        folder = pathlib.Path(request.out) if request.out else run.output() / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        sampling = {"temperature": request.temperature, "top_k": request.top_k, "top_p": request.top_p}
        contexts, known = [x[-config.max_frames :] for x in begun], [self.known_label(label)] * len(begun)
        found = continued(run.predictor, contexts, known, request.length, "sample", 0, seeds, **sampling)
        described = {"names": self.assets["names"], "fps": config.fps, "dims": self.dims, "vertical": config.vertical}
        for number, (prime, each) in enumerate(zip(begun, found, strict=True), 1):
            files = write_sample(prime, each.frames, folder / f"{number}", **described)
            yield {"sample": number, "label": label, "known": len(prime), "frames": len(each.frames), **files}
        if not request.out:
            update_report(run.output(), self)

    def signatures(self, run: "Run", request: options.Exporting) -> "dict[str, Signature]":
        from seqzoo.export.vectors import vectors

        return vectors(run, [*self.assets["labels"]])

    def export_notes(self) -> list[str]:
        units = "Frames are read and predicted in the units of the data; the model standardises them itself."
        labels = ", ".join(f"{number} {label}" for number, label in enumerate(self.assets["labels"], 1))
        return [units, *([f"Labels: 0 is unknown, {labels}."] if labels else [])]

    @classmethod
    def tiny(cls) -> tuple:
        rng = np.random.default_rng(0)
        examples = [
            {"frames": np.cumsum(rng.normal(way, 0.5, (length, 4)), 0).astype("float32"), "label": f"{way:+}"}
            for way, length in ((1, 9), (-1, 6), (1, 7), (-1, 12))
        ]
        config = cls.Config(
            units=8, components=2, condition_dim=3, prime_frames=3, horizon=3, epochs=2, learning_rate=0.02, dropout=0.1
        )
        return config, {"train": examples, "valid": examples}, []
