"""Similarity in the small: how much two texts have in common, a number from 0 to 1."""

import dataclasses

import numpy as np

from seqzoo import options
from seqzoo.config import default
from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated
from seqzoo.inputs import Words
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, Task
from seqzoo.text.tokenizer import tokenize

NEEDS = {"first": str, "second": str, "similarity": float}


@DATASETS.register("shared_words")
@generated({"train": 400, "valid": 50}, NEEDS, instead="jsonl")
def shared_words(seed, split, size):
    """Pairs of short lists of names, and the share of names that both lists hold."""
    rng = np.random.default_rng([seed, size])
    for _ in range(size):
        a, b = (rng.permutation("Ann Bob Cat Dan Eve Fay".split())[: rng.integers(1, 5)] for _ in range(2))
        yield {"first": " ".join(a), "second": " ".join(b), "similarity": len({*a} & {*b}) / len({*a} | {*b})}


@dataclasses.dataclass(frozen=True)
class Config(options.Data, options.Batching, options.Words, options.Characters, options.Recurrent, options.Training):
    """Similarity."""

    dataset: str = default(options.Data, dataset="shared_words")


@TASKS.register("similarity_toy")
class Similarity(Task):
    """Similarity of two texts: correlation with the right numbers."""

    Config, needs, objective = Config, NEEDS, "correlation"
    measures = {"correlation": Measure("correlation", "max"), "loss": Measure("loss", "min")}
    axes = {f"{side}_{name}": side for side in ("first", "second") for name in ("tokens", "characters", "casing")}

    def learn(self, train):
        texts = (example[side] for example in train for side in ("first", "second"))
        return {"words": Words.learn(self.config, ([token for token, _, _ in tokenize(text)] for text in texts))}

    def encoder(self, training=False):
        words = {side: self.assets["words"].encoder(self.config.static_shapes, side) for side in ("first", "second")}

        def encode(example):
            inputs = {}
            for side, encode_words in words.items():
                inputs |= encode_words([token for token, _, _ in tokenize(example[side])])
            return inputs, np.array([example.get("similarity", 0)], "float32"), np.float32(1)

        return encode

    def build(self):
        import keras

        from seqzoo.models import classifier

        front = self.assets["words"].front(self.config)
        vector = classifier(32, front, **self.config.arguments(options.Recurrent))  # one network reads both
        sides = {
            side: {name: keras.Input(x.shape[1:], dtype=x.dtype, name=f"{side}_{name}") for name, x in front[0].items()}
            for side in ("first", "second")
        }
        similarity = keras.layers.Dot(axes=1, normalize=True)([vector(inputs) for inputs in sides.values()])  # [B, 1]
        return keras.Model({x.name: x for inputs in sides.values() for x in inputs.values()}, similarity)

    def loss(self):
        import keras

        return keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")

    def example(self, line):
        first, _, second = line.partition("\t")
        return {"first": first, "second": second}

    def answer(self, example, row):
        return {**example, "answer": None if row is None else round(float(row["outputs"][0]), 4)}

    def scores(self, examples, answers):
        right, given = [e["similarity"] for e in examples], [answer["answer"] for answer in answers]
        return {"correlation": float(np.nan_to_num(np.corrcoef(right, given)[0, 1]))}

    @classmethod
    def tiny(cls):
        splits = {split: [*examples] for split, examples in shared_words(sizes={"train": 8, "valid": 4}).items()}
        return (
            cls.Config(units=8, layers=1, word_dim=8, char_units=4, epochs=2, learning_rate=0.02),
            splits,
            ["Ann Bob\tBob"],
        )
