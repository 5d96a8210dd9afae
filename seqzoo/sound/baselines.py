"""A baseline for recurrent networks: words recognised from single frames."""

import itertools
from collections.abc import Callable, Iterable

import numpy as np

from seqzoo.layers.sound import FLOOR, mel_filters
from seqzoo.sound.recording import Recording, UnreadableError

WORDS = 100  # with more words single frames tell nothing
EXAMPLES = 500  # maximum number to learn from
SHORTEST = 5  # frames of a word


def log_mel(samples: np.ndarray, rate: int, bands: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """(log-mel energies [T, bands], normalised over the sound; whether each frame is louder than half of them)."""
    window, hop = round(0.025 * rate), round(0.01 * rate)
    size = 1 << (window - 1).bit_length()
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, window)), window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), size)) ** 2
    energies = np.log(power @ mel_filters(bands, size, rate, 20, rate / 2) + FLOOR)
    loud = energies.mean(1) > np.median(energies.mean(1))
    return (energies - energies.mean(0)) / (energies.std(0) + 1e-3), loud


def frame_baseline(examples: Iterable[tuple[Recording, str]], rate: int) -> Callable[[Recording], str] | None:
    """Returns a classifier of single frames: a linear model that learns as if all words of a sound were equally long.

    It answers with the runs of equal words among the louder frames.

    Args:
        examples: (recording, text) to learn from; only the first ones are read.
        rate: sample rate in Hz.

    Returns:
        The function recording -> text; None if there are no words, or too many.
    """

    def features(recording):
        try:
            return log_mel(recording.read(rate), rate)
        except UnreadableError:
            return log_mel(np.zeros(0, "float32"), rate)

    frames, labels, words = [], [], {}
    for recording, text in itertools.islice(examples, EXAMPLES):
        said = text.split()
        x, loud = features(recording)
        index = [words.setdefault(word, len(words)) for word in said]
        x = x[loud]
        if index and len(x):
            frames.append(x)
            labels.append(np.array(index)[np.arange(len(x)) * len(index) // len(x)])
    if not frames or len(words) > WORDS:
        return None
    x = np.pad(np.concatenate(frames), [(0, 0), (0, 1)], constant_values=1)
    y = np.eye(len(words))[np.concatenate(labels)]
    weights = np.linalg.solve(x.T @ x + len(x) * 1e-3 * np.eye(x.shape[1]), x.T @ y)  # ridge regression
    names = list(words)

    def transcribe(recording):
        x, loud = features(recording)
        best = np.where(loud, (x @ weights[:-1] + weights[-1]).argmax(1), -1)
        runs = [(word, len([*run])) for word, run in itertools.groupby(best.tolist())]
        return " ".join(names[word] for word, count in runs if word >= 0 and count >= SHORTEST)

    return transcribe
