"""Text to text: the common parts of tasks that turn one text into another, by an encoder-decoder."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Skip
from seqzoo.display.pages import n_best_articles
from seqzoo.display.terminal import print_n_best
from seqzoo.families.searching import Evaluating, Searching
from seqzoo.files import replace
from seqzoo.text.codec import END, Codec
from seqzoo.text.copying import copied_only, extended, extended_source
from seqzoo.text.subwords import KINDS
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.export.signatures import Signature
    from seqzoo.task import TaskData
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Sides(Options):
    """Pairs of texts."""

    joint: bool = option(False, "Use one vocabulary for both sides; with --tied they also share embeddings.")
    lowercase: bool = option(False, "Lower-case both sides; scores ignore case, too.")
    bpe_dropout: float = option(
        0.0, "With --tokenizer=bpe: share of the merges skipped in training, anew each epoch (Provilkov et al., 2020).",
        minimum=0, maximum=0.9, needs="tokenizer=bpe",
    )  # fmt: skip
    copied_only: bool = option(
        False, "With --copy: leave words that training targets always share with their source, such as names, out of "
        "the target vocabulary. They can only be copied, so the model learns to copy from the start.",
        needs="copy",
    )  # fmt: skip
    longest: int = option(100, "Maximum number of tokens on a side; longer pairs are left out of training.", minimum=1)

    def __post_init__(self):
        super().__post_init__()
        if self.copied_only and (self.joint or self.tokenizer in KINDS):
            raise ValueError("--copied_only needs words or characters, and two vocabularies: no --joint.")


@dataclasses.dataclass(frozen=True)
class Objective(Options):
    """Objective."""

    shapes = False

    label_smoothing: float = option(0.0, "Probability mass spread over all other tokens.", minimum=0, maximum=0.9)
    scheduled_sampling: str = option(
        "", "How the share of correct decoder inputs falls in training (Bengio et al., 2015); empty: all are correct.",
        choices=("", "linear", "exponential", "inverse_sigmoid"),
    )  # fmt: skip
    sampling_epochs: float = option(
        10.0, "Epochs until none (linear) or half (the other schedules) of the decoder's inputs are correct.",
        minimum=0.01, maximum=1e6, needs="scheduled_sampling",
    )  # fmt: skip
    sampling_least: float = option(
        0.5, "Lowest share of correct inputs.", minimum=0, maximum=1, needs="scheduled_sampling"
    )
    valid_beam: int = option(1, "Beam width on valid during training.", minimum=1)


@dataclasses.dataclass(frozen=True)
class Predicting(Evaluating):
    """Answers."""

    n_best: int = option(1, "Different answers to each text, best first.", minimum=1)
    attention: bool = option(False, "Include the attention of each token in the answer.")
    html: str = option(
        "", "Also write the answers with their attention as a page for a browser to this file.", path=True
    )
    png: str = option("", "Draw the attention of the first answer to this file.", path=True)


@dataclasses.dataclass(frozen=True)
class Exporting(options.Exporting, options.Writing, options.Decoding):
    """Export."""


class TextToText(Searching):
    """A task that turns one text into another: a source into a target.

    Its Config has the groups `Sides`, `Objective`, `options.Units` and `options.EncoderDecoder`. A subclass names the
    features and the answer, and has `scores` and their `measures`.

    Class attributes:
        source, target: the features with the two texts.
        written: the key of the written text in an answer.
    """

    requests = {"evaluate": Evaluating, "predict": Predicting, "export": Exporting}
    source, target, written = "source", "target", "answer"
    shows_attention = True
    axes = {"source": "source", "copied": "source", "target": "target", "labels": "target"}

    def learn(self, train: "Examples") -> dict:
        config = self.config

        def codec(*sides, without=()):
            texts = (self.read_side(example, side) for example in train for side in sides)
            limits = {"size": config.vocabulary, "min_count": config.min_count, "without": without}
            found = Codec.learn(config.tokenizer, texts, unicode=config.unicode, **limits)
            if config.copy:  # rare words are copied, so smaller units are not needed
                found.summary.clear()
            return found

        if self.config.joint:
            return {"joint": codec(self.source, self.target)}
        source = codec(self.source)
        if not config.copied_only:
            return {"source": source, "target": codec(self.target)}
        pairs = (
            [source.split(self.read_side(example, side)) for side in (self.source, self.target)] for example in train
        )
        return {"source": source, "target": codec(self.target, without=copied_only(pairs))}

    def load(self, unseen: bool = False) -> "TaskData":
        data = super().load(unseen)
        codecs = self.codecs[:1] if self.config.joint else self.codecs
        data.summary["vocabulary"] = " and ".join(f"{len(codec.tokens):,} tokens" for codec in codecs)
        if "train" in data.splits and not unseen:
            # Answers may be as long as any target of train: "jump around right thrice" asks for 24 actions.
            self.assets["longest"] = max(len(labels) for _, (_, labels, _) in data.splits["train"].encoded())
        cut = {}
        if self.max_source:  # otherwise nothing is cut, and no split has to be encoded again
            cut = {split: sum(self.is_cut(*pair) for pair in feed.encoded()) for split, feed in data.splits.items()}
        if any(cut.values()):
            counts = ", ".join(f"{count:,} of {data.splits[split].size:,} in {split}" for split, count in cut.items())
            data.summary["cut"] = f"the first {self.max_source:,} tokens of longer texts are read: {counts}"
        return data

    def is_cut(self, example: dict, encoded: tuple) -> bool:
        """Returns whether only a part of an example's source was encoded."""
        if len(encoded[0]["source"]) <= self.max_source:
            return False
        return self.read_side(example, self.source) != self.read_text(example[self.source])

    def text(self, text: str) -> str:
        """Returns a text as scores read it."""
        return text.strip().lower() if self.config.lowercase else text.strip()

    def read_text(self, text: str) -> str:
        """Returns a text as codecs read it: to be copied, a line's first word needs a blank before it, too."""
        text = self.text(text)
        return f" {text}".replace("\n", "\n ") if text and self.spaced else text

    @property
    def spaced(self) -> bool:
        """Whether lines that the codecs read begin with a blank."""
        return self.config.copy and self.config.tokenizer == "words"

    @property
    def max_source(self) -> int:
        """The number of first tokens to read of a source; 0: all, and training leaves out long sources."""
        return 0

    def read_side(self, example: dict, side: str) -> str:
        """Returns the source or target of an example as the codecs read it; "" if it has no target."""
        text = self.read_text(example.get(side, ""))
        return self.cut(text) if side == self.source and self.max_source else text

    def cut(self, text: str) -> str:
        """Returns the first `max_source` tokens of a text; the whole text before subwords are learned."""
        units = self.config.tokenizer
        if self.assets:
            codec = self.codecs[0]
        elif units in KINDS:
            return text
        else:
            codec = Codec(units, Vocabulary([END]), self.config.unicode)
        tokens = codec.split(text)
        return text if len(tokens) <= self.max_source else codec.join(tokens[: self.max_source])

    @property
    def codecs(self) -> list[Codec]:
        """The Codecs of source and target; with a joint vocabulary the same one."""
        return [self.assets["joint" if self.config.joint else side] for side in ("source", "target")]

    def encoder(self, training: bool = False) -> Callable:
        source, target = self.codecs
        longest = self.config.longest if training else float("inf")

        def encode(example):
            tokens = source.split(self.read_side(example, self.source))
            target_tokens = target.split(self.read_side(example, self.target))
            if not tokens or (training and not target_tokens):
                raise Skip(f"empty {self.target if tokens else self.source}")
            if max(0 if self.max_source else len(tokens), len(target_tokens)) > longest:
                raise Skip(f"more than {longest} tokens")
            return self.arrays(tokens, target_tokens)

        return encode

    def arrays(self, tokens: Sequence[str], target_tokens: Sequence[str]) -> tuple[dict, np.ndarray, np.ndarray]:
        """Returns (inputs, labels [T + 1], weights [T + 1]) of S tokens of a source and T of its target.

        The inputs are "source" [S + 1], with an end mark, and "target" [T + 1], after the same mark; also "copied"
        [S + 1] if the model copies. The labels are the target and an end mark.
        """
        source, target = self.codecs
        inputs = {"source": np.array([*source.ids(tokens), source.end], "int32")}
        if self.config.copy:
            copied = extended_source(tokens, target)
            inputs["copied"] = np.array([*copied, target.end], "int32")
            ids = extended(target_tokens, target, tokens, copied)
        else:
            ids = target.ids(target_tokens)
        inputs["target"] = np.array([target.end, *ids], "int32")
        return inputs, np.array([*ids, target.end], "int32"), np.ones(len(ids) + 1, "float32")

    def augmenter(self) -> Callable | None:
        """Samples other subwords of the same texts (BPE-dropout)."""
        if not self.config.bpe_dropout:
            return None

        def augment(example, encoded, rng):
            def sampled(codec, text):
                ids = codec.vocabulary.sample(text, self.config.bpe_dropout, rng)
                return [codec.tokens[i] for i in ids]

            texts = [self.read_side(example, side) for side in (self.source, self.target)]
            return self.arrays(*map(sampled, self.codecs, texts))

        return augment

    def build(self) -> "keras.Model":
        from seqzoo.models import seq2seq

        config, (source, target) = self.config, self.codecs
        model = config.arguments(options.EncoderDecoder)
        if config.rnn == "none":  # no recurrence on either side
            model["encoder"] = "none"
        model["tied"] = "joint" if config.tied and config.joint else config.tied
        longest = self.max_source or config.longest
        return seq2seq(len(source.tokens), len(target.tokens), longest=longest, **model)

    def training_model(self, model: "keras.Model", steps: int) -> "keras.Model":
        from seqzoo.models import scheduled

        config = self.config
        if not config.scheduled_sampling:
            return model
        steps *= config.sampling_epochs
        return scheduled(model, config.scheduled_sampling, steps, config.sampling_least, config.seed)

    def loss(self) -> "keras.losses.Loss":
        from seqzoo.layers.losses import SmoothedCrossentropy

        return SmoothedCrossentropy(self.config.label_smoothing, tokens=len(self.codecs[1].tokens))

    def predictor(self, model: "keras.Model") -> "BeamPredictor":
        from seqzoo.decoding.search import BeamPredictor
        from seqzoo.models import Seq2SeqDecoder

        end, settings = self.codecs[1].end, options.Decoding(beam=self.config.valid_beam)
        words = self.config.tokenizer in ("words", "whitespace") and not self.config.copy
        longest = self.assets.get("longest", 0)
        bounds = (longest, longest if self.max_source else 0)
        return BeamPredictor([Seq2SeqDecoder(model, end)], end, settings, words, bounds)

    def signatures(self, run: "Run", request: Exporting) -> "dict[str, Signature]":
        from seqzoo.export.generating import text_to_text

        return text_to_text(run, request)

    def export_notes(self) -> list[str]:
        from seqzoo.export.notes import of_texts

        return of_texts(self.config.unicode, self.config.tokenizer)

    def example(self, line: str) -> dict:
        return {self.source: line}

    def known(self, example: dict) -> list[bool]:
        return self.codecs[0].known(self.read_side(example, self.source))

    def answer(self, example: dict, row: dict | None) -> dict:
        from seqzoo.decoding.search import n_best

        (source, target), text = self.codecs, self.read_side(example, self.source)
        answer = {"text": example[self.source], self.written: "", "n_best": []}
        if self.target in example:
            answer["reference"] = self.text(example[self.target])
        if row:
            answer["source_tokens"] = [*source.readable(source.split(text)), END]
            found = n_best(row, source, target, text)
            if self.spaced:
                found = [{**best, "text": best["text"].replace("\n ", "\n")} for best in found]
            answer = self.chosen(answer, found)
        return answer

    def chosen(self, answer: dict, n_best: list[dict]) -> dict:
        return {**answer, "n_best": n_best, self.written: n_best[0]["text"]}

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        request = request or Predicting()
        shown = bool(request.attention or request.png or (request.html and run.predictor.attends))
        search = self.search(run.predictor, request, n_best=request.n_best, attention=shown, score_labels=False)
        png = request.png
        for answer in super().predict(dataclasses.replace(run, predictor=search), lines):
            answer["n_best"] = answer["n_best"][: request.n_best]
            if png and answer["n_best"]:
                plot_attention(answer, png)
                png = ""
            yield answer

    def show(self, answer: dict, console: "Console") -> None:
        print_n_best(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return n_best_articles(answers)

    def differs(self, answer: dict) -> bool:
        return answer[self.written] != answer["reference"]


def plot_attention(answer: dict, path: str) -> None:
    """Draws the attention of the best text of an answer to a file."""
    from seqzoo.display.plots import attention_plot

    source, best = answer["source_tokens"], answer["n_best"][0]

    def save(file):
        attention_plot(source, best["tokens"], best["attention"], file, best["text"])

    replace(pathlib.Path(path), save)
