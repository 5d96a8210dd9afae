"""Activity: gives a sequence of frames (a skeleton, sensors or pictures) a label. Many to one."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqzoo import options
from seqzoo.config import default
from seqzoo.data.augmentation import augmented
from seqzoo.data.bags import nearest_bag
from seqzoo.datasets.frames.clips import ENDINGS, read_clip
from seqzoo.families.classification import Classification, Classifier, Labelled
from seqzoo.families.clips import Clips
from seqzoo.inputs import Frames, Video
from seqzoo.task import TASKS

if TYPE_CHECKING:
    import pathlib

    from seqzoo.datasets import Examples
    from seqzoo.decoding.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Frames, options.Video, Labelled, options.Augmentation, options.Batching,
    options.PooledConvolution, options.Recurrent, Classifier, options.Training, options.Labels,
):  # fmt: skip
    """Labels."""

    dataset: str = default(options.Data, dataset="moving_digits")
    units: int = default(options.Recurrent, units=64)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=12)


@TASKS.register("activity")
class Activity(Clips, Classification):
    """Activity recognition: accuracy of one label for each clip, of numbers or of pictures."""

    Config = Config
    needs = {"frames": np.ndarray, "label": str}
    axes = {"frames": "time"}
    files = ENDINGS
    demo = {"": "--text={folder}/clip.npy"}
    advice = {
        "moving_digits": "These clips were generated. To train on your own: --dataset=clips --data_dir=FOLDER, with a "
        "file (.csv, .npy) or a folder of pictures for each clip in FOLDER/LABEL."
    }

    def learn(self, train: "Examples") -> dict:
        config, first = self.config, next((example["frames"] for example in train), np.zeros((0, 0)))
        if config.rotation and (first.ndim != 2 or first.shape[1] % 3):
            raise ValueError(f"--rotation needs frames of 3 numbers a joint. Received: shape {list(first.shape)}.")
        if first.ndim == 4:
            frames = Video.learn(train)
        else:
            frames = Frames.learn(train, config.velocities, config.centre, config.per_clip, config.one_scale)
        return {"frames": frames, **self.learn_labels(train)}

    def encoder(self, training: bool = False) -> Callable:
        frames, label = self.assets["frames"].encoder(), self.label_encoder()
        return lambda example: (frames(example), *label(example))

    def augmenter(self) -> Callable | None:
        changes, std = self.config.arguments(options.Augmentation), self.assets["frames"].raw_std

        def augment(example, encoded, rng):
            frames = augmented(encoded[0]["frames"], rng, std, **changes)
            return {"frames": frames, "frames_length": np.array(len(frames), "int32")}, *encoded[1:]

        return augment if any(changes[name] for name in changes if name != "vertical") else None

    def front(self) -> tuple:
        return self.assets["frames"].front(self.config)

    def read_file(self, file: BinaryIO, name: str) -> dict:
        return {"frames": read_clip(file, name, self.config.picture_size), "file": name}

    def answer(self, example: dict, row: dict | None) -> dict:
        return {**({"file": example["file"]} if "file" in example else {}), **self.labelled(example, row)}

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        if self.config.multi_label:
            return {}
        classify = nearest_bag((example["frames"], example["label"]) for example in train)
        return {"bag of frames": lambda example: {"label": classify(example["frames"]), "probabilities": {}}}

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        """Saves what every classifier saves, the first clip as clip.npy, and a picture of some clips."""
        from seqzoo.display.clips import strips_plot

        super().plot(predictor, examples, answers, folder)
        np.save(folder / "clip.npy", examples[0]["frames"])
        strips_plot([(e["frames"], e["label"]) for e in examples], folder / "clips.png", self.config.vertical)

    @classmethod
    def tiny(cls) -> tuple:
        rng = np.random.default_rng(0)
        examples = [
            {"frames": np.cumsum(rng.normal(way, 0.5, (length, 6)), 0).astype("float32"), "label": f"{way:+}"}
            for way, length in ((1, 5), (-1, 3), (1, 4), (-1, 7))
        ]
        config = cls.Config(units=8, epochs=2, learning_rate=0.02, dropout=0.1, velocities=True, centre=1, rotation=20)
        return config, {"train": examples, "valid": examples}, []
