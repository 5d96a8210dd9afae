"""Tagging: the common parts of tasks that give each step of a sequence a tag."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.display.pages import tagged_articles
from seqzoo.display.terminal import print_tagged
from seqzoo.families.averaging import Averaging
from seqzoo.metrics.tags import confusion
from seqzoo.text.normalization import normalize
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Tagger(Options):
    """Tags."""

    crf: bool = option(False, "Score whole sequences of tags with a conditional random field.", sweep=[False, True])


@dataclasses.dataclass(frozen=True)
class AuxiliaryLanguageModel(Options):
    """Auxiliary language model."""

    shapes = False  # it is not saved

    auxiliary_lm: float = option(
        0.0, "Weight of a language model's loss in training: the forward states of the first recurrent layer predict "
        "the next word, the backward ones the previous one (Rei, 2017: 0.1); 0: none.", minimum=0, maximum=100,
        needs="layers", sweep=[0.0, 0.1, 0.3],
    )  # fmt: skip
    auxiliary_words: int = option(
        7500, "Number of words that it predicts, the most frequent ones; all others are the unknown word.", minimum=1,
        needs="auxiliary_lm",
    )  # fmt: skip


class Tagging(Averaging):
    """A task whose examples have a tag for each step, in the feature `feature`, and whose model is `models.tagger`.

    Its Config has the groups `Tagger`, `options.Recurrent` and `options.Labels`. A subclass has `front`, `learn`
    (with `learn_labels`), `encoder` (with `tag_encoder`), `examples`, `answer` and `scores`.
    """

    feature = "tags"
    objective = "accuracy"

    def front(self) -> tuple:
        """Returns (inputs, x, mask) of the model, see `seqzoo.inputs`."""
        raise NotImplementedError

    def learn_labels(self, train: "Examples") -> dict[str, Vocabulary]:
        tags = {tag for example in train for tag in self.learned_tags(example)}
        return {"tags": Vocabulary(sorted(tags), unknown=False)}

    def learned_tags(self, example: dict) -> Sequence[str]:
        """Returns the tags of an example in the scheme that the model learns."""
        return example[self.feature]

    def tag_encoder(self) -> Callable:
        """Returns a function (example, number of steps) -> (labels, weights), [T] each, as `encoder` gives them."""
        form = getattr(self.config, "unicode", "none")
        label_weights = options.label_weights(normalize(self.config.label_weights, form))
        encode = tag_encoder(self.assets["tags"], label_weights, self.config.crf)
        return lambda example, steps: encode(self.learned_tags(example) if self.feature in example else (), steps)

    def build(self) -> "keras.Model":
        from seqzoo.models import tagger

        tags, config = self.assets["tags"].tokens, self.config
        groups = [group for group in (options.Convolution, options.Recurrent) if isinstance(config, group)]
        return tagger(len(tags), self.front(), crf=config.crf, allowed=self.allowed(tags), **config.arguments(*groups))

    def allowed(self, tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Returns booleans (start [K], transitions [K, K], end [K]), see `layers.crf.CRF`; None: any."""
        return None

    def loss(self) -> "keras.losses.Loss":
        import keras

        from seqzoo.layers.crf import CRFLoss

        if self.config.crf:
            return CRFLoss()
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from seqzoo.models.tagger import Decode

        return Decode()(model.output)

    def unknown_labels(self, example: dict) -> list[str]:
        pairs = zip(example[self.feature], self.learned_tags(example), strict=True)
        return [tag for tag, learned in pairs if learned not in self.assets["tags"]]

    def tags_of(self, answer: dict) -> list[str]:
        """Returns the tag of each step of an answer."""
        return [token["tag"] for token in answer["tokens"]]

    def gold_and_predicted(self, examples: list[dict], answers: list[dict]) -> tuple[list, list]:
        """Returns the gold tags of examples and the tags of the answers to them, a list for each."""
        return [example[self.feature] for example in examples], [*map(self.tags_of, answers)]

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        """Saves a confusion plot of the tags."""
        from seqzoo.display.plots import confusion_plot

        confusion_plot(*confusion(*self.gold_and_predicted(examples, answers)), folder / "confusion.png")

    def show(self, answer: dict, console: "Console") -> None:
        print_tagged(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return tagged_articles(answers)

    def differs(self, answer: dict) -> bool:
        return any(token.get("gold", token["tag"]) != token["tag"] for token in answer["tokens"])


def tag_encoder(tags: Vocabulary, label_weights: dict[str, float], crf: bool) -> Callable:
    """Returns a function (tags of a sequence, () to predict; number of steps) -> (labels, weights), [T] each.

    Args:
        tags: the tags that the model knows.
        label_weights: {tag: weight in the loss}; other tags have weight 1.
        crf: whether the loss is over whole sequences.

    Raises:
        ValueError: a weight is for an unknown tag.
    """
    tags.encode(label_weights)

    def encode(gold: Sequence[str], steps: int) -> tuple[np.ndarray, np.ndarray]:
        # A tag unseen in training can't be learned or predicted: it counts as an error, but not in the loss. With a CRF
        # its whole sequence is left out of the loss, because the moves to and from its neighbours are unknown too.
        labels, weights = np.zeros(steps, "int32"), np.zeros(steps, "float32")
        for position, tag in enumerate(gold):
            if tag in tags:
                (labels[position],) = tags.encode([tag])
                weights[position] = label_weights.get(tag, 1.0)
        if crf and not all(tag in tags for tag in gold):
            weights[:] = 0.0
        elif crf and label_weights:
            # The loss of a single step may be negative, unlike their sum, so each sequence has one weight.
            weights[:] = weights.mean() if steps else 1.0
        return labels, weights

    return encode
