"""Recommendation: which item comes next in a user's history. The next token, where tokens are items."""

import collections
import dataclasses
import functools

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Skip
from seqzoo.datasets.items.held_out import by_time, continued, leave_one_out
from seqzoo.display.recommendations import print_recommended, recommended_articles, recommended_plot
from seqzoo.items.baselines import recommenders
from seqzoo.items.lines import items_of
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.ranking import CUTOFFS, GAINS, rank_of, rank_scores
from seqzoo.task import TASKS, Task
from seqzoo.text.vocabulary import Vocabulary, by_frequency

BEGIN = [1]  # what stands before the first item: the id of unknown items, which are left out
POWER = 0.5  # of an item's count, in the distribution of the negatives


@dataclasses.dataclass(frozen=True)
class Histories(Options):
    """Histories."""

    shapes = False

    split: str = option(
        "last", "What is held out where there is no valid split: the last item of each user, or the latest events of "
        "all users.", choices=("last", "time"),
    )  # fmt: skip
    valid_fraction: float = option(
        0.1, "Share of the events that are the latest ones.", minimum=0.0001, maximum=0.5, needs="split=time"
    )
    test_split: bool = option(False, "Hold out twice: what comes last is test, and what comes before it valid.")
    max_items: int = option(
        50, "Items of a history that are read: its last ones; in training a longer one is cut.", minimum=1
    )
    repeats: bool = option(False, "Items of a history are candidates, too; otherwise all others are.")


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Network."""

    dim: int = option(64, "Width of the embeddings of items, which are also those of the output.", minimum=1)
    embedding_dropout: float = option(0.0, "Share of the items whose embedding is dropped.", minimum=0, maximum=0.95)
    input_dropout: float = option(0.2, "Dropout of the embeddings' values.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Loss(Options):
    """Loss."""

    shapes = False

    loss: str = option(
        "cross_entropy", "Cross-entropy, or a ranking loss of Hidasi & Karatzoglou (2018).",
        choices=("cross_entropy", "bpr_max", "top1_max"), sweep=["cross_entropy", "bpr_max"],
    )  # fmt: skip
    negatives: int = option(
        0, "Items that the right one is compared with, drawn for each batch; 0: all. Scores are always of all.",
        minimum=0,
    )  # fmt: skip
    score_penalty: float = option(1.0, "Weight of the squared scores of bpr_max.", minimum=0, needs="loss=bpr_max")


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    count: int = option(10, "Items to recommend.", minimum=1, maximum=100)
    repeats: bool = option(False, "Recommend also items of the history.")


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Histories, options.Batching, Model, options.Recurrent, Loss, options.Training):
    """Recommendation."""

    dataset: str = default(options.Data, dataset="episodes")
    batch_size: int = default(options.Batching, batch_size=128)
    batch_tokens: int = default(options.Batching, batch_tokens=2048)
    rnn: str = default(options.Recurrent, rnn="gru", sweep=["gru", "lstm"])
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=12)
    learning_rate: float = default(options.Training, learning_rate=4e-3)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()


@TASKS.register("recommendation")
class Recommendation(Task):
    """Recommendation: hit rate, NDCG and reciprocal rank of the item that comes next, among all items."""

    Config = Config
    requests = {"predict": Predicting}
    needs = {"user": str, "items": list}
    measures = {
        **{f"{gain}_{k}": Measure(f"{gain.upper()}@{k}", "max", "%") for gain in GAINS for k in CUTOFFS},
        "support": Measure("support"),
        "loss": Measure("loss", "min"),
    }
    objective = "hr_10"
    axes = {"tokens": "time", "labels": "time"}
    demo = {"episodes": '--text="harbour 3 | lantern 9 | harbour 4"'}
    advice = {
        "episodes": "These histories were generated. To train on your own: --dataset=events --data_dir=FILE, with a "
        "user, an item and a time in the columns of a CSV file."
    }

    # --- Data: an example of valid or test is a history whose last item is to be predicted. --------

    def read(self):
        splits = super().read()
        before = [[*splits.values()][:number] for number in range(len(splits))]
        return {
            split: continued(earlier, histories)
            for earlier, (split, histories) in zip(before, splits.items(), strict=True)
        }

    def hold_out(self, train):
        if self.config.split == "time":
            fraction = self.config.valid_fraction
            return *by_time(train, fraction), f"the latest {fraction:.0%} of the events are valid"
        return *leave_one_out(train), "the last item of each user is valid"

    def splits(self, hold_out=True):
        splits, held_out = super().splits(hold_out)
        if held_out and self.config.test_split and not self.config.folds and "test" not in splits:
            test, (splits["train"], splits["valid"], _) = splits["valid"], self.hold_out(splits["train"])
            return {**splits, "test": test}, held_out.replace("valid", "test, and of the rest so is valid")
        return splits, held_out

    def content(self, example):
        return ""  # histories of valid go on where those of train end

    def learn(self, train):
        items = by_frequency(collections.Counter(item for example in train for item in example["items"]))
        return {"items": Vocabulary(item for item, _ in items), "counts": [0, 0, *(count for _, count in items)]}

    def load(self, unseen=False):
        data = super().load(unseen)
        data.summary["items"] = f"{len(self.assets['items']) - 2:,}"
        return data

    def parted(self, example):
        """(ids of the history, the right item or None) of an example; items that training lacks are left out."""
        *history, right = [*example["history"], None] if "history" in example else example["items"]
        return [i for i in self.assets["items"].encode(history) if i > 1], right

    def encoder(self, training=False):
        items, most = self.assets["items"], self.config.max_items

        def encode(example):
            if training:
                ids = np.array(BEGIN + [i for i in items.encode(example["items"]) if i > 1], "int32")
                steps = range(0, len(ids) - 1, most)
                pieces = [(ids[:-1][i : i + most], ids[1:][i : i + most]) for i in steps]
                return [({"tokens": x}, y, np.ones(len(y), "float32")) for x, y in pieces]
            if len(example.get("items", "12")) < 2:
                raise Skip("a single item")
            history, right = self.parted(example)
            tokens = np.array((BEGIN + history)[-most:], "int32")
            labels = np.zeros(len(tokens), "int32")
            labels[-1] = items.encode([right])[0] if right is not None else 0
            return {"tokens": tokens}, labels, (labels > 1).astype("float32")

        return encode

    # --- Model --------------------------------------------------------------------------------------

    def build(self):
        from seqzoo.models import language_model

        return language_model(len(self.assets["items"]), **self.config.arguments(Model, options.Recurrent))

    def training_model(self, model, steps):
        from seqzoo.models import on_targets

        config = self.config
        if not config.negatives:
            return model
        corrected = config.loss == "cross_entropy"
        return on_targets(model, config.negatives, np.array(self.assets["counts"]), corrected, POWER)

    def loss(self):
        import keras

        from seqzoo.layers.losses import RankingLoss

        if self.config.loss != "cross_entropy":
            return RankingLoss(self.config.loss, self.config.score_penalty)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, model):
        from seqzoo.models.next_items import NextItems

        return NextItems(model, self.config.repeats)

    def signatures(self, run, request):
        from seqzoo.export.recommending import recommendation

        return recommendation(run, self.config.max_items, self.config.repeats)

    # --- Answers ------------------------------------------------------------------------------------

    @functools.cached_property
    def blanks(self):
        """Whether items have blanks in them."""
        return any(" " in item for item in self.assets["items"].tokens[2:])

    def example(self, line):
        return {"history": items_of(line, self.blanks)}

    def unknown_labels(self, example):
        return [item for item in example["items"][-1:] if item not in self.assets["items"]]

    def known(self, example):
        return [item in self.assets["items"] for item in example.get("history", example.get("items"))]

    def predict(self, run, lines, request=None):
        request = request or Predicting()
        repeats = request.repeats or self.config.repeats
        run = dataclasses.replace(run, predictor=functools.partial(run.predictor, repeats=repeats))
        for answer in super().predict(run, lines, request):
            yield {**answer, "next": answer["next"][: request.count]}

    def answer(self, example, row):
        items = self.assets["items"]
        history = example["history"] if "history" in example else example["items"][:-1]
        found = zip(row["items"], row["probabilities"].tolist(), strict=True) if row else ()
        answer = {
            "history": history,
            "next": [{"item": items.tokens[i], "probability": float(f"{p:.4g}")} for i, p in found if p > 0],
            "unknown": [item for item in dict.fromkeys(history) if item not in items],
        }
        if "items" in example:
            answer |= {"user": example["user"], "gold": example["items"][-1]}
            answer |= self.ranked(row["higher"], row["equal"]) if row else {}
        return answer

    def ranked(self, higher, equal):
        """The part of an answer that says where the right item is: none of the candidates if its rank is None."""
        return {"rank": int(higher) + 1 if higher < len(self.assets["items"]) else None, "equal": int(equal)}

    def scores(self, examples, answers):
        higher = np.array([answer["rank"] - 1 if answer["rank"] else np.inf for answer in answers])
        equal = np.array([answer["equal"] for answer in answers])
        return {**rank_scores(higher, equal), "support": len(answers)}

    def baselines(self, train):
        items, repeats = self.assets["items"], self.config.repeats
        histories = [[i for i in items.encode(example["items"]) if i > 1] for example in train]

        def answer(score, example):
            history, right = self.parted(example)
            barred = np.array([0, 1] if repeats else [0, 1, *{*history}])
            return self.ranked(*rank_of(score(history), items.encode([right])[0], barred))

        made = recommenders(histories, len(items), repeats)
        return {name: functools.partial(answer, score) for name, score in made.items()}

    def plot(self, predictor, examples, answers, folder):
        recommended_plot(answers, folder / "next.png")

    def show(self, answer, console):
        print_recommended(answer, console)

    def articles(self, answers):
        return recommended_articles(answers)

    def differs(self, answer):
        return answer.get("rank", 1) != 1

    @classmethod
    def tiny(cls):
        histories = ["a b c d e", "b c d", "c d e f", "f a"]
        examples = [{"user": str(number), "items": line.split()} for number, line in enumerate(histories)]
        config = cls.Config(dim=6, units=8, epochs=2, learning_rate=0.02, dropout=0.1, max_items=4)
        return config, {"train": examples, "valid": examples}, ["a | b | c", "", "a x"]
