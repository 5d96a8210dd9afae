"""Pairs of texts: how similar they are, whether they say the same, or which text belongs to which."""

import dataclasses
import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Feed, Skip
from seqzoo.datasets import Examples
from seqzoo.datasets.files import place
from seqzoo.datasets.splits import stratified
from seqzoo.display.terminal import print_similar
from seqzoo.families.vectors import Embedded, Predicting
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.similarity import correlation_scores, ranks, retrieval_scores, yes_no_scores
from seqzoo.text.baselines import overlap_baseline, tfidf
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.decoding.predictor import Predictor


SIDES = ("first", "second")
GOALS = {"paraphrase": "accuracy", "regression": "pearson", "retrieval": "mrr"}  # {goal: objective}
YES = ("1", "yes", "true", "paraphrase", "equivalent", "duplicate", "similar", "entailment")  # labels, in lower case
NO = ("0", "no", "false", "not_paraphrase", "not_equivalent", "not_duplicate", "different_meaning")
HELD_OUT = 0.05  # share of the pairs that become valid


@dataclasses.dataclass(frozen=True)
class Goal(Options):
    """Pairs."""

    goal: str = option(
        "paraphrase", "What to learn about two texts: whether they are paraphrases (from labels), how similar they are "
        "(regression of a score), or to tell the second text from those of other pairs (retrieval).", choices=(*GOALS,),
    )  # fmt: skip
    scale: str = option(
        "", "Lowest and highest score, such as 1..5. Empty: those of train, as whole numbers.", needs="goal=regression"
    )
    positive: str = option(
        "", f"The label of paraphrases. Empty: the one among {', '.join(YES)}.", needs="goal=paraphrase"
    )
    temperature: float = option(
        0.05, "Divisor of the cosines of retrieval.", minimum=0.001, maximum=10, needs="goal=retrieval", shapes=False
    )

    def __post_init__(self):
        super().__post_init__()
        self.bounds()

    def bounds(self) -> tuple[float, float] | None:
        """Returns the ends of --scale, or None if it is not given.

        Raises:
            ValueError: the scale is not two numbers, the first below the second.
        """
        try:
            low, high = map(float, self.scale.split("..")) if self.scale else (0.0, 1.0)
        except ValueError:
            low = high = math.nan
        if not -1e9 < low < high < 1e9:
            raise ValueError(f"--scale should be two numbers, such as 1..5. Received: {self.scale!r}")
        return (low, high) if self.scale else None


