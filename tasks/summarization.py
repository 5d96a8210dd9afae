"""Summarization: condenses a long text into a short one. Many to many, unaligned."""

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import default, option
from seqzoo.families.text_to_text import Objective, Sides, TextToText
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.summaries import COUNTED, rouge_intervals, rouge_scores
from seqzoo.task import SAMPLED, TASKS
from seqzoo.text.baselines import first_sentence

if TYPE_CHECKING:
    from seqzoo.data import Feed
    from seqzoo.datasets import Examples
    from seqzoo.decoding.search import BeamPredictor


SCORES = {
    "rouge1": Measure("ROUGE-1", "max"),
    "rouge2": Measure("ROUGE-2", "max"),
    "rougel": Measure("ROUGE-L", "max"),
    "exact": Measure("exact", "max", "%"),
}


@dataclasses.dataclass(frozen=True)
class Documents(Sides):
    """Texts and their summaries."""

    max_tokens: int = option(
        400, "Maximum number of tokens of a text to read, the first ones.", minimum=1, sweep=[100, 200, 400]
    )
    longest: int = option(
        100, "Maximum number of tokens of a summary; longer ones are left out of training.", minimum=1
    )
    rouge: str = option(
        "english", "What ROUGE counts: words of a-z and digits by their Porter stems, as in published scores; "
        "words of any script; or characters.", choices=tuple(COUNTED), shapes=False,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Units, Documents, options.EncoderDecoder, Objective, options.Batching, options.Training
):  # fmt: skip
    """Summarization."""

    dataset: str = default(options.Data, dataset="event_logs")
    tokenizer: str = default(options.Units, tokenizer="words")
    min_count: int = default(options.Units, min_count=5)
    copy: bool = default(options.EncoderDecoder, copy=True)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=6)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)


@TASKS.register("summarization")
class Summarization(TextToText):
    """Summarization: ROUGE."""

    Config = Config
    source, target, written = "text", "summary", "summary"
    needs = {"text": str, "summary": str}
    measures = {
        **SCORES,
        "loss": Measure("loss", "min", "nats"),
        "perplexity": Measure("PPL", "min"),
        **{f"beam_{name}": dataclasses.replace(own, title=f"beam {own.title}") for name, own in SCORES.items()},
    }
    objective = "rougel"
    packages = ("rouge_score",)
    documents = True
    demo = {
        "event_logs": r"--text=$'08:15 Ada Byron opened ticket 1815 about a printer\n09:02 Grace Hopper took it over "
        r"from Ada Byron\n09:40 Grace Hopper closed it'",
        "": "--input=FILE.jsonl",
    }
    advice = {
        "event_logs": "These logs were generated; the names in valid are not in train. To train on your own texts: "
        "--dataset=jsonl (or csv, tsv) --data_dir=FOLDER --columns=text=NAME,summary=NAME, where train.jsonl (and "
        "valid.jsonl) have such keys."
    }

    @property
    def max_source(self) -> int:
        return self.config.max_tokens

    def learn(self, train: "Examples") -> dict:
        first = [example["summary"].lower() for example in itertools.islice(train, SAMPLED)]
        lacking = sum(not re.search("[a-z0-9]", summary) for summary in first)
        if self.config.rouge == "english" and 2 * lacking > len(first):
            raise ValueError(
                f"{train.source}: --rouge=english counts words of a to z, and {lacking:,} of the first {len(first):,} "
                "summaries have none: choose --rouge=words or --rouge=characters."
            )
        return super().learn(train)

    def summaries_and_references(self, examples: list[dict], answers: list[dict]) -> tuple[list[str], list[list[str]]]:
        """Returns the texts of the answers and, for each, a list of references for ROUGE."""
        references = [example.get("references", [example["summary"]]) for example in examples]
        return [answer["summary"] for answer in answers], [[*map(self.text, own)] for own in references]

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        return rouge_scores(*self.summaries_and_references(examples, answers), self.config.rouge)

    def answered(self, predictor: "BeamPredictor", feed: "Feed") -> tuple[dict, list[dict], list[dict]]:
        scores, *rows = super().answered(predictor, feed)
        intervals = rouge_intervals(*self.summaries_and_references(*rows), self.config.rouge)
        return {**scores, "95%_intervals": intervals}, *rows

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        source, target = self.codecs
        mean = round(np.mean([len(target.split(self.text(example["summary"]))) for example in train]))

        def first_tokens(example):
            return {"summary": source.join(source.split(self.read_side(example, "text"))[:mean]).strip()}

        return {
            "first sentence": lambda example: {"summary": first_sentence(self.text(example["text"]))},
            f"first {mean} tokens": first_tokens,
        }

    @classmethod
    def tiny(cls) -> tuple:
        logs = {"Ada met Bo\nBo left": "Bo left Ada", "Cy met Ada\nCy left": "Cy left Ada", "Bo met\nBo ran": "Bo ran"}
        examples = [{"text": text, "summary": summary} for text, summary in logs.items()]
        config = cls.Config(
            dim=8, units=8, encoder_units=4, attention_units=8, epochs=2, learning_rate=0.02, min_count=2, max_tokens=6
        )
        return config, {"train": examples, "valid": examples}, ["Ada met Zoë\nZoë left", "", "Bo ran"]
