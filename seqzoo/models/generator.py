"""The generator: a sequence from a condition, such as a key, a style or a first chord. One to many."""

import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import Categorical, cast_like
from seqzoo.layers.notes import NoteDecoder, Relations, heights
from seqzoo.layers.stack import drop, first_states, stack, state_sizes
from seqzoo.layers.tokens import log_probabilities
from seqzoo.layers.window import Window
from seqzoo.models.builder import builder
from seqzoo.models.vectors import check_width, vector_model

AGES = 8  # classes of how long a token has been held: 0, 1, 2-3, 4-7 ... 64 and more


@builder
def generator(
    tokens: int = 0,
    slots: int = 1,
    conditions: dict[str, int] | None = None,
    positions: int = 2,
    ages: bool = False,
    ahead: bool = False,
    pitches: list[int] | None = None,
    sets: bool = False,
    tonic: bool = False,
    output: str = "notes",
    dim: int = 64,
    condition_dim: int = 32,
    join: str = "both",
    rnn: str = "lstm",
    units: int = 256,
    layers: int = 1,
    note_units: int = 128,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    variational: bool = True,
    width: int = 0,
    components: int = 5,
    mean: np.ndarray | Sequence[float] | float = 0.0,
    std: np.ndarray | Sequence[float] | float = 1.0,
    change: np.ndarray | Sequence[float] | float | None = None,
    **options,
) -> keras.Model:
    """A recurrent generator: a condition sets the first state, joins each step, or both; each step is S tokens.

    With `width` a step is a vector of numbers instead, such as the joints of a body: see `models.vectors.vector_model`.

    With c the joined embeddings of the conditions, and e_t the other features of step t that are known in advance::

        s_0 = tanh(c W + b)                 for each state s of each layer             (join "state" or "both")
        x_t = [X b_t, a_t, r_t, e_t, c]     b_t: embeddings of the tokens held before step t, a_t of their ages,
                                            r_t: of the intervals between their pitches            (c: "step", "both")
        h_t = RNN(x_1 ... x_t)
        p(step t | before) = `layers.notes.NoteDecoder` of h_t: the tokens of a step one by one

    Sources: Karpathy & Fei-Fei, 2015, Deep Visual-Semantic Alignments (the condition as first state); Mikolov & Zweig,
    2012, Context Dependent Recurrent Neural Network Language Model (the condition at each step).

    Args:
        tokens: V, size of the vocabulary including padding (id 0).
        slots: S, tokens of a step: 1 for a sequence of tokens, the voices or notes of a chord in music.
        conditions: {name: number of its values}: ``{"key": 24, "style": 5}``; None: none.
        positions: number of positions in a cycle such as a bar, plus one for padding; 2: all steps are at position 1.
        ages: whether there is an input for the number of steps that each token has been held.
        ahead: whether one token of each step can be known in advance, such as a melody to harmonise. A bidirectional
            GRU reads these tokens and the positions; so the model also knows how many steps are left, even where no
            token is known. With rnn="none" each step is read by itself.
        pitches, sets: the pitch of each token of music, and whether a step is a set of notes, see `NoteDecoder`.
        tonic: whether there is an input for the tonic of music, to which all notes are relative.
        output: "notes", or "independent": each of 128 pitches on its own (the baseline; logits [B, T, 128]).
        dim, condition_dim: widths of the embeddings of tokens, and of each condition.
        join: "state", "step" or "both".
        rnn, units, layers: recurrent layers that read forward: name in RNNS, H, number.
        note_units: units of the GRU over the tokens of a step.
        dropout: dropout rate before each layer after the first, of the last output and of the softmax's input.
        input_dropout: of the embeddings' values; variational: one dropout mask for all steps of a sequence.
        width: D, width of vectors in place of `tokens`; the next arguments are for these.
        components, mean, std, change: K, and the units of vectors: see `models.vectors.vector_model`.
        options: more of `layers.stack.stack`.

    Returns:
        keras.Model. Inputs, integers: {"tokens": [B, T, S], the tokens of each step; "before": [B, T, S], those held
        before it, 0 at the first step; "position": [B, T] from 1, 0 is padding on the right; with `ages` "age":
        [B, T, S]; with `ahead` "ahead": [B, T], 0 unknown; with `tonic` "tonic": [B], pitch + 1, 0 unknown; and
        {name: [B]} from 0 for each condition}. Output: logits [B, T, S, V] of "tokens". `GeneratorDecoder(model)`
        generates. With `width` the inputs and outputs are those of `vector_model`.

    Raises:
        ValueError: an unknown `join` or `output`; neither `tokens` nor `width`, or both.

    Example::

        model = generator(tokens=90, conditions={"key": 24})
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        model.compile("adam", loss)
        before = np.pad(ids[:, :-1], [(0, 0), (1, 0), (0, 0)])  # ids [B, T, 1]
        model.fit({"tokens": ids, "before": before, "position": np.ones(ids.shape[:2]), "key": keys}, ids)
    """
    if join not in ("state", "step", "both"):
        raise ValueError(f"join should be state, step or both. Received: {join!r}")
    if output not in ("notes", "independent"):
        raise ValueError(f"output should be notes or independent. Received: {output!r}")
    conditions = conditions or {}
    unlike = None if output == "notes" else output
    check_width(width, tokens=tokens, ahead=ahead, ages=ages, sets=sets, tonic=tonic, pitches=pitches, output=unlike)
    if width:
        return vector_model(
            width, components, mean, std, change, conditions, condition_dim, join, rnn, units, layers, dropout,
            input_dropout, variational, "generator", **options,
        )  # fmt: skip
    sizes = state_sizes(rnn, units, layers)

    # Computed in advance: the first state, and a vector for each step.
    known = {name: keras.Input((), dtype="int32", name=name) for name in conditions}
    known["position"] = keras.Input((None,), dtype="int32", name="position")
    real = ops.not_equal(known["position"], 0)  # [B, T]
    embed = keras.layers.Embedding(positions, condition_dim, name="position_embedding")
    position = embed(known["position"])  # [B, T, C]
    each, first = [position], []
    if ahead:
        known["ahead"] = keras.Input((None,), dtype="int32", name="ahead")
        x = keras.layers.Embedding(tokens, dim, name="ahead_embedding")(known["ahead"])
        x = keras.layers.Concatenate()([x, position])
        reads = "none" if rnn == "none" else "bigru"
        each.append(stack(x, real, rnn=reads, units=dim, layers=1))  # [B, T, 2 D], or [B, T, D]
    if conditions:
        vectors = [
            keras.layers.Embedding(count, condition_dim, name=f"{name}_embedding")(known[name])
            for name, count in conditions.items()
        ]
        c = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
        if join != "step":
            first = first_states([c] * len(sizes), rnn, units, layers, "first")
        if join != "state":
            # Not a sum with zeros: TensorFlow's addition of [1, T, 1] and [1, 1, C] goes wrong if T equals C.
            each.append(ops.ones_like(position[..., :1]) * c[:, None])
    zeros = ops.zeros_like(position[:, 0, :1])
    first = first or [ops.tile(zeros, (1, size)) for size in sizes]
    if pitches is not None:  # the notes of the step before the last are part of the state, and so is the tonic
        first.append(ops.tile(zeros, (1, slots)))
    if tonic:
        known["tonic"] = keras.Input((), dtype="int32", name="tonic")
        first.append(ops.cast(known["tonic"], "float32")[:, None])
    each = keras.layers.Concatenate()(each) if len(each) > 1 else keras.layers.Identity()(position)  # [B, T, E]
    conditioner = keras.Model(known, [each, *first], name="conditioner")

    # Computed step by step.
    before = keras.Input((None, slots), dtype="int32", name="before")
    age = keras.Input((None, slots), dtype="int32", name="age")
    given = keras.Input((None, each.shape[-1]), name="each")
    mask = keras.Input((None,), dtype="bool", name="real")
    state = [keras.Input(part.shape[1:], name=f"state{i}") for i, part in enumerate(first)]
    x = keras.layers.Embedding(tokens, dim, name="embedding")(before)  # [B, T, S, D]
    x = keras.layers.Dense(slots * dim, use_bias=False, name="together")(keras.layers.Reshape((-1, slots * dim))(x))
    x = [drop(x, input_dropout, variational), given]
    if ages:
        classes = ops.cast(ops.floor(ops.log(ops.cast(age, "float32") + 0.5) / ops.log(2.0)), "int32") + 1
        classes = ops.where(age > 0, ops.clip(classes, 1, AGES - 1), 0)
        aged = keras.layers.Embedding(AGES, 8, name="age_embedding")(classes)  # [B, T, S, 8]
        x.append(keras.layers.Reshape((-1, slots * 8))(aged))
    notes, past = [], []
    if pitches is not None:
        standing = keras.layers.Reshape((-1, slots))(heights(before, pitches))
        seen, last = Window(2)(standing, state[len(sizes)])  # [B, T, 2 S]
        past = [last]
        if tonic:
            each_step = ops.ones_like(seen[..., :1]) * state[-1][:, None]
            seen = keras.layers.Concatenate()([seen, each_step])
            past.append(keras.layers.Identity()(state[-1]))
        notes = [seen]
        x.append(drop(Relations(slots)(seen), input_dropout, variational))
    hidden, after = stack(
        keras.layers.Concatenate()(x), mask, rnn=rnn, units=units, layers=layers, dropout=dropout,
        variational=variational, last_dropout=False, initial_state=state[: len(sizes)], **options,
    )  # fmt: skip
    reader = keras.Model([before, age, given, mask, *state], [hidden, *notes, *after, *past], name="reader")

    inputs = {
        name: keras.Input(shape, dtype="int32", name=name)
        for name, shape in (("tokens", (None, slots)), ("before", (None, slots)), ("age", (None, slots)))
        if ages or name != "age"
    } | {name: keras.Input(part.shape[1:], dtype="int32", name=name) for name, part in known.items()}
    each, *begun = conditioner({name: inputs[name] for name in known})
    age = inputs["age"] if ages else ops.zeros_like(inputs["before"])
    hidden, *rest = reader([inputs["before"], age, each, ops.not_equal(inputs["position"], 0), *begun])
    if output == "independent":
        del inputs["tokens"]
        hidden = drop(hidden, dropout, variational)
        logits = keras.layers.Dense(128, dtype="float32", name="pitches")(hidden)
    else:
        decoder = NoteDecoder(tokens, slots, note_units, dim, dropout, pitches, sets, name="notes")
        logits = decoder(hidden, inputs["tokens"], *rest[: len(notes)])
    return keras.Model(inputs, logits, name="generator")


