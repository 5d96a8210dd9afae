"""Recommendation: predicts the next item of a user's history, as a language model over items."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.display.recommendations import print_recommended, recommended_articles, recommended_plot
from seqzoo.families.histories import SHOWN, Histories, Ranking
from seqzoo.task import TASKS

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.export.signatures import Signature
    from seqzoo.models.next_items import NextItems
    from seqzoo.training.folder import Run


POWER = 0.5  # exponent of an item's count in the distribution of the negatives


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Network."""

    dim: int = option(
        64, "Width of the embeddings of items, which are also those of the output.", minimum=1, sweep=[32, 64, 128]
    )
    embedding_dropout: float = option(0.0, "Share of the items whose embedding is dropped.", minimum=0, maximum=0.95)
    input_dropout: float = option(0.1, "Dropout of the embeddings' values.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Loss(Options):
    """Loss."""

    shapes = False

    loss: str = option(
        "cross_entropy", "Cross-entropy, or a ranking loss of Hidasi & Karatzoglou (2018).",
        choices=("cross_entropy", "bpr_max", "top1_max"), needs="softmax=full|sampled",
        sweep=["cross_entropy", "bpr_max"],
    )  # fmt: skip
    score_penalty: float = option(
        1.0, "Weight of the squared scores of bpr_max.", minimum=0, maximum=1000, needs="loss=bpr_max"
    )


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    count: int = option(SHOWN, "Items to recommend.", minimum=1, maximum=100)
    repeats: bool = option(False, "Also recommend items of the history.")


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Histories, options.Batching, Model, options.Softmax, options.Recurrent, Loss, options.Training
):  # fmt: skip
    """Recommendation."""

    dataset: str = default(options.Data, dataset="episodes")
    batch_size: int = default(options.Batching, batch_size=32)
    batch_tokens: int = default(options.Batching, batch_tokens=2048)
    rnn: str = default(options.Recurrent, rnn="gru", sweep=["gru", "lstm"])
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=20)
    learning_rate: float = default(options.Training, learning_rate=6e-3)
    average: float = default(options.Training, average=0.99)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()
        if self.folds and (self.test_split or self.split != "last"):
            raise ValueError("--folds chooses valid by itself: leave out --test_split and --split, or --folds.")


@TASKS.register("recommendation")
class Recommendation(Ranking):
    """Recommendation: hit rate, NDCG and reciprocal rank of the item that comes next, among all items."""

    Config = Config
    requests = {"predict": Predicting}
    demo = {"episodes": '--text="harbour 3 | lantern 9 | harbour 4"'}
    advice = {
        "episodes": "These histories were generated. To train on your own: --dataset=events --data_dir=FILE, with a "
        "user, an item and a time in the columns of a CSV file."
    }

    def build(self) -> "keras.Model":
        from seqzoo.models import language_model

        config, counts = self.config, self.assets["counts"]
        network = config.arguments(Model, options.Recurrent)
        return language_model(len(counts), **network, **config.of_model(counts))

    def training_model(self, model: "keras.Model", steps: int) -> "keras.Model":
        from seqzoo.models import on_targets

        config = self.config
        if config.softmax == "full":
            return model
        sampled = config.of_training(self.assets["counts"])
        return on_targets(model, **sampled, corrected=config.loss == "cross_entropy", power=POWER)

    def loss(self) -> "keras.losses.Loss":
        import keras

        from seqzoo.layers.losses import RankingLoss

        if self.config.loss != "cross_entropy":
            return RankingLoss(self.config.loss, self.config.score_penalty)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, model: "keras.Model") -> "NextItems":
        from seqzoo.models.next_items import NextItems

        return NextItems(model, self.config.repeats, trained=self.config.loss == "cross_entropy")

    def signatures(self, run: "Run", request: options.Exporting) -> "dict[str, Signature]":
        from seqzoo.export.recommending import recommendation

        return recommendation(run, self.config.repeats)

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        request = request or Predicting()
        repeats = request.repeats or self.config.repeats
        run = dataclasses.replace(run, predictor=functools.partial(run.predictor, repeats=repeats))
        return super().predict(run, lines, request)

    def examples(self, line: str, request: Predicting | None = None) -> list[dict]:
        return [{**self.example(line), "count": (request or Predicting()).count}]

    def plot(self, predictor: "NextItems", examples: list[dict], answers: list[dict], folder: "pathlib.Path") -> None:
        recommended_plot(answers, folder / "next.png")

    def show(self, answer: dict, console: "Console") -> None:
        print_recommended(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return recommended_articles(answers)

    @classmethod
    def tiny(cls) -> tuple:
        histories = ["a b c d e", "b c d", "c d e f", "f a"]
        examples = [{"user": str(number), "items": line.split()} for number, line in enumerate(histories)]
        config = cls.Config(dim=6, units=8, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, ["a | b | c", "", "a x"]
