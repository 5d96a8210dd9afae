"""Sampling: draws sequences from any model that predicts the next value, in blocks, each in a compiled loop."""

import functools
import math
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import Categorical, Mixture, barred, opened

BARRED = -1e8  # decoders bar an id by adding -1e9, which a high temperature would make too small
EXTREME = 1e-6  # minimum distance of noise from 0 and 1, whose quantiles are infinite
COLDEST = 1e-3  # temperature; logits divided by less may overflow


class Samples(NamedTuple):
    """B sequences that are being sampled."""

    values: Any  # [B] or [B, D], the last id or vector of each, not read yet
    fixed: Any  # tensors that the decoder only reads, lists of [B, ...]
    state: Any  # tensors that its steps change
    done: Any  # [B] booleans: ended by a stop id
    count: int = 0  # steps so far

    def repeat(self, times: int) -> "Samples":
        """Repeats each sequence this many times."""
        repeated = keras.tree.map_structure(lambda x: ops.repeat(x, times, axis=0), list(self[:4]))
        return Samples(*repeated, self.count)


class Sampler:
    """Samples from any decoder with the step protocol, see `decoding.steps.StepDecoder`.

    The caller provides the noise: one number for an id, or 1 + D for a vector, for its component and each dimension. So
    the same noise draws the same sequence on every backend, alone or in a batch, at once or in blocks of any size.

    Args:
        decoder: the decoder to sample from.
        banned: ids that are never drawn, such as padding and the unknown token.
        stop: ids that end a sequence; they are part of the answer, and 0 follows. `banned` and `stop` are for ids only.
        temperature: logits are divided by it, at least 0.001; 0: the likeliest id. For vectors see `Mixture.tempered`;
            0: the mean of the likeliest component.
        top_k: sample from the k likeliest ids only (Fan et al., 2018); 0: all.
        top_p: sample from the likeliest ids that together have this probability (Holtzman et al., 2020); 1: all. For
            vectors both choose among the components.
        mean: for vectors: take the mean of each distribution instead of sampling.

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
        mean: bool = False,
    ):
        if not (temperature == 0 or COLDEST <= temperature < math.inf) or not top_k >= 0 or not 0 < top_p <= 1:
            raise ValueError(
                f"temperature should be 0, or finite and at least {COLDEST}, top_k at least 0, top_p above 0 and at "
                f"most 1. Received: {temperature}, {top_k}, {top_p}"
            )
        self.decoder, self.banned, self.stop = decoder, banned, stop
        self.temperature, self.top_k, self.top_p, self.mean = temperature, top_k, top_p, mean
        self.width = np.shape(decoder.begin)  # () for ids, (D,) for vectors
        self.dtype, self.open = ("float32", np.nan) if self.width else ("int32", 0)
        self.cycle = getattr(decoder, "cycle", 1)
        # Whole cycles are unrolled, so that no step has to look up its position in the cycle.
        values, done = keras.KerasTensor([None, *self.width], self.dtype), keras.KerasTensor([None], "bool")
        noise = keras.KerasTensor([None, None, *(1 + D for D in self.width)], "float32")
        forced = keras.KerasTensor([None, None, *self.width], self.dtype)
        signature = opened(decoder, (values, done, noise, forced))
        self._draw, self._draw_cycles = (compiled(functools.partial(self.loop, n), signature) for n in (1, self.cycle))

    def __call__(self, inputs: dict, noise: np.ndarray, forced: np.ndarray | None = None) -> np.ndarray:
        """Samples B whole sequences: ids [B, N], 0 after a stop id, or vectors [B, N, D]. See `start` and `draw`."""
        return self.draw(self.start(inputs), noise, forced)[0]

    def start(self, inputs: dict, begin: np.ndarray | None = None) -> Samples:
        """Returns B sequences before their first id.

        Args:
            inputs: the inputs of the decoder's `start`.
            begin: [B] ids, or [B, D] vectors, to read first in place of the decoder's own.
        """
        fixed, state = self.decoder.start(inputs)
        rows = ops.shape(keras.tree.flatten(state)[0])[0]
        begin = np.broadcast_to(self.decoder.begin, (int(rows), *self.width)) if begin is None else begin
        return Samples(ops.convert_to_tensor(begin, self.dtype), fixed, state, ops.zeros((rows,), "bool"))

    def draw(self, samples: Samples, noise: np.ndarray, forced: np.ndarray | None = None) -> tuple[np.ndarray, Samples]:
        """Draws the next N values of each sequence.

        Args:
            samples: returned by `start`, or by the previous call.
            noise: [N, B] numbers from 0 to 1, one a draw; for vectors [N, B, 1 + D].
            forced: [N, B] ids, such as a prime or a melody, used instead of sampling where they are above 0; for
                vectors [N, B, D], used where they are not NaN. None: all are drawn.

        Returns:
            (ids [B, N] or vectors [B, N, D], the samples to continue from)
        """
        values, fixed, state, done, count = samples
        whole = count % self.cycle == 0 == len(noise) % self.cycle
        forced = np.full((*np.shape(noise)[:2], *self.width), self.open) if forced is None else forced
        given = zip((values, done, noise, forced), (self.dtype, "bool", "float32", self.dtype), strict=True)
        draw = self._draw_cycles if whole else self._draw
        drawn, values, state, done = draw(*(ops.convert_to_tensor(x, dtype) for x, dtype in given), fixed, state)
        return np.swapaxes(np.asarray(drawn), 0, 1), Samples(values, fixed, state, done, count + len(noise))

    def loop(
        self,
        unrolled: int,
        values: keras.KerasTensor,
        done: keras.KerasTensor,
        noise: keras.KerasTensor,
        forced: keras.KerasTensor,
        fixed: list,
        state: list,
    ) -> tuple:
        """Draws like `draw`, on tensors alone, as part of a graph.

        `unrolled` is 1, or the decoder's cycle if the N steps are whole cycles. Returns (ids [N, B] or vectors
        [N, B, D], the last ones, state, done).
        """
        steps = ops.shape(noise)[0]

        def going(t, values, state, done, drawn):
            return ops.logical_and(t < steps, ops.logical_not(ops.all(done)))

        def steps_of_a_cycle(*carry):
            for index in range(unrolled):
                carry = step(*carry, {"index": index} if unrolled > 1 else {})
            return carry

        def step(t, values, state, done, drawn, which):
            distribution, state = self.decoder.step(values, fixed, state, **which)
            values = self.choose(distribution, noise[t])
            values = ops.where(ops.isnan(forced[t]) if self.width else forced[t] <= 0, values, forced[t])
            values = ops.where(done[:, None] if self.width else done, 0, values)
            drawn = ops.slice_update(drawn, [t, *[0] * (len(drawn.shape) - 1)], values[None])
            for mark in self.stop:
                done = ops.logical_or(done, ops.equal(values, mark))
            return t + 1, values, state, done, drawn

        drawn = ops.zeros_like(forced)
        _, values, state, done, drawn = ops.while_loop(going, steps_of_a_cycle, (0, values, state, done, drawn))
        return drawn, values, state, done

    def choose(self, distribution: Categorical | Mixture, noise: keras.KerasTensor) -> keras.KerasTensor:
        """Draws each row's next value from a distribution, by noise [B] or [B, 1 + D]."""
        if isinstance(distribution, Mixture):
            if self.mean:
                return distribution.expected()
            return choose_vectors(distribution, noise, self.temperature, self.top_k, self.top_p)
        logits = ops.cast(distribution.logits, "float32")
        if self.banned:
            logits = barred(logits, self.banned)
        return choose(logits, noise, self.temperature, self.top_k, self.top_p)


