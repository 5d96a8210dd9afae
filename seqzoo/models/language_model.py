"""The language model: scores, at each step, every token that may come next."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.distribution import replicas
from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import Categorical, cast_like, shifted
from seqzoo.layers import masks
from seqzoo.layers.adaptive import AdaptiveEmbedding
from seqzoo.layers.sampled import NegativeSampler, sampled_logits
from seqzoo.layers.stack import drop, stack, state_sizes
from seqzoo.layers.tokens import BLOCK, ActivationPenalty, TokenEmbedding
from seqzoo.layers.window import Window
from seqzoo.models.builder import builder
from seqzoo.models.vectors import check_width, vector_model
from seqzoo.rnns import RNNS

WINDOW = 256  # tokens of a context that are read at once
SCORES = 8_000_000  # logits held at once to score texts: 32 MB


@builder
def language_model(
    tokens: int = 0,
    dim: int = 256,
    rnn: str = "lstm",
    units: int = 256,
    layers: int = 2,
    context: int = 0,
    tied: bool = True,
    adaptive: bool = False,
    cutoffs: tuple[int, ...] = (),
    counts: np.ndarray | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    embedding_dropout: float = 0.0,
    activation_penalty: float = 0.0,
    slowness_penalty: float = 0.0,
    variational: bool = True,
    width: int = 0,
    components: int = 5,
    mean: np.ndarray | Sequence[float] | float = 0.0,
    std: np.ndarray | Sequence[float] | float = 1.0,
    change: np.ndarray | Sequence[float] | float | None = None,
    **options,
) -> keras.Model:
    """A recurrent language model: embeddings -> recurrent stack -> a score for each token; or a feed-forward one.

    With `width` it models vectors of numbers instead, such as a time series: see `models.vectors.vector_model`.

    Args:
        tokens: V, size of the vocabulary including padding (id 0).
        dim: D, width of the embeddings; if they are tied to the output, the last layer's H is projected to it.
        rnn, units, layers: recurrent layers that read forward: name in RNNS, H, number.
        context: n > 0: use a feed-forward network over the last n tokens instead of recurrent layers (Bengio et al.,
            2003, equation 1): y = b + U tanh(d + H x), x the n embeddings joined; `units` is its hidden width. Omit
            `rnn` or set it to "none"; `layers` and `options` are not used.
        tied: use the embedding table as the output layer (Press & Wolf, 2017).
        adaptive: cluster the tables and the softmax by frequency (Grave et al., 2017), for large vocabularies.
        cutoffs, counts: define the clusters, see `layers.adaptive.AdaptiveEmbedding`.
        dropout: dropout rate before each layer after the first, and of the last output.
        input_dropout: dropout rate of the embeddings' values; embedding_dropout: of whole rows of their table.
        activation_penalty, slowness_penalty: see `layers.tokens.ActivationPenalty`.
        variational: one dropout mask for all steps of a sequence.
        width: D, width of vectors in place of `tokens`; the next arguments are for these.
        components, mean, std, change: K, and the units of vectors: see `models.vectors.vector_model`.
        options: more of `layers.stack.stack`.

    Returns:
        keras.Model. Input: {"tokens": [B, T]} integers, 0 padding on the right. Output: logits [B, T, V] of the token
        after each, from a state of zeros. `LanguageModelDecoder(model)` carries the state and generates;
        `streamed(model)` trains on streams; `on_targets(model)` trains a large vocabulary without the scores of all
        tokens. With `width` inputs and outputs are those of `vector_model`.

    Raises:
        ValueError: an unknown or bidirectional `rnn`; one other than "lstm", the default, and "none" with `context`;
            neither `tokens` nor `width`, or both.

    Example::

        model = language_model(tokens=len(vocabulary), rnn="lstm", units=256)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        model.compile("adam", loss)
        model.fit({"tokens": ids[:, :-1]}, ids[:, 1:], sample_weight=(ids[:, 1:] > 0).astype("float32"))
    """
    check_width(
        width, tokens=tokens, context=context, embedding_dropout=embedding_dropout, adaptive=adaptive,
        activation_penalty=activation_penalty, slowness_penalty=slowness_penalty,
    )  # fmt: skip
    if width:
        return vector_model(
            width, components, mean, std, change, {}, 0, "both", rnn, units, layers, dropout, input_dropout,
            variational, "language_model", **options,
        )  # fmt: skip
    if context and RNNS.check(rnn) not in ("lstm", "none"):
        raise ValueError(f"context={context} is a network without recurrent layers. Received: rnn={rnn!r}")
    sizes = [(context - 1) * dim] if context else state_sizes(rnn, units, layers)
    # The part that reads with a state is a separate model, for callers that carry the state.
    ids = keras.Input((None,), dtype="int32", name="ids")  # [B, T]
    state = [keras.Input((size,), name=f"state{i}") for i, size in enumerate(sizes)]
    if adaptive:
        table = AdaptiveEmbedding(tokens, dim, cutoffs, counts, tied=tied, dropout=embedding_dropout, name="embedding")
    else:
        table = TokenEmbedding(tokens, dim, tied, embedding_dropout, name="embedding")
    x = drop(table(ids), input_dropout, variational)  # [B, T, D]
    if context:
        x, last = Window(context)(x, state[0], masks.from_ids(ids))  # [B, T, n D]
        after, x = [last], keras.layers.Dense(units, "tanh", name="hidden")(x)  # [B, T, H]
    else:
        x, after = stack(
            x, masks.from_ids(ids), rnn=rnn, units=units, layers=layers, dropout=dropout, variational=variational,
            last_dropout=False, initial_state=state, **options,
        )  # fmt: skip
    hidden = drop(x, dropout, variational)
    if activation_penalty or slowness_penalty:
        hidden = ActivationPenalty(activation_penalty, slowness_penalty)(hidden, x)
    if hidden.shape[-1] != dim:
        hidden = keras.layers.Dense(dim, name="projection")(hidden)  # [B, T, D]
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(table(hidden, reverse=True))
    reader = keras.Model([ids, *state], [logits, *after], name="reader")
    inputs = {"tokens": keras.Input((None,), dtype="int32", name="tokens")}
    zeros = [ops.tile(ops.zeros_like(inputs["tokens"][:, :1], dtype="float32"), (1, size)) for size in sizes]
    return keras.Model(inputs, reader([inputs["tokens"], *zeros])[0], name="language_model")


def without_scores(reader: keras.Model) -> tuple[keras.Model, keras.Layer]:
    """Splits a reader into the part before the scores of all tokens and the layer that computes these scores.

    Returns:
        (keras.Model with the outputs [x [B, T, D], *state], `TokenEmbedding` or `AdaptiveEmbedding`).
    """
    layer, node, _ = reader.get_layer("logits").input._keras_history
    return keras.Model(reader.inputs, [layer._inbound_nodes[node].input_tensors[0], *reader.outputs[1:]]), layer


class OnTargets(keras.Model):
    """A language model that, in training, computes only the scores that its loss needs. Made by `on_targets`.

    With a sampler it scores the targets and shared negatives (Jean et al., 2015); with an adaptive softmax, only the
    targets. The loss gets logits with the target first, and 0 as the label: a cross-entropy is -log p, a ranking loss
    compares the target with the others. It is evaluated and saved as the plain model.
    """

    sampler, corrected = None, True

    def reduce(self, negatives: int, counts: np.ndarray | None, corrected: bool, power: float) -> "OnTargets":
        self.reader = self.get_layer("reader")
        self.states, self.table = without_scores(self.reader)
        adaptive = isinstance(self.table, AdaptiveEmbedding)
        if adaptive and negatives:
            raise ValueError(f"An adaptive softmax needs no negatives. Received: negatives={negatives}")
        if negatives:
            self.sampler = NegativeSampler(self.table.tokens, negatives, counts, power, name="sampler")
        self.reduced, self.corrected = adaptive or negatives > 0, corrected
        return self

    def read(self, ids: keras.KerasTensor, state: list) -> tuple:
        """Reads ids [B, T] in training; returns (the tensors that the loss needs, the state after the ids)."""
        if not self.reduced:
            scores, *after = self.reader([ids, *state], training=True)
        else:
            hidden, *after = self.states([ids, *state], training=True)
            scores = {"hidden": hidden, **({"negatives": self.sampler.draw()} if self.sampler else {})}
        return scores, after

    def call(
        self,
        inputs: dict[str, keras.KerasTensor],
        training: bool | None = None,
        mask: dict[str, keras.KerasTensor | None] | None = None,
    ) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
        if not training:
            return super().call({"tokens": inputs["tokens"]}, training=training)
        ids = ops.convert_to_tensor(inputs["tokens"])
        zeros = [ops.tile(ops.zeros_like(ids[:, :1], dtype=x.dtype), (1, x.shape[-1])) for x in self.reader.inputs[1:]]
        return self.read(ids, zeros)[0]

    def compute_loss(
        self,
        x: dict[str, keras.KerasTensor] | None = None,
        y: keras.KerasTensor | None = None,
        y_pred: keras.KerasTensor | dict[str, keras.KerasTensor] | None = None,
        sample_weight: keras.KerasTensor | None = None,
        training: bool = True,
    ) -> keras.KerasTensor:
        if isinstance(y_pred, dict):
            hidden, negatives = y_pred["hidden"], y_pred.get("negatives")
            if negatives is None:
                y_pred = self.table.target_logits(hidden, y)
            else:
                scores = self.table.target_scores(hidden, y), self.table.shared_scores(hidden, negatives)
                log_q = self.sampler.log_expected(negatives) if self.corrected else None
                y_pred = sampled_logits(*scores, y, negatives, log_q)
            y = ops.zeros_like(y)
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class Streamed(OnTargets):
    """A language model that trains on streams: the state at the end of a window is the start of the next one.

    Gradients stop at the start of a window: truncated backpropagation through time (Williams & Peng, 1990). Made by
    `streamed`; it is saved as the plain model. Inputs in training: {"tokens": [B, T], "start": [B]}, all windows with
    the same B; where `start` is True the row starts again from zeros.
    """

    def carry(self, rows: int) -> "Streamed":
        rows //= replicas()  # each device carries the state of its own rows
        self.carried = [
            self.add_weight((rows, x.shape[-1]), "zeros", trainable=False, name=x.name) for x in self.reader.inputs[1:]
        ]
        return self

    def call(
        self,
        inputs: dict[str, keras.KerasTensor],
        training: bool | None = None,
        mask: dict[str, keras.KerasTensor | None] | None = None,
    ) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
        if not training:
            return super().call(inputs, training=training)
        keep = 1 - ops.cast(inputs["start"], "float32")[:, None]  # [B, 1]
        before = [ops.convert_to_tensor(state) * keep for state in self.carried]
        scores, after = self.read(ops.convert_to_tensor(inputs["tokens"]), before)
        for state, value in zip(self.carried, after, strict=True):
            state.assign(ops.stop_gradient(value))
        return scores


def on_targets(
    model: keras.Model,
    negatives: int = 0,
    counts: np.ndarray | None = None,
    corrected: bool = True,
    power: float = 1.0,
) -> OnTargets:
    """Makes a language model train without the scores of all tokens, see `OnTargets`.

    Args:
        model: from `language_model`; the weights are shared with it.
        negatives: N, shared by all positions of a batch; 0: the softmax is adaptive, or else the scores of all tokens
            are computed.
        counts, power: of the sampler, see `layers.sampled.NegativeSampler`.
        corrected: subtract log Q from the scores of negatives. A cross-entropy needs this; ranking losses do not.

    Raises:
        ValueError: negatives for an adaptive softmax; or counts of another vocabulary.

    Example::

        model = language_model(tokens=1_000_000)
        trained = on_targets(model, negatives=1000, counts=counts)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
        trained.compile("adam", loss)
        trained.fit({"tokens": ids[:, :-1]}, ids[:, 1:], sample_weight=(ids[:, 1:] > 0).astype("float32"))
    """
    made = OnTargets(model.input, model.output, name=model.name)
    return made.reduce(negatives, counts, corrected, power)


def streamed(
    model: keras.Model,
    rows: int,
    negatives: int = 0,
    counts: np.ndarray | None = None,
    corrected: bool = True,
    power: float = 1.0,
) -> Streamed:
    """Makes a language model train on `rows` streams at once, see `Streamed`; other arguments as in `on_targets`."""
    made = Streamed(model.input, model.output, name=model.name)
    return made.reduce(negatives, counts, corrected, power).carry(rows)


class LanguageModelDecoder:
    """Decodes a language model step by step, and scores texts; implements the step protocol (`decoding.steps`).

    A long text is read in windows: `read` and `score_window` take the state before a window and return the next one.

    Args:
        model: from `language_model`; the weights are shared with it.
        begin: id that a text begins with, such as the mark between documents.

    Attributes:
        tokens: V. held: how many scores of a position are in memory at once when a text is scored; at most V.
    """

    def __init__(self, model: keras.Model, begin: int = 2):
        self.reader, self.begin = model.get_layer("reader"), begin
        self.states, self.table = without_scores(self.reader)
        self.tokens = self.reader.outputs[0].shape[-1]
        self.held = min(self.tokens, BLOCK)
        self.signature = [], self.reader.inputs[1:]
        ids = keras.KerasTensor([None, None], "int32")
        self._read = compiled(self.read, (ids, self.signature[1]))
        self._score = compiled(self._scored, (ids, ids, self.signature[1]))

    def initial_state(self, rows: int) -> list:
        """Returns the state before the first token of `rows` texts, a list of zeros [B, H]."""
        return [ops.zeros((rows, state.shape[-1])) for state in self.reader.inputs[1:]]

    def start(self, inputs: dict) -> tuple[list, list]:
        """Reads {"tokens": [B, P]}, the context before the first id to decode; P = 0: there is none."""
        ids = np.asarray(inputs["tokens"], "int32")
        state = self.initial_state(len(ids))
        for first in range(0, ids.shape[1], WINDOW):
            _, state = self._read(ops.convert_to_tensor(ids[:, first : first + WINDOW], "int32"), state)
        return [], state

    def step(self, values: keras.KerasTensor, fixed: list, state: list) -> tuple[Categorical, list]:
        logits, state = self.read(values[:, None], state)
        return Categorical(logits[:, 0]), state

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns log probabilities [B, T] of the tokens `values` [B, T], which follow the context and the id `begin`.

        Without "tokens" among the inputs there is no context. Long texts are read in windows, to bound memory.
        """
        values, scores = np.asarray(values), []
        if not values.size:
            return np.zeros(values.shape, "float32")
        ids = np.asarray(shifted(ops.convert_to_tensor(values), self.begin))
        _, state = self.start({"tokens": values[:, :0], **inputs})
        length = max(64, SCORES // (self.held * len(values)))
        for first in range(0, values.shape[1], length):
            part = slice(first, first + length)
            window, state = self.score_window(ids[:, part], values[:, part], state)
            scores.append(window)
        return np.concatenate(scores, axis=1)

    def read(self, ids: keras.KerasTensor, state: list) -> tuple:
        """Reads ids [B, T], right-padded with 0; returns (logits [B, T, V] of the token after each, the next state)."""
        logits, *after = self.reader([ops.convert_to_tensor(ids), *state], training=False)
        return logits, cast_like(after, self.reader.inputs[1:])

    def score_window(
        self, ids: keras.KerasTensor | np.ndarray, next_ids: keras.KerasTensor | np.ndarray, state: list
    ) -> tuple[np.ndarray, list]:
        """Reads a window of a text; returns (log probabilities [B, T] of the next ids as NumPy, the next state)."""
        ids, next_ids = (ops.convert_to_tensor(x, "int32") for x in (ids, next_ids))
        scores, after = self._score(ids, next_ids, state)
        return np.asarray(scores), after

    def _scored(self, ids, next_ids, state):
        hidden, *after = self.states([ids, *state], training=False)
        return self.table.log_probabilities(hidden, next_ids), cast_like(after, self.reader.inputs[1:])
