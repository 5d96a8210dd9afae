"""Music: generates a piece from a note, a chord, a key, a melody or nothing. One to many."""

import contextlib
import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Feed, Skip
from seqzoo.datasets.splits import every_nth
from seqzoo.display.report import update_report
from seqzoo.extras import check_installed
from seqzoo.files import write_json
from seqzoo.metrics.measure import Measure, flat
from seqzoo.music.conditions import Conditions, condition_names
from seqzoo.music.encodings import ENCODINGS, END, LONGEST_BAR, Encoding
from seqzoo.music.pieces import all_pieces, arrays, pieces, transpose, without_ahead
from seqzoo.music.samples import print_piece, sample_scores, write_sample
from seqzoo.music.score import Note, Score
from seqzoo.music.statistics import corpus_statistics
from seqzoo.task import TASKS, Task, TaskData

if TYPE_CHECKING:
    import keras
    from rich.console import Console

    from seqzoo.datasets import Examples
    from seqzoo.export.signatures import Signature
    from seqzoo.models import GeneratorDecoder
    from seqzoo.training.folder import Run


KINDS = ("score", "voices", "frames")  # features that hold music; each example has one


@dataclasses.dataclass(frozen=True)
class Music(Options):
    """Music."""

    encoding: str = option(
        "voices",
        "What a step is: a pitch, a hold or a rest for each voice; the set of notes that sound; the pitch of the "
        "highest voice alone; or an event: note on, note off, time shift, velocity.",
        choices=ENCODINGS,
    )
    notes: int = option(
        4, "Voices, or maximum number of notes in a frame (keeps the highest ones and the lowest).", minimum=1,
        needs="encoding=voices|frames",
    )  # fmt: skip
    steps_per_quarter: int = option(4, "Steps per quarter note: 4 gives sixteenths, 12 also triplets.", minimum=1)
    transpose: bool = option(True, "Transpose each piece at random in each epoch of training.", shapes=False)
    drums: bool = option(
        False, "Read the drums of MIDI files (channel 10) instead of all other channels; samples are drums, too."
    )  # fmt: skip
    max_steps: int = option(
        1024, "Maximum number of steps read at once; longer pieces are cut into parts.", minimum=16, shapes=False
    )
    conditions: str = option(
        "key,metre", "Conditions for samples, joined by commas: key, metre, style (the folder of a file); or none."
    )
    hide_conditions: float = option(
        0.5, "Share of the training pieces whose conditions are hidden; scores always hide them.", minimum=0, maximum=1,
        needs="conditions",
    )  # fmt: skip
    melody_ahead: float = option(
        0.3, "Share of the training pieces whose first voice is known in advance; 0: none, and no --melody.",
        minimum=0, maximum=1,
    )  # fmt: skip
    ngram: int = option(9, "Order of the n-gram baseline, in notes; 0: none.", minimum=0, shapes=False)


@dataclasses.dataclass(frozen=True)
class Model(Options):
    """Generator."""

    output: str = option(
        "notes", "Predict the notes of a step one by one, or each pitch on its own (a baseline that can only score).",
        choices=("notes", "independent"), needs="encoding=frames",
    )  # fmt: skip
    join: str = option(
        "both", "Where conditions enter: the initial state, each step, or both.", choices=("state", "step", "both"),
        needs="conditions",
    )  # fmt: skip
    dim: int = option(64, "Width of the embeddings of notes.", minimum=1)
    condition_dim: int = option(16, "Width of the embedding of each condition.", minimum=1)
    note_units: int = option(
        128, "Units of the GRU over the notes of a step.", minimum=1, needs="output=notes", sweep=[64, 128, 192]
    )
    input_dropout: float = option(0.1, "Dropout of the inputs' features.", minimum=0, maximum=0.95)


