"""Classification: the common parts of tasks that give a whole sequence one or more labels."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.datasets.splits import stratified
from seqzoo.display.labels import missed_gold
from seqzoo.display.pages import classified_articles
from seqzoo.display.terminal import print_classified
from seqzoo.families.averaging import Averaging
from seqzoo.files import write_json
from seqzoo.layers import POOLINGS
from seqzoo.metrics.labels import calibration, class_scores, label_set_scores
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import confusion
from seqzoo.text.normalization import normalize
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.predictor import Predictor
    from seqzoo.task import TaskData


MISTAKES = 50  # shown in the report of a run
MODEL = (
    options.PooledConvolution,
    options.Recurrent,
)  # groups of options of the model; a task may lack the first


@dataclasses.dataclass(frozen=True)
class Labelled(Options):
    """Labelled sequences."""

    valid_fraction: float = option(
        0.1, "Share of each label's training examples to hold out if there is no valid split.", minimum=0.001,
        maximum=0.5, shapes=False,
    )  # fmt: skip
    multi_label: bool = option(False, "Allow any number of labels per example, joined by |.")


@dataclasses.dataclass(frozen=True)
class Classifier(Options):
    """Classifier."""

    pooling: str = option(
        "max", f"Poolings of the states, joined by +: {', '.join(POOLINGS)}.", sweep=["max", "max+mean", "attention"]
    )
    segment: int = option(
        0, "Split sequences into pieces of this many steps, read separately and pooled together; 0: do not.",
        minimum=0, needs="layers",
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        kinds = self.pooling.split("+")
        if set(kinds) - set(POOLINGS) or len(set(kinds)) != len(kinds):
            raise ValueError(
                f"--pooling should be some of {', '.join(POOLINGS)}, joined by +. Received: {self.pooling!r}"
            )


class Classification(Averaging):
    """A task whose examples have the feature "label", and whose model is `models.classifier`.

    Its Config has the groups `Labelled`, `Classifier`, `options.Recurrent` and `options.Labels`. A subclass has
    `front`, `learn` (with `learn_labels`), `encoder` (with `label_encoder`), `example` and `answer` (with `labelled`).
    """

    measures = {
        "accuracy": Measure("accuracy", "max", "%"),
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "macro_f1": Measure("macro F1", "max", "%"),
        "support": Measure("support"),
        "calibration_error": Measure("ECE", "min", "%"),
        "loss": Measure("loss", "min"),
    }
    objective = "accuracy"

    def front(self) -> tuple:
        """Returns (inputs, x, mask) of the model, see `seqzoo.inputs`."""
        raise NotImplementedError

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        fraction = self.config.valid_fraction
        return *stratified(train, fraction, self.config.seed), f"{fraction:.0%} of the examples of each label are valid"

    def load(self, unseen: bool = False) -> "TaskData":
        learning = self.assets is None
        data = super().load(unseen)
        if learning:
            labels = collections.Counter()
            for example in data.splits["train"].examples:
                labels.update(self.labels_of(example))
            data.summary["labels"] = ", ".join(f"{label} {labels[label]:,}" for label in sorted(labels)[:20])
        return data

    def learn_labels(self, train: "Examples") -> dict[str, Vocabulary]:
        labels = {label for example in train for label in self.labels_of(example)}
        if len(labels) < (1 if self.config.multi_label else 2):
            raise ValueError(
                f"{train.source}: a classifier needs two labels or more. Found: {', '.join(labels) or 'none'}"
            )
        return {"labels": Vocabulary(sorted(labels), unknown=False)}

    def labels_of(self, example: dict) -> list[str]:
        """Returns the labels of an example."""
        if self.config.multi_label:
            return [part for part in map(str.strip, example["label"].split("|")) if part]
        return [example["label"]]

    def label_encoder(self) -> Callable[[dict], tuple[np.ndarray, np.ndarray]]:
        """Returns a function example -> (labels, weight), the last two values that `encoder` gives."""
        labels, several = self.assets["labels"], self.config.multi_label
        form = getattr(self.config, "unicode", "none")
        label_weights = options.label_weights(normalize(self.config.label_weights, form))
        labels.encode(label_weights)  # raises if one of them is not a label

        def encode(example):
            gold = self.labels_of(example) if "label" in example else []
            ids = labels.encode([label for label in gold if label in labels])
            # A label unseen in training can't be learned or predicted: it counts as an error, but not in the loss.
            alone = float(several and not gold)  # weight of an example without any label
            weight = max((label_weights.get(labels.tokens[i], 1.0) for i in ids), default=alone)
            if several:
                y = np.zeros(len(labels), "float32")
                y[ids] = 1
            else:
                y = np.array(ids[0] if ids else 0, "int32")
            return y, np.array(weight, "float32")

        return encode

    def build(self) -> "keras.Model":
        from seqzoo.models import classifier

        return classifier(
            len(self.assets["labels"]),
            self.front(),
            pooling=self.config.pooling.split("+"),
            segment=self.config.segment,
            **self.config.arguments(*[each for each in MODEL if isinstance(self.config, each)]),
        )

    def loss(self) -> "keras.losses.Loss":
        import keras

        kind = "BinaryCrossentropy" if self.config.multi_label else "SparseCategoricalCrossentropy"
        return getattr(keras.losses, kind)(from_logits=True, reduction="mean_with_sample_weight")

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from seqzoo.models import class_decoder

        return class_decoder(model, self.config.multi_label).output

    def unknown_labels(self, example: dict) -> list[str]:
        return [label for label in self.labels_of(example) if label not in self.assets["labels"]]

    def labelled(self, example: dict, row: dict | None) -> dict:
        """Returns the part of an answer with its label, all probabilities and, if known, the gold label."""
        labels, several = self.assets["labels"].tokens, self.config.multi_label
        answer = {"label": None, "probabilities": {}}
        if row:
            p = row["probabilities"]
            chosen = np.flatnonzero(p >= 0.5) if several else [p.argmax()]
            names = [labels[i] for i in chosen]
            answer["label"] = names if several else names[0]
            answer["probabilities"] = {labels[i]: round(float(p[i]), 4) for i in np.argsort(-p)}
        if "label" in example:
            answer["gold"] = self.labels_of(example) if several else example["label"]
        return answer

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        if self.config.multi_label:
            gold = [{*self.labels_of(example)} for example in examples]
            scores = label_set_scores(gold, [set(answer["label"]) for answer in answers])
        else:
            gold = [example["label"] for example in examples]
            scores = class_scores(gold, [answer["label"] for answer in answers])
        if all(answer["probabilities"] for answer in answers):
            scores["calibration_error"], _ = calibration(*self.confidences(examples, answers))
        return scores

    def confidences(self, examples: list[dict], answers: list[dict]) -> tuple[list[float], list[bool]]:
        """Returns (confidences, whether right) of all answers; with several labels, of each yes or no."""
        confidences, correct = [], []
        for example, answer in zip(examples, answers, strict=True):
            gold, p = self.labels_of(example), answer["probabilities"]
            if self.config.multi_label:
                confidences += [max(share, 1 - share) for share in p.values()]
                correct += [(label in answer["label"]) == (label in gold) for label in p]
            else:
                confidences.append(p[answer["label"]])
                correct.append(answer["label"] == gold[0])
        return confidences, correct

    def conviction(self, example: dict, answer: dict) -> float:
        """Returns the confidence of a wrong answer; with several labels, that of its most confident mistake."""
        confidences, correct = self.confidences([example], [answer])
        wrong = (p for p, right in zip(confidences, correct, strict=True) if not right)
        return max(wrong, default=0.0)  # a label that train lacks has no probability

    @staticmethod
    def weighed(text: str, spans: Sequence[Sequence[int]], weights: np.ndarray) -> list[dict]:
        """Returns the weight of each step in an answer: {"text", "start", "end", "weight"}, scaled to at most 1.

        Args:
            text: the classified text.
            spans: (start, end) of each step of the text.
            weights: weights of the steps, with padding.
        """
        weights = weights[: len(spans)]
        weights = weights / max(float(np.abs(weights).max()), 1e-12)
        return [
            {"text": text[start:end], "start": start, "end": end, "weight": round(float(weight), 3)}
            for (start, end), weight in zip(spans, weights, strict=True)
        ]

    def explaining(self, predictor: "Predictor") -> Callable:
        """Returns a predictor whose rows also have the weights of the steps, for the pages of a run's mistakes."""
        return predictor

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        """Saves confusion and reliability plots, and a page of the most confident mistakes."""
        from seqzoo.display.plots import confusion_plot, reliability_plot

        error, bins = calibration(*self.confidences(examples, answers))
        reliability_plot(bins, error, folder / "reliability.png")
        if not self.config.multi_label:
            gold, predicted = [[e["label"]] for e in examples], [[answer["label"]] for answer in answers]
            confusion_plot(*confusion(gold, predicted), folder / "confusion.png")
        pairs = zip(examples, answers, strict=True)
        wrong = [(self.conviction(*pair), pair[0]) for pair in pairs if self.differs(pair[1])]
        wrong.sort(key=lambda pair: -pair[0])
        mistakes = [example for _, example in wrong[:MISTAKES]]
        _, explained = self.answers(self.explaining(predictor), self.feed(mistakes))
        write_json(folder / "errors.json", explained, ensure_ascii=False)
        page = self.page(explained, "The most confident mistakes on valid")
        (folder / "errors.html").write_text("".join(page), "utf-8")

    def show(self, answer: dict, console: "Console") -> None:
        print_classified(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return classified_articles(answers)

    def differs(self, answer: dict) -> bool:
        return missed_gold(answer) is not None


def weighing(predictor: Callable, weights_of: Callable) -> Callable:
    """Adds "weights" [B, T] of the steps to `predictor`: ``weights_of(inputs, classes)`` for the likeliest classes."""

    def run(inputs, labels, weights):
        rows = predictor(inputs, labels, weights)
        return {**rows, "weights": weights_of(inputs, rows["probabilities"].argmax(-1))}

    return run
