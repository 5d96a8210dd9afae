"""Translation: a sentence in another language. Many to many, unaligned."""

import dataclasses
import itertools
import pathlib

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Skip
from seqzoo.data.batches import chunks
from seqzoo.datasets.splits import by_target
from seqzoo.display.pages import translated_articles
from seqzoo.display.terminal import print_scored, print_translated
from seqzoo.families.searching import Searching
from seqzoo.files import replace
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.translation import translation_scores
from seqzoo.task import CHUNK, TASKS
from seqzoo.text.codec import END, Codec


@dataclasses.dataclass(frozen=True)
class ParallelText(Options):
    """Pairs of sentences."""

    joint: bool = option(False, "One vocabulary for both sides; with --tied they also share their embeddings.")
    lowercase: bool = option(False, "Lower-case both sides; scores ignore case, too.")
    bpe_dropout: float = option(
        0.0, "With --tokenizer=bpe: share of the merges skipped in training, anew each epoch (Provilkov et al., 2020).",
        minimum=0, maximum=0.9, needs="tokenizer=bpe",
    )  # fmt: skip
    longest: int = option(100, "Maximum number of tokens on a side; longer pairs are left out of training.", minimum=1)


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
        10.0, "Epochs until none (linear) or half of them (the others) are.", minimum=0.01, maximum=1e6,
        needs="scheduled_sampling",
    )  # fmt: skip
    sampling_least: float = option(
        0.5, "Lowest share of correct inputs.", minimum=0, maximum=1, needs="scheduled_sampling"
    )
    valid_beam: int = option(1, "Width of the beam on valid during training.", minimum=1)


@dataclasses.dataclass(frozen=True)
class Evaluating(options.Decoding, options.Rescoring):
    """Decoding."""


@dataclasses.dataclass(frozen=True)
class Predicting(Evaluating):
    """Translations."""

    n_best: int = option(1, "Different translations of each text, best first.", minimum=1)
    attention: bool = option(False, "Include the attention of each token in the answer.")
    html: str = option(
        "", "Also write the translations with their attention as a page for a browser to this file.", path=True
    )
    png: str = option("", "Draw the attention of the first translation to this file.", path=True)