@dataclasses.dataclass(frozen=True)
class Evaluating(Options):
    """Evaluation."""

    keys: int = option(
        1, "Keys in which each piece is read; the probabilities of a note are averaged over them.", minimum=1,
        maximum=12,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Generating(options.Sampling):
    """Samples."""

    temperature: float = default(options.Sampling, temperature=0.9)
    top_p: float = default(options.Sampling, top_p=0.98)
    key: str = option("", "Key, such as D, 'F# minor' or Am; empty: the key of --primer or --melody, else any.")
    metre: str = option("", "Metre, such as 3/4; empty: the metre of --primer or --melody, else 4/4.")
    pickup: float = option(0.0, "Quarter notes before the first whole bar.", minimum=0, maximum=64)
    style: str = option("", "Style: a folder of the training data.")
    chord: str = option("", "Notes to begin with, such as C4 or 'C3 G3 E4 C5'; C4 is middle C.")
    primer: str = option("", "MIDI file whose beginning is continued.", path=True)
    primer_quarters: float = option(
        8.0, "Quarter notes of --primer that are used.", minimum=0, maximum=1e5, needs="primer"
    )
    melody: str = option("", "MIDI file whose highest notes become the first voice, which is harmonised.", path=True)
    length: float = option(
        64.0, "Maximum length in quarter notes. Runs with --melody_ahead know it and plan their ending.",
        minimum=0.25, maximum=1e5,
    )  # fmt: skip
    tempo: float = option(90.0, "Quarter notes per minute in the files.", minimum=4, maximum=1000)
    out: str = option("", "Folder for MIDI, piano rolls and audio. Empty: samples in the run's folder.", path=True)


@dataclasses.dataclass(frozen=True)
class Config(options.Data, Music, Model, options.Batching, options.Recurrent, options.Training):
    """Music."""

    dataset: str = default(options.Data, dataset="chorales")
    batch_size: int = default(options.Batching, batch_size=16)
    batch_tokens: int = default(options.Batching, batch_tokens=8192)
    rnn: str = default(options.Recurrent, rnn="lstm", sweep=["lstm", "gru"])
    units: int = default(options.Recurrent, units=256)
    dropout: float = default(options.Recurrent, dropout=0.3)
    layers: int = default(options.Recurrent, layers=1)
    epochs: int = default(options.Training, epochs=20)
    learning_rate: float = default(options.Training, learning_rate=3e-3)
    average: float = default(options.Training, average=0.995)

    def __post_init__(self):
        super().__post_init__()
        self.check_forward()
        condition_names(self.conditions)  # refused before any data is read


@TASKS.register("music")
class MusicTask(Task):
    """Music: nats a step."""

    Config = Config
    requests = {"evaluate": Evaluating, "generate": Generating}
    modes = ("train", "evaluate", "generate")
    measures = {
        "nats_per_step": Measure("nats a step", "min", "nats"),
        "nats_per_token": Measure("nats a token", "min", "nats"),
        "keys_nats_per_step": Measure("averaged over keys: nats a step", "min", "nats"),
        "keys": Measure("keys"),
    }
    objective = "nats_per_step"
    axes = dict.fromkeys(("tokens", "before", "age", "position", "ahead", "labels"), "time")
    demo = {"chorales": '--key="G major" --samples=4'}
    advice = {
        "chorales": "This run learned from Bach's chorales in the package music21; with --melody=YOURS.mid it "
        "harmonises a melody. To train on your own music: --dataset=midi --data_dir=FOLDER"
    }

    def check(self, examples: "Examples") -> None:
        if not {*KINDS} & {*examples.features}:
            raise ValueError(
                f"{examples.source} gives {', '.join(examples.features)}, but the task needs music (score, voices or "
                "frames): choose another --dataset, such as midi."
            )

    def content(self, example: dict) -> str:
        """Returns the intervals from note to note, in pitch and time, which are the same in every key."""
        notes = []
        with contextlib.suppress(ValueError):  # a piece that is left out
            notes = sorted((note.start, -note.pitch) for note in self.assets["encoding"].score(example).notes)
        return " ".join(f"{then[0] - now[0]},{now[1] - then[1]}" for now, then in itertools.pairwise(notes))

    def group(self, example: dict) -> list:
        return [example[kind] for kind in KINDS if kind in example]

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        return *every_nth(train, 10), "every 10th piece of train is valid (if fewer, the last one)"

    def learn(self, train: "Examples") -> dict:
        config, first = self.config, next(iter(train), {})
        onsets, drums = "score" in first or "begins" in first, "score" in first and first["score"].drums
        names = config.conditions.split(",")
        if drums:  # they have no key
            names = [name for name in names if name.strip() != "key"]
        return {
            "encoding": Encoding(config.encoding, config.notes, config.steps_per_quarter, onsets, drums),
            "conditions": Conditions.learn(",".join(names), train),
        }

    def encoder(self, training: bool = False) -> Callable:
        config, encoding, conditions = self.config, self.assets["encoding"], self.assets["conditions"]
        independent, reasons = config.output == "independent", []
        if independent and (encoding.name != "frames" or encoding.onsets):
            raise ValueError("--output=independent is for --encoding=frames and data without onsets (piano_roll).")

        def encode(example):
            try:
                parts = pieces(example, encoding, config.max_steps)
            except ValueError as error:
                reasons.append(f"such as {example.get('name') or 'a piece'}: {error}")
                raise Skip(reasons[0]) from error  # only the first reason, so that all are counted together
            return [arrays(piece, encoding, conditions, config.melody_ahead > 0, independent) for piece in parts]

        return encode

    def augmenter(self) -> Callable | None:
        """Transposes pieces, and hides their conditions or the melody ahead."""
        config, encoding, conditions = self.config, self.assets["encoding"], self.assets["conditions"]

        def augment(example, encoded, rng):
            inputs, labels, weights = encoded
            if config.transpose:
                low, high = encoding.transpose_range(inputs.get("tokens", inputs["before"]))
                semitones = int(rng.integers(max(-6, low), min(5, high) + 1))
                inputs, labels = transpose(inputs, labels, semitones, encoding, conditions)
            if rng.random() >= config.melody_ahead:
                inputs = without_ahead(inputs)
            if rng.random() < config.hide_conditions:
                inputs = conditions.hide(inputs)
            return inputs, labels, weights

        return augment

    def build(self) -> "keras.Model":
        from seqzoo.models import generator

        encoding, conditions = self.assets["encoding"], self.assets["conditions"]
        return generator(
            len(encoding.vocabulary),
            encoding.slots,
            conditions.sizes,
            positions=LONGEST_BAR + 1,
            ages=encoding.name != "events",
            ahead=self.config.melody_ahead > 0,
            pitches=encoding.pitch.tolist(),
            sets=encoding.sets,
            tonic="key" in conditions.names,
            **self.config.arguments(Model, options.Recurrent),
        )

    def loss(self) -> "keras.losses.Loss":
        import keras

        if self.config.output == "independent":
            return keras.losses.BinaryCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")

    def predictor(self, model: "keras.Model") -> "GeneratorDecoder":
        from seqzoo.models import GeneratorDecoder

        if self.config.output == "independent":
            return GeneratorDecoder(model)
        # Scores assume that pieces go on: the probability of the end mark is spread over the other ids.
        return GeneratorDecoder(model, barred=np.arange(model.output.shape[-1]) == END)

    def evaluate(self, predictor: "GeneratorDecoder", feed: Feed, request: Evaluating | None = None) -> dict:
        """Scores pieces per step of the grid (or event) and per token, without conditions, assuming that they go on.

        A run with --melody_ahead also knows how long a piece is, see `models.generator`.
        """
        from seqzoo.music.scoring import totals

        nats, steps, notes = totals(predictor, feed, **self.assets)
        scores = {"nats_per_step": nats / steps, "nats_per_token": nats / notes}
        if request and request.keys > 1:
            scores["keys_nats_per_step"] = totals(predictor, feed, **self.assets, keys=request.keys)[0] / steps
            scores["keys"] = request.keys
        return scores

    def report(
        self, predictor: "GeneratorDecoder", data: TaskData, folder: pathlib.Path
    ) -> tuple[dict, list[dict], list[dict]]:
        """Scores the run and n-grams, and saves statistics of valid, to compare samples with."""
        from seqzoo.music.scoring import ngram_nats

        config, encoding = self.config, self.assets["encoding"]
        metrics = {}
        for split in data.scored:
            metrics |= flat(split, self.evaluate(predictor, data.splits[split]))
        train, valid = (
            all_pieces(data.splits[split].examples, encoding, config.max_steps) for split in ("train", "valid")
        )
        valid = [*valid]
        write_json(folder / "corpus.json", corpus_statistics(encoding.decode(piece.rows) for piece in valid))
        if config.ngram:
            nats = ngram_nats(train, valid, encoding, config.ngram, range(-6, 6) if config.transpose else range(1))
            metrics["valid_baselines"] = {f"{config.ngram}-gram": {"nats_per_step": nats}}
        return metrics, [], []

    def signatures(self, run: "Run", request: options.Exporting) -> "dict[str, Signature]":
        from seqzoo.export.generating import music
        from seqzoo.models import GeneratorDecoder

        if self.config.output == "independent":
            raise ValueError("A run of --output=independent only scores: there is nothing to export.")
        encoding = self.assets["encoding"]
        return music(run, GeneratorDecoder(run.model, encoding.barred(), encoding.advance), END)

    def export_notes(self) -> list[str]:
        from seqzoo.export.notes import of_music

        return of_music(self.assets["conditions"].inputs())

    def generate(self, run: "Run", request: Generating, write: Callable[[str], object]) -> Iterator[dict]:
        check_installed("mido", "--mode=generate")  # before sampling, not after it
        folder = pathlib.Path(request.out) if request.out else run.output() / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        scores = self.sample(run.model, request)
        for number, score in enumerate(scores, 1):
            yield {"sample": number, **write_sample(score, folder / f"{number}")}
        if not request.out:
            update_report(run.output(), self)
        corpus = run.folder / "corpus.json"
        if corpus.is_file():  # the run is finished
            yield {"samples": corpus_statistics(scores), "corpus": json.loads(corpus.read_text("utf-8"))}

    def sample(self, model: "keras.Model", request: Generating) -> list[Score]:
        """Samples the scores that the options of `Generating` ask for."""
        if self.config.output == "independent":
            raise ValueError("A run of --output=independent only scores; train one of --output=notes to generate.")
        encoding, conditions, ahead = self.assets["encoding"], self.assets["conditions"], self.config.melody_ahead > 0

        def decoder(barred):
            return kept_decoder(model, tuple(map(tuple, barred.tolist())), encoding.advance)

        return sample_scores(decoder, encoding, conditions, ahead, request)

    def show(self, answer: dict, console: "Console") -> None:
        print_piece(answer, console)

    @classmethod
    def tiny(cls) -> tuple:
        tunes = [(72, 74, 76, 77), (67, 65, 64), (72,), (60, 64, 67, 72, 71)]
        examples = [
            {"score": Score([Note(0, len(tune), 48, voice=1), *(Note(t, 1, pitch) for t, pitch in enumerate(tune))])}
            for tune in tunes
        ]
        sizes = {"notes": 2, "dim": 4, "condition_dim": 3, "note_units": 8, "units": 8, "steps_per_quarter": 1}
        config = cls.Config(**sizes, ngram=2, epochs=2, learning_rate=0.02, dropout=0.1)
        return config, {"train": examples, "valid": examples}, []


@functools.lru_cache(4)  # also keeps its traced samplers
def kept_decoder(model: "keras.Model", barred: tuple[tuple[bool, ...], ...], advance: Callable) -> "GeneratorDecoder":
    """Returns a GeneratorDecoder; `barred` comes as tuples."""
    from seqzoo.models import GeneratorDecoder

    return GeneratorDecoder(model, np.array(barred), advance)