class Pairs(Embedded):
    """A task whose examples are pairs of texts, and whose model is `models.siamese`.

    Its Config has the groups `Goal`, `Tokens`, `options.Words` and `options.Characters`. A subclass has `build`.
    """

    requests = {"predict": Predicting}
    measures = {
        "pearson": Measure("Pearson x 100", "max"),
        "spearman": Measure("Spearman x 100", "max"),
        "mse": Measure("MSE", "min"),
        "accuracy": Measure("accuracy", "max", "%"),
        "precision": Measure("precision", "max", "%"),
        "recall": Measure("recall", "max", "%"),
        "f1": Measure("F1", "max", "%"),
        "mrr": Measure("MRR x 100", "max"),
        **{f"recall_at_{k}": Measure(f"recall@{k}", "max", "%") for k in (1, 5, 10)},
        "loss": Measure("loss", "min"),
    }
    objective = GOALS["paraphrase"]
    axes = {f"{side}_{name}": side for side in SIDES for name in ("tokens", "characters", "casing")}

    def __init__(self, config=None, assets=None):
        super().__init__(config, assets)
        self.objective = GOALS[self.config.goal]
        gold = {"paraphrase": {"label": str}, "regression": {"score": float}, "retrieval": {}}[self.config.goal]
        self.needs = {"first": str, "second": str, **gold}

    def hold_out(self, train: Examples) -> tuple[Examples, Examples, str]:
        if self.config.goal != "paraphrase":
            return super().hold_out(train)
        return *stratified(train, HELD_OUT, self.config.seed), f"{HELD_OUT:.0%} of the pairs of each label are valid"

    def check(self, examples: Examples) -> None:
        others = {"label": "paraphrase", "score": "regression"}
        for feature in self.needs.keys() - examples.features.keys():
            if found := [goal for name, goal in others.items() if name in examples.features and name != feature]:
                raise ValueError(
                    f"{examples.source} has no {feature}, which --goal={self.config.goal} needs. Choose "
                    f"--goal={found[0]}, or name the column: --columns={feature}=NAME."
                )
        super().check(examples)

    def normalized(self, examples: Examples) -> Examples:
        examples = super().normalized(examples)
        return examples.with_read(lambda: self.on_scale(examples)) if self.config.goal == "regression" else examples

    def on_scale(self, examples: Examples) -> Iterator[dict]:
        """Yields the examples.

        Raises:
            ValueError: a score is outside the scale.
        """
        for number, example in enumerate(examples, 1):
            low, high = self.values()[[0, -1]] if self.assets else self.config.bounds() or (-math.inf, math.inf)
            if not low <= example["score"] <= high:
                raise ValueError(
                    f"{place(examples.source, example, number)}: the score {_text(example['score'])} is outside of "
                    f"the scale {_text(low)}..{_text(high)}. Choose another scale: --scale=LOWEST..HIGHEST."
                )
            yield example

    def content(self, example: dict) -> str:
        return " ".join(" ".join(self.bag(example[side])) if self.assets else example[side] for side in SIDES)

    def learn(self, train: Examples) -> dict:
        texts = ((example[side] for example in train for side in SIDES) for _ in range(2))
        return {**self.learn_words(*texts), **self.learn_labels(train)}

    def learn_labels(self, train: Examples) -> dict[str, Vocabulary]:
        goal = self.config.goal
        if goal == "retrieval":
            return {}
        found = sorted({example["label" if goal == "paraphrase" else "score"] for example in train})
        if len(found) < 2:
            kind = "label" if goal == "paraphrase" else "score"
            raise ValueError(f"{train.source}: all pairs have the {kind} {found[0] if found else None!r}: there is "
                             f"nothing to learn. --goal=retrieval needs no {kind}s.")  # fmt: skip
        points = self.yes_and_no(found, train.source) if goal == "paraphrase" else self.points(found)
        return {"scale": Vocabulary(points, unknown=False)}

    def yes_and_no(self, labels: Sequence[str], source: str) -> list[str]:
        """Returns the two labels; the label of paraphrases is last.

        Raises:
            ValueError: there are more labels, or it is unclear which one is that of paraphrases.
        """
        yes = [label for label in labels if label == self.config.positive or label.lower() in YES]
        yes = [self.config.positive] if self.config.positive else yes
        if len(labels) > 2 or len(yes) != 1 or yes[0] not in labels:
            raise ValueError(
                f"{source}: paraphrases need two labels, one of them among {', '.join(YES)}, or named by "
                f"--positive=LABEL. Found: {', '.join(labels[:20])}"
            )
        return [*({*labels} - {*yes}), *yes]

    def points(self, scores: Sequence[float]) -> list[str]:
        """Returns the points of the scale: the whole numbers if there are 3 to 11, else five points."""
        low, high = self.config.bounds() or (math.floor(scores[0]), math.ceil(scores[-1]))
        whole = float(low).is_integer() and float(high).is_integer() and 2 <= high - low <= 10
        return [*map(_text, np.linspace(low, high, round(high - low) + 1 if whole else 5).tolist())]

    def values(self) -> np.ndarray:
        """Returns the points of the scale as numbers; for two labels 0 and 1."""
        points = self.assets["scale"].tokens
        return np.array([0.0, 1.0] if self.config.goal == "paraphrase" else [*map(float, points)])

    def unknown_labels(self, example: dict) -> list[str]:
        asked = self.config.goal == "paraphrase"
        return [example["label"]] if asked and example["label"] not in self.assets["scale"].tokens else []

    def known(self, example: dict) -> list[bool]:
        return [known for side in SIDES for known in self.known_words(example[side])]

    def encoder(self, training: bool = False) -> Callable:
        words = {side: self.assets["words"].encoder(self.config.static_shapes, side) for side in SIDES}

        def encode(example):
            inputs = {}
            for side, encode_words in words.items():
                inputs |= encode_words(self.tokens(example[side]))
            return inputs, *self.target(example)

        return encode

    def target(self, example: dict) -> tuple[np.ndarray, np.float32]:
        """Returns (labels, weight): labels are [1], the position on the scale from 0 to 1; or [2], ids of the texts.

        Raises:
            Skip: the pair does not belong together, so retrieval can't use it.
        """
        weight = np.float32(1)
        if self.config.goal == "retrieval":
            if example.get("label", "").lower() in NO:
                raise Skip("no paraphrase")
            return np.array([text_id(example[side]) for side in SIDES], "int32"), weight
        if self.config.goal == "paraphrase":
            tokens = self.assets["scale"].tokens
            y = tokens.index(example["label"]) if example.get("label") in tokens else 0
            weight = np.float32("label" not in example or example["label"] in tokens)
        else:
            low, high = self.values()[[0, -1]]
            y = (example.get("score", low) - low) / (high - low)
        return np.array([y], "float32"), weight

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from seqzoo.models import similarity_decoder

        return similarity_decoder(model).output

    def example(self, line: str) -> dict:
        sides = line.split("\t")
        if len(sides) != 2 or not all(map(str.strip, sides)):
            raise ValueError(f"A line should be two texts with a tab between. Received: {line[:200]!r}")
        return dict(zip(SIDES, sides, strict=True))

    def answer(self, example: dict, row: dict | None) -> dict:
        answer = {side: example[side] for side in SIDES}
        answer |= self.judged(None if row is None else float(row["similarity"]))
        return answer | {f"gold_{name}": example[name] for name in ("score", "label") if name in example}

    def judged(self, y: float | None) -> dict:
        """Returns the part of an answer that says how similar two texts are."""
        if self.config.goal == "paraphrase":
            label = None if y is None else self.assets["scale"].tokens[y >= 0.5]
            return {"label": label, "probability": None if y is None else round(y, 4)}
        if y is not None and self.config.goal == "regression":
            low, high = self.values()[[0, -1]]
            y = low + (high - low) * y
        return {"score": None if y is None else round(float(y), 4)}

    def answers(self, predictor: "Predictor", feed: Feed) -> tuple[list[dict], list[dict]]:
        if self.config.goal != "retrieval":
            return super().answers(predictor, feed)
        rows = [(example, row) for example, row in feed.outputs(predictor) if row is not None]
        made = [{**self.answer(example, row), "vectors": row["vectors"]} for example, row in rows]
        return [example for example, _ in rows], made

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        if self.config.goal == "paraphrase":
            yes = self.assets["scale"].tokens[1]
            return yes_no_scores(*([row[key] for row in answers] for key in ("gold_label", "label")), yes)
        if self.config.goal == "regression":
            return correlation_scores(*([row[key] for row in answers] for key in ("gold_score", "score")))
        if "vectors" in answers[0]:  # otherwise they are ranked already, among all texts of the split
            self.rank(examples, answers)
        return retrieval_scores([answer["rank"] for answer in answers])

    def rank(self, examples: list[dict], answers: list[dict]) -> None:
        """Replaces the vectors of each answer by the rank of the right text among all texts."""
        vectors = [answer.pop("vectors") for answer in answers]
        if isinstance(vectors[0][0], dict):  # of the baseline
            from sklearn.feature_extraction import DictVectorizer

            both = DictVectorizer(dtype=np.float32).fit_transform([*itertools.chain(*zip(*vectors, strict=True))])
            first, second = both[: len(vectors)], both[len(vectors) :]
        else:
            first, second = np.stack(vectors, axis=1)
        found = ranks(first, second, [text_id(example["second"]) for example in examples])
        for answer, rank in zip(answers, found, strict=True):
            answer["rank"] = float(rank)

    def answered(self, predictor: "Predictor", feed: Feed) -> tuple[dict, list[dict], list[dict]]:
        scores, *rows = super().answered(predictor, feed)
        if self.config.goal == "retrieval":  # the loss depends on which pairs share a batch
            scores.pop("loss", None)
        return scores, *rows

    def baselines(self, train: Examples) -> dict[str, Callable]:
        vector = tfidf(self.bag(example[side]) for example in train for side in SIDES)

        def bags(example):
            return [vector(self.bag(example[side])) for side in SIDES]

        if self.config.goal == "retrieval":
            return {"bag of words": lambda example: {"vectors": bags(example)}}
        guess = overlap_baseline((*bags(example), self.target(example)[0][0]) for example in train)
        gold = "label" if self.config.goal == "paraphrase" else "score"
        return {"bag of words": lambda example: {**self.judged(guess(*bags(example))), f"gold_{gold}": example[gold]}}

    def plot(self, predictor: "Predictor", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        """Saves similarity.png: predicted against gold similarities; nothing for retrieval."""
        from seqzoo.display.plots import similarity_plot

        if self.config.goal != "retrieval":
            gold, own = ("gold_label", "probability") if self.config.goal == "paraphrase" else ("gold_score", "score")
            rows = [(answer[gold], answer[own]) for answer in answers]
            similarity_plot(*zip(*rows, strict=True), own, folder / "similarity.png")

    def show(self, answer: dict, console: "Console") -> None:
        print_similar(answer, console)

    def differs(self, answer: dict) -> bool:
        if self.config.goal == "retrieval":
            return answer["rank"] > 1
        if self.config.goal == "paraphrase":
            return answer["label"] != answer["gold_label"]
        low, high = self.values()[[0, -1]]
        return abs(answer["score"] - answer["gold_score"]) > (high - low) / 4


def text_id(text: str) -> int:
    """Returns a number of 31 bits that identifies a text."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) >> 1


def _text(value):
    """Returns a number as a short text that reads as the same number."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))
