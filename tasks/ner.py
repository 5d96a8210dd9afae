"""Named-entity recognition: finds spans of names. Like POS tagging, with another score."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from seqzoo.config import default, option
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import span_scores
from seqzoo.task import TASKS
from seqzoo.tasks.pos import POS
from seqzoo.tasks.pos import Config as POSConfig
from seqzoo.text import spans

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Config(POSConfig):
    """Tags."""

    crf: bool = default(POSConfig, crf=True)
    scheme: str = option("bioes", "Tag scheme that the model learns; scores are on BIO.", choices=("bio", "bioes"))


@TASKS.register("ner")
class NER(POS):
    """Named-entity recognition: F1 of exact spans."""

    Config = Config
    needs = {"tokens": list, "ner": list}
    measures = {
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "accuracy": Measure("accuracy", "max", "%"),
        "support": Measure("support"),
        "loss": Measure("loss", "min"),
    }
    objective = "f1"
    feature = "ner"

    def learned_tags(self, example: dict) -> list[str]:
        return spans.to_bioes(example[self.feature]) if self.config.scheme == "bioes" else example[self.feature]

    def gold_tags(self, tags: list[str]) -> list[str]:
        return spans.to_bio(tags)

    def exported_tags(self, tags: list[str]) -> Callable:
        from seqzoo.export.graph import bio_names

        return bio_names(tags)

    def allowed(self, tags: list[str]) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        return spans.allowed(tags)

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        return span_scores(*self.gold_and_predicted(examples, answers))