def _standing(row, before, age, xp):
    """Returns the tokens held after a step of a plain sequence: the tokens of the step, all of them new."""
    return row, xp.zeros_like(row)


class GeneratorDecoder:
    """Decodes a generator, and scores given sequences; implements the step protocol (`decoding.steps`).

    A value is one token: the S slots of a time step are decoded one by one, so T time steps have T S values.

    Args:
        model: from `generator`; the weights are shared with it. With output "independent" it can only score.
        barred: booleans [V], or [S, V] for each slot: tokens that never occur; the others share their probability.
        advance: computes the tokens held after a time step, and for how long: a function (row, before, age, xp)
            -> (before, age), all [..., S]; xp is numpy or keras.ops. None: the tokens of the step themselves.

    Attributes:
        tokens, slots: V, S; cycle: S, the steps that repeat.
    """

    begin = 0  # padding: nothing comes before the first token

    def __init__(self, model: keras.Model, barred: np.ndarray | None = None, advance: Callable | None = None):
        self.model, self.advance = model, advance or _standing
        self.conditioner, self.reader = model.get_layer("conditioner"), model.get_layer("reader")
        self.slots = self.cycle = self.reader.inputs[0].shape[-1]
        self.notes = model.get_layer("notes") if len(model.output.shape) == 4 else None
        self.tokens = self.notes.tokens if self.notes else 0
        barred = np.zeros(self.tokens, bool) if barred is None else barred
        self.bar = np.broadcast_to(np.where(barred, -1e9, 0), (self.slots, self.tokens)).astype("float32")
        self._score = compiled(self._scored, (dict(model.input), keras.KerasTensor([None] * 3, "int32")))
        if self.notes:
            self.signature = self._signature()
            self._start = compiled(self._started, (dict(self.conditioner.input),))

    def _signature(self):
        each, *recurrent = self.conditioner.output
        hidden, *notes = self.reader.outputs[: len(self.reader.outputs) - len(recurrent)]
        row = keras.KerasTensor([None, self.slots], "int32")
        now = [keras.KerasTensor([None, part.shape[-1]], part.dtype) for part in (hidden, *notes)]
        g = keras.KerasTensor([None, self.notes.units], self.notes.compute_dtype)
        # The tokens held before the time step and their ages, its own so far, the output of the recurrent layers,
        # the notes that `NoteDecoder` reads, the state of its GRU, the number of tokens (equal in all rows).
        step = [row, row, row, *now, g, keras.KerasTensor([None], "int32")]
        return [each], [*self.reader.inputs[4:], *step]

    def start(self, inputs: dict) -> tuple[list, list]:
        """Reads all inputs known in advance, {"position": [B, T], ...}. Other inputs of the model are ignored."""
        if not self.notes:
            raise ValueError("A generator with output 'independent' only scores. To generate, train one with 'notes'.")
        known = self.conditioner.input
        return self._start({name: ops.convert_to_tensor(inputs[name], like.dtype) for name, like in known.items()})

    def _started(self, known):
        each, *recurrent = self.conditioner(known, training=False)
        step = [ops.zeros((ops.shape(each)[0], *x.shape[1:]), x.dtype) for x in self.signature[1][len(recurrent) :]]
        return [each], [*cast_like(recurrent, self.reader.inputs[4:]), *step]

    def step(
        self, values: keras.KerasTensor, fixed: list, state: list, index: int | None = None
    ) -> tuple[Categorical, list]:
        values, index = ops.cast(values, "int32"), 0 if self.slots == 1 else index
        if index is not None:
            logits, state = self._slot(index, values, fixed[0], *state)
        else:  # only the first slot of a time step runs the recurrent layers
            branches = [functools.partial(self._slot, slot) for slot in range(self.slots)]
            logits, state = ops.switch(state[-1][0] % self.slots, branches, values, fixed[0], *state)
        return Categorical(logits), state

    def _slot(self, slot, values, each, *state):
        """Returns (logits [N, V] of a slot, the next state); `values` [N] are the tokens of the slot before."""
        *recurrent, count = state
        recurrent, (before, age, row, hidden, *notes, g) = (
            recurrent[: len(self.reader.inputs) - 4],
            recurrent[len(self.reader.inputs) - 4 :],
        )
        last = (slot - 1) % self.slots
        row = ops.concatenate([row[:, :last], values[:, None], row[:, last + 1 :]], axis=1)
        if slot == 0:
            begun = count[:, None] > 0
            after = self.advance(row, before, age, ops)
            before, age = (ops.where(begun, new, old) for new, old in zip(after, (before, age), strict=True))
            t = ops.minimum(count[0] // self.slots, ops.shape(each)[1] - 1)
            now = ops.take(each, t, axis=1)[:, None]
            real = ops.ones_like(before[:, :1], dtype="bool")
            hidden, *rest = self.reader([before[:, None], age[:, None], now, real, *recurrent], training=False)
            hidden, notes = hidden[:, 0], [part[:, 0] for part in rest[: len(notes)]]
            recurrent, g = cast_like(rest[len(notes) :], self.reader.inputs[4:]), self.notes.begin(hidden)
        logits, g = self.notes.step(hidden, g, row[:, :slot], *notes)
        return logits + self.bar[slot], [*recurrent, before, age, row, hidden, *notes, g, count + 1]

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns log probabilities of given tokens.

        Args:
            inputs: {"position": [B, T], ...}, all inputs known in advance. "before" and "age" are computed from the
                values, unless they are given.
            values: tokens, [B, T, S] or [B, N] with N up to T S; for output "independent" [B, T, 128] zeros and ones.

        Returns:
            An array in the shape of the values; for output "independent" [B, T, 1], of whole steps.
        """
        wanted = self.model.input
        values = tokens = np.asarray(values)
        if not values.size:
            return np.zeros(values.shape if self.notes else (*values.shape[:2], 1), "float32")
        if self.notes:
            tokens = values.reshape(len(values), -1).astype("int32")
            missing = np.shape(inputs["position"])[1] * self.slots - tokens.shape[1]
            tokens = np.pad(tokens, [(0, 0), (0, missing)])  # the inputs known in advance may be longer
            tokens = tokens.reshape(len(values), -1, self.slots)
            inputs = {**inputs, "tokens": tokens}
            if not wanted.keys() <= inputs.keys():
                inputs |= self._before(tokens)
        inputs = {name: ops.convert_to_tensor(inputs[name], like.dtype) for name, like in wanted.items()}
        scores = np.asarray(self._score(inputs, ops.convert_to_tensor(tokens, "int32")))
        if not self.notes:
            return scores
        return scores.reshape(len(values), -1)[:, : values[0].size].reshape(values.shape)

    def _before(self, tokens):
        """Returns {"before", "age"} for tokens [B, T, S]."""
        before, age = np.zeros_like(tokens), np.zeros_like(tokens)
        for t in range(tokens.shape[1] - 1):
            before[:, t + 1], age[:, t + 1] = self.advance(tokens[:, t], before[:, t], age[:, t], np)
        return {"before": before, "age": age}

    def _scored(self, inputs, values):
        logits = self.model(inputs, training=False)
        if self.notes:
            return log_probabilities(logits + self.bar, values)
        # log p = z y - log(1 + exp z)
        return ops.sum(logits * ops.cast(values, "float32") - ops.softplus(logits), axis=-1, keepdims=True)
