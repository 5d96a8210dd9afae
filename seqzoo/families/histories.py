"""Histories: the common parts of tasks that read the items of a user in order and rank all items."""

import collections
import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Skip
from seqzoo.datasets.items.held_out import by_time, continued, leave_one_out
from seqzoo.items.baselines import recommenders
from seqzoo.items.lines import items_of
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.ranking import CUTOFFS, GAINS, rank_of, rank_scores
from seqzoo.task import Task, TaskData
from seqzoo.text.vocabulary import Vocabulary, by_frequency

if TYPE_CHECKING:
    from seqzoo.datasets import Examples


SHOWN = 10  # recommended items of an answer, unless --count is given
BEGIN = 1  # the id before the first item, and of unknown items, which are left out: `models.next_items.BEGIN`


@dataclasses.dataclass(frozen=True)
class Histories(Options):
    """Histories."""

    shapes = False

    split: str = option(
        "last", "What to hold out if there is no valid split: the last item of each user, or the latest events of all "
        "users.", choices=("last", "time"),
    )  # fmt: skip
    valid_fraction: float = option(
        0.1, "Share of the events to hold out, the latest ones.", minimum=0.0001, maximum=0.5, needs="split=time"
    )
    test_split: bool = option(False, "Hold out twice: first test, then valid from the data before test.")
    piece: int = option(
        50, "Most items of a history that training reads at once; longer ones are cut into pieces.", minimum=1
    )
    drop_items: float = option(
        0.0, "In training, leave out a share of the items of a history, drawn anew between 0 and this.", minimum=0,
        maximum=0.95,
    )  # fmt: skip
    repeats: bool = option(False, "Make the items of a history candidates, too; otherwise they are excluded.")


