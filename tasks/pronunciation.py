"""Pronunciation: gives a spelled word its phones. Many to many, by CTC or attention."""

import collections
import dataclasses
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Skip
from seqzoo.families.transcription import Speller, Transcriber, Transcription
from seqzoo.inputs import ids
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.transcripts import phone_scores
from seqzoo.task import TASKS
from seqzoo.text.codec import Codec
from seqzoo.text.normalization import normalize

if TYPE_CHECKING:
    from seqzoo.datasets import Examples


@dataclasses.dataclass(frozen=True)
class Letters(Options):
    """Letters."""

    dim: int = option(64, "Width of the embeddings of letters.", minimum=1)
    input_dropout: float = option(0.1, "Dropout of the embeddings.", minimum=0, maximum=0.95)
    lowercase: bool = option(True, "Read words in lower case.")
    decompose: bool = option(
        False, "Read the parts of composed letters (NFD), such as the sounds of a Korean syllable, and accents."
    )


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Letters, Transcriber, options.Recurrent, Speller, options.Batching, options.Training
):  # fmt: skip
    """Pronunciation."""

    dataset: str = default(options.Data, dataset="spellings")
    upsample: int = default(Transcriber, upsample=3)
    units: int = default(options.Recurrent, units=64)
    dropout: float = default(options.Recurrent, dropout=0.2)
    epochs: int = default(options.Training, epochs=8)
    learning_rate: float = default(options.Training, learning_rate=4e-3)
    average: float = default(options.Training, average=0.99)


@TASKS.register("pronunciation", "g2p")
class Pronunciation(Transcription):
    """Pronunciation: word and phone error rate."""

    Config = Config
    needs = {"source": str, "target": str}
    transcript, units = "target", "whitespace"
    measures = {
        "wer": Measure("WER", "min", "%"),
        "per": Measure("PER", "min", "%"),
        **{name: Measure(name, "min", "%") for name in ("insertions", "deletions", "substitutions")},
        "beam_wer": Measure("beam WER", "min", "%"),
        "beam_per": Measure("beam PER", "min", "%"),
        "loss": Measure("loss", "min"),
        "perplexity": Measure("PPL", "min"),
    }
    axes = {**Transcription.axes, "letters": "letters"}
    demo = {"spellings": '--text="cage"'}
    advice = {
        "spellings": "The words were invented by rules. To train on your own: --dataset=parallel --data_dir=FOLDER, "
        "with a word, a tab and its phones, separated by blanks, on each line of train.tsv (and valid.tsv)."
    }

    def word(self, example: dict) -> str:
        """Returns the word of an example as the model reads it."""
        word = normalize(example["source"].strip(), self.config.unicode)  # a text to predict is not normalized yet
        word = word.lower() if self.config.lowercase else word
        return unicodedata.normalize("NFD", word) if self.config.decompose else word

    def learn(self, train: "Examples") -> dict:
        letters = Codec.learn("characters", map(self.word, train), 0, unicode="none")  # already normalized
        return {"letters": letters, **self.learn_labels(train)}

    def arrays(self, example: dict, training: bool) -> dict:
        found = self.assets["letters"].encode(self.word(example))[0]
        if not found:
            raise Skip("no word")
        return {"letters": np.array(found, "int32")}

    def front(self) -> tuple:
        config, letters = self.config, self.assets["letters"].tokens
        return ids(len(letters), config.dim, config.input_dropout, name="letters")

    def step_names(self, example: dict) -> list[str]:
        return [*self.word(example)]

    def example(self, line: str) -> dict:
        return {"source": line}

    def asked(self, example: dict) -> dict:
        return {"text": example["source"]}

    def known(self, example: dict) -> list[bool]:
        return self.assets["letters"].known(self.word(example))

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        return phone_scores([answer["transcript"] for answer in answers], [*map(self.text, examples)])

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        """Gives each letter its most frequent phones, after dividing a word's phones evenly among its letters."""
        counts = collections.defaultdict(collections.Counter)
        for example in train:
            word, phones = self.word(example), self.text(example).split()
            for i, letter in enumerate(word):
                share = slice(i * len(phones) // len(word), (i + 1) * len(phones) // len(word))
                counts[letter][" ".join(phones[share])] += 1
        table = {letter: count.most_common(1)[0][0] for letter, count in counts.items()}

        def answer(example):
            return {"transcript": " ".join(filter(None, (table.get(letter) for letter in self.word(example))))}

        return {"letter by letter": answer}

    @classmethod
    def tiny(cls) -> tuple:
        words = {"cage": "k eɪ dʒ", "ace": "eɪ s", "ax": "æ k s", "go": "g oʊ", "gin": "dʒ ɪ n"}
        examples = [{"source": word, "target": phones} for word, phones in words.items()]
        config = cls.Config(dim=8, units=8, layers=1, epochs=2, learning_rate=0.02)
        return config, {"train": examples, "valid": examples}, ["cage", "", "x"]