kept_sampler = functools.lru_cache(8)(Sampler)  # avoids tracing an equal `Sampler` again, which takes seconds


def choose(
    logits: keras.KerasTensor, u: keras.KerasTensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> keras.KerasTensor:
    """Draws ids [B] from logits [B, V] by noise u [B] in 0..1: the first id whose cumulative probability exceeds u.

    An id with a logit below `BARRED` is never drawn, whatever the temperature. For `temperature`, `top_k` and `top_p`
    see `Sampler`.
    """
    logits = ops.cast(logits, "float32")
    logits = ops.where(logits < BARRED, -np.inf, logits)
    if not temperature:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    V = ops.shape(logits)[-1]  # a tensor if the model copies and its source may have any length
    fixed = isinstance(V, int)
    ordered = top_p < 1 or (top_k and not (fixed and top_k >= V))  # only if needed: sorting costs more than drawing
    k = (min if fixed else ops.minimum)(top_k or V, V)
    logits, ranked = ops.top_k(logits / temperature, k) if ordered else (logits / temperature, None)
    p = ops.softmax(logits)
    if top_p < 1:  # an id is kept if all likelier ids together have less than top_p
        p = ops.where(ops.cumsum(p, axis=-1) - p < top_p, p, 0.0)
    cumulative = ops.cumsum(p, axis=-1)
    index = ops.sum(ops.cast(cumulative <= u[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    # If u is close to 1, it may round to the sum itself: then take the last id that has a probability.
    last = ops.shape(p)[-1] - 1 - ops.argmax(ops.flip(p > 0, axis=-1), axis=-1)
    index = ops.minimum(index, ops.cast(last, "int32"))
    return index if ranked is None else ops.take_along_axis(ops.cast(ranked, "int32"), index[:, None], axis=-1)[:, 0]


def choose_vectors(
    distribution: Mixture, u: keras.KerasTensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> keras.KerasTensor:
    """Draws vectors [B, D] from a mixture by noise u [B, 1 + D] from 0 to 1, first the component, then each dimension.

    A dimension is the quantile of its Gaussian at u, so that noise of 0.5 gives the mean.
    """
    component = choose(distribution.logits, u[:, 0], temperature, top_k, top_p)[:, None, None]
    mean, log_sigma = (ops.take_along_axis(part, component, axis=1)[:, 0] for part in distribution[1:])
    if not temperature:
        return mean
    normal = ops.erfinv(2 * ops.clip(u[:, 1:], EXTREME, 1 - EXTREME) - 1) * math.sqrt(2)
    return mean + math.sqrt(temperature) * ops.exp(log_sigma) * normal
