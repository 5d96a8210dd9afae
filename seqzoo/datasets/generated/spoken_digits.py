"""Connected digits that a formant synthesizer speaks: a small speech task that needs no files.

A digit is a row of English sounds, such as s I k s. Each sound is a target of three formants, a voicing, an amplitude
and noise; the targets are blended, and shape the spectrum of pulses and noise in overlapping windows (Klatt, 1980,
Software for a cascade/parallel formant synthesizer, simplified). Each string has a voice of its own: pitch and its
melody, length of the vocal tract, tempo, loudness, noise of the room. The digits share their sounds, s is in six and
seven, n in one, seven and nine, so that no single frame tells a word.
"""

import dataclasses
import random
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated
from seqzoo.sound import Recording

RATE = 8000  # Hz
STEP = 80  # samples between two windows, 10 ms
SIZE = 3 * STEP  # samples of a window
BINS = 256  # points of its Fourier transform
FORMANT_WIDTH = 90.0  # Hz, at the first formant

# sound: (formants in Hz, voicing, amplitude, noise: its centre in Hz and its width, 0: none, seconds).
# Vowels after Peterson & Barney (1952), Control methods used in a study of the vowels, men.
SOUNDS = {
    "i": ((270, 2290, 3010), 1, 1.0, (0, 0), 0.12),
    "I": ((390, 1990, 2550), 1, 1.0, (0, 0), 0.09),
    "E": ((530, 1840, 2480), 1, 1.0, (0, 0), 0.10),
    "a": ((730, 1090, 2440), 1, 1.0, (0, 0), 0.10),
    "V": ((640, 1190, 2390), 1, 1.0, (0, 0), 0.10),
    "o": ((570, 840, 2410), 1, 1.0, (0, 0), 0.11),
    "u": ((300, 870, 2240), 1, 1.0, (0, 0), 0.13),
    "w": ((290, 610, 2150), 1, 0.6, (0, 0), 0.06),
    "r": ((350, 1060, 1380), 1, 0.6, (0, 0), 0.06),
    "n": ((250, 1400, 2200), 1, 0.35, (0, 0), 0.08),
    "v": ((300, 1100, 2100), 1, 0.3, (3000, 2000), 0.05),
    "z": ((300, 1700, 2500), 1, 0.2, (3500, 500), 0.07),
    "s": ((300, 1700, 2500), 0, 0.25, (3500, 500), 0.10),
    "f": ((300, 1100, 2100), 0, 0.12, (2600, 2000), 0.09),
    "T": ((300, 1400, 2300), 0, 0.10, (3000, 1500), 0.08),
    "k": ((300, 1900, 2500), 0, 0.25, (1800, 500), 0.03),
    "t": ((300, 1800, 2600), 0, 0.30, (3200, 700), 0.03),
    "-": ((300, 1500, 2500), 0, 0.0, (0, 0), 0.05),  # the closure before a stop, and pauses
}
DIGITS = {
    "zero": "zIrou", "one": "wVn", "two": "-tu", "three": "Tri", "four": "for", "five": "faIv", "six": "sI-ks",
    "seven": "sEvVn", "eight": "EI-t", "nine": "naIn",
}  # fmt: skip
MOST = 6  # digits of a string