class Ranking(Task):
    """A task whose examples have a user and items, and whose model scores all items after each of them.

    In valid and test, the last item of each history is to be predicted. The task's Config has the group `Histories`,
    and its predictor returns the same as `models.next_items.NextItems`.
    """

    needs = {"user": str, "items": list}
    measures = {
        **{f"{gain}_{k}": Measure(f"{gain.upper()}@{k}", "max", "%") for gain in GAINS for k in CUTOFFS},
        "support": Measure("support"),
        "loss": Measure("loss", "min"),
    }
    objective = "hr_10"
    axes = {"tokens": "time", "labels": "time"}

    def read(self) -> "dict[str, Examples]":
        splits = super().read()
        before = [[*splits.values()][:number] for number in range(len(splits))]
        return {
            split: continued(earlier, histories)
            for earlier, (split, histories) in zip(before, splits.items(), strict=True)
        }

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        if self.config.split == "time":
            fraction = self.config.valid_fraction
            return *by_time(train, fraction), f"the latest {fraction:.0%} of the events are valid"
        return *leave_one_out(train), "the last item of each user is valid"

    def splits(self, hold_out: bool = True) -> "tuple[dict[str, Examples], str]":
        splits, held_out = super().splits(hold_out)
        if held_out and self.config.test_split and not self.config.folds and "test" not in splits:
            test, (splits["train"], splits["valid"], _) = splits["valid"], self.hold_out(splits["train"])
            return {**splits, "test": test}, held_out.replace("valid", "test, and of the rest so is valid")
        return splits, held_out

    def content(self, example: dict) -> str:
        return ""  # histories of valid continue those of train

    def learn(self, train: "Examples") -> dict:
        items = by_frequency(collections.Counter(item for example in train for item in example["items"]))
        counts = [0, 0, *(count for _, count in items)]
        return {"items": Vocabulary(item for item, _ in items), "counts": counts}

    def load(self, unseen: bool = False) -> TaskData:
        data = super().load(unseen)
        data.summary["items"] = f"{len(self.assets['items']) - 2:,}"
        return data

    def parted(self, example: dict) -> tuple[list[int], str | None]:
        """Splits an example into (ids of the history, the right item or None), without items unseen in training."""
        *history, right = [*example["history"], None] if "history" in example else example["items"]
        return [i for i in self.assets["items"].encode(history) if i > BEGIN], right

    def encoder(self, training: bool = False) -> Callable:
        items, length = self.assets["items"], self.config.piece

        def pieces(example):
            ids = np.array([BEGIN, *(i for i in items.encode(example["items"]) if i > BEGIN)], "int32")
            for start in range(0, len(ids) - 1, length):
                known, following = (part[start : start + length] for part in (ids[:-1], ids[1:]))
                yield {"tokens": known}, following, np.ones(len(known), "float32")

        def encode(example):
            history, right = self.parted(example)
            if right is not None and len(example["items"]) < 2:
                raise Skip("a single item")
            tokens = np.array([BEGIN, *history], "int32")
            labels = np.zeros(len(tokens), "int32")
            labels[-1] = items.encode([right])[0] if right is not None else 0
            return {"tokens": tokens}, labels, (labels > BEGIN).astype("float32")

        return (lambda example: [*pieces(example)]) if training else encode

    def augmenter(self) -> Callable | None:
        rate = self.config.drop_items

        def augment(example, encoded, rng):
            (inputs, following, _) = encoded
            kept = rng.random(len(following)) >= rate * rng.random()
            kept[-1] |= not kept.any()
            ids = np.append(inputs["tokens"][:1], following[kept])
            return {"tokens": ids[:-1]}, ids[1:], np.ones(len(ids) - 1, "float32")

        return augment if rate else None

    @functools.cached_property
    def blanks(self) -> bool:
        """Whether any item contains a blank."""
        return any(" " in item for item in self.assets["items"].tokens[2:])

    def example(self, line: str) -> dict:
        return {"history": items_of(line, self.blanks)}

    def unknown_labels(self, example: dict) -> list[str]:
        return [item for item in example["items"][-1:] if item not in self.assets["items"]]

    def known(self, example: dict) -> list[bool]:
        return [item in self.assets["items"] for item in example.get("history", example.get("items"))]

    def answer(self, example: dict, row: dict | None) -> dict:
        items = self.assets["items"]
        history = example["history"] if "history" in example else example["items"][:-1]
        found = [*zip(row["items"], row["probabilities"].tolist(), strict=True)] if row else []
        count = example.get("count", SHOWN)
        answer = {
            "history": history,
            "next": [{"item": items.tokens[i], "probability": float(f"{p:.4g}")} for i, p in found[:count] if p > 0],
            "unknown": [item for item in dict.fromkeys(history) if item not in items],
        }
        if "items" in example:
            answer |= {"user": example["user"], "gold": example["items"][-1]}
            answer |= self.ranked(row["higher"], row["equal"]) if row else {}
        return answer

    def ranked(self, higher: float | np.number, equal: int | np.number) -> dict:
        """Returns the part of an answer with the rank of the right item; None if it is not a candidate."""
        return {"rank": int(higher) + 1 if higher < len(self.assets["items"]) else None, "equal": int(equal)}

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        higher = np.array([answer["rank"] - 1 if answer["rank"] else np.inf for answer in answers])
        equal = np.array([answer["equal"] for answer in answers])
        return {**rank_scores(higher, equal), "support": len(answers)}

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        items, repeats = self.assets["items"], self.config.repeats
        histories = [[i for i in items.encode(example["items"]) if i > BEGIN] for example in train]

        def answer(score, example):
            history, right = self.parted(example)
            barred = np.array([0, BEGIN, *(() if repeats else {*history})])
            return self.ranked(*rank_of(score(history), items.encode([right])[0], barred))

        made = recommenders(histories, len(items), repeats)
        return {name: functools.partial(answer, score) for name, score in made.items()}

    def differs(self, answer: dict) -> bool:
        return answer.get("rank", 1) != 1
