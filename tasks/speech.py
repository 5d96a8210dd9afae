"""Speech recognition: the text of a recording. Many to many, by CTC or attention."""

import copy
import dataclasses
import functools
import math

import numpy as np

from seqzoo import options
from seqzoo.config import Config as Options
from seqzoo.config import default, option
from seqzoo.data import Skip
from seqzoo.families.transcription import Speller, Transcriber, Transcription
from seqzoo.inputs import sound
from seqzoo.rnns import RNNS
from seqzoo.sound import Clip, Recording, Samples, UnreadableError, Upload
from seqzoo.sound.baselines import frame_baseline
from seqzoo.sound.perturbation import perturbed
from seqzoo.sound.recording import ENDINGS
from seqzoo.task import TASKS

LONG = 60  # seconds: a longer recording is read in pieces
LONGEST = 600  # seconds of one that can't be
TOKENS = 20  # about so many are in the picture of a run


@dataclasses.dataclass(frozen=True)
class Features(Options):
    """Features."""

    sample_rate: int = option(
        16000, "Sample rate that the model reads, in Hz; recordings of other rates are resampled.", minimum=1000,
        maximum=192_000,
    )  # fmt: skip
    features: str = option("log_mel", "Features of a frame.", choices=("log_mel", "mfcc"))
    bands: int = option(40, "Mel filters.", minimum=2, maximum=512, sweep=[40, 80])
    coefficients: int = option(13, "Cepstral coefficients.", minimum=2, maximum=512, needs="features=mfcc")
    window: float = option(0.025, "Length of a frame, in seconds.", minimum=0.001, maximum=1)
    hop: float = option(0.01, "From one frame to the next, in seconds.", minimum=0.001, maximum=1)
    mask_bands: int = option(2, "SpecAugment: bands of filters that training hides; 0: none.", minimum=0, maximum=10)
    mask_band: int = option(8, "Maximum width of such a band.", minimum=1, needs="mask_bands")
    mask_stretches: int = option(2, "SpecAugment: stretches of frames that training hides.", minimum=0, maximum=10)
    mask_stretch: int = option(20, "Maximum length of such a stretch, in frames.", minimum=1, needs="mask_stretches")


@dataclasses.dataclass(frozen=True)
class Perturbation(Options):
    """Perturbation."""

    shapes = False

    speed: float = option(
        0.1, "Maximum change of the speed of training's recordings; 0.1: from 10% slower to 10% faster.", minimum=0,
        maximum=0.5,
    )  # fmt: skip
    noise: float = option(
        10.0, "Lowest ratio of training's recordings to the noise that is added, in dB; 0: no noise.", minimum=0
    )


@dataclasses.dataclass(frozen=True)
class Config(
    options.Data, Features, options.Units, Transcriber, options.Recurrent, Speller, Perturbation, options.Batching,
    options.Training,
):  # fmt: skip
    """Speech."""

    dataset: str = default(options.Data, dataset="spoken_digits")
    join: int = option(
        0, "Maximum recordings that --dataset=named_recordings joins to an example; 0: none are joined.", minimum=0
    )
    subsample: int = default(Transcriber, subsample=2)
    batch_tokens: int = default(options.Batching, batch_tokens=4_000_000)  # samples
    cache_tokens: int = default(options.Batching, cache_tokens=60_000_000)  # 240 MB
    epochs: int = default(options.Training, epochs=20)
    average: float = default(options.Training, average=0.99)


