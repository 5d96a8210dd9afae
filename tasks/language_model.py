"""Language modelling: predicts the next character, word or subword; unknown words can be spelled."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Streams
from seqzoo.datasets.splits import every_nth
from seqzoo.datasets.text.text import by_characters
from seqzoo.display.pages import sampled_articles, scored_articles
from seqzoo.display.report import update_report
from seqzoo.display.tables import plain_table
from seqzoo.display.terminal import print_sample, print_scored
from seqzoo.files import write_json
from seqzoo.metrics import diversity
from seqzoo.metrics.measure import Measure, flat
from seqzoo.metrics.text import text_scores
from seqzoo.task import TASKS, Task, TaskData
from seqzoo.text import ngrams
from seqzoo.text.codec import Codec
from seqzoo.text.normalization import normalize

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.scoring import Pairs
    from seqzoo.export.signatures import Signature
    from seqzoo.models import LanguageModelDecoder
    from seqzoo.training.folder import Run


NGRAM_TOKENS = 5_000_000  # maximum number for the n-gram baselines to learn from
SHOWN = 600  # characters of valid in the report
SAMPLES = 6  # in the report
PIECE = 2000  # tokens of valid to read for a piece of 200 words
ONE_STREAM = 1_000_000  # tokens; for final scores, longer texts are read in several parts


@dataclasses.dataclass(frozen=True)
class SpelledUnits(options.Units):
    """Units."""

    spell: bool = option(
        False, "Spell unknown words in characters instead of using an unknown mark.",
        needs="tokenizer=words|whitespace",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Streaming(Options):
    """Streams."""

    shapes = False

    batch_size: int = option(32, "Parts of the text that are read in parallel.", minimum=1, sweep=[16, 32, 64])
    window: int = option(
        100, "Steps that gradients go back; the state is carried from window to window.", minimum=2, sweep=[35, 70, 140]
    )
    reverse: bool = option(
        False, "Read texts from right to left: each token is predicted from the tokens after it. For --init_from of "
        "a layer that reads in both directions.", shapes=True,
    )  # fmt: skip
    vary_window: bool = option(
        True, "Draw the length of each window around --window (Merity et al., 2018); on JAX --window or half of it."
    )
    valid_rows: int = option(
        16, "Parts of valid that are read in parallel after an epoch, more if it is long; for final scores, up to a "
        "million tokens are read as one stream.", minimum=1,
    )  # fmt: skip
    cache_tokens: int = option(2_000_000, "Tokens of a split to keep in memory; more go to a file.", minimum=0)
    ngram: int = option(
        5, "Order of the n-gram baselines on valid, learned from at most 5 million tokens; 0: none.", minimum=0
    )


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Language model."""

    dim: int = option(128, "Width of the token embeddings.", minimum=1)
    context: int = option(
        0, "Tokens that a feed-forward network (Bengio et al., 2003) reads; 0: use recurrent layers instead.",
        minimum=0,
    )  # fmt: skip
    tied: bool = option(True, "Use one table for the embeddings and the output (Press & Wolf, 2017).")
    embedding_dropout: float = option(0.0, "Share of the tokens whose embedding is dropped.", minimum=0, maximum=0.95)
    input_dropout: float = option(0.1, "Dropout of the embeddings' values.", minimum=0, maximum=0.95)
    activation_penalty: float = option(
        0.0, "Weight of the mean square of the last layer's output.", minimum=0, maximum=1e6
    )
    slowness_penalty: float = option(
        0.0, "Weight of the mean square of that output's change from step to step.", minimum=0, maximum=1e6
    )


