"""Speech in the small: letters from frames of sound [T, D], by CTC."""

import dataclasses

import numpy as np

from seqzoo import options
from seqzoo.config import default
from seqzoo.data import Skip
from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated_splits
from seqzoo.inputs import frames
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, Task
from seqzoo.text.vocabulary import Vocabulary

NEEDS = {"frames": np.ndarray, "text": str}


@DATASETS.register("tones")
def tones(data_dir=None, name=None, columns=None, sizes=None, seed=0):
    """Strings of tones: each letter is two to four noisy frames around a vector of its own."""
    tones = np.random.default_rng(0).normal(size=(5, 8))

    def generate(split, size):
        rng = np.random.default_rng([seed, size])
        for _ in range(size):
            ids = rng.integers(0, 5, rng.integers(1, 9))
            sound = np.repeat(tones[ids], rng.integers(2, 5, len(ids)), axis=0)
            sound = (sound + rng.normal(0, 0.3, sound.shape)).astype("float32")
            yield {"frames": sound, "text": "".join("abcde"[i] for i in ids)}

    given = {"data_dir": data_dir, "name": name, "columns": columns}
    return generated_splits("tones", generate, {"train": 400, "valid": 50}, sizes, NEEDS, given, instead="jsonl")


@dataclasses.dataclass(frozen=True)
class Config(options.Data, options.Batching, options.Recurrent, options.Training):
    """Speech."""

    dataset: str = default(options.Data, dataset="tones")
    epochs: int = default(options.Training, epochs=10)


@TASKS.register("speech_toy")
class Speech(Task):
    """Speech recognition: share of texts without an error."""

    Config, needs, objective = Config, NEEDS, "exact"
    measures = {"exact": Measure("exact", "max", "%"), "loss": Measure("loss", "min")}
    axes = {"frames": "time", "labels": "letters"}

    def learn(self, train):
        x = np.concatenate([example["frames"] for example in train])
        letters = Vocabulary(sorted({letter for example in train for letter in example["text"]}))
        return {"letters": letters, "mean": x.mean(0).tolist(), "std": x.std(0).tolist()}

    def encoder(self, training=False):
        from seqzoo.layers.ctc import frames_needed

        def encode(example):
            x, ids = example["frames"], self.assets["letters"].encode(example.get("text", ""))
            if training and frames_needed(ids) > len(x):
                raise Skip("more letters than frames")
            return {"frames": x, "frames_length": np.int32(len(x))}, np.array(ids, "int32"), np.float32(1)

        return encode

    def build(self):
        from seqzoo.models import transcriber

        front = frames(len(self.assets["mean"]), self.assets["mean"], self.assets["std"])
        return transcriber(len(self.assets["letters"]), front, **self.config.arguments(options.Recurrent))

    def loss(self):
        from seqzoo.layers.ctc import CTCLoss

        return CTCLoss()

    def decoded(self, model):
        from seqzoo.models import transcription_decoder

        return transcription_decoder(model).output

    def example(self, line):
        return {"frames": np.load(line)}

    def answer(self, example, row):
        ids = [] if row is None else row["labels"][row["labels"] > 0]
        return {"text": "".join(self.assets["letters"].decode(ids))}

    def scores(self, examples, answers):
        return {"exact": 100 * np.mean([e["text"] == a["text"] for e, a in zip(examples, answers, strict=True)])}

    @classmethod
    def tiny(cls):
        splits = {split: [*examples] for split, examples in tones(sizes={"train": 8, "valid": 4}).items()}
        return cls.Config(units=8, layers=1, epochs=2, learning_rate=0.02, dropout=0.1), splits, []