@TASKS.register("speech", "asr")
class Speech(Transcription):
    """Speech recognition: word and character error rate."""

    Config = Config
    needs = {"audio": Recording, "text": str}
    axes = {**Transcription.axes, "sound": "samples"}
    files = ENDINGS
    in_pieces = None  # what reads a long recording, while `predict` runs
    advice = {
        "spoken_digits": "These digits were synthesized. To train on your own recordings: --dataset=recordings "
        "--data_dir=FOLDER, with the columns path and text in train.tsv (and valid.tsv)."
    }

    def learn(self, train):
        return self.learn_labels(train)

    def content(self, example):
        return ""  # equal texts are different recordings

    def arrays(self, example, training):
        audio, rate = example["audio"], self.config.sample_rate
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

    def steps(self, inputs):
        return math.ceil(inputs["sound_length"] / self.hop)

    @property
    def hop(self):
        """Samples from one frame to the next."""
        return round(self.config.hop * self.config.sample_rate)

    def time(self, step):
        return round(step * self.hop / self.config.sample_rate, 3)

    def augmenter(self):
        changes = self.config.arguments(Perturbation)

        def augment(example, encoded, rng):
            samples = perturbed(encoded[0]["sound"], rng, **changes)
            return {**encoded[0], "sound": samples, "sound_length": np.int32(len(samples))}, *encoded[1:]

        return augment if any(changes.values()) else None

    def front(self, statistics=False):
        return sound(**self.config.arguments(Features), statistics=statistics, seed=self.config.seed)

    def read_file(self, file, name):
        audio = Clip(name, file.name) if hasattr(file, "name") else Upload(name, file.read())
        audio.rate()  # raises an error if it is no sound
        return {"audio": audio}

    def asked(self, example):
        return {"file": example["audio"].name}

    def predict(self, run, lines, request=None):
        task = copy.copy(self)
        task.in_pieces = functools.lru_cache(1)(lambda: self.pieces(run.model))
        yield from super(Speech, task).predict(run, lines, request)

    def is_long(self, audio):
        """Whether a recording is read in pieces; raises a ValueError if it should be and can't."""
        config, seconds = self.config, audio.length(self.config.sample_rate) / self.config.sample_rate
        if not self.in_pieces or seconds <= LONG:
            return False
        if config.model == "ctc" and config.layers and not RNNS.trait(config.rnn, "bidirectional", False):
            return True
        if seconds > LONGEST:
            why = "--model=attention" if config.model == "attention" else f"--rnn={config.rnn}"
            raise ValueError(
                f"{audio.name}: {seconds / 60:.0f} minutes. A run of {why} reads a recording as a whole, so of at most "
                f"{LONGEST // 60} minutes: cut it. One of --model=ctc --rnn=lstm reads any length."
            )
        return False

    def pieces(self, model):
        """What reads recordings in pieces with the weights of a model."""
        from seqzoo.sound.pieces import Pieces

        whole, self = model, copy.copy(self)
        self.front = functools.partial(self.front, statistics=True)
        model = self.build()
        model.set_weights(whole.get_weights())
        return Pieces(model, self.config.subsample)

    def answer(self, example, row):
        if row is None and self.is_long(example["audio"]):
            row = self.in_pieces().row(example["audio"])
        return super().answer(example, row)

    def baselines(self, train):
        def samples(example):
            try:
                return self.arrays(example, training=False)["sound"]
            except Skip:
                return np.zeros(0, "float32")

        pairs = ((samples(example), example["text"]) for example in train)
        transcribe = frame_baseline(pairs, self.config.sample_rate)
        return transcribe and {"frame by frame": lambda example: {"transcript": transcribe(samples(example))}} or {}

    def plot(self, predictor, examples, answers, folder):
        """Saves a picture of a recording: its spectrogram, the spikes of CTC, and the words."""
        import keras

        from seqzoo.sound.plots import transcript_plot

        if self.config.model != "ctc" or not examples:
            return
        chosen = min(range(len(examples)), key=lambda i: abs(len(answers[i]["tokens"]) - TOKENS))
        ((_, (inputs, *_)),) = self.feed([examples[chosen]]).encoded()
        model = predictor.model
        outputs = [model.get_layer("sound_normalization").output, keras.ops.softmax(model.output)]
        arrays = {name: array[None] for name, array in inputs.items()}
        features, p = (keras.ops.convert_to_numpy(x)[0] for x in keras.Model(model.input, outputs)(arrays))
        labels, seconds = self.assets["labels"].tokens, len(inputs["sound"]) / self.config.sample_rate
        transcript_plot(features, p, answers[chosen], labels, seconds, folder / "speech.png")

    @classmethod
    def tiny(cls):
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
