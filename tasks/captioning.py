"""Captioning: describes a picture in words. One to many, by an encoder-decoder that attends to the picture."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.display.captions import captioned_articles, missed, print_captioned
from seqzoo.families.pictures import PictureTranscription
from seqzoo.families.transcription import Speller, Transcriber
from seqzoo.metrics.translation import MEASURES, translation_scores
from seqzoo.pictures import Picture, Pixels
from seqzoo.pictures.baselines import nearest_captions
from seqzoo.task import TASKS

if TYPE_CHECKING:
    from rich.console import Console

    from seqzoo.datasets import Examples


@dataclasses.dataclass(frozen=True)
class Captions(Options):
    """Captions."""

    lowercase: bool = option(True, "Lower-case captions; scores ignore case, too.")


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Pictures, options.Units, Captions, Transcriber, options.Recurrent, Speller, options.Batching,
    options.Training,
):  # fmt: skip
    """Captioning."""

    dataset: str = default(options.Data, dataset="digit_scenes")
    tokenizer: str = default(options.Units, tokenizer="words")
    model: str = default(Transcriber, model="attention")
    layers: int = default(options.Recurrent, layers=0)
    dropout: float = default(options.Recurrent, dropout=0.1)
    batch_size: int = default(options.Batching, batch_size=16)
    cache_tokens: int = default(options.Batching, cache_tokens=500_000)  # kilobytes
    epochs: int = default(options.Training, epochs=10)
    learning_rate: float = default(options.Training, learning_rate=2e-3)
    average: float = default(options.Training, average=0.99)

    def __post_init__(self):
        super().__post_init__()
        if self.reader == "map" and (self.model == "ctc" or self.subsample > 1):
            what = "--model=ctc" if self.model == "ctc" else f"--subsample={self.subsample}"
            raise ValueError(f"{what} needs --reader=columns: the positions of a map are not a sequence.")


@TASKS.register("captioning")
class Captioning(PictureTranscription):
    """Captioning of pictures: BLEU."""

    Config = Config
    needs = {"picture": Picture, "captions": list}
    transcript, written = "captions", "caption"
    measures = MEASURES
    objective = "bleu"
    packages = ("sacrebleu",)
    demo = {"": "--text={folder}/picture.png"}
    advice = {
        "digit_scenes": "These scenes were generated. To train on your own pictures: --dataset=captions "
        "--data_dir=FOLDER, with a file, a tab and a caption on each line of train.tsv (and valid.tsv)."
    }

    def texts(self, example: dict) -> list[str]:
        texts = (" ".join(text.split()) for text in example["captions"])
        return [text.lower() if self.config.lowercase else text for text in texts if text] or [""]

    def text(self, example: dict) -> str:
        return self.texts(example)[0]

    def answer(self, example: dict, row: dict | None) -> dict:
        answer = super().answer(example, row)
        if self.transcript in example:
            del answer["reference"]
            answer["references"] = self.texts(example)
        return answer

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        tokenize = "char" if self.config.tokenizer == "characters" else "13a"
        captions = [answer["caption"] for answer in answers]
        return translation_scores(captions, [*map(self.texts, examples)], tokenize, self.config.lowercase)

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        known = ((example["picture"], self.text(example)) for example in train)
        found = nearest_captions(known, self.assets["pictures"].shape[-1])
        return {name: lambda e, caption=caption: {"caption": caption(e["picture"])} for name, caption in found.items()}

    def show(self, answer: dict, console: "Console") -> None:
        print_captioned(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return captioned_articles(answers)

    def differs(self, answer: dict) -> bool:
        return bool(missed(answer))

    @classmethod
    def tiny(cls) -> tuple:
        rng = np.random.default_rng(0)
        colours = {"red": (250, 20, 20), "blue": (20, 20, 250)}
        captions = {"red": ["a red one"], "blue": ["a blue one"], "white": ["no colour"]}
        examples = []
        for name, texts in captions.items():
            pixels = np.full((6, 5, 3), colours.get(name, 255), "uint8")
            pixels[:, :2] = rng.integers(0, 256, (6, 2, 3))
            examples.append({"picture": Pixels(name, pixels), "captions": texts})
        config = cls.Config(picture_filters="4+8", label_dim=8, decoder_units=8, epochs=2, learning_rate=0.02, shift=0)
        return config, {"train": examples, "valid": examples}, []
