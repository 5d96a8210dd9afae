"""Transcription: the common parts of tasks that transcribe a sequence, by CTC or by attention."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Skip
from seqzoo.display.pages import transcribed_articles
from seqzoo.display.terminal import print_transcribed
from seqzoo.families.searching import Evaluating, Searching
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.transcripts import word_scores
from seqzoo.rnns import RNNS
from seqzoo.text.codec import MARKS, Codec

if TYPE_CHECKING:
    import pathlib

    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.decoding.ctc import CTCPredictor
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.export.signatures import Signature
    from seqzoo.task import TaskData
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Transcriber(Options):
    """Transcriber."""

    model: str = option(
        "ctc", "ctc: a label or the blank for each step (Graves et al., 2006); attention: an encoder-decoder that "
        "attends to the steps (Listen, Attend and Spell; Chan et al., 2016).", choices=("ctc", "attention"),
    )  # fmt: skip
    subsample: int = option(
        1, "Steps that convolutions join into one before the recurrent layers: 1, 2, 4 or 8.", minimum=1, maximum=8,
        sweep=[1, 2, 4],
    )  # fmt: skip
    filters: int = option(128, "Filters of the convolutions of --subsample.", minimum=1, needs="subsample>1")
    upsample: int = option(
        1, "Number of times to repeat each step: CTC gives at most one label a step.", minimum=1, maximum=100,
        needs="model=ctc",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Speller(Options):
    """Decoder of --model=attention."""

    decoder: str = option("lstm", "Kind of its recurrent layer (see --list).", choices=RNNS, needs="model=attention")
    decoder_units: int = option(128, "Its units, and the width of its attention.", minimum=1, needs="model=attention")
    label_dim: int = option(64, "Width of the embeddings of labels.", minimum=1, needs="model=attention")
    attention: str = option(
        "additive", "Attention scores of Bahdanau et al. (additive), Luong et al. (general) or Chorowski et al. "
        "(convolutional).", choices=("additive", "general", "convolutional"), needs="model=attention",
    )  # fmt: skip
    input_feeding: bool = option(
        False, "Feed the attended context into the next step, as Chan et al. do; slower.", needs="model=attention"
    )
    label_smoothing: float = option(
        0.0, "Probability mass spread over all other labels.", minimum=0, maximum=0.9, needs="model=attention",
        shapes=False,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Exporting(options.Exporting, options.Writing):
    """Export."""


@dataclasses.dataclass(frozen=True)
class Predicting(Evaluating):
    """Transcripts."""

    n_best: int = option(1, "Different transcripts of each sequence, best first.", minimum=1)
    html: str = option("", "Also write the transcripts as a page for a browser to this file.", path=True)


class Transcription(Searching):
    """A task that transcribes a sequence: labels in their order.

    Its Config has the groups `Transcriber`, `Speller` and `options.Recurrent`, whose layers read the sequence; without
    layers, attention reads a projection of each step. A subclass has `front`, `learn` (with `learn_labels`),
    `arrays`, `example` and `asked`.

    Class attributes:
        transcript: the feature with the transcript.
        written: the key of the transcript in an answer.
        units: the kind of labels, see `text.codec.Codec`; None: that of --tokenizer, of the group `options.Units`.
    """

    requests = {"evaluate": Evaluating, "predict": Predicting, "export": Exporting}
    transcript, written = "text", "transcript"
    units: str | None = None
    measures = {
        **{name: Measure(name.upper(), "min", "%") for name in ("wer", "cer")},
        **{name: Measure(name, "min", "%") for name in ("insertions", "deletions", "substitutions")},
        **{f"beam_{name}": Measure(f"beam {name.upper()}", "min", "%") for name in ("wer", "cer")},
        "loss": Measure("loss", "min"),
        "perplexity": Measure("PPL", "min"),
    }
    objective = "wer"
    axes = {"labels": "labels", "target": "labels"}
    packages = ("jiwer",)

    def front(self) -> tuple:
        """Returns (inputs, x, mask) of the model, see `seqzoo.inputs`."""
        raise NotImplementedError

    def arrays(self, example: dict, training: bool) -> dict:
        """Returns {name: array} of the inputs of the front; may raise `Skip`."""
        raise NotImplementedError

    def steps(self, inputs: dict) -> int:
        """Returns the number of steps that the front gives for these arrays; by default the length of the first."""
        return len(next(iter(inputs.values())))

    def time(self, step: int) -> int | float:
        """Returns when a step of the front begins; by default its number."""
        return step

    def asked(self, example: dict) -> dict:
        """Returns the part of an answer that identifies the input, such as {"text": ...}; messages quote its value."""
        raise NotImplementedError

    def text(self, example: dict) -> str:
        """Returns the transcript of an example in the form that the model learns and scores compare."""
        return " ".join(example[self.transcript].split())

    def texts(self, example: dict) -> list[str]:
        """Returns all transcripts of an example, first its `text`; training learns each of them."""
        return [self.text(example)]

    def learn_labels(self, train: "Examples") -> dict[str, Codec]:
        size, count = (getattr(self.config, *given) for given in (("vocabulary", 0), ("min_count", 1)))
        units = self.units or self.config.tokenizer
        texts = itertools.chain.from_iterable(map(self.texts, train))
        return {"labels": Codec.learn(units, texts, size, count, unicode=self.config.unicode)}

    def load(self, unseen: bool = False) -> "TaskData":
        data = super().load(unseen)
        data.summary["labels"] = f"{len(self.assets['labels'].tokens) - len(MARKS):,}"
        return data

    def unknown_labels(self, example: dict) -> list[str]:
        return self.assets["labels"].encode(self.text(example))[1]

    def encoder(self, training: bool = False) -> Callable:
        from seqzoo.layers.ctc import frames_given, frames_needed

        codec, config = self.assets["labels"], self.config

        def encode(example):
            inputs = self.arrays(example, training)
            if training and not any(self.texts(example)):
                raise Skip("no transcript")
            texts = self.texts(example) if self.transcript in example else [""]
            return [row(example, inputs, text) for text in texts] if training else row(example, inputs, texts[0])

        def row(example, inputs, text):
            ids, inputs = codec.encode(text)[0], dict(inputs)
            if config.model == "attention":
                inputs["target"] = np.array([codec.end, *ids], "int32")
                return inputs, np.array([*ids, codec.end], "int32"), np.ones(len(ids) + 1, "float32")
            needed, given = frames_needed(ids), frames_given(self.steps(inputs), config.subsample, config.upsample)
            if training and needed > given:
                name = next(iter(self.asked(example).values()))
                raise Skip("more labels than frames", f"{name}, whose {len(ids)} labels need {needed} of {given}")
            # Labels without a path count as an error, but not in the loss, which would be infinite.
            return inputs, np.array(ids if needed <= given else [], "int32"), np.float32(needed <= given)

        return encode

    def build(self) -> "keras.Model":
        from seqzoo.layers.subsampling import subsample
        from seqzoo.models import seq2seq, transcriber

        config, labels = self.config, len(self.assets["labels"].tokens)
        recurrent = config.arguments(options.Recurrent)
        if config.model == "ctc":
            return transcriber(labels, self.front(), config.subsample, config.upsample, config.filters, **recurrent)
        inputs, x, mask = self.front()
        encoder, units, layers = (recurrent.pop(name) for name in ("rnn", "units", "layers"))
        plain = encoder == "none"  # no recurrence on either side
        if not layers:  # attention reads the steps themselves
            encoder, units, layers = "none", config.decoder_units, 1
        return seq2seq(
            target_tokens=labels,
            front=(inputs, *subsample(x, mask, config.subsample, config.filters)),
            dim=config.label_dim,
            encoder=encoder,
            encoder_units=units,
            encoder_layers=layers,
            rnn="none" if plain else config.decoder,
            units=config.decoder_units,
            attention=config.attention,
            input_feeding=config.input_feeding,
            **recurrent,
        )

    def loss(self) -> "keras.losses.Loss":
        from seqzoo.layers.ctc import CTCLoss
        from seqzoo.layers.losses import SmoothedCrossentropy

        return CTCLoss() if self.config.model == "ctc" else SmoothedCrossentropy(self.config.label_smoothing)

    def decoded(self, model: "keras.Model") -> "dict[str, keras.KerasTensor]":
        from seqzoo.models import transcription_decoder

        return transcription_decoder(model).output if self.config.model == "ctc" else super().decoded(model)

    def predictor(self, model: "keras.Model") -> "BeamPredictor | CTCPredictor":
        from seqzoo.decoding.ctc import CTCPredictor
        from seqzoo.decoding.search import BeamPredictor
        from seqzoo.models import Seq2SeqDecoder

        settings, end = options.Decoding(beam=1), self.assets["labels"].end
        if self.config.model == "ctc":
            return CTCPredictor(model, self.loss(), settings)
        return BeamPredictor([Seq2SeqDecoder(model, end)], end, settings)

    def search(
        self, predictor: "BeamPredictor | CTCPredictor", request: options.Decoding, **wanted
    ) -> "BeamPredictor | CTCPredictor":
        if self.config.model == "ctc":
            for field in dataclasses.fields(options.Decoding):
                if field.name != "beam" and getattr(request, field.name) != field.default:
                    raise ValueError(f"--{field.name} has no effect with --model=ctc: it needs --model=attention.")
        return super().search(predictor, request, **wanted)

    def answer(self, example: dict, row: dict | None) -> dict:
        answer = {**self.asked(example), self.written: "", "log_probability": None, "tokens": [], "n_best": []}
        if self.transcript in example:
            answer["reference"] = self.text(example)
        return self.chosen(answer, self.n_best(row)) if row else answer

    def n_best(self, row: dict) -> list[dict]:
        """Returns the different texts of a row, best first: dicts of text, score, log_probability, tokens.

        With CTC a token has its text, confidence, begin and end; otherwise only its text.
        """
        from seqzoo.decoding.search import n_best

        codec, config = self.assets["labels"], self.config
        if config.model == "attention":
            found = n_best(row, None, codec)
            return [{**entry, "tokens": [{"text": token} for token in entry["tokens"]]} for entry in found]

        def time(frame, rounded):
            return self.time(rounded(frame * config.subsample / config.upsample))

        answers = {}
        rows = zip(*(np.atleast_2d(row[name]) for name in ("labels", "begin", "end", "confidence")), strict=True)
        for log_p, (ids, begin, end, confidence) in zip(np.atleast_1d(row["log_probability"]), rows, strict=True):
            if not np.isfinite(log_p):
                break
            ids, log_p = ids[ids > 0].tolist(), round(float(log_p), 4)
            tokens = [
                {
                    "text": text,
                    "confidence": round(float(p), 4),
                    "begin": time(first, math.floor),
                    "end": time(last, math.ceil),
                }
                for text, p, first, last in zip(codec.token_texts(ids), confidence, begin, end, strict=False)
            ]
            entry = {"text": codec.decode(ids).strip(), "score": log_p, "log_probability": log_p, "tokens": tokens}
            answers.setdefault(entry["text"], entry)
        return [*answers.values()]

    def chosen(self, answer: dict, n_best: list[dict]) -> dict:
        best = n_best[0]
        found = {name: best[name] for name in ("log_probability", "tokens")}
        return {**answer, self.written: best["text"], **found, "n_best": n_best}

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        request = request or Predicting()
        wanted = {"n_best": request.n_best, "score_labels": False, **self.wanted(request)}
        search = self.search(run.predictor, request, **wanted)
        for answer in super().predict(dataclasses.replace(run, predictor=search), lines):
            yield {**answer, "n_best": answer["n_best"][: request.n_best]}

    def wanted(self, request: Predicting) -> dict:
        """Returns further arguments of the search that a request needs, see `BeamPredictor.variant`."""
        return {}

    def signatures(self, run: "Run", request: Exporting) -> "dict[str, Signature]":
        from seqzoo.export.generating import greedy_arrays

        if self.config.model == "ctc":
            if request.answer_length:
                raise ValueError(
                    "--answer_length is for runs of --model=attention: CTC writes at most one label per step."
                )
            return {}
        search = self.search(run.predictor, options.Decoding(beam=1), score_labels=False)
        return {"arrays": greedy_arrays(run, search, request.answer_length)}

    def step_names(self, example: dict) -> list[str]:
        """Returns names of an example's steps, for pictures; [] if they have none."""
        return []

    def plot(
        self,
        predictor: "BeamPredictor | CTCPredictor",
        examples: list[dict],
        answers: list[dict],
        folder: "pathlib.Path",
    ) -> None:
        """Saves the spikes of CTC: the probabilities of all labels, frame by frame, of an answer of median length."""
        from seqzoo.display.plots import spikes_plot

        if self.config.model != "ctc":
            return
        example, answer = self.typical(examples, answers)
        p = self.frame_probabilities(predictor, example)
        spikes_plot(
            p, self.assets["labels"].tokens, self.step_names(example), folder / "spikes.png", answer[self.written]
        )

    @staticmethod
    def typical(examples: list[dict], answers: list[dict]) -> tuple[dict, dict]:
        """Returns the example and the answer of median length."""
        by_length = sorted(zip(examples, answers, strict=True), key=lambda pair: len(pair[1]["tokens"]))
        return by_length[len(by_length) // 2]

    def frame_probabilities(self, predictor: "CTCPredictor", example: dict) -> np.ndarray:
        """Returns [T, V], the probability of each label in each frame; label 0 is the blank."""
        from keras import ops

        def run(inputs, labels, weights):
            given = {name: ops.convert_to_tensor(inputs[name]) for name in predictor.model.input}
            return {"p": np.asarray(ops.softmax(predictor.model(given, training=False)))}

        ((_, row),) = self.feed([example]).outputs(run)
        return row["p"]

    def scores(self, examples: list[dict], answers: list[dict]) -> dict:
        return word_scores([answer[self.written] for answer in answers], [*map(self.text, examples)])

    def show(self, answer: dict, console: "Console") -> None:
        print_transcribed(answer, console)

    def articles(self, answers: Iterable[dict]) -> Iterator[str]:
        return transcribed_articles(answers)

    def differs(self, answer: dict) -> bool:
        return answer[self.written] != answer["reference"]