@dataclasses.dataclass(frozen=True)
class SpokenDigits(Recording):
    """A string of digits in the voice that the seed decides; synthesized when it is read.

    Attributes:
        text: the digits, with blanks between them.
        seed: of the voice and of all noise.
    """

    text: str
    seed: int

    def read(self, rate: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        from seqzoo.sound.recording import resampled

        return resampled(synthesize(self.text.split(), self.seed), RATE, rate)[start:stop]

    def native_rate(self) -> int:
        return RATE


def synthesize(words: list[str], seed: int) -> np.ndarray:
    """Samples [N] at 8 kHz of digits, spoken by the voice of a seed."""
    rng = np.random.RandomState(seed)  # its stream is the same in all versions of NumPy
    tempo, tract = rng.uniform(0.75, 1.3), rng.uniform(0.85, 1.2)
    rows, lengths = [], []
    for word in words:
        for sound in ["-", *DIGITS[word]]:
            formants, *_, seconds = SOUNDS[sound]
            if not rows or sound != "-" or rng.uniform() < 0.5:  # between words there is a pause or none
                seconds *= tempo * rng.uniform(0.7, 1.4)
                rows.append(sound)
                lengths.append(max(1, round(seconds * RATE / STEP)))
    rows.append("-")
    lengths.append(8)
    targets = np.array(
        [[*f, voicing * amplitude, (not voicing) * amplitude if not noise[0] else amplitude, *noise]
         for f, voicing, amplitude, noise, _ in map(SOUNDS.get, rows)], float,
    )  # fmt: skip
    frames = np.repeat(targets, lengths, axis=0)  # [T, 7]
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9  # sounds glide into one another over 50 ms
    padded = np.pad(frames, [(2, 2), (0, 0)], "edge")
    frames = np.stack([np.convolve(column, kernel, "valid") for column in padded.T], 1)
    frames[:, :3] *= tract * rng.uniform(0.96, 1.04, 3)
    return _noisy(_sounded(frames, rng), rng)


def _sounded(frames, rng):
    """Shapes pulses and noise by the spectrum of each frame, and adds the windows."""
    count = len(frames)
    pitch = rng.uniform(85, 240) * np.exp(0.015 * np.cumsum(rng.normal(size=count)) - 0.2 * np.linspace(0, 1, count))
    source = np.zeros((2, STEP * (count + 2)), "float32")
    source[0, 1 : STEP * count] = np.diff(np.floor(np.cumsum(np.repeat(pitch, STEP)) / RATE))  # 1 where a period begins
    source[0] *= np.sqrt(RATE / pitch.mean())
    source[1] = rng.normal(size=source.shape[1])
    window = np.hanning(SIZE + 1)[:SIZE].astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(source, SIZE, axis=1)[:, ::STEP] * window  # [2, T, SIZE]
    voice, breath = np.fft.rfft(windows, BINS)  # [T, K]
    hertz = np.fft.rfftfreq(BINS, 1 / RATE).astype("float32")
    frames = frames.astype("float32")[:, :, None]
    gain = 0.0
    for number, fall in enumerate((1.0, 0.5, 0.25)):
        gain = gain + fall / (1 + ((hertz - frames[:, number]) / (FORMANT_WIDTH * (1 + number))) ** 2)
    hiss = np.exp(-0.5 * ((hertz - frames[:, 5]) / np.maximum(frames[:, 6], 200)) ** 2)
    spectrum = voice * gain * frames[:, 3] + 0.4 * breath * hiss * frames[:, 4]
    shaped = np.fft.irfft(spectrum, BINS)[:, :SIZE].reshape(count, 3, STEP)
    samples = np.zeros((count + 2, STEP))
    for part in range(3):
        samples[part : count + part] += shaped[:, part]
    return samples.reshape(-1)


def _noisy(samples, rng):
    """Adds the noise of a room, stronger at low frequencies, and sets the volume."""
    white = rng.normal(size=len(samples) + 8)
    room = white[8:] + 0.7 * np.convolve(white, np.ones(9) / 3, "valid")
    level = samples.std() * 10 ** (-rng.uniform(12, 35) / 20)
    samples = samples + level * room / room.std()
    return (samples * rng.uniform(0.1, 0.8) / np.abs(samples).max()).astype("float32")


@DATASETS.register("spoken_digits")
@generated(dict(train=2_000, valid=200, test=200), {"audio": Recording, "text": str}, instead="recordings")
def spoken_digits(seed: int, split: str, size: int) -> Iterator[dict]:
    """Strings of one to six English digits from a formant synthesizer, at 8 kHz; needs no download.

    Each string has a voice, tempo and noise of its own.

    Args:
        seed: decides the strings and voices.
        split, size: the split and its number of examples.

    Yields:
        ``{"audio": Recording, "text": str}``, synthesized when they are read.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        text = " ".join(rng.choices(list(DIGITS), k=rng.randint(1, MOST)))
        audio = SpokenDigits(f"{split}-{number}", text, rng.randrange(2**32))
        yield {"audio": audio, "text": text}
