"""The generator: a sequence out of a condition, such as a key, a style or a first chord. One to many."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.layers.notes import NoteDecoder, Relations, heights
from seqzoo.layers.stack import drop, stack, state_sizes
from seqzoo.layers.window import Window
from seqzoo.models.language_model import as_inputs, log_probabilities

AGES = 8  # classes of how long a token has stood: 0, 1, 2-3, 4-7 ... 64 and more


def generator(
    tokens,
    slots=1,
    conditions=None,
    places=2,
    ages=False,
    ahead=False,
    pitches=None,
    sets=False,
    tonic=False,
    output="notes",
    dim=64,
    condition_dim=32,
    join="both",
    rnn="lstm",
    units=256,
    layers=1,
    note_units=128,
    dropout=0.0,
    input_dropout=0.0,
    variational=True,
    **arguments,
):
    """A recurrent generator: a condition begins the state, joins each step, or both; then steps of S tokens come out.

    With c the embeddings of the conditions joined, and e_t what else is known of step t::

        s_0 = tanh(c W + b)                 for each state s of each layer             (join "state" or "both")
        x_t = [X b_t, a_t, r_t, e_t, c]     b_t: embeddings of the tokens that stand before step t, a_t of their ages,
                                            r_t: of the intervals between their pitches            (c: "step", "both")
        h_t = RNN(x_1 ... x_t)
        p(step t | before) = `layers.notes.NoteDecoder` of h_t: the tokens of a step one after the other

    Sources: Karpathy & Fei-Fei, 2015, Deep Visual-Semantic Alignments (the condition as a start); Mikolov & Zweig,
    2012, Context Dependent Recurrent Neural Network Language Model (the condition at each step).

    Args:
        tokens: size of the vocabulary V, padding (id 0) among them.
        slots: S, tokens of a step: 1 for a sequence of tokens, the voices or notes of a chord in music.
        conditions: {name: number of its values}: ``{"key": 24, "style": 5}``; None: none.
        places: numbers of places in a cycle such as a bar, 0 (padding) among them; 2: steps are all in place 1.
        ages: whether it is told for how many steps each token has stood.
        ahead: whether it can be told one token of each step beforehand, such as a melody to harmonise; a bidirectional
            GRU reads it, and the places: so it also knows how many steps are left, even where no token is told.
        pitches, sets: the pitch of each token of music, and whether a step is a set of notes, see `NoteDecoder`.
        tonic: of music, whether it can be told a note that all others are heard from, as that of a key.
        output: "notes", or "independent": each of 128 pitches on its own (the baseline; logits [B, T, 128]).
        dim, condition_dim: widths of the embeddings of tokens, and of each condition.
        join: "state", "step" or "both".
        rnn, units, layers: recurrent layers that read forward; name in RNNS, H, how many.
        note_units: units of the GRU over the tokens of a step.
        dropout: before each layer after the first, of the last output and of the softmax's input.
        input_dropout: of the embeddings' values; variational: lock both over time.
        arguments: more of `layers.stack.stack` (weight_drop, recurrent_dropout, residual, layer_norm, activation).

    Returns:
        keras.Model. Inputs, integers: {"tokens": [B, T, S], what each step is; "before": [B, T, S], what stood before
        it, 0 at the first step; "place": [B, T] from 1, 0 is padding on the right; with `ages` "age": [B, T, S]; with
        `ahead` "ahead": [B, T], 0 unknown; with `tonic` "tonic": [B], pitch + 1, 0 unknown; and {name: [B]} from 0 for
        each condition}. Output: logits [B, T, S, V] of "tokens". `Opener(model)` is read step by step, to generate.

    Raises:
        ValueError: an unknown `join` or `output`.

    Example::

        model = generator(tokens=90, conditions={"key": 24})
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        before = np.pad(ids[:, :-1], [(0, 0), (1, 0), (0, 0)])  # ids [B, T, 1]
        model.fit({"tokens": ids, "before": before, "place": np.ones(ids.shape[:2]), "key": keys}, ids)
    """
    if join not in ("state", "step", "both"):
        raise ValueError(f"join should be state, step or both. Received: {join!r}")
    if output not in ("notes", "independent"):
        raise ValueError(f"output should be notes or independent. Received: {output!r}")
    conditions = conditions or {}
    sizes = state_sizes(rnn, units, layers)

    # What is known beforehand: the first state, and a vector for each step.
    known = {name: keras.Input((), dtype="int32", name=name) for name in conditions}
    known["place"] = keras.Input((None,), dtype="int32", name="place")
    real = ops.not_equal(known["place"], 0)  # [B, T]
    place = keras.layers.Embedding(places, condition_dim, name="place_embedding")(known["place"])  # [B, T, C]
    each, first = [place], []
    if ahead:
        known["ahead"] = keras.Input((None,), dtype="int32", name="ahead")
        x = keras.layers.Embedding(tokens, dim, name="ahead_embedding")(known["ahead"])
        x = keras.layers.Concatenate()([x, place])
        each.append(stack(x, real, rnn="bigru", units=dim, layers=1))  # [B, T, 2 D]
    if conditions:
        vectors = [
            keras.layers.Embedding(count, condition_dim, name=f"{name}_embedding")(known[name])
            for name, count in conditions.items()
        ]
        c = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
        if join != "step":
            first = [keras.layers.Dense(size, "tanh", name=f"first{i}")(c) for i, size in enumerate(sizes)]
        if join != "state":
            # Not a sum with zeros: TensorFlow's addition of [1, T, 1] and [1, 1, C] goes wrong where T is C.
            each.append(ops.ones_like(place[..., :1]) * c[:, None])
    zeros = ops.zeros_like(place[:, 0, :1])
    first = first or [ops.tile(zeros, (1, size)) for size in sizes]
    if pitches is not None:  # the notes of the step before the last are among the states, and the tonic
        first.append(ops.tile(zeros, (1, slots)))
    if tonic:
        known["tonic"] = keras.Input((), dtype="int32", name="tonic")
        first.append(ops.cast(known["tonic"], "float32")[:, None])
    each = keras.layers.Concatenate()(each) if len(each) > 1 else keras.layers.Identity()(place)  # [B, T, E]
    opener = keras.Model(known, [each, *first], name="opener")

    # What goes on from step to step.
    before = keras.Input((None, slots), dtype="int32", name="before")
    age = keras.Input((None, slots), dtype="int32", name="age")
    told = keras.Input((None, each.shape[-1]), name="each")
    mask = keras.Input((None,), dtype="bool", name="real")
    state = [keras.Input(part.shape[1:], name=f"state{i}") for i, part in enumerate(first)]
    x = keras.layers.Embedding(tokens, dim, name="embedding")(before)  # [B, T, S, D]
    x = keras.layers.Dense(slots * dim, use_bias=False, name="together")(keras.layers.Reshape((-1, slots * dim))(x))
    x = [drop(x, input_dropout, variational), told]
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
        variational=variational, last_dropout=False, initial_state=state[: len(sizes)], **arguments,
    )  # fmt: skip
    reader = keras.Model([before, age, told, mask, *state], [hidden, *notes, *after, *past], name="reader")

    inputs = {
        name: keras.Input(shape, dtype="int32", name=name)
        for name, shape in (("tokens", (None, slots)), ("before", (None, slots)), ("age", (None, slots)))
        if ages or name != "age"
    } | {name: keras.Input(part.shape[1:], dtype="int32", name=name) for name, part in known.items()}
    each, *begun = opener({name: inputs[name] for name in known})
    age = inputs["age"] if ages else ops.zeros_like(inputs["before"])
    hidden, *rest = reader([inputs["before"], age, each, ops.not_equal(inputs["place"], 0), *begun])
    if output == "independent":
        del inputs["tokens"]
        hidden = drop(hidden, dropout, variational)
        logits = keras.layers.Dense(128, dtype="float32", name="pitches")(hidden)
    else:
        decoder = NoteDecoder(tokens, slots, note_units, dim, dropout, pitches, sets, name="notes")
        logits = decoder(hidden, inputs["tokens"], *rest[: len(notes)])
    return keras.Model(inputs, logits, name="generator")


class Opener:
    """A generator that is read step by step, and that scores what there is.

    Args:
        model: what `generator` returned; the weights are shared with it. One of output "independent" only scores.

    Attributes:
        tokens, slots: V, S.
    """

    def __init__(self, model):
        self.model, self.opener, self.reader = model, model.get_layer("opener"), model.get_layer("reader")
        self.slots = self.reader.inputs[0].shape[-1]
        self.notes = model.get_layer("notes") if len(model.output.shape) == 4 else None
        self.tokens = self.notes.tokens if self.notes else 0
        self._score = compiled(self._scored)
        self._begun = compiled(lambda known: self.opener(known))  # else what reads ahead goes step by step in Python

    def start(self, known):
        """(what each step is told [B, T, E], the first state) of {"place": [B, T], ...}, all that is known before."""
        each, *state = self._begun({name: ops.convert_to_tensor(value, "int32") for name, value in known.items()})
        return each, as_inputs(state, self.reader.inputs[4:])

    def read(self, before, age, each, state):
        """(h [B, H], notes for `NoteDecoder` [B, Q] or None, state) of one step: before, age [B, S], each [B, E]."""
        before, age = ops.convert_to_tensor(before), ops.convert_to_tensor(age)
        real = ops.ones_like(before[:, :1], dtype="bool")
        outputs = self.reader([before[:, None], age[:, None], each[:, None], real, *state], training=False)
        parts = len(outputs) - len(state)
        after = as_inputs(outputs[parts:], self.reader.inputs[4:])
        return outputs[0][:, 0], outputs[1][:, 0] if parts > 1 else None, after

    def score(self, inputs, labels, banned=()):
        """Natural-log probabilities of labels, as NumPy.

        Args:
            inputs: of the model.
            labels: [B, T, S] tokens; of output "independent" [B, T, 128] zeros and ones.
            banned: ids that are known not to come, which leave their probability to the others.

        Returns:
            [B, T, S], or [B, T, 1] of whole steps.
        """
        bar = np.zeros(max(self.tokens, 1), "float32")
        bar[list(banned)] = -1e9
        inputs = {name: ops.convert_to_tensor(value) for name, value in inputs.items()}
        return np.asarray(self._score(inputs, ops.convert_to_tensor(labels), ops.convert_to_tensor(bar)))

    def _scored(self, inputs, labels, bar):
        logits = self.model(inputs, training=False)
        if self.notes:
            return log_probabilities(logits + bar, labels)
        # log p = z y - log(1 + exp z)
        return ops.sum(logits * ops.cast(labels, "float32") - ops.softplus(logits), axis=-1, keepdims=True)
