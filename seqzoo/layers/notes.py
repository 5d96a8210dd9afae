"""Predicts the tokens of one time step, such as the notes of a chord, one by one."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

REACH = 24  # semitones, R
INTERVALS = 2 * REACH + 1


@keras.saving.register_keras_serializable("seqzoo")
class NoteDecoder(keras.layers.Layer):
    """Predicts the S tokens of a step, each given the tokens before it, so that their joint probability is exact.

        g_0 = tanh(V h + b)                                    h: the state after the steps before
        g_s = GRU(g_{s-1}, [E[n_{s-1}], P_s])                  n_{s-1}: the token before, or padding; P_s: the slot
        p(n_s | n_1 ... n_{s-1}, h) = softmax(U [g_s, h] + d)

    With `pitches`, all keys are treated alike: each note q that sounded before the step, or is already part of it,
    scores the notes k semitones away, for k from -R to R, in the same way at every pitch; so does a tonic::

        logit(p) += sum_q (A_q [g_s, h])_{p - q}

    The slot's previous note b also scores the note that it would reach in parallel with another slot of the step, which
    moves from q to a; the style of chorales forbids this if b and q are a fifth or octave apart::

        logit(b + a - q) += (B_q [g_s, h])_{(q - b) mod 12}

    The GRU also reads embeddings of each note's intervals, as in `Relations`: to the first note of its step, to the
    note before in its slot, and to the tonic.

    With `sets`, too, a step is a set of notes, written from high to low: only a lower note or the end of the set can
    follow a note, and nothing follows the end. So each set can be written in only one way, and the probabilities of
    all sets sum to 1.

    Source: Boulanger-Lewandowski et al., 2012 (a model of time over a model of one step, RNN-NADE); in place of NADE
    a recurrent network over the notes of a step, as the note axis of Johnson, 2017, Generating Polyphonic Music Using
    Tied Parallel Networks.

    Args:
        tokens: V, size of the vocabulary, padding (id 0) among them.
        slots: S, tokens of a step.
        units: units of the GRU.
        dim: width of E and P.
        dropout: dropout rate of h, and of g before the softmax.
        pitches: list of V numbers: the pitch of each token, 0 to 127, or -1 if it has none.
        sets: whether steps are sets. Then `pitches` has -1 for the token that ends a set, -2 for tokens that can only
            come first and also end the set, and lower numbers for tokens that are never written.

    Inputs: h [B, T, H], tokens [B, T, S] and, with `pitches`, the notes before each step [B, T, Q], as
    `Relations` takes them. Output: logits [B, T, S, V] of the tokens.
    """

    def __init__(
        self,
        tokens: int,
        slots: int,
        units: int = 128,
        dim: int = 32,
        dropout: float = 0.0,
        pitches: list[int] | None = None,
        sets: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tokens, self.slots, self.units, self.dim, self.dropout = tokens, slots, units, dim, dropout
        self.pitches, self.sets = list(pitches) if pitches is not None else None, sets
        self.supports_masking = True  # it reads one step at a time
        policy = {"dtype": self.dtype_policy}
        self.first = keras.layers.Dense(units, "tanh", name="first", **policy)
        self.cell = keras.layers.GRUCell(units, name="cell", **policy)
        self.hidden_dropout, self.note_dropout = (keras.layers.Dropout(dropout, **policy) for _ in range(2))

    def build(
        self,
        hidden_shape: Sequence[int | None],
        tokens_shape: Sequence[int | None] | None = None,
        notes_shape: Sequence[int | None] | None = None,
    ) -> None:
        width = self.units + hidden_shape[-1]
        start = keras.initializers.RandomUniform(-0.1, 0.1)
        self.embeddings = self.add_weight((self.tokens, self.dim), start, name="embeddings")
        self.slot_embeddings = self.add_weight((self.slots, self.dim), start, name="slot_embeddings")
        self.kernel = self.add_weight((width, self.tokens), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.tokens,), "zeros", name="bias")
        relations = 0
        if self.pitches is not None:
            relations = 3 if notes_shape[-1] > 2 * self.slots else 2
            self.related = self.add_weight((relations * (INTERVALS + 1), self.dim), start, name="related")
            count = notes_shape[-1] + self.slots - 1
            self.intervals = self.add_weight((width, count * INTERVALS), "zeros", name="intervals")
            if self.slots > 1:
                self.parallels = self.add_weight((width, (self.slots - 1) * 12), "zeros", name="parallels")
        self.first.build((None, hidden_shape[-1]))
        self.cell.build((None, (2 + relations) * self.dim))

    def call(
        self,
        hidden: keras.KerasTensor,
        tokens: keras.KerasTensor,
        notes: keras.KerasTensor | None = None,
        training: bool = False,
    ) -> keras.KerasTensor:
        rows = ops.reshape(hidden, (-1, hidden.shape[-1]))  # [B T, H]
        rows = self.hidden_dropout(rows, training=training)
        tokens = ops.reshape(tokens, (-1, self.slots))  # [B T, S]
        notes = None if notes is None else ops.cast(ops.reshape(notes, (-1, notes.shape[-1])), "float32")  # [B T, Q]
        x = self._read(rows, tokens[:, :-1], notes)  # [B T, S, D]
        g, outputs = self.first(rows), []
        for slot in range(self.slots):
            g = self.cell(x[:, slot], [g])[0]
            outputs.append(g)
        outputs = self.note_dropout(ops.stack(outputs, axis=1), training=training)  # [B T, S, G]
        logits = ops.stack(
            [self._logits(outputs[:, slot], rows, tokens[:, :slot], notes) for slot in range(self.slots)], axis=1
        )
        return ops.reshape(logits, (-1, ops.shape(hidden)[1], self.slots, self.tokens))

    def begin(self, hidden: keras.KerasTensor) -> keras.KerasTensor:
        """Returns g_0 of h [B, H]."""
        return self.first(hidden)

    def step(
        self,
        hidden: keras.KerasTensor,
        g: keras.KerasTensor,
        row: keras.KerasTensor,
        notes: keras.KerasTensor | None = None,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns (logits [B, V] of the next token of a step, g) from h [B, H], g [B, G].

        Args:
            row: [B, s], the tokens of the step so far.
            notes: [B, Q], the notes before the step, with `pitches`.
        """
        notes = None if notes is None else ops.cast(notes, "float32")
        g = self.cell(self._read(hidden, row, notes)[:, -1], [g])[0]
        return self._logits(g, hidden, row, notes), g

    def _read(self, hidden, row, notes):
        """Returns the GRU's input at each of the first s + 1 slots of a step, from its tokens [N, s]: [N, s + 1, D]."""
        first = ops.zeros_like(hidden[:, :1], dtype="int32")  # padding: there is no token before
        tokens = ops.concatenate([first, row], axis=1)  # [N, s + 1]
        x = ops.take(self.embeddings, tokens, axis=0)
        x = [x, ops.zeros_like(x) + ops.cast(self.slot_embeddings[: tokens.shape[1]], x.dtype)]
        if self.pitches is not None:
            here, S, s = heights(tokens, self.pitches), self.slots, row.shape[1]
            others = [here[:, 1:2] if s else here, ops.concatenate([here[:, :1], notes[:, S : S + s]], axis=1)]
            others += [notes[:, 2 * S :]] if notes.shape[1] > 2 * S else []
            for number, other in enumerate(others):
                ids = interval_ids(here, ops.ones_like(here) * other) + number * (INTERVALS + 1)
                x.append(ops.take(self.related, ids, axis=0))
        return ops.concatenate(x, axis=-1)

    def _logits(self, g, hidden, row, notes):
        """Returns logits [N, V] of a slot, given g [N, G], h [N, H], the step's tokens so far [N, s] and the notes."""
        both = ops.concatenate([g, hidden], axis=-1)
        logits = ops.cast(ops.matmul(both, self.kernel) + self.bias, "float32")
        if self.pitches is not None:
            standing = heights(row, self.pitches)  # [N, s]
            scores, pitches = self._related(both, ops.concatenate([notes, standing], axis=1))
            if row.shape[1]:
                others = self._parallel(both, standing, notes[:, self.slots : 2 * self.slots])
                scores, pitches = (
                    ops.concatenate(pair, axis=1) for pair in zip((scores, pitches), others, strict=True)
                )
            logits = logits + self._summed(scores, pitches)
        if self.sets:
            logits = logits + self._barred(row[:, -1] if row.shape[1] else ops.full_like(g[:, 0], -1, dtype="int32"))
        return logits - 1e4 * ops.cast(ops.arange(self.tokens, dtype="int32") == 0, "float32")

    def _related(self, both, notes):
        """Returns the scores that notes [N, Q] give to the notes k semitones away, and their pitches, both [N, X]."""
        scores = ops.cast(ops.matmul(both, self.intervals[:, : notes.shape[1] * INTERVALS]), "float32")  # [N, Q K]
        q = ops.where(notes > 0, notes - 1, -1000)
        return scores, ops.reshape(q[..., None] + ops.arange(-REACH, REACH + 1, dtype="float32"), ops.shape(scores))

    def _parallel(self, both, standing, last):
        """Returns scores of notes in parallel motion with a step's s notes so far, and their pitches, both [N, s]."""
        s = standing.shape[1]
        scores = ops.cast(ops.matmul(both, self.parallels[:, : s * 12]), "float32")
        b, q = last[:, s : s + 1], last[:, :s]
        move = standing - q
        moved = ops.logical_and(ops.logical_and(b > 0, q > 0), ops.logical_and(standing > 0, move != 0))
        number = ops.cast(ops.mod(q - b, 12), "int32")
        scores = ops.take_along_axis(ops.reshape(scores, (-1, s, 12)), number[..., None], axis=-1)[..., 0]
        return scores, ops.where(moved, b - 1 + move, -1000)

    def _summed(self, scores, pitches):
        """Sums the scores [N, X] of pitches [N, X] for each token: [N, V]."""
        p = ops.cast(pitches, "int32")
        inside = ops.logical_and(p >= 0, p < 128)
        row = ops.cumsum(ops.ones_like(p[:, :1]), axis=0) - 1  # 0, 1 ... N - 1; N may be unknown while tracing
        index = 128 * row + ops.where(inside, p, 0)
        scores = ops.where(inside, scores, 0.0)
        total = ops.segment_sum(ops.reshape(scores, (-1,)), ops.reshape(index, (-1,)), 128 * ops.shape(p)[0])
        to_tokens = (np.arange(128)[:, None] == np.array(self.pitches)).astype("float32")  # [128, V]
        return ops.matmul(ops.reshape(total, (-1, 128)), to_tokens)

    def _barred(self, last):
        """Returns [N, V], -1e4 at each token that cannot follow a token [N]; -1 stands for the start of a step."""
        pitches = ops.convert_to_tensor(self.pitches, "int32")
        last = ops.where(last < 0, 128, ops.take(pitches, ops.maximum(last, 0)))[..., None]
        lower = ops.logical_and(pitches >= 0, pitches < last)
        ended = ops.logical_and(pitches == -2, last == 128)
        allowed = ops.logical_or(ops.logical_or(lower, ended), pitches == -1)
        return ops.where(allowed, 0.0, -1e4)

    def compute_mask(self, inputs: keras.KerasTensor, previous_mask: keras.KerasTensor | None = None) -> None:
        return None  # a mask of steps differs in rank from the tokens; sample weights mask the loss

    def compute_output_spec(
        self,
        hidden: keras.KerasTensor,
        tokens: keras.KerasTensor,
        notes: keras.KerasTensor | None = None,
        training: bool = False,
    ) -> keras.KerasTensor:
        return keras.KerasTensor((*hidden.shape[:2], self.slots, self.tokens), dtype="float32")

    def get_config(self) -> dict:
        names = ("tokens", "slots", "units", "dim", "dropout", "pitches", "sets")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def heights(ids: keras.KerasTensor, pitches: list[int]) -> keras.KerasTensor:
    """Returns the pitch + 1 of ids of any shape, as floats; 0 for ids without a pitch, as before the first step."""
    return ops.take(ops.convert_to_tensor(np.maximum(np.array(pitches), -1) + 1, "float32"), ids)


