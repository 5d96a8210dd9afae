"""The language model: at each step a score for every token that may come next."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.distribution import replicas
from seqzoo.backend.gradients import compiled
from seqzoo.layers import masks
from seqzoo.layers.stack import drop, stack, state_sizes
from seqzoo.layers.tokens import ActivationPenalty, TokenEmbedding
from seqzoo.layers.window import Window


def language_model(
    tokens,
    dim=256,
    rnn="lstm",
    units=256,
    layers=2,
    context=0,
    tied=True,
    dropout=0.0,
    input_dropout=0.0,
    embedding_dropout=0.0,
    activation_penalty=0.0,
    slowness_penalty=0.0,
    variational=True,
    **arguments,
):
    """A recurrent language model: embeddings -> recurrent stack -> a score for each token; or a feed-forward one.

    Args:
        tokens: size of the vocabulary V, padding (id 0) among them.
        dim: width D of the embeddings; tied to the output, the last layer's H is projected to it where they differ.
        rnn, units, layers: recurrent layers that read forward; name in RNNS, H, how many.
        context: n > 0: in place of recurrent layers a feed-forward network over the last n tokens (Bengio et al., 2003,
            equation 1): y = b + U tanh(d + H x), x the n embeddings joined; `units` is its hidden width.
        tied: the output layer is the embeddings' table (Press & Wolf, 2017).
        dropout: before each layer after the first, and of the last output.
        input_dropout: of the embeddings' values; embedding_dropout: of whole rows of their table.
        activation_penalty, slowness_penalty: see `layers.tokens.ActivationPenalty`.
        variational: lock dropout over time.
        arguments: more of `layers.stack.stack` (weight_drop, recurrent_dropout, residual, layer_norm, activation).

    Returns:
        keras.Model. Input: {"tokens": [B, T]} integers, 0 padding on the right. Output: logits [B, T, V], of the token
        after each, from a state of zeros. `Stepper(model)` carries the state on; `streamed(model)` trains on streams.

    Example::

        model = language_model(tokens=len(vocabulary), rnn="lstm", units=256)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit({"tokens": ids[:, :-1]}, ids[:, 1:], sample_weight=(ids[:, 1:] > 0).astype("float32"))
    """
    sizes = [(context - 1) * dim] if context else state_sizes(rnn, units, layers)
    # What reads with a state is a model of its own: what carries the state on calls it.
    ids = keras.Input((None,), dtype="int32", name="ids")  # [B, T]
    state = [keras.Input((size,), name=f"state{i}") for i, size in enumerate(sizes)]
    table = TokenEmbedding(tokens, dim, tied, embedding_dropout, name="embedding")
    x = drop(table(ids), input_dropout, variational)  # [B, T, D]
    if context:
        x, last = Window(context)(x, state[0])  # [B, T, n D]
        after, x = [last], keras.layers.Dense(units, "tanh", name="hidden")(x)  # [B, T, H]
    else:
        x, after = stack(
            x, masks.from_ids(ids), rnn=rnn, units=units, layers=layers, dropout=dropout, variational=variational,
            last_dropout=False, initial_state=state, **arguments,
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


class Streamed(keras.Model):
    """A language model that training reads streams with: the state at the end of a window begins the next one.

    Gradients stop where a window begins: truncated backpropagation through time (Williams & Peng, 1990). Made by
    `streamed`; what it saves is the plain model. Inputs in training: {"tokens": [B, T], "start": [B]}, all windows with
    the same B; where `start` is True the row begins anew, from zeros.
    """

    def carry(self, rows):
        reader, rows = self.get_layer("reader"), rows // replicas()  # each device carries the state of its own rows
        self.carried = [
            self.add_weight((rows, x.shape[-1]), "zeros", trainable=False, name=x.name) for x in reader.inputs[1:]
        ]
        return self

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call({"tokens": inputs["tokens"]}, training=training)
        keep = 1 - ops.cast(inputs["start"], "float32")[:, None]  # [B, 1]
        before = [ops.convert_to_tensor(state) * keep for state in self.carried]
        ids = ops.convert_to_tensor(inputs["tokens"])
        logits, *after = self.get_layer("reader")([ids, *before], training=True)
        for state, value in zip(self.carried, after, strict=True):
            state.assign(ops.stop_gradient(value))
        return logits


def streamed(model, rows):
    """`model`, a language model, as one that trains on `rows` streams at once, see `Streamed`."""
    return Streamed(model.input, model.output, name=model.name).carry(rows)


class Stepper:
    """A language model that is read step by step: what came before is a state, handed from call to call.

    Args:
        model: what `language_model` returned; the weights are shared with it.

    Attributes:
        tokens: V.
    """

    def __init__(self, model):
        self.reader = model.get_layer("reader")
        self.tokens = self.reader.outputs[0].shape[-1]
        self._score = compiled(self._scored)

    def start(self, rows):
        """The state before a text, of so many rows: list of [B, H]."""
        return [ops.zeros((rows, state.shape[-1])) for state in self.reader.inputs[1:]]

    def __call__(self, ids, state):
        """(logits [B, T, V] of the token after each, the state after them) of ids [B, T], 0 padding on the right."""
        logits, *after = self.reader([ops.convert_to_tensor(ids), *state], training=False)
        return logits, as_inputs(after, self.reader.inputs[1:])

    def score(self, ids, next_ids, state):
        """(natural-log probabilities [B, T] of the next ids, the state after them), as NumPy and tensors."""
        scores, after = self._score(ops.convert_to_tensor(ids), ops.convert_to_tensor(next_ids), state)
        return np.asarray(scores), after

    def _scored(self, ids, next_ids, state):
        logits, after = self(ids, state)
        return log_probabilities(logits, next_ids), after


def as_inputs(tensors, inputs):
    """Tensors in the dtypes of a model's inputs, which a loop needs that hands its outputs back to it as inputs."""
    return [ops.cast(tensor, into.dtype) for tensor, into in zip(tensors, inputs, strict=True)]


def log_probabilities(logits, ids):
    """log softmax(logits)[id]: [B, T, V], [B, T] -> [B, T], in float32."""
    logits = ops.cast(logits, "float32")
    chosen = ops.take_along_axis(logits, ops.cast(ids, "int32")[..., None], axis=-1)[..., 0]
    return chosen - ops.logsumexp(logits, axis=-1)
