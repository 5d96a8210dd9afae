"""DNA, RNA and proteins: gives each letter a tag. Many to many, aligned."""

import dataclasses
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import default
from seqzoo.families.letters import CODON, LetterSequences, Sequences, add_matthews, stretches
from seqzoo.families.tagging import Tagger, Tagging
from seqzoo.metrics.labels import class_scores
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS
from seqzoo.text.baselines import window_baseline

if TYPE_CHECKING:
    from seqzoo.datasets import Examples


REACH = 30  # letters on each side that the baseline sees


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Sequences, options.Batching, Tagger, options.Convolution, options.Recurrent, options.Training,
    options.Labels,
):  # fmt: skip
    """Tags of DNA and proteins."""

    dataset: str = default(options.Data, dataset="genes")
    batch_size: int = default(options.Batching, batch_size=16)
    filters: int = default(options.Convolution, filters=32)
    kernel_size: int = default(options.Convolution, kernel_size=5)
    units: int = default(options.Recurrent, units=64)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=14)
    learning_rate: float = default(options.Training, learning_rate=5e-3)
    average: float = default(options.Training, average=0.98)


@TASKS.register("dna_tagging")
class DNATagging(LetterSequences, Tagging):
    """DNA and proteins: accuracy of a tag for each letter."""

    Config = Config
    needs = {"text": str, "tags": list}  # or, in place of tags, a label with a character for each letter
    measures = {
        "accuracy": Measure("accuracy", "max", "%"),
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall, Sn", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "macro_f1": Measure("macro F1", "max", "%"),
        "support": Measure("support"),
        **LetterSequences.measures,
        "loss": Measure("loss", "min"),
    }
    demo = {"genes": "--text=GGCTATGGCTAACGGCACTGATTGAGCCATT"}
    advice = {
        "genes": "The genes were generated, so these scores say little about real ones. To train on your own: "
        "--dataset=chains, --data_dir=FOLDER_OR_FILE with a letter and its tag a line, and of proteins "
        "--alphabet=protein."
    }

    def check(self, examples: "Examples") -> None:
        features = examples.features
        if features.get("text") is not str or features.get("label") is not str:
            super().check(examples)

    def checked(self, example: dict) -> dict:
        tags = example["tags"] if "tags" in example else [*example["label"]]
        if len(tags) != len(example["text"]):
            raise ValueError(f"{len(tags)} tags for {len(example['text'])} letters.")
        return {**example, "tags": tags}

    def learn(self, train: "Examples") -> dict:
        return self.learn_labels(train)

    def encoder(self, training: bool = False) -> Callable:
        tags = self.tag_encoder()
        return lambda example: (self.inputs(example), *tags(example, len(example["text"])))

    def answer(self, example: dict, row: dict | None) -> dict:
        text, named = example["text"], {"name": example["name"]} if example.get("name") else {}
        tags = self.assets["tags"].decode(row["tags"][: len(text)]) if row else []
        return {**stretches(text, tags, row["confidence"] if row else (), example.get("tags")), **named}

    def tags_of(self, answer: dict) -> list[str]:
        return [token["tag"] for token in answer["tokens"] for _ in range(token["end"] - token["start"])]

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        gold, predicted = ([*chain(*tags)] for tags in self.gold_and_predicted(examples, answers))
        return add_matthews(class_scores(gold, predicted), gold, predicted)

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        size = CODON if self.config.alphabet == "dna" else 1
        tag = window_baseline(((example["text"], example["tags"]) for example in train), REACH, size)
        return {f"window of {2 * REACH + 1}": lambda example: stretches(example["text"], tag(example["text"]))}

    @classmethod
    def tiny(cls) -> tuple:
        tags = {"AATGCTAAC": "-ccccccc-", "acgtn": "-----", "ATGR": "cccc", "G": "-"}
        examples = [{"text": text, "tags": [*own]} for text, own in tags.items()]
        model = {"units": 4, "filters": 6, "kernel_size": 3, "positions": 2, "crf": True}
        config = cls.Config(**model, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["AATGCTAAC", "", "acg"]
