"""Sampling: random sequences from any model that predicts the next value. The loop is compiled; Python sees blocks."""

import functools
import math
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import opened

BARRED = -1e8  # decoders bar an id by adding -1e9: divided by a high temperature this would not be low any more
COLDEST = 1e-3  # temperature; logits divided by less may overflow


class Samples(NamedTuple):
    """B sequences that are being sampled."""

    ids: Any  # [B], the last id of each, not read yet
    fixed: Any  # what the decoder only reads, lists of [B, ...]
    state: Any  # what its steps change
    done: Any  # [B] booleans: ended by a stop id
    count: int = 0  # steps so far

    def repeat(self, times: int) -> "Samples":
        """Each sequence so many times."""
        repeated = keras.tree.map_structure(lambda x: ops.repeat(x, times, axis=0), list(self[:4]))
        return Samples(*repeated, self.count)


class Sampler:
    """Samples from anything that has the step protocol, see `decoding.steps.StepDecoder`.

    The noise is given, one number a value, so the same noise draws the same sequence on every backend, alone or in a
    batch, at once or in blocks of any size.

    Args:
        decoder: what to sample from.
        banned: ids that are never drawn, such as padding and the unknown token.
        stop: ids that end a sequence; they are part of the answer, and 0 follows.
        temperature: logits are divided by it, at least 0.001; 0: the likeliest id.
        top_k: sample from the k likeliest ids only (Fan et al., 2018); 0: all.
        top_p: sample from the likeliest ids that together have this probability (Holtzman et al., 2020); 1: all.

    Raises:
        ValueError: a number out of bounds.

    Example::

        sampler = Sampler(Seq2SeqDecoder(model, begin=2), stop=(3,), temperature=0.8)
        ids = sampler({"source": source}, np.random.default_rng(0).random((50, len(source))))  # [B, 50]
    """

    def __init__(
        self,
        decoder,
        banned: tuple[int, ...] = (0, 1),
        stop: tuple[int, ...] = (),
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
    ):
        if not (temperature == 0 or COLDEST <= temperature < math.inf) or not top_k >= 0 or not 0 < top_p <= 1:
            raise ValueError(
                f"temperature should be 0, or finite and at least {COLDEST}, top_k at least 0, top_p above 0 and at "
                f"most 1. Received: {temperature}, {top_k}, {top_p}"
            )
        self.decoder, self.banned, self.stop = decoder, banned, stop
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.cycle = getattr(decoder, "cycle", 1)
        # Whole cycles are unrolled, so that no step has to look up which one of its cycle it is.
        ids, done = (keras.KerasTensor([None], dtype) for dtype in ("int32", "bool"))
        noise, forced = (keras.KerasTensor([None, None], dtype) for dtype in ("float32", "int32"))
        signature = opened(decoder, (ids, done, noise, forced))
        self._draw, self._draw_cycles = (
            compiled(functools.partial(self._drawn, n), signature) for n in (1, self.cycle)
        )

    def __call__(self, inputs: dict, noise: np.ndarray, forced: np.ndarray | None = None) -> np.ndarray:
        """Samples B whole sequences: ids [B, N], 0 after a stop id. For the arguments see `start` and `draw`."""
        return self.draw(self.start(inputs), noise, forced)[0]

    def start(self, inputs: dict, begin: np.ndarray | None = None) -> Samples:
        """B sequences before their first id.

        Args:
            inputs: what the decoder starts from.
            begin: [B] ids to read first in place of the decoder's own.
        """
        fixed, state = self.decoder.start(inputs)
        rows = ops.shape(keras.tree.flatten(state)[0])[0]
        begin = np.full(rows, self.decoder.begin) if begin is None else begin
        return Samples(ops.convert_to_tensor(begin, "int32"), fixed, state, ops.zeros((rows,), "bool"))

    def draw(self, samples: Samples, noise: np.ndarray, forced: np.ndarray | None = None) -> tuple[np.ndarray, Samples]:
        """Draws the next N ids of each sequence.

        Args:
            samples: from `start`, or from the block before.
            noise: [N, B] numbers from 0 to 1, one a draw.
            forced: [N, B] ids that are taken instead of drawn where they are above 0, such as a prime or a melody;
                None: all are drawn.

        Returns:
            (ids [B, N], the samples to continue from)
        """
        ids, fixed, state, done, count = samples
        whole = count % self.cycle == 0 == len(noise) % self.cycle
        forced = np.zeros(np.shape(noise)) if forced is None else forced
        given = zip((ids, done, noise, forced), ("int32", "bool", "float32", "int32"), strict=True)
        draw = self._draw_cycles if whole else self._draw
        drawn, ids, state, done = draw(*(ops.convert_to_tensor(x, dtype) for x, dtype in given), fixed, state)
        return np.asarray(drawn).T, Samples(ids, fixed, state, done, count + len(noise))

    def _drawn(self, unrolled, ids, done, noise, forced, fixed, state):
        steps = ops.shape(noise)[0]

        def going(t, ids, state, done, drawn):
            return ops.logical_and(t < steps, ops.logical_not(ops.all(done)))

        def steps_of_a_cycle(*carry):
            for index in range(unrolled):
                carry = step(*carry, {"index": index} if unrolled > 1 else {})
            return carry

        def step(t, ids, state, done, drawn, which):
            distribution, state = self.decoder.step(ids, fixed, state, **which)
            logits = ops.cast(distribution.logits, "float32")
            if self.banned:
                barred = np.zeros(logits.shape[-1], bool)
                barred[list(self.banned)] = True
                logits = ops.where(barred, -np.inf, logits)
            ids = choose(logits, noise[t], self.temperature, self.top_k, self.top_p)
            ids = ops.where(forced[t] > 0, forced[t], ids)
            ids = ops.where(done, 0, ids)
            drawn = ops.slice_update(drawn, [t, 0], ids[None])
            for mark in self.stop:
                done = ops.logical_or(done, ops.equal(ids, mark))
            return t + 1, ids, state, done, drawn

        drawn = ops.zeros_like(noise, dtype="int32")
        _, ids, state, done, drawn = ops.while_loop(going, steps_of_a_cycle, (0, ids, state, done, drawn))
        return drawn, ids, state, done


