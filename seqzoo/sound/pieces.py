"""Reads long recordings in bounded memory, piece by piece, carrying the state of the recurrent layers along."""

import math
from collections.abc import Iterator

import keras
import numpy as np

from seqzoo.decoding.ctc import tokens_of
from seqzoo.layers.ctc import frames_given
from seqzoo.layers.sound import VARIANCE, SoundFeatures
from seqzoo.models.transcriber import cut
from seqzoo.sound.recording import Recording

PIECE = 3000  # frames that are read at a time


class Pieces:
    """Reads recordings of any length with a transcriber whose layers read forward; answers are as if read at once.

    A first pass over the recording computes mean and deviation of its features, a second one reads them. Each piece is
    read with a margin of its neighbours, for frames and convolutions at its edges, which is dropped afterwards.

    Args:
        model: `models.transcriber` with the front ``sound(statistics=True)``.
        subsample, upsample: the model's.
        normalize: as in the front with which the weights were trained.
        piece: frames of a piece, a multiple of `subsample`.
    """

    def __init__(
        self, model: keras.Model, subsample: int, upsample: int = 1, normalize: str = "features", piece: int = PIECE
    ):
        layer = next(layer for layer in model.layers if isinstance(layer, SoundFeatures))
        self.normalize = normalize
        self.rate, self.hop, self.piece = layer.rate, layer.hop, piece
        self.subsample, self.upsample = subsample, upsample
        overlap = math.ceil((layer.window - layer.hop) / 2 / layer.hop)  # frames that share samples with one
        self.margin = subsample * math.ceil((overlap + subsample) / subsample)
        self.features = keras.Model(layer.input, layer.output)
        self.embed, self.read = cut(model)

    def path(self, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
        """Returns the most probable path through a recording: (labels [S], their probabilities [S])."""
        statistics = self._statistics(recording)
        state = [keras.ops.zeros((1, part.shape[-1])) for part in self.read.input[2:]]
        labels, probabilities = [], []
        for samples, before, count in self._pieces(recording):
            inputs = {"sound": samples[None], "sound_length": np.array([len(samples)], "int32"), **statistics}
            first, steps = (frames_given(n, self.subsample, self.upsample) for n in (before, count))
            x = self.embed(inputs)[0][:, first : first + steps]
            logits, *state = self.read([x, keras.ops.ones(x.shape[:2], "bool"), *state])
            p = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
            labels.append(p.argmax(1))
            probabilities.append(p.max(1))
        return np.concatenate(labels), np.concatenate(probabilities)

    def row(self, recording: Recording) -> dict | None:
        """Decodes a recording greedily: a row as from `decoding.ctc.CTCDecode`; None if the recording is silent."""
        if not any(samples.any() for samples, *_ in self._pieces(recording)):
            return None
        labels, p = self.path(recording)
        found = tokens_of(labels[None].astype("int32"), p[None])
        found = {name: keras.ops.convert_to_numpy(value)[0] for name, value in found.items()}
        return {**found, "log_probability": np.log(p.astype("float64")).sum()}

    def _pieces(self, recording) -> Iterator[tuple]:
        """(samples of a piece and of its margins, frames before it, its frames)."""
        frames = math.ceil(recording.length(self.rate) / self.hop)
        for start in range(0, frames, self.piece):
            first, end = max(0, start - self.margin), min(start + self.piece, frames)
            samples = recording.read(self.rate, first * self.hop, (end + self.margin) * self.hop)
            yield samples, start - first, end - start

    def _statistics(self, recording):
        count, total, squares = 0, 0.0, 0.0
        for samples, before, frames in self._pieces(recording):
            x = keras.ops.convert_to_numpy(self.features(samples[None]))[0, before : before + frames].astype("float64")
            count, total, squares = count + len(x), total + x.sum(0), squares + (x**2).sum(0)
        mean, square = total / count, squares / count
        if self.normalize == "volume":
            mean, square = np.full_like(mean, mean.mean()), np.full_like(mean, square.mean())
        deviation = np.sqrt(np.maximum(square - mean**2, 0) + VARIANCE)
        if self.normalize == "none":
            mean, deviation = np.zeros_like(mean), np.ones_like(mean)
        return {"sound_mean": mean[None].astype("float32"), "sound_deviation": deviation[None].astype("float32")}
