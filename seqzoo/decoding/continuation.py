"""Continuation: predicts how sequences of vectors continue, by the mean or mode of each step, or by sampling."""

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqzoo.data.windows import before
from seqzoo.decoding.sampling import kept_sampler

if TYPE_CHECKING:
    from seqzoo.models.vectors import VectorDecoder

ROWS = 64  # contexts, or samples, that are continued together
HOW = ("mean", "mode", "sample")


class Continuation(NamedTuple):
    """A continuation: frames [H, D] (the mean, the mode or a sample), and further samples [S, H, D]."""

    frames: np.ndarray
    samples: np.ndarray


def continued(
    decoder: "VectorDecoder",
    contexts: Sequence[np.ndarray],
    known: Sequence[dict],
    steps: int,
    how: str = "mean",
    samples: int = 0,
    seed: int | Sequence = 0,
    **sampling,
) -> Iterator[Continuation]:
    """Continues sequences. Each continuation depends on its own seed, but not on the other sequences or their order.

    Args:
        decoder: models.VectorDecoder.
        contexts: [P, D] arrays, the known part of each sequence; all may be empty.
        known: {name: value} of the decoder's conditions, for each sequence.
        steps: H.
        how: "mean": each step is the mean of its distribution, given the means before; "mode": the mean of the
            likeliest component; "sample": drawn.
        samples: S, additional samples of each sequence.
        seed: seed of the noise, or one for each sequence; a sample depends only on the seed and its own number.
        sampling: temperature, top_k and top_p, see `sampling.Sampler`.
    """
    D = len(decoder.begin)

    @functools.lru_cache(1)
    def noise(seed):
        rngs = (np.random.default_rng([*seed, number]) for number in range(samples + 1))
        return np.stack([rng.random((steps, 1 + D), "float32") for rng in rngs], axis=1)  # [H, 1 + S, 1 + D]

    seeds = [(seed,)] * len(contexts) if isinstance(seed, int) else [*map(tuple, seed)]
    path = kept_sampler(decoder, **{"mean": {"mean": True}, "mode": {"temperature": 0}, "sample": sampling}[how])
    draws = kept_sampler(decoder, **sampling)
    for first in range(0, len(contexts), ROWS):
        part = contexts[first : first + ROWS]
        lengths = np.array([len(context) for context in part])
        frames = np.zeros((len(part), lengths.max(), D), "float32")
        for row, context in zip(frames, part, strict=True):
            row[: len(context)] = context
        conditions = {name: np.array([row[name] for row in known[first : first + ROWS]]) for name in decoder.known}
        inputs, last = {"rows": len(part), **conditions}, None
        if lengths.max():  # the last frame is not read here, since decoding begins with it
            last = frames[np.arange(len(part)), lengths - 1]
            last[lengths == 0] = decoder.begin
            inputs |= {"frames": before(frames, decoder.begin), "frames_length": lengths}
        begun = path.start(inputs, last)
        drawing = [noise(each) for each in seeds[first : first + ROWS]]
        whole, _ = path.draw(begun, np.concatenate([each[:, :1] for each in drawing], axis=1))
        drawn = np.zeros((len(part), samples, steps, D), "float32")
        if samples:
            more, _ = draws.draw(begun.repeat(samples), np.concatenate([each[:, 1:] for each in drawing], axis=1))
            drawn = more.reshape(drawn.shape)
        yield from map(Continuation, whole, drawn)
