"""Speech recognition: transcribes a recording. Many to many, by CTC or attention."""

import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqzoo import options
from seqzoo.config import default
from seqzoo.data import Skip
from seqzoo.families.transcription import Predicting, Speller, Transcriber, Transcription
from seqzoo.inputs import sound
from seqzoo.rnns import RNNS
from seqzoo.sound import Clip, Recording, Samples, UnreadableError, Upload
from seqzoo.sound.perturbation import perturbed
from seqzoo.sound.recording import ENDINGS, first_rate, is_long
from seqzoo.task import TASKS, TaskData

if TYPE_CHECKING:
    import pathlib

    import keras

    from seqzoo.datasets import Examples
    from seqzoo.decoding.ctc import CTCPredictor
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.sound.pieces import Pieces
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, options.Strings, options.Sound, options.Units, Transcriber, options.Recurrent, Speller,
    options.Perturbation, options.Batching, options.Training,
):  # fmt: skip
    """Speech."""

    dataset: str = default(options.Data, dataset="spoken_digits")
    subsample: int = default(Transcriber, subsample=2)
    batch_tokens: int = default(options.Batching, batch_tokens=4_000_000)  # samples
    cache_tokens: int = default(options.Batching, cache_tokens=60_000_000)  # 240 MB
    units: int = default(options.Recurrent, units=64)
    epochs: int = default(options.Training, epochs=8)
    learning_rate: float = default(options.Training, learning_rate=4e-3)
    average: float = default(options.Training, average=0.99)


