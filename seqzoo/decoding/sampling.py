"""Decoding: sequences out of a model that scores the next token. The loop is compiled; Python sees whole blocks."""

import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled


class Sampler:
    """Samples continuations from a `models.Stepper`, a block of tokens a call.

    Args:
        stepper: ``stepper(ids [B, 1], state) -> (logits [B, 1, V], state)``.
        banned: ids that are never drawn, such as padding and the unknown token.
        stop: ids that end a row; the steps behind one are 0. It is given out itself.
        temperature: logits are divided by it; 0: the likeliest token.
        top_k: draw from the k likeliest only (Fan et al., 2018); 0: all.
        top_p: draw from the likeliest that have this probability together (Holtzman et al., 2020); 1: all.

    Raises:
        ValueError: a number out of bounds.
    """

    def __init__(self, stepper, banned=(0, 1), stop=(), temperature=1.0, top_k=0, top_p=1.0):
        if temperature < 0 or top_k < 0 or not 0 < top_p <= 1:
            raise ValueError(
                "temperature should be at least 0, top_k at least 0, top_p above 0 and at most 1. Received: "
                f"{temperature}, {top_k}, {top_p}"
            )
        self.stepper, self.stop = stepper, stop
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.barred = np.zeros(stepper.tokens, "float32")
        self.barred[list(banned)] = -1e9
        self._block = compiled(self._sampled)

    def __call__(self, ids, state, noise, done):
        """Draws a block.

        Args:
            ids: [B], the last token of each row; state: before it was read.
            noise: [N, B] numbers from 0 to 1 that decide, one a token.
            done: [B] booleans, rows that have ended.

        Returns:
            (new ids [B, N], last ids [B], state, done), the first as a NumPy array.
        """
        arguments = (ops.convert_to_tensor(ids, "int32"), state, ops.convert_to_tensor(noise, "float32"))
        drawn, ids, state, done = self._block(*arguments, ops.convert_to_tensor(done, "bool"))
        return np.asarray(drawn).T, ids, state, done

    def _sampled(self, ids, state, noise, done):
        steps = ops.shape(noise)[0]

        def going(t, ids, state, done, drawn):
            return ops.logical_and(t < steps, ops.logical_not(ops.all(done)))

        def step(t, ids, state, done, drawn):
            logits, state = self.stepper(ids[:, None], state)
            ids = ops.where(done, 0, self.choose(logits[:, 0] + self.barred, noise[t]))
            drawn = ops.slice_update(drawn, [t, 0], ids[None])
            for mark in self.stop:
                done = ops.logical_or(done, ops.equal(ids, mark))
            return t + 1, ids, state, done, drawn

        drawn = ops.zeros_like(noise, dtype="int32")
        _, ids, state, done, drawn = ops.while_loop(going, step, (0, ids, state, done, drawn))
        return drawn, ids, state, done

    def choose(self, logits, u):
        """The ids [B] that noise u [B] draws from logits [B, V]."""
        logits = ops.cast(logits, "float32")
        if not self.temperature:
            return ops.cast(ops.argmax(logits, axis=-1), "int32")
        k = min(self.top_k or logits.shape[-1], logits.shape[-1])
        ordered = k < logits.shape[-1] or self.top_p < 1  # by rank: sorting costs more than drawing
        logits, ranked = ops.top_k(logits / self.temperature, k) if ordered else (logits / self.temperature, None)
        p = ops.softmax(logits)
        if self.top_p < 1:  # a token is kept if those likelier than it have less than top_p
            p = ops.where(ops.cumsum(p, axis=-1) - p < self.top_p, p, 0.0)
        reached = ops.cumsum(p, axis=-1)
        place = ops.sum(ops.cast(reached <= u[:, None] * reached[:, -1:], "int32"), axis=-1)
        # u next to 1 may round to the sum itself: the last one with a probability then.
        last = p.shape[-1] - 1 - ops.argmax(ops.flip(p > 0, axis=-1), axis=-1)
        place = ops.minimum(place, ops.cast(last, "int32"))
        return (
            place if ranked is None else ops.take_along_axis(ops.cast(ranked, "int32"), place[:, None], axis=-1)[:, 0]
        )


class StepSampler(Sampler):
    """Samples from a `models.Opener`, whose steps are several tokens, drawn one after the other.

    Args:
        opener: the Opener of a generator.
        encoding: `encodings.Encoding`, which says what stands behind a step (`advance`) and what is never drawn.
        stop: ids that end a row if they are drawn in the first slot.
        temperature, top_k, top_p: as of Sampler.
    """

    def __init__(self, opener, encoding, stop=(), temperature=1.0, top_k=0, top_p=1.0):
        super().__init__(opener, (), stop, temperature, top_k, top_p)
        self.encoding = encoding
        self.barred = np.where(encoding.barred(), -1e9, 0).astype("float32")

    def __call__(self, known, noise, given=None):
        """Draws whole sequences.

        Args:
            known: what `Opener.start` takes, for N steps and B rows.
            noise: [N, S, B] numbers from 0 to 1 that decide, one a token.
            given: [N, S, B] ids that are not drawn but taken, where above 0; None: all are drawn.

        Returns:
            ids [B, N, S], a NumPy array; 0 behind the end of a row.
        """
        each, state = self.stepper.start(known)
        given = np.zeros(noise.shape, "int32") if given is None else given
        given = ops.convert_to_tensor(given, "int32")
        drawn = self._block(ops.transpose(each, (1, 0, 2)), state, ops.convert_to_tensor(noise, "float32"), given)
        return np.asarray(drawn).transpose(2, 0, 1)

    def _sampled(self, each, state, noise, given):
        steps, slots = ops.shape(noise)[0], self.stepper.slots

        def going(t, before, age, state, done, drawn):
            return ops.logical_and(t < steps, ops.logical_not(ops.all(done)))

        def step(t, before, age, state, done, drawn):
            hidden, standing, state = self.stepper.read(before, age, each[t], state)
            notes, g, row = self.stepper.notes, self.stepper.notes.begin(hidden), []
            for slot in range(slots):
                logits, g = notes.step(hidden, g, row, standing)
                ids = self.choose(logits + self.barred[slot], noise[t, slot])
                row.append(ops.where(given[t, slot] > 0, given[t, slot], ids))
            row = ops.where(done[:, None], 0, ops.stack(row, axis=1))  # [B, S]
            before, age = self.encoding.advance(row, before, age, ops)
            for mark in self.stop:
                done = ops.logical_or(done, ops.equal(row[:, 0], mark))
            drawn = ops.slice_update(drawn, [t, 0, 0], ops.transpose(row)[None])
            return t + 1, before, age, state, done, drawn

        before = ops.zeros_like(ops.transpose(given[0]))  # [B, S]
        done = ops.zeros_like(before[:, 0], dtype="bool")
        start = (0, before, before, state, done, ops.zeros_like(given))
        return ops.while_loop(going, step, start)[-1]
