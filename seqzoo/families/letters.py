"""Sequences of letters, such as DNA and proteins: the common parts of tasks that read them."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.datasets.files import place
from seqzoo.datasets.sequences.fasta import Records, header_name, records
from seqzoo.display.plain import plain_text
from seqzoo.display.terminal import tagged
from seqzoo.inputs import frames
from seqzoo.inputs.letters import ALPHABETS, Letters, reverse_complement
from seqzoo.metrics.labels import matthews, one_against_rest
from seqzoo.metrics.measure import Measure
from seqzoo.task import Task
from seqzoo.text.lines import shorten

if TYPE_CHECKING:
    from rich.console import Console

    from seqzoo.datasets import Examples


CODON = 3  # letters that the baselines count as a word


@dataclasses.dataclass(frozen=True)
class Sequences(Options):
    """Sequences."""

    alphabet: str = option("dna", "Letters of the sequences, and codes that stand for several.", choices=ALPHABETS)
    letter_dropout: float = option(
        0.0, "Share of the letters that training reads as unknown, like N in DNA.", minimum=0, maximum=0.95,
        shapes=False,
    )  # fmt: skip
    positions: int = option(
        0, "Width of the position encoding that is joined to each letter, for sequences that are aligned at a point, "
        "such as a splice site; an even number; 0: none.", minimum=0, maximum=512,
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        if self.positions % 2:
            raise ValueError(f"--positions should be even: a wave has a sine and a cosine. Received: {self.positions}")


class LetterSequences(Task):
    """A task that reads the letters of the feature "text"; its Config has the group `Sequences`."""

    axes = {"letters": "time", "labels": "time"}
    measures = {"specificity": Measure("Sp", "max", "%"), "mcc": Measure("MCC", "max")}

    @functools.cached_property
    def letters(self) -> Letters:
        """The alphabet."""
        return Letters(self.config.alphabet)

    def read(self) -> "dict[str, Examples]":
        def checked(examples):
            for number, example in enumerate(examples, 1):
                try:
                    self.letters.frames(example["text"])
                    yield self.checked(example)
                except ValueError as error:
                    raise ValueError(f"{place(examples.source, example, number)}: {error}") from None

        splits = super().read().items()
        return {split: examples.with_read(functools.partial(checked, examples)) for split, examples in splits}

    def checked(self, example: dict) -> dict:
        """Returns the example, whose letters are valid; raises a ValueError if anything else is malformed."""
        return example

    def content(self, example: dict) -> str:
        return " ".join(example["text"].upper())  # a letter is a token

    def group(self, example: dict) -> str:
        return example["text"].upper()

    def inputs(self, example: dict) -> dict:
        """Returns the inputs of the model, the letters [T, D] and their number."""
        x = self.letters.frames(example["text"])
        return {"letters": x, "letters_length": np.array(len(x), "int32")}

    def augmenter(self) -> Callable | None:
        strands, rate = getattr(self.config, "reverse_complement", False), self.config.letter_dropout

        def augment(example, encoded, rng):
            inputs, *labels = encoded
            x = inputs["letters"]
            if strands and rng.random() < 0.5:
                x = reverse_complement(x)
            hidden = rng.random((len(x), 1)) < rate
            return {**inputs, "letters": np.where(hidden, np.float32(1 / x.shape[1]), x)}, *labels

        return augment if strands or rate else None

    def front(self) -> tuple:
        from seqzoo.layers.positions import Positions

        inputs, x, mask = frames(len(self.letters.letters), name="letters")
        width = self.config.positions
        return inputs, Positions(width, name="positions")(x, mask=mask) if width else x, mask

    def examples(self, line: str, request: Options | None = None) -> list[dict]:
        if line.startswith(">"):
            found = records(enumerate(line.split("\n"), 1), "text")
            rows = [{"name": header_name(header), "text": text} for _, header, text in found]
        else:
            rows = [{"text": "".join(line.split())}]
        for row in rows:
            try:
                self.letters.frames(row["text"])
            except ValueError as error:
                raise ValueError(f"{row.get('name') or shorten(row['text'], 30)}: {error}") from None
        return rows

    @staticmethod
    def entries(lines: Iterable[str]) -> Records:
        return Records(lines)

    def show(self, answer: dict, console: "Console") -> None:
        if "name" in answer:
            console.print(plain_text(f">{answer['name']}", "dim"), soft_wrap=True)
        super().show(answer, console)


def add_matthews(scores: dict, gold: Sequence[str], predicted: Sequence[str | None]) -> dict:
    """Adds Matthews's coefficient and, for each class, the specificity to the scores of `class_scores`."""
    scores["mcc"] = matthews(gold, predicted)
    for label, row in one_against_rest(gold, predicted).items():
        scores["classes"][label] |= row
    return scores


def stretches(text: str, tags: Sequence[str], confidences: Sequence[float] = (), gold: Sequence[str] = ()) -> dict:
    """Returns the answer to a text with a tag for each letter, in the form of `terminal.tagged`.

    Args:
        text: the letters.
        tags: a tag for each.
        confidences: a probability for each, or none.
        gold: the right tag of each, or none.

    Returns:
        The same as `tagged`. A token is a stretch of letters with the same tag and the same ``gold`` tag; its
        confidence is the lowest of its letters.
    """
    pairs, spans, least, start = [], [], [], 0
    for pair, letters in itertools.groupby(zip(tags, gold or tags, strict=True)):
        end = start + len([*letters])
        pairs.append(pair)
        spans.append((text[start:end], start, end))
        least.append(min(confidences[start:end], default=None))
        start = end
    answer = tagged(text, spans, [tag for tag, _ in pairs], None if None in least else least)
    if gold:
        for token, (_, right) in zip(answer["tokens"], pairs, strict=True):
            token["gold"] = right
    return answer