@TASKS.register("speech", "asr")
class Speech(Transcription):
    """Speech recognition: word and character error rate."""

    Config = Config
    needs = {"audio": Recording, "text": str}
    axes = {**Transcription.axes, "sound": "samples"}
    files, packages = ENDINGS, ("jiwer", "soundfile")
    in_pieces = None  # the reader of long recordings, while `predict` runs
    demo = {"": "--text={folder}/speech.wav"}
    advice = {
        "spoken_digits": "These digits were synthesized. To train on your own recordings: --dataset=recordings "
        "--data_dir=FOLDER, with the columns path and text in train.tsv (and valid.tsv)."
    }

    def load(self, unseen: bool = False) -> TaskData:
        if unseen and self.config.strings:  # all recordings are scored, without joining them
            self.config = dataclasses.replace(self.config, strings=0)
        return super().load(unseen)

    def learn(self, train: "Examples") -> dict:
        rate = self.config.sample_rate or min(16000, first_rate(example["audio"] for example in train))
        return {"sample_rate": rate, **self.learn_labels(train)}

    def content(self, example: dict) -> str:
        return ""  # equal texts are different recordings

    def arrays(self, example: dict, training: bool) -> dict:
        audio, rate = example["audio"], self.assets["sample_rate"]
        try:
            if self.is_long(audio):
                raise Skip("read in pieces")
            samples = audio.read(rate)
        except UnreadableError as error:
            if self.transcript not in example:
                raise
            raise Skip("unreadable", str(error)) from error
        if not samples.any():
            raise Skip("empty or silent", audio.name)
        return {"sound": samples, "sound_length": np.int32(len(samples))}

    def steps(self, inputs: dict) -> int:
        return math.ceil(inputs["sound_length"] / self.hop)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return round(self.config.hop * self.assets["sample_rate"])

    def time(self, step: int) -> float:
        return round(step * self.hop / self.assets["sample_rate"], 3)

    def augmenter(self) -> Callable | None:
        from seqzoo.layers.ctc import frames_given, frames_needed

        config, changes = self.config, self.config.arguments(options.Perturbation)

        def augment(example, encoded, rng):
            samples = perturbed(encoded[0]["sound"], rng, **changes)
            inputs = {**encoded[0], "sound": samples, "sound_length": np.int32(len(samples))}
            if config.model == "ctc" and frames_needed(encoded[1]) > frames_given(
                self.steps(inputs), config.subsample, config.upsample
            ):
                return encoded  # too fast for its labels
            return inputs, *encoded[1:]

        return augment if any(changes.values()) else None

    def front(self, statistics: bool = False) -> tuple:
        given = {**self.config.arguments(options.Sound), "sample_rate": self.assets["sample_rate"]}
        return sound(**given, statistics=statistics, seed=self.config.seed)

    def read_file(self, file: BinaryIO, name: str) -> dict:
        audio = Clip(name, file.name) if hasattr(file, "name") else Upload(name, file.read())
        audio.native_rate()  # raises an error if it is not sound
        return {"audio": audio}

    def asked(self, example: dict) -> dict:
        return {"file": example["audio"].name}

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        task = copy.copy(self)
        task.in_pieces = functools.lru_cache(1)(lambda: self.pieces(run.model))
        yield from super(Speech, task).predict(run, lines, request)

    def is_long(self, audio: Recording) -> bool:
        """Returns whether a recording must be read in pieces."""
        config, reads_forward = self.config, not RNNS.trait(self.config.rnn, "bidirectional", False)
        obstacle = "--model=attention" if config.model != "ctc" else "" if reads_forward else f"--rnn={config.rnn}"
        return bool(self.in_pieces) and is_long(audio, self.assets["sample_rate"], obstacle)

    def pieces(self, model: "keras.Model") -> "Pieces":
        """Returns a reader of recordings in pieces, with the weights of a model."""
        from seqzoo.sound.pieces import Pieces

        whole, self = model, copy.copy(self)
        self.front = functools.partial(self.front, statistics=True)
        model = self.build()
        model.set_weights(whole.get_weights())
        return Pieces(model, self.config.subsample, self.config.upsample, self.config.normalize)

    def answer(self, example: dict, row: dict | None) -> dict:
        if row is None and self.is_long(example["audio"]):
            row = self.in_pieces().row(example["audio"])
        return super().answer(example, row)

    def export_notes(self) -> list[str]:
        step = self.hop * self.config.subsample
        return [
            f"`sound` holds samples of one channel from -1 to 1, {self.assets['sample_rate']:,} a second, and "
            f"`sound_length` their number; `begin` and `end` count steps of {step} samples.",
            *super().export_notes(),
        ]

    def baselines(self, train: "Examples") -> dict[str, Callable]:
        from seqzoo.sound.baselines import frame_baseline

        rate = self.assets["sample_rate"]
        transcribe = frame_baseline(((e["audio"], e["text"]) for e in train), rate)
        return {"frame by frame": lambda example: {"transcript": transcribe(example["audio"])}} if transcribe else {}

    def plot(
        self,
        predictor: "BeamPredictor | CTCPredictor",
        examples: list[dict],
        answers: list[dict],
        folder: "pathlib.Path",
    ) -> None:
        """Saves a recording of median length and a picture of it: spectrogram, spikes of CTC, words."""
        import soundfile

        from seqzoo.sound.baselines import log_mel
        from seqzoo.sound.plots import transcript_plot

        example, answer = self.typical(examples, answers)
        samples, rate = example["audio"].read(self.assets["sample_rate"]), self.assets["sample_rate"]
        soundfile.write(folder / "speech.wav", samples, rate)
        if self.config.model != "ctc":
            return
        p, labels = self.frame_probabilities(predictor, example), self.assets["labels"].tokens
        transcript_plot(log_mel(samples, rate, 40)[0], p, answer, labels, len(samples) / rate, folder / "speech.png")

    @classmethod
    def tiny(cls) -> tuple:
        rng = np.random.default_rng(0)
        pitches = {"a": 200, "b": 600, "c": 1500}
        tones = {letter: np.sin(2 * np.pi * hertz * np.arange(400) / 4000) for letter, hertz in pitches.items()}
        texts = ("a", "ab c", "cab", "b")
        sounds = [np.concatenate([tones.get(c, np.zeros(300)) for c in text]) for text in texts]
        sounds = [(x + rng.normal(0, 0.01, len(x))).astype("float32") for x in sounds]
        examples = [{"audio": Samples(t, x, 4000), "text": t} for t, x in zip(texts, sounds, strict=True)]
        config = cls.Config(
            sample_rate=4000, bands=8, units=8, layers=1, filters=8, epochs=2, learning_rate=0.02, mask_bands=0
        )
        return config, {"train": examples, "valid": examples}, []
