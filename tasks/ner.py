"""Named-entity recognition: spans of names. POS tagging with another score."""

import dataclasses

from seqzoo.config import default, option
from seqzoo.metrics.tags import span_scores
from seqzoo.task import TASKS
from seqzoo.tasks.pos import POS
from seqzoo.tasks.pos import Config as POSConfig
from seqzoo.text import spans


@dataclasses.dataclass(frozen=True)
class Config(POSConfig):
    """Tags."""

    crf: bool = default(POSConfig, crf=True)
    scheme: str = option("bioes", "Tag scheme that the model learns; scores are on BIO.", choices=("bio", "bioes"))


@TASKS.register("ner")
class NER(POS):
    """Named-entity recognition: F1 of exact spans."""

    Config = Config
    objective = "f1"
    feature = "ner"

    def tags_of(self, example, config):
        return spans.to_bioes(example["ner"]) if config.scheme == "bioes" else example["ner"]

    def as_gold(self, tags):
        return spans.to_bio(tags)

    def allowed(self, tags):
        return spans.allowed(tags)

    def scores(self, examples, predicted, config, vocabularies):
        scores = span_scores([example["ner"] for example in examples], predicted)
        classes = scores.pop("classes")
        for kind, values in classes.items():
            scores |= {f"{kind.lower()}_{measure}": value for measure, value in values.items()}
        return scores