kept_sampler = functools.lru_cache(8)(Sampler)  # as `Sampler`; an equal one is not traced again, which takes seconds


def choose(logits, u, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0):
    """Draws ids [B] from logits [B, V] by noise u [B] from 0 to 1: the first id whose cumulative probability exceeds u.

    An id with a logit below `BARRED` is never drawn, whatever the temperature. For `temperature`, `top_k` and `top_p`
    see `Sampler`.
    """
    logits = ops.cast(logits, "float32")
    logits = ops.where(logits < BARRED, -np.inf, logits)
    if not temperature:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    k = min(top_k or logits.shape[-1], logits.shape[-1])
    ordered = k < logits.shape[-1] or top_p < 1  # only then by rank: sorting costs more than drawing
    logits, ranked = ops.top_k(logits / temperature, k) if ordered else (logits / temperature, None)
    p = ops.softmax(logits)
    if top_p < 1:  # an id is kept if those likelier than it have less than top_p
        p = ops.where(ops.cumsum(p, axis=-1) - p < top_p, p, 0.0)
    cumulative = ops.cumsum(p, axis=-1)
    index = ops.sum(ops.cast(cumulative <= u[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    # u close to 1 may round to the sum itself: then the last id with a probability.
    last = p.shape[-1] - 1 - ops.argmax(ops.flip(p > 0, axis=-1), axis=-1)
    index = ops.minimum(index, ops.cast(last, "int32"))
    return index if ranked is None else ops.take_along_axis(ops.cast(ranked, "int32"), index[:, None], axis=-1)[:, 0]
