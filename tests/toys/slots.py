"""Slots and intent in the small: a tag for each word and a class for the whole command, two losses in one model."""

import dataclasses

import numpy as np

from seqzoo import options
from seqzoo.config import default
from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated
from seqzoo.inputs import Words
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, Task
from seqzoo.text.vocabulary import Vocabulary

NEEDS = {"tokens": list, "slots": list, "intent": str}


@DATASETS.register("commands")
@generated({"train": 200, "valid": 50}, NEEDS, instead="jsonl")
def commands(seed, split, size):
    """Commands such as "play Ann now", in which a name is a slot and the verb tells the intent."""
    rng = np.random.default_rng([seed, size])
    for _ in range(size):
        verb, person = rng.choice(["play", "stop", "call"]), rng.choice(["Ann", "Bob", "Eve"])
        tokens = [verb, person, *["now", "please"][: rng.integers(0, 3)]]
        yield {"tokens": tokens, "slots": ["O", "NAME", "O", "O"][: len(tokens)], "intent": str(verb)}


@dataclasses.dataclass(frozen=True)
class Config(options.Data, options.Batching, options.Words, options.Characters, options.Recurrent, options.Training):
    """Slots."""

    dataset: str = default(options.Data, dataset="commands")
    epochs: int = default(options.Training, epochs=5)


@TASKS.register("slots_toy")
class Slots(Task):
    """Slots and intent: share of commands in which both are right."""

    Config, needs, objective = Config, NEEDS, "exact"
    measures = {"exact": Measure("exact", "max", "%"), "loss": Measure("loss", "min")}
    axes = {"tokens": "time", "characters": "time", "casing": "time", "slots": "time"}

    def learn(self, train):
        slots, intents = {slot for e in train for slot in e["slots"]}, {example["intent"] for example in train}
        return {
            "words": Words.learn(self.config, (example["tokens"] for example in train)),
            "slots": Vocabulary(sorted(slots), unknown=False),
            "intents": Vocabulary(sorted(intents), unknown=False),
        }

    def encoder(self, training=False):
        words = self.assets["words"].encoder(self.config.static_shapes)

        def encode(example):
            n = len(example["tokens"])
            slots = self.assets["slots"].encode(example.get("slots", self.assets["slots"].tokens[:1] * n))
            (intent,) = self.assets["intents"].encode([example.get("intent", self.assets["intents"].tokens[0])])
            labels = {"slots": np.array(slots, "int32"), "intent": np.int32(intent)}
            return words(example["tokens"]), labels, {"slots": np.ones(n, "float32"), "intent": np.float32(1)}

        return encode

    def build(self):
        import keras

        from seqzoo.layers.pooling import masked_max
        from seqzoo.layers.stack import stack

        inputs, x, mask = self.assets["words"].front(self.config)
        x = stack(x, mask, **self.config.arguments(options.Recurrent))  # [B, T, H]
        slots = keras.layers.Dense(len(self.assets["slots"]), name="slots")(x)
        intent = keras.layers.Dense(len(self.assets["intents"]), name="intent")(masked_max(x, mask))
        return keras.Model(inputs, {"slots": slots, "intent": intent})

    def loss(self):
        import keras

        options = {"from_logits": True, "reduction": "mean_with_sample_weight"}
        return {name: keras.losses.SparseCategoricalCrossentropy(**options) for name in ("slots", "intent")}

    def example(self, line):
        return {"tokens": line.split()}

    def answer(self, example, row):
        if row is None:
            return {"slots": [], "intent": None}
        slots = self.assets["slots"].decode(row["slots"].argmax(-1)[: len(example["tokens"])])
        return {"slots": slots, "intent": self.assets["intents"].tokens[row["intent"].argmax()]}

    def scores(self, examples, answers):
        right = [all(a[k] == e[k] for k in ("slots", "intent")) for e, a in zip(examples, answers, strict=True)]
        return {"exact": 100 * float(np.mean(right))}

    @classmethod
    def tiny(cls):
        splits = {split: [*examples] for split, examples in commands(sizes={"train": 6, "valid": 4}).items()}
        sizes = {"units": 8, "layers": 1, "word_dim": 8, "char_units": 4}
        return cls.Config(**sizes, epochs=2, learning_rate=0.02), splits, ["play Ann now", "", "call"]
