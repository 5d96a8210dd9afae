"""The encoder-decoder: a sequence out of another one, such as a translation. Many to many, unaligned."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.layers import masks
from seqzoo.layers.attention import Attention, FeedingRNN, keys
from seqzoo.layers.stack import drop, stack, state_sizes
from seqzoo.layers.tokens import TokenEmbedding
from seqzoo.models.language_model import as_inputs, log_probabilities
from seqzoo.rnns import RNNS


def seq2seq(
    source_tokens,
    target_tokens,
    dim=256,
    encoder="bilstm",
    rnn="lstm",
    units=256,
    encoder_units=256,
    layers=1,
    encoder_layers=1,
    attention="additive",
    attention_units=None,
    local="",
    window=10,
    longest=100,
    coverage=False,
    input_feeding=False,
    context="state",
    tied=True,
    dropout=0.0,
    input_dropout=0.0,
    variational=True,
    **arguments,
):
    """A recurrent encoder-decoder, with or without attention.

        h_1 ... h_S = encoder(source)                     [B, S, E]
        s_0 = tanh(W_0 [final states of the encoder])     each state of each layer of the decoder
        s_t = RNN(e(y_{t-1}), s_{t-1})                    y_0 is the begin mark
        s~_t = tanh(W [c_t; s_t])                         c_t: what `layers.attention.Attention` reads of h for s_t
        p(y_t | y_1 ... y_{t-1}, source) = softmax(E' s~_t + b)

    All steps of the target are computed at once, and read the source at once. Only with `input_feeding`, where s~_{t-1}
    joins the input of the step, with `coverage` and with the score "convolutional" it is one loop.

    Sources: Sutskever et al., 2014, Sequence to Sequence Learning with Neural Networks (no attention, context "state");
    Cho et al., 2014, Learning Phrase Representations using RNN Encoder-Decoder (context "step"); Bahdanau et al., 2015;
    Luong et al., 2015, equations 5 and 6 (s~ is of the embeddings' width here, so that their table can be the output).
    Bahdanau et al. ask with s_{t-1}, and c_t joins step t itself; here s_t asks, as with Luong et al., and what was
    read joins the step after it if there is `input_feeding`.

    Args:
        source_tokens, target_tokens: sizes of the vocabularies, padding (id 0) among them.
        dim: width D of the embeddings, and of s~.
        encoder, encoder_units, encoder_layers: recurrent layers that read the source, in both directions or forward;
            name in RNNS, units of a direction, how many. Layer l of the decoder, counted from the top, begins from the
            final states of the encoder's layer l, or its lowest.
        rnn, units, layers: recurrent layers of the decoder, which read forward.
        attention: "additive", "concat", "dot" (of an encoder as wide as the decoder), "general", "location",
            "convolutional" or "none". Where sentences are long, "general" takes the least: a tanh is of [B, T, S, A].
        attention_units: A, of the scores with a tanh; None: `units`.
        local, window, longest, coverage: see `Attention`.
        input_feeding: whether s~_{t-1} joins the input of step t.
        context: without attention, "state": the encoder's final states begin the decoder; "step": a summary of them,
            c = tanh(W_c [final states]), joins each step too, its input and s~.
        tied: True: the output is the table of the target's embeddings (Press & Wolf, 2017); "joint": it is the
            source's too, for a joint vocabulary; False: each its own.
        dropout: before each layer after the first, of the encoder's output and of s~ before the softmax.
        input_dropout: of the embeddings' values; variational: lock both over time.
        arguments: more of `layers.stack.stack` (weight_drop, recurrent_dropout, residual, layer_norm, activation).

    Returns:
        keras.Model. Inputs, integers with 0 padding on the right: {"source": [B, S], "target": [B, T]}, the latter what
        the decoder reads, a begin mark and the target's tokens. Output: logits [B, T, V] of the token after each.
        `Translator(model)` reads step by step and scores; `models.scheduled` trains it on what it says itself.

    Raises:
        ValueError: an unknown name, or choices that exclude each other.

    Example::

        model = seq2seq(source_tokens=5000, target_tokens=5000, attention="general")
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"))
        inputs = {"source": source, "target": target[:, :-1]}  # target: begin mark, tokens, end mark, padding
        model.fit(inputs, target[:, 1:], sample_weight=(target[:, 1:] > 0).astype("float32"))
    """
    attends = attention != "none"
    if context not in ("state", "step"):
        raise ValueError(f"context should be state or step. Received: {context!r}")
    if not attends and (local or coverage or input_feeding):
        raise ValueError("local, coverage and input_feeding need attention. Received: attention='none'")
    if attends and context == "step":
        raise ValueError(f"context='step' is for attention='none'. Received: attention={attention!r}")
    if tied not in (True, False, "joint"):
        raise ValueError(f"tied should be True, False or 'joint'. Received: {tied!r}")
    if tied == "joint" and source_tokens != target_tokens:
        raise ValueError(f"tied='joint' needs a joint vocabulary. Received sizes: {source_tokens} and {target_tokens}")
    sizes = state_sizes(rnn, units, layers)
    attending = {"score": attention, "local": local, "window": window, "longest": longest, "coverage": coverage}
    attend = Attention(**attending, name="attention") if attends else None  # which checks its arguments
    loops = attends and (input_feeding or attend.looks_back)
    recurrent = {"dropout": dropout, "variational": variational, **arguments}

    # What is done once a sentence: `fixed`, which the steps read, and the first `state`, which they change.
    source = keras.Input((None, dim), name="source_vectors")  # [B, S, D]
    real = keras.Input((None,), dtype="bool", name="source_mask")  # [B, S]
    x = drop(source, input_dropout, variational)
    begin = [_zeros(x, size) for size in _both_sizes(encoder, encoder_units) * encoder_layers]
    encoded, finals = stack(
        x, real, rnn=encoder, units=encoder_units, layers=encoder_layers, initial_state=begin, **recurrent
    )
    encoded = ops.where(real[..., None], encoded, 0.0)  # [B, S, E]; nothing stands at padding
    each = len(finals) // encoder_layers
    finals = [_joined(finals[i : i + each]) for i in range(0, len(finals), each)]  # of each layer
    state = []
    for number, size in enumerate(sizes):
        layer = max(0, encoder_layers - layers + number * layers // len(sizes))
        state.append(keras.layers.Dense(size, "tanh", name=f"bridge{number}")(finals[layer]))
    fixed = []
    if attends:
        compared = keys(encoded, attention, units if attention == "general" else attention_units or units)
        fixed = [encoded, real] + [compared] * (compared is not encoded)
    elif context == "step":
        fixed = [keras.layers.Dense(units, "tanh", name="summary")(finals[-1])]
    if loops:
        state = FeedingRNN.first(state, encoded, dim)
    elif local == "monotonic":
        state.append(ops.zeros_like(real[:, :1], dtype="int32"))  # the number of the step
    reader = keras.Model([source, real], [*fixed, *state], name="encoder")

    # What is done for each step, or for all at once.
    target = keras.Input((None, dim), name="target_vectors")  # [B, T, D]
    mask = keras.Input((None,), dtype="bool", name="target_mask")  # [B, T]
    fixed = [keras.Input(part.shape[1:], dtype=part.dtype, name=f"fixed{i}") for i, part in enumerate(fixed)]
    state = [keras.Input(part.shape[1:], dtype=part.dtype, name=f"state{i}") for i, part in enumerate(state)]
    x = drop(target, input_dropout, variational)
    compared = fixed[2] if len(fixed) > 2 else None
    if loops:
        decoder = FeedingRNN(rnn, units, layers, dim, input_feeding, attending, **recurrent, name="decoder_rnn")
        attended, weights, after = decoder(x, state, *fixed[:2], keys=compared, mask=mask)
    else:
        summary = None
        if context == "step":
            summary = ops.zeros_like(x[..., :1]) + fixed[0][:, None]  # [B, T, H]
            x = keras.layers.Concatenate()([x, summary])
        hidden, after = stack(
            x, mask, rnn=rnn, units=units, layers=layers, last_dropout=False, initial_state=state[: len(sizes)],
            **recurrent,
        )  # fmt: skip
        if attends:
            position = state[-1] if local == "monotonic" else None
            summary, weights = attend(hidden, *fixed[:2], keys=compared, position=position)
            if position is not None:
                after.append(position + ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True))
        if summary is not None:
            joined = keras.layers.Concatenate()([summary, hidden])
            attended = keras.layers.Dense(dim, "tanh", use_bias=False, name="attend")(joined)  # [B, T, D]
        else:
            attended = hidden if units == dim else keras.layers.Dense(dim, name="projection")(hidden)
    attended = drop(attended, dropout, variational)
    outputs = [attended, *after] + ([weights] if attends else [])
    writer = keras.Model([target, mask, *fixed, *state], outputs, name="decoder")

    # The tables stand outside of both: in a saved model a layer has one place.
    ids = {name: keras.Input((None,), dtype="int32", name=name) for name in ("source", "target")}
    table = TokenEmbedding(target_tokens, dim, bool(tied), name="embedding")
    start = keras.initializers.RandomUniform(-0.1, 0.1)
    vectors = table if tied == "joint" else keras.layers.Embedding(source_tokens, dim, start, name="source_embedding")
    known = keras.tree.flatten(reader([vectors(ids["source"]), masks.from_ids(ids["source"])]))
    attended = writer([table(ids["target"]), masks.from_ids(ids["target"]), *known])[0]  # [B, T, D]
    scores = keras.layers.Activation("linear", dtype="float32", name="logits")(table(attended, reverse=True))
    return keras.Model(ids, scores, name="seq2seq")  # [B, T, V]


def _both_sizes(rnn, units):
    """The widths of the states of one layer, which may read in both directions."""
    layer = RNNS[rnn](units)
    both = isinstance(layer, keras.layers.Bidirectional)
    sizes = (layer.forward_layer if both else layer).state_size
    return [*(sizes if isinstance(sizes, list | tuple) else [sizes])] * (1 + both)


def _zeros(x, size):
    """[B, size] of x [B, T, D]."""
    return ops.tile(ops.zeros_like(x[:, 0, :1]), (1, size))


def _joined(parts):
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


class Translator:
    """An encoder-decoder that is read step by step, and that scores translations there are.

    Args:
        model: what `seq2seq` returned; the weights are shared with it.

    Attributes:
        tokens: V of the target.
        attends: whether there is attention to show.
    """

    def __init__(self, model):
        self.encoder, self.decoder = model.get_layer("encoder"), model.get_layer("decoder")
        self.table = model.get_layer("embedding")
        joint = all(layer.name != "source_embedding" for layer in model.layers)
        self.source_table = self.table if joint else model.get_layer("source_embedding")
        names = [part.name for part in self.decoder.inputs]
        self.fixed = sum(name.startswith("fixed") for name in names)
        self.states = sum(name.startswith("state") for name in names)
        self.tokens = self.table.tokens
        self.attends = len(self.decoder.outputs) > 1 + self.states
        self._start, self._score = compiled(self._started), compiled(self._scored)

    def start(self, source):
        """(fixed, state) of sources [N, S]: lists of tensors, a row a sentence; steps read the one, change the other.

        Encoding is the only thing that sees the source's ids: rows of both lists can be repeated and reordered.
        """
        return self._start(ops.convert_to_tensor(source, "int32"))

    def _started(self, source):
        parts = self.encoder([self.source_table(source), masks.from_ids(source)], training=False)
        parts = as_inputs(keras.tree.flatten(parts), self.decoder.inputs[2:])
        return parts[: self.fixed], parts[self.fixed :]

    def __call__(self, ids, fixed, state):
        """(logits [N, V] of the next token, state, attention [N, S] or None) after the tokens ids [N]."""
        logits, state, weights = self.read(ops.convert_to_tensor(ids, "int32")[:, None], fixed, state)
        return logits[:, 0], state, weights[:, 0] if self.attends else None

    def read(self, ids, fixed, state):
        """(logits [B, T, V], state, attention [B, T, S] or None) of ids [B, T], 0 padding on the right."""
        attended, *after = self.decoder([self.table(ids), masks.from_ids(ids), *fixed, *state], training=False)
        logits = ops.cast(self.table(attended, reverse=True), "float32")
        state = as_inputs(after[: self.states], self.decoder.inputs[2 + self.fixed :])
        return logits, state, ops.cast(after[self.states], "float32") if self.attends else None

    def score(self, source, target, next_ids):
        """Forced scoring: what the model thinks of given translations, as NumPy.

        Args:
            source, target: [B, S] and [B, T], the inputs of the model.
            next_ids: [B, T], the token after each; 0 padding on the right.

        Returns:
            (natural-log probabilities [B, T] of the next ids, 0 at padding; attention [B, T, S] or None)
        """
        arguments = (ops.convert_to_tensor(part, "int32") for part in (source, target, next_ids))
        scores, weights = self._score(*arguments)
        return np.asarray(scores), None if weights is None else np.asarray(weights)

    def _scored(self, source, target, next_ids):
        logits, _, weights = self.read(target, *self._started(source))
        return ops.where(next_ids > 0, log_probabilities(logits, next_ids), 0.0), weights