@dataclasses.dataclass(frozen=True)
class Evaluating(Options):
    """Evaluation."""

    dynamic_rate: float = option(
        0.0, "Learning rate of dynamic evaluation, such as 1e-3: the weights adapt to the text; 0: off.", minimum=0,
        maximum=100,
    )  # fmt: skip
    dynamic_decay: float = option(
        0.02, "How fast the weights of dynamic evaluation return to the trained ones.", minimum=0, maximum=1,
        needs="dynamic_rate",
    )  # fmt: skip
    match_vocabulary: bool = option(
        False, "In pairs of sentences, lower-case words that are known only in lower case, and separate or drop the "
        "final stop to match the vocabulary.",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Generating(options.Sampling):
    """Samples."""

    prime: str = option("", "Text to continue, from the beginning of a line; empty: the beginning of a document.")
    length: int = option(500, "Maximum number of tokens of a sample.", minimum=1)
    stop: str = option(
        "", r"Text that ends a sample; \n is a line end, and \\ a backslash. The end of a document always does."
    )

    def __post_init__(self):
        super().__post_init__()
        options.unescaped("stop", self.stop)  # refused before the run is loaded


@dataclasses.dataclass(frozen=True)
class Inspecting(Options):
    """Inspection."""

    unit: str = option(
        "", "Units that colour the text, LAYER:NUMBER from 1, such as 2:17, or 2:c17 for the cell of an LSTM, "
        "separated by commas. Empty: those that best track a feature of the text."
    )  # fmt: skip
    layer: int = option(0, "Layer whose gates are drawn, from 1; 0: the last.", minimum=0)
    start: int = option(1, "First token for which gates are drawn.", minimum=1)
    steps: int = option(80, "Number of tokens for which gates are drawn.", minimum=1, maximum=400)
    html: str = option("", "Write the coloured text to this file. Empty: inspect.html in the run's folder.", path=True)
    png: str = option("", "Draw the gates into this file. Empty: gates.png in the run's folder.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(options.Data, SpelledUnits, Streaming, Model, options.Softmax, options.Recurrent, options.Training):
    """Language modelling."""

    dataset: str = default(options.Data, dataset="python_source")
    rnn: str = default(options.Recurrent, rnn="lstm", sweep=["lstm", "gru"])
    units: int = default(options.Recurrent, units=256)
    dropout: float = default(options.Recurrent, dropout=0.2)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=6)

    def __post_init__(self):
        super().__post_init__()
        if not self.context:
            self.check_forward()
            return
        unused = {**self.arguments(options.Recurrent), "rnn": "lstm" if self.rnn == "none" else self.rnn}
        for name, value in unused.items():
            usual = self.__dataclass_fields__[name].default
            if name not in ("units", "dropout", "variational") and value != usual:
                raise ValueError(f"--{name} is for recurrent layers; with --context={self.context} there are none.")


@TASKS.register("language_model")
class LanguageModel(Task):
    """Language modelling: bits a character, and perplexity."""

    Config = Config
    requests = {"evaluate": Evaluating, "generate": Generating, "score": options.Scoring, "inspect": Inspecting}
    modes = ("train", "evaluate", "generate", "score", "inspect")
    needs = {"text": str}
    measures = {
        "bits_per_character": Measure("bits a character", "min", "bits"),
        "bits_per_word": Measure("bits a word", "min", "bits"),
        "perplexity": Measure("perplexity", "min"),
        "loss": Measure("loss", "min"),
        "accuracy": Measure("accuracy", "max", "%"),
        "support": Measure("pairs"),
        "same_support": Measure("left out: the same"),
        "unknown_support": Measure("left out: unknown word"),
        "seconds": Measure("seconds", "min"),
    }
    objective = "bits_per_character"
    axes = {"tokens": "time", "labels": "time"}
    demo = {"python_source": '--prime="def "'}
    advice = {
        "python_source": "The text was the source code of this Python's standard library. To train on your own: "
        "--dataset=text --data_dir=FILE_FOLDER_OR_GLOB"
    }

    def __init__(self, config=None, assets=None):
        super().__init__(config, assets)
        if self.config.reverse:
            self.modes = tuple(mode for mode in self.modes if mode not in ("generate", "inspect"))

    def check(self, examples: "Examples") -> None:
        if "good" not in examples.features:
            super().check(examples)
            return
        self.check_forward(f"--dataset={self.config.dataset}")
        if self.assets is None:
            raise ValueError(f"--dataset={self.config.dataset} is for --mode=evaluate: it has no text to learn from.")

    def check_forward(self, what: str) -> None:
        """Raises a ValueError if the run reads from right to left, since `what` can't."""
        if self.config.reverse:
            raise ValueError(f"{what} reads from left to right, but this run was trained with --reverse.")

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        documents = map(self.ends, train)
        if sum(itertools.islice(filter(None, documents), 2)) < 2:
            parts = by_characters(train)
            return parts["train"], parts["valid"], "the last 10% of train are valid"
        return *every_nth(train, 20, self.ends), "every 20th document of train is valid (if fewer, the last one)"

    def ends(self, example: dict) -> bool:
        return example.get("end", True)  # a text from a dataset of another task is a document

    def learn(self, train: "Examples") -> dict:
        config, texts = self.config, (example["text"] for example in train)
        learned = config.tokenizer, texts, config.vocabulary, config.min_count, config.spell, config.unicode
        return {"tokens": Codec.learn(*learned)}

    def load(self, unseen: bool = False) -> TaskData:
        data = super().load(unseen)
        if self.config.softmax != "full" and "counts" not in self.assets:
            self.assets["counts"] = data.splits["train"].counts().tolist()
        data.summary["vocabulary"] = f"{len(self.assets['tokens'].tokens):,} tokens"
        if self.config.ngram and "valid" in data.splits and data.splits["valid"].tokens >= NGRAM_TOKENS:
            data.summary["n-grams"] = f"no baselines: valid has more than {NGRAM_TOKENS:,} tokens"
        return data

    def feed(self, examples: Iterable, training: bool = False) -> "Streams | Pairs":
        codec, config = self.assets["tokens"], self.config
        if "good" in getattr(examples, "features", ()):
            from seqzoo.decoding.scoring import Pairs

            return Pairs(examples, codec)
        rows = config.batch_size if training else 1
        cache = config.cache_tokens
        return Streams(examples, codec, rows, config.window, config.vary_window, config.seed, cache, config.reverse)

    def build(self) -> "keras.Model":
        from seqzoo.models import language_model

        asked = {**self.config.arguments(Model, options.Recurrent), **self.config.of_model(self.assets.get("counts"))}
        return language_model(len(self.assets["tokens"].tokens), **asked)

    def training_model(self, model: "keras.Model", steps: int) -> "keras.Model":
        from seqzoo.models import streamed

        return streamed(model, self.config.batch_size, **self.config.of_training(self.assets.get("counts")))

    def loss(self) -> "keras.losses.Loss":
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, model: "keras.Model") -> "LanguageModelDecoder":
        from seqzoo.models import LanguageModelDecoder

        return LanguageModelDecoder(model, begin=self.assets["tokens"].newline)

    def evaluate(
        self, predictor: "LanguageModelDecoder", feed: "Streams | Pairs", request: Evaluating | None = None
    ) -> dict:
        from seqzoo.decoding.dynamic import check_backend, dynamic_nats
        from seqzoo.decoding.scoring import Pairs, stream_nats

        if isinstance(feed, Pairs):
            return feed.scores(predictor, bool(request and request.match_vocabulary))
        rate = request.dynamic_rate if request else 0
        if rate:
            check_backend()
        rows = 1 if request and feed.tokens <= ONE_STREAM else self.config.valid_rows
        scores = text_scores(stream_nats(predictor, feed, rows), feed)
        if rate:
            dynamic = text_scores(dynamic_nats(predictor, feed, self.config.window, rate, request.dynamic_decay), feed)
            scores["evaluations"] = {"dynamic": dynamic}
        return scores

    def report(
        self, predictor: "LanguageModelDecoder", data: TaskData, folder: "pathlib.Path"
    ) -> tuple[dict, list[dict], list[dict]]:
        """Scores valid and test, exactly if they are short enough for one stream, and n-gram baselines on valid.

        For the report, it saves the beginning of valid with the probabilities of its tokens and, unless the run reads
        from right to left, samples with their diversity.
        """
        from seqzoo.decoding.scoring import score_texts

        metrics, valid, order = {}, data.splits["valid"], self.config.ngram
        for split in data.scored:
            metrics |= flat(split, self.evaluate(predictor, data.splits[split], Evaluating()))
        if order and valid.tokens < NGRAM_TOKENS:
            train, ids = (data.splits[split].read(0, NGRAM_TOKENS) for split in ("train", "valid"))
            metrics["valid_baselines"] = {
                name: {**text_scores(nats, valid), "seconds": seconds}
                for name, nats, seconds in ngrams.baselines(train, ids, order, predictor.tokens)
            }
        beginning = [next(iter(data.examples["valid"]))["text"][:SHOWN]]
        shown = [*score_texts(predictor, self.assets["tokens"], beginning, self.config.reverse)]
        if not self.config.reverse:
            metrics["corpus_diversity"] = corpus = self.corpus_diversity(valid)
            shown += self.sampled(predictor, Generating(samples=SAMPLES, seed=self.config.seed), corpus)
        write_json(folder / "predictions.json", shown)
        return metrics, [], []

    def corpus_diversity(self, text: Streams) -> dict[str, dict[str, float]]:
        """Measures the diversity of a text, to compare samples with it later without the text."""
        pieces = min(diversity.PIECES, max(2, text.tokens // PIECE))
        apart = text.tokens // pieces
        tokens = (text.read(n * apart, min(PIECE, apart)) for n in range(pieces))
        return diversity.corpus_diversity(map(self.assets["tokens"].decode, tokens))

    def signatures(self, run: "Run", request: options.Exporting) -> "dict[str, Signature]":
        self.check_forward("--mode=export")
        from seqzoo.export.generating import language_model

        return language_model(run, self.assets["tokens"], request.length)

    def uses(self) -> list[str]:
        return [use for use in super().uses() if use != "export" or not self.config.reverse]

    def xla_obstacles(self) -> list[str]:
        return ["--softmax=adaptive"] if self.config.softmax == "adaptive" else []

    def export_notes(self) -> list[str]:
        from seqzoo.export.notes import of_texts

        ids = "The ids of tokens are their positions in vocabularies/tokens.json, after padding 0 and unknown 1."
        return [*of_texts(self.config.unicode, self.config.tokenizer), ids]

    def known(self, example: dict) -> list[bool]:
        return self.assets["tokens"].known(example["good" if "good" in example else "text"][:1000])

    def example(self, line: str) -> dict:
        return {"text": line, "end": True}

    def score(self, run: "Run", lines: Iterable[str], request: options.Scoring) -> Iterable[dict]:
        from seqzoo.decoding.scoring import alternatives, ranked, score_texts

        numbers = itertools.count(1)
        if request.rank:
            numbers, lines = zip(*alternatives(lines).items(), strict=True)
        scored = score_texts(run.predictor, self.assets["tokens"], lines, self.config.reverse)
        answers = ({"line": number, **answer} for answer, number in zip(scored, numbers, strict=False))
        return ranked(answers) if request.rank else answers

    def generate(self, run: "Run", request: Generating, write: Callable[[str], object]) -> Iterator[dict]:
        self.check_forward("--mode=generate")
        from seqzoo.training.folder import read_json

        metrics = run.folder / "metrics.json"  # missing while the run is unfinished
        corpus = read_json(metrics).get("corpus_diversity", {}) if metrics.is_file() else {}
        yield from self.sampled(run.predictor, request, corpus, write=write)

    def sampled(
        self, decoder: "LanguageModelDecoder", request: Generating, corpus: dict, **options_of_samples
    ) -> list[dict]:
        """Returns samples; the last one also has their diversity beside that of valid, `corpus`."""
        from seqzoo.decoding.generation import sample_texts

        stop = normalize(options.unescaped("stop", request.stop), self.config.unicode)
        asked = {**request.to_dict(), "stop": stop, **options_of_samples}
        samples = [*sample_texts(decoder, self.assets["tokens"], **asked)]
        if compared := diversity.compared([sample["text"] for sample in samples], corpus):
            samples[-1]["diversity"] = compared
        return samples

    def show(self, answer: dict, console: "Console") -> None:
        (print_sample if "sample" in answer else print_scored)(answer, console)
        if found := answer.get("diversity"):
            console.print(plain_table("", *diversity.table_of(found)))

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        answers = [*answers]
        yield from scored_articles(answer for answer in answers if "sample" not in answer)
        yield from sampled_articles(answer for answer in answers if "sample" in answer)

    def inspect(self, run: "Run", lines: Iterable[str], request: Inspecting, console: "Console") -> None:
        self.check_forward("--mode=inspect")
        from seqzoo.display.inspection import inspect

        inspect(run.predictor, self.assets["tokens"], lines, request, run.output(), console, self.config.rnn)
        if not request.png:
            update_report(run.output(), self)

    @classmethod
    def tiny(cls) -> tuple:
        pieces = [{"text": "to be or not to be,\n", "end": False}, {"text": "that is the question.\n", "end": True}]
        config = cls.Config(batch_size=2, window=4, dim=6, units=8, ngram=2, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": pieces * 2, "valid": pieces}, ["to be", "or not to be"]