@dataclasses.dataclass(frozen=True)
class Exporting(options.Exporting, options.Decoding):
    """Export."""


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Units, ParallelText, options.EncoderDecoder, Objective, options.Batching, options.Training
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
class Translation(Searching):
    """Translation: BLEU."""

    Config = Config
    requests = {
        "evaluate": Evaluating, "predict": Predicting, "score": options.Scoring, "export": Exporting
    }  # fmt: skip
    modes = ("train", "evaluate", "predict", "score")
    needs = {"source": str, "target": str}
    measures = {
        "bleu": Measure("BLEU", "max"),
        "chrf": Measure("chrF", "max"),
        "exact": Measure("exact", "max", "%"),
        "loss": Measure("loss", "min", "nats"),
        "perplexity": Measure("PPL", "min"),
        "beam_bleu": Measure("beam BLEU", "max"),
        "beam_chrf": Measure("beam chrF", "max"),
        "beam_exact": Measure("beam exact", "max", "%"),
    }
    objective = "bleu"
    axes = {"source": "source", "target": "target", "labels": "target"}
    packages = ("sacrebleu",)  # BLEU
    demo = {"dates": '--text="Monday, May 3rd, 2021"'}
    advice = {
        "dates": "This run learned to write dates in the form of ISO 8601. To train on your own sentences: "
        "--dataset=parallel --data_dir=FOLDER --columns=source=en,target=de --tokenizer=bpe --joint"
    }

    def hold_out(self, train):
        if found := by_target(train, 20):
            return *found, "about every 20th target of train is valid, with all of its sources"
        return super().hold_out(train)

    def group(self, example):
        return example["target"]  # as of `by_target`

    def learn(self, train):
        def codec(*sides):
            texts = (self.text(example[side]) for example in train for side in sides)
            config = self.config
            return Codec.learn(config.tokenizer, texts, config.vocabulary, config.min_count, unicode=config.unicode)

        if self.config.joint:
            return {"joint": codec("source", "target")}
        return {"source": codec("source"), "target": codec("target")}

    def load(self, unseen=False):
        data = super().load(unseen)
        codecs = self.codecs[:1] if self.config.joint else self.codecs
        data.summary["vocabulary"] = " and ".join(f"{len(codec.tokens):,} tokens" for codec in codecs)
        if "train" in data.splits and not unseen:
            # What was learned can be said, however short the source is: "jump around right thrice" asks for 24 actions.
            self.assets["longest"] = max(len(labels) for _, (_, labels, _) in data.splits["train"].encoded())
        return data

    def text(self, text):
        """A text as the codecs read it."""
        return text.strip().lower() if self.config.lowercase else text.strip()

    @property
    def codecs(self):
        """The Codecs of source and target; with a joint vocabulary the same one."""
        return [self.assets["joint" if self.config.joint else side] for side in ("source", "target")]

    def encoder(self, training=False):
        source, target = self.codecs
        longest = self.config.longest if training else float("inf")

        def encode(example):
            ids = source.encode(self.text(example["source"]))[0]
            target_ids = target.encode(self.text(example.get("target", "")))[0]
            if not ids or (training and not target_ids):
                raise Skip("nothing on one side")
            if max(len(ids), len(target_ids)) > longest:
                raise Skip(f"more than {longest} tokens")
            return self.arrays(ids, target_ids)

        return encode

    def arrays(self, source, target):
        """(inputs, labels, weights) of ids: source and end mark; begin mark (which is the end mark) and target."""
        begin, end = self.codecs[1].end, self.codecs[0].end
        inputs = {"source": np.array([*source, end], "int32"), "target": np.array([begin, *target], "int32")}
        return inputs, np.array([*target, begin], "int32"), np.ones(len(target) + 1, "float32")

    def augmenter(self):
        """BPE-dropout: other subwords of the same texts."""
        if not self.config.bpe_dropout:
            return None
        source, target = (codec.vocabulary for codec in self.codecs)

        def augment(example, encoded, rng):
            ids = source.sample(self.text(example["source"]), self.config.bpe_dropout, rng)
            return self.arrays(ids, target.sample(self.text(example["target"]), self.config.bpe_dropout, rng))

        return augment

    def build(self):
        from seqzoo.models import seq2seq

        config, (source, target) = self.config, self.codecs
        model = config.arguments(options.EncoderDecoder)
        if config.rnn == "none":  # no recurrence on either side
            model["encoder"] = "none"
        model["tied"] = "joint" if config.tied and config.joint else config.tied
        return seq2seq(len(source.tokens), len(target.tokens), longest=config.longest, **model)

    def training_model(self, model, steps):
        from seqzoo.models import scheduled

        config = self.config
        if not config.scheduled_sampling:
            return model
        steps *= config.sampling_epochs
        return scheduled(model, config.scheduled_sampling, steps, config.sampling_least, config.seed)

    def loss(self):
        from seqzoo.layers.losses import SmoothedCrossentropy

        return SmoothedCrossentropy(self.config.label_smoothing)

    def predictor(self, model):
        from seqzoo.decoding.search import BeamPredictor
        from seqzoo.models import Seq2SeqDecoder

        end, settings = self.codecs[1].end, options.Decoding(beam=self.config.valid_beam)
        words = self.config.tokenizer in ("words", "whitespace")
        return BeamPredictor([Seq2SeqDecoder(model, end)], end, settings, words, self.assets.get("longest", 0))

    def signatures(self, run, request):
        from seqzoo.export.generating import translation

        return translation(run, request)

    def export_notes(self):
        from seqzoo.export.notes import of_texts

        return of_texts(self.config.unicode, self.config.tokenizer)

    def example(self, line):
        return {"source": line}

    def known(self, example):
        return self.codecs[0].known(self.text(example["source"]))

    def answer(self, example, row):
        from seqzoo.decoding.search import n_best

        (source, target), text = self.codecs, self.text(example["source"])
        answer = {"text": example["source"], "translation": "", "n_best": []}
        if "target" in example:
            answer["reference"] = self.text(example["target"])
        if row:
            answer["source_tokens"] = [*source.token_texts(source.encode(text)[0]), END]
            answer = self.chosen(answer, n_best(row, source, target, text))
        return answer

    def chosen(self, answer, n_best):
        return {**answer, "n_best": n_best, "translation": n_best[0]["text"]}

    def scores(self, examples, answers):
        translations = [answer["translation"] for answer in answers]
        references = [self.text(example["target"]) for example in examples]
        # As sacreBLEU does by default; in characters if those are what is written.
        tokenize = "char" if self.config.tokenizer == "characters" else "13a"
        return translation_scores(translations, references, tokenize, self.config.lowercase)

    def predict(self, run, lines, request=None):
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

    def score(self, run, lines, request=None):
        from seqzoo.decoding.scoring import ranked

        scored = self.scored(run, lines)
        return ranked(scored) if request and request.rank else scored

    def scored(self, run, lines):
        """Scores lines of a source and its translation, with a tab between them."""
        target = self.codecs[1]

        def run_scores(inputs, labels, weights):
            return {"ids": labels, "scores": run.predictor.decoder.score(inputs, labels)}

        numbers = itertools.count(1)
        for chunk in chunks(lines, CHUNK):
            pairs = [pair(number, line) for line, number in zip(chunk, numbers, strict=False)]
            for example, row in self.feed(pairs).outputs(run_scores):
                source, text = self.text(example["source"]), self.text(example["target"])
                yield {"line": example["line"], "source": source, **target.scored(text, row["ids"], row["scores"])}

    def show(self, answer, console):
        (print_translated if "n_best" in answer else print_scored)(answer, console)

    def articles(self, answers):
        return translated_articles(answers)

    def differs(self, answer):
        return answer["translation"] != answer["reference"]

    def explained(self, predictor, examples, answers):
        """The answers with their attention."""
        if not (predictor.attends and predictor.settings.beam > 1):  # once, of the beam's
            return answers
        attending = self.search(predictor, predictor.settings, attention=True, score_labels=False)
        return self.answers(attending, self.feed(examples))[1]

    @classmethod
    def tiny(cls):
        pairs = {"red cat": "rilo keto", "old dog": "volo duno", "red": "rilo", "a cat": "o keto", "dog": "duno"}
        examples = [{"source": source, "target": target} for source, target in pairs.items()]
        config = cls.Config(dim=8, units=8, encoder_units=4, attention_units=8, epochs=2, learning_rate=0.02)
        lines = {"predict": ["red cat", "", "dog"], "score": ["red cat\trilo keto", "dog\to keto"]}
        return config, {"train": examples, "valid": examples}, lines


def pair(number, line):
    """The example of a line to score.

    Raises:
        ValueError: the line is not a source and a target with a tab between them.
    """
    sides = line.split("\t")
    if len(sides) != 2 or not sides[0].strip():
        raise ValueError(f"Line {number} should be a text and its translation, with a tab between. Received: {line!r}")
    return {"line": number, "source": sides[0], "target": sides[1]}


def plot_attention(answer, path):
    """Draws the attention of the best translation in an answer."""
    from seqzoo.display.plots import attention_plot

    source, best = answer["source_tokens"], answer["n_best"][0]

    def save(file):
        attention_plot(source, best["tokens"], best["attention"], file, best["text"])

    replace(pathlib.Path(path), save)
