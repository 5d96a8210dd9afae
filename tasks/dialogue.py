"""Dialogue: replies to a conversation. Many to many, unaligned."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.datasets.dialogue.replies import replies
from seqzoo.datasets.splits import every_nth
from seqzoo.families.text_to_text import Objective, Sides, TextToText
from seqzoo.metrics.dialogue import reply_scores, slot_errors
from seqzoo.metrics.measure import Measure
from seqzoo.task import TASKS, TaskData
from seqzoo.text.baselines import commonest_baseline
from seqzoo.text.turns import ACT, BOT, MARK, USER, latest_turns, read_turns, split_turns

if TYPE_CHECKING:
    from seqzoo.datasets import Examples
    from seqzoo.decoding.search import BeamPredictor


@dataclasses.dataclass(frozen=True)
class History(Options):
    """Histories."""

    shapes = False

    max_turns: int = option(0, "Maximum number of turns of a history to read, the latest ones; 0: all.", minimum=0)
    objective: str = option(
        "accuracy", "Score on valid that chooses the best epoch: exactly right replies, or BLEU if many replies can be "
        "right.", choices=("accuracy", "bleu"),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Units, Sides, History, options.EncoderDecoder, Objective, options.Batching, options.Training
):  # fmt: skip
    """Dialogue."""

    dataset: str = default(options.Data, dataset="bookings")
    tokenizer: str = default(options.Units, tokenizer="words")
    lowercase: bool = default(Sides, lowercase=True)
    longest: int = option(
        400, "Maximum number of tokens of a history, which loses its oldest turns, and of a reply. Training leaves "
        "out pairs with a longer turn.", minimum=1,
    )  # fmt: skip
    copy: bool = default(options.EncoderDecoder, copy=True)
    input_dropout: float = default(options.EncoderDecoder, input_dropout=0.0)  # generated data need none
    batch_size: int = default(options.Batching, batch_size=32)
    units: int = default(options.Recurrent, units=128)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.0)
    epochs: int = default(options.Training, epochs=5)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)


@TASKS.register("dialogue")
class Dialogue(TextToText):
    """Dialogue: replies to the history of a conversation."""

    Config = Config
    source, target, written = "history", "reply", "reply"
    converses = "reply"
    needs = {"history": str, "reply": str}
    measures = {
        f"{search}{name}": Measure(f"{search.replace('_', ' ')}{title}", direction, unit)
        for search in ("", "beam_")
        for name, title, direction, unit in (
            ("accuracy", "replies", "max", "%"),
            ("dialogues", "dialogues", "max", "%"),
            ("bleu", "BLEU", "max", ""),
            ("slot_error", "slot error", "min", "%"),
        )
    } | {"loss": Measure("loss", "min", "nats"), "perplexity": Measure("PPL", "min")}
    objective = "accuracy"
    packages = ("sacrebleu",)  # BLEU
    advice = {
        "bookings": "This run learned to book tables. To train on your own dialogues, a list of turns a line: "
        "--dataset=dialogues --data_dir=FOLDER --objective=bleu --dropout=0.3 --input_dropout=0.3"
    }

    def __init__(self, config=None, assets=None):
        super().__init__(config, assets)
        self.objective = self.config.objective

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        return *every_nth(train, 20, self.ends), "every 20th dialogue of train is valid (if fewer, the last one)"

    def ends(self, example: dict) -> bool:
        return example.get("last", True)

    def content(self, example: dict) -> str:  # a whole dialogue, since many begin alike
        return " ".join(f"{example['history']} {example['reply']}".split()) if self.ends(example) else ""

    def load(self, unseen: bool = False) -> TaskData:
        data = super().load(unseen)
        for split, feed in data.splits.items():
            cut = [self.latest(example["history"]) != example["history"] for example in feed.examples]
            if any(cut):
                data.summary[f"{split}, cut"] = f"the oldest turns of {sum(cut):,} of {len(cut):,} histories"
        return data

    def latest(self, history: str) -> str:
        """Drops the oldest turns of a history that is too long to read."""

        def length(turn):
            return len(self.codecs[0].split(turn)) if self.assets else 0

        return latest_turns(history, self.config.max_turns, self.config.longest, length)

    def read_text(self, text: str) -> str:
        return super().read_text(self.latest(text) if MARK.match(text) else text)

    def example(self, line: str) -> dict:
        return {"history": read_turns(line)}

    def export_notes(self) -> list[str]:
        form = "`<user> hi <bot> hello <user> a table`"
        return [
            *super().export_notes(),
            f"A source is a history; each turn follows the mark of its speaker: {form}.",
        ]

    def search(self, predictor: "BeamPredictor", request: options.Decoding, **wanted) -> "BeamPredictor":
        """For dialogue acts, requests all answers of the beam, which `chosen` sorts."""
        if any(token.strip() == ACT for token in self.codecs[0].tokens):
            wanted["n_best"] = max(wanted.get("n_best", 1), request.beam)
        return super().search(predictor, request, **wanted)

    def chosen(self, answer: dict, n_best: list[dict]) -> dict:
        if answer["text"].startswith(ACT):  # a stable sort: of equal answers, the likeliest stays first
            n_best = sorted(n_best, key=lambda best: slot_errors(answer["text"], best["text"]))
        return super().chosen(answer, n_best)

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        ends = [self.ends(example) for example in examples]
        return reply_scores(
            [example["history"] for example in examples],
            [answer["reply"] for answer in answers],
            [self.text(example["reply"]) for example in examples],
            [*itertools.accumulate(ends[:-1], initial=0)],  # the number of each dialogue
            {"whitespace": "none", "characters": "char"}.get(self.config.tokenizer, "13a"),
        )

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        def last(example):
            return split_turns(example["history"])[-1:]

        reply = commonest_baseline((str(last(example)), self.text(example["reply"])) for example in train)
        return {"reply to the last turn": lambda example: {"reply": reply(str(last(example)))}}

    @classmethod
    def tiny(cls) -> tuple:
        dialogues = [
            ["a red cat", "how old?", "two", "a red cat of two"],
            ["a dog", "what colour?", "no, a cat", "what colour?", "red", "how old?"],
            ["hi", "hello", "", "a dog?", "no, a cat", "what colour?"],
        ]
        turns = [zip(itertools.cycle((USER, BOT)), dialogue) for dialogue in dialogues]
        examples = [example for number, said in enumerate(turns) for example in replies([*said], number)]
        model = {"dim": 8, "units": 8, "encoder_units": 4, "attention_units": 8, "longest": 13}
        config = cls.Config(**model, epochs=2, learning_rate=0.02)
        return config, {"train": examples, "valid": examples}, ["a dog", "", "hi\thello\ta red cat", "hi\thello\t"]
