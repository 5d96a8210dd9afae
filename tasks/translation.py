"""Translation: translates sentences into another language. Many to many, unaligned."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import default
from seqzoo.data.batches import chunks
from seqzoo.datasets.splits import by_target
from seqzoo.display.terminal import print_scored
from seqzoo.families.text_to_text import Objective, Sides, TextToText
from seqzoo.metrics.translation import MEASURES, translation_scores
from seqzoo.task import CHUNK, TASKS

if TYPE_CHECKING:
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Units, Sides, options.EncoderDecoder, Objective, options.Batching, options.Training
):  # fmt: skip
    """Translation."""

    dataset: str = default(options.Data, dataset="dates")
    batch_size: int = default(options.Batching, batch_size=64)
    units: int = default(options.Recurrent, units=128)
    layers: int = default(options.Recurrent, layers=1)
    dropout: float = default(options.Recurrent, dropout=0.1)
    epochs: int = default(options.Training, epochs=8)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)


@TASKS.register("translation")
class Translation(TextToText):
    """Translation: BLEU."""

    Config = Config
    requests = {**TextToText.requests, "score": options.Scoring}
    modes = ("train", "evaluate", "predict", "score")
    written = "translation"
    needs = {"source": str, "target": str}
    measures = MEASURES
    objective = "bleu"
    packages = ("sacrebleu",)  # BLEU
    demo = {"dates": '--text="Monday, May 3rd, 2021"'}
    advice = {
        "dates": "This run learned to write dates in the form of ISO 8601. To train on your own sentences: "
        "--dataset=parallel --data_dir=FOLDER --columns=source=en,target=de --tokenizer=bpe --joint"
    }

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        if found := by_target(train, 20):
            return *found, "about every 20th target of train is valid, with all of its sources"
        return super().hold_out(train)

    def group(self, example: dict) -> str:
        return example["target"]  # as in `by_target`

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        translations = [answer["translation"] for answer in answers]
        references = [self.text(example["target"]) for example in examples]
        # sacreBLEU's default; characters if the model writes characters.
        tokenize = "char" if self.config.tokenizer == "characters" else "13a"
        return translation_scores(translations, references, tokenize, self.config.lowercase)

    def score(self, run: "Run", lines: Iterable[str], request: options.Scoring | None = None) -> Iterable[dict]:
        from seqzoo.decoding.scoring import alternatives, ranked

        if request and request.rank:
            numbers, lines = zip(*alternatives(lines).items(), strict=True)
            return ranked(self.scored(run, lines, numbers, spell=True))
        return self.scored(run, lines, itertools.count(1))

    def scored(self, run: "Run", lines: Iterable[str], numbers: Iterable[int], spell: bool = False) -> Iterator[dict]:
        """Scores lines of a source and its translation, with a tab between them.

        Args:
            run: the trained run.
            lines, numbers: the lines and their numbers.
            spell: an unknown word costs its spelling, too; otherwise it could be likelier than the right word.
        """
        target = self.codecs[1]

        def run_scores(inputs, labels, weights):
            return {"ids": labels, "scores": run.predictor.decoder.score(inputs, labels)}

        numbers = iter(numbers)
        for chunk in chunks(lines, CHUNK):
            pairs = [pair(number, line) for line, number in zip(chunk, numbers, strict=False)]
            for example, row in self.feed(pairs).outputs(run_scores):
                text = self.read_text(example["target"])
                source = {"line": example["line"], "source": self.text(example["source"])}
                scored = target.scored(text, row["ids"], row["scores"], spell)
                yield {**source, **(without_blank(scored) if self.spaced else scored)}

    def show(self, answer: dict, console: "Console") -> None:
        (super().show if "n_best" in answer else print_scored)(answer, console)

    @classmethod
    def tiny(cls) -> tuple:
        pairs = {"red cat": "rilo keto", "old dog": "volo duno", "red": "rilo", "a cat": "o keto", "dog": "duno"}
        examples = [{"source": source, "target": target} for source, target in pairs.items()]
        config = cls.Config(dim=8, units=8, encoder_units=4, attention_units=8, epochs=2, learning_rate=0.02)
        lines = {"predict": ["red cat", "", "dog"], "score": ["red cat\trilo keto", "dog\to keto"]}
        return config, {"train": examples, "valid": examples}, lines


def without_blank(scored: dict) -> dict:
    """Returns the scores of a text without the blank that codecs read before it."""
    text, tokens = scored["text"][1:], []
    for token in scored["tokens"]:
        start, end = (max(0, token[name] - 1) for name in ("start", "end"))
        tokens.append({**token, "text": text[start:end] or token["text"], "start": start, "end": end})
    return {**scored, "text": text, "tokens": tokens}


def pair(number: int, line: str) -> dict:
    """Returns the example of a line to score.

    Raises:
        ValueError: the line is not a source and a target with a tab between them.
    """
    sides = line.split("\t")
    if len(sides) != 2 or not sides[0].strip():
        raise ValueError(f"Line {number} should be a text and its translation, with a tab between. Received: {line!r}")
    return {"line": number, "source": sides[0], "target": sides[1]}