def interval_ids(here: keras.KerasTensor, there: keras.KerasTensor) -> keras.KerasTensor:
    """Returns intervals between `heights` of one shape, 1..INTERVALS from -R up; 0 where either has no pitch."""
    interval = ops.clip(here - there, -REACH, REACH) + REACH + 1
    return ops.cast(ops.where(ops.logical_and(here > 0, there > 0), interval, 0), "int32")


@keras.saving.register_keras_serializable("seqzoo")
class Relations(keras.layers.Layer):
    """Embeds the intervals between the notes before a step, which are the same in every key.

    The intervals lead from each note of the last step to the highest of these notes, to the previous note in the same
    slot, and to the tonic if there is one.

    Args:
        slots: S.
        dim: width of the embedding of each interval.

    Input: [B, T, 2 S] or [B, T, 2 S + 1], `heights` of two steps, the older one first, and of the tonic.
    Output: [B, T, intervals times dim].
    """

    def __init__(self, slots: int, dim: int = 12, **kwargs):
        super().__init__(**kwargs)
        self.slots, self.dim = slots, dim
        self.supports_masking = True

    def build(self, shape: Sequence[int | None]) -> None:
        self.count = self._count(shape)
        start = keras.initializers.RandomUniform(-0.1, 0.1)
        self.embeddings = self.add_weight((self.count * (INTERVALS + 1), self.dim), start, name="embeddings")

    def call(self, notes: keras.KerasTensor) -> keras.KerasTensor:
        S = self.slots
        older, last = notes[..., :S], notes[..., S : 2 * S]
        here, there = [last[..., 1:], last], [ops.ones_like(last[..., 1:]) * last[..., :1], older]
        if notes.shape[-1] > 2 * S:
            here, there = [*here, last], [*there, ops.ones_like(last) * notes[..., 2 * S :]]
        here, there = ops.concatenate(here, axis=-1), ops.concatenate(there, axis=-1)
        ids = interval_ids(here, there) + (INTERVALS + 1) * ops.arange(self.count, dtype="int32")
        vectors = ops.take(self.embeddings, ids, axis=0)
        return ops.reshape(vectors, (*ops.shape(notes)[:2], self.count * self.dim))

    def _count(self, shape):
        return 2 * self.slots - 1 + (self.slots if shape[-1] > 2 * self.slots else 0)

    def compute_output_spec(self, notes: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((*notes.shape[:2], self._count(notes.shape) * self.dim), dtype=self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "slots": self.slots, "dim": self.dim}
