"""The encoder-decoder: turns one sequence into another, such as a translation. Many to many, unaligned."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import Categorical, cast_like, shifted
from seqzoo.layers import masks
from seqzoo.layers.attention import Attention, FeedingRNN, keys
from seqzoo.layers.copying import CoverageLoss, PointerGenerator, known
from seqzoo.layers.stack import drop, first_states, stack, state_sizes
from seqzoo.layers.tokens import TokenEmbedding, log_probabilities
from seqzoo.models.builder import builder, check_front
from seqzoo.rnns import RNNS


@builder
def seq2seq(
    source_tokens: int = 0,
    target_tokens: int = 0,
    front: tuple | None = None,
    dim: int = 256,
    encoder: str = "bilstm",
    rnn: str = "lstm",
    units: int = 256,
    encoder_units: int = 256,
    layers: int = 1,
    encoder_layers: int = 1,
    attention: str = "additive",
    attention_units: int | None = None,
    local: str = "",
    attention_window: int = 10,
    longest: int = 100,
    coverage: bool = False,
    input_feeding: bool = False,
    copy: bool = False,
    coverage_loss: float = 0.0,
    context: str = "state",
    tied: bool | str = True,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    variational: bool = True,
    **options,
) -> keras.Model:
    """A recurrent encoder-decoder, with or without attention.

        h_1 ... h_S = encoder(source)                     [B, S, E]
        s_0 = tanh(W_0 tanh[final states of the encoder]) each state of each layer of the decoder
        s_t = RNN(e(y_{t-1}), s_{t-1})                    y_0 is the begin mark
        s~_t = tanh(W [c_t; s_t])                         c_t: the context, see `layers.attention.Attention`
        p(y_t | y_1 ... y_{t-1}, source) = softmax(E' s~_t + b)

    All steps of the target are computed at once, and so is their attention. Only `input_feeding`, where s~_{t-1} joins
    the input of the step, `coverage` and the score "convolutional" need a loop over the steps.

    With `copy` a step writes a token of the vocabulary or copies one of the source, see `layers.copying`:

        P(y_t) = g_t p(y_t) + (1 - g_t) sum_{s: w_s = y_t} a_t(s)          g_t = sigmoid(w [s~_t; e(y_{t-1})] + b)

    Sources: Sutskever et al., 2014, Sequence to Sequence Learning with Neural Networks (no attention, context "state");
    Cho et al., 2014, Learning Phrase Representations using RNN Encoder-Decoder (context "step"); Bahdanau et al., 2015;
    Luong et al., 2015, equations 5 and 6 (s~ is of the embeddings' width here, so that their table can be the output).
    In Bahdanau et al. the query is s_{t-1}, and c_t joins step t itself; here the query is s_t, as in Luong et al., and
    the context joins the next step if there is `input_feeding`. See et al., 2017, Get To The Point, equations 8 to 13
    (copying; there g_t reads c_t and s_t, which are in s~_t here).

    Args:
        source_tokens, target_tokens: sizes of the vocabularies, including padding (id 0).
        front: instead of `source_tokens`, any source: (inputs, x [B, S, X], mask [B, S]) from `seqzoo.inputs`, such as
            frames of sound or a picture.
        dim: width D of the embeddings, and of s~.
        encoder, encoder_units, encoder_layers: recurrent layers that read the source, in both directions or forward:
            name in RNNS, units of a direction, number. Layer l of the decoder, counted from the top, starts from the
            final states of the encoder's layer l, or of its lowest.
        rnn, units, layers: recurrent layers of the decoder, which read forward.
        attention: "additive", "concat", "dot" (for an encoder as wide as the decoder), "general", "location",
            "convolutional" or "none". For long sequences "general" takes much less memory than a tanh [B, T, S, A].
        attention_units: A, for scores with a tanh; None: `units`.
        local, attention_window (the `window`), longest, coverage: see `Attention`.
        input_feeding: whether s~_{t-1} joins the input of step t.
        copy: whether the decoder can copy tokens of the source.
        coverage_loss: weight of `layers.copying.CoverageLoss` in training.
        context: without attention, "state": the decoder starts from the encoder's final states; "step": a summary of
            them, c = tanh(W_c tanh[final states]), also joins each step, its input and s~.
        tied: True: the output is the table of the target's embeddings (Press & Wolf, 2017); "joint": it is also that of
            the source's, for a joint vocabulary; False: three tables.
        dropout: before each layer after the first, of the encoder's output and of s~ before the softmax.
        input_dropout: of the embeddings' values (for the source: of the front's output); variational: one dropout mask
            for all steps of a sequence.
        options: more of `layers.stack.stack`, for the encoder and the decoder.

    Returns:
        keras.Model. Inputs, integers with 0 padding on the right: {"source": [B, S], "target": [B, T]}, the latter the
        begin mark and the target's tokens; with a `front`, its inputs instead of "source". Output: logits [B, T, V] of
        the token after each. With `copy`, "copied" [B, S] holds the ids w_s that copying each position writes,
        see `layers.copying.PointerGenerator`; target ids may be among them, and the output is log P [B, T, V + S].
        `Seq2SeqDecoder(model)` decodes and scores; `models.scheduled` trains it on tokens that it sampled itself.

    Raises:
        ValueError: an unknown name, choices that exclude each other, or a front with a name of the model's own layers.

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
    if not attends and (local or coverage or input_feeding or copy or coverage_loss):
        raise ValueError(
            "local, coverage, input_feeding, copy and coverage_loss need attention. Received: attention='none'"
        )
    if attends and context == "step":
        raise ValueError(f"context='step' is for attention='none'. Received: attention={attention!r}")
    if tied not in (True, False, "joint"):
        raise ValueError(f"tied should be True, False or 'joint'. Received: {tied!r}")
    if not target_tokens or bool(source_tokens) == bool(front):
        raise ValueError(
            "seq2seq needs target_tokens, and either source_tokens or a front. Received: "
            f"source_tokens={source_tokens}, target_tokens={target_tokens}, front {'given' if front else 'None'}"
        )
    if front:
        reserved = "source_vectors", "source_mask", "target", "embedding", "encoder", "decoder", "logits", "copied"
        front = check_front(front, *reserved)
    if tied == "joint" and source_tokens != target_tokens:
        raise ValueError(f"tied='joint' needs a joint vocabulary. Received sizes: {source_tokens} and {target_tokens}")
    if encoder_layers < 1:
        raise ValueError(f"encoder_layers should be at least 1. Received: {encoder_layers}")
    sizes = state_sizes(rnn, units, layers)
    attending = {
        "score": attention, "local": local, "window": attention_window, "longest": longest, "coverage": coverage
    }  # fmt: skip
    attend = Attention(**attending, name="attention") if attends else None  # checks its arguments
    loops = attends and (input_feeding or attend.looks_back)
    recurrent = {"dropout": dropout, "variational": variational, **options}

    # Computed once per sequence: `fixed`, which the steps read, and the first `state`, which they change.
    length, width = front[1].shape[1:] if front else (None, dim)  # S is known for pictures
    source = keras.Input((length, width), name="vectors")  # [B, S, X]
    real = keras.Input((length,), dtype="bool", name="mask")  # [B, S]
    x = drop(source, input_dropout, variational)
    begin = [_zeros(x, size) for size in _both_sizes(encoder, encoder_units) * encoder_layers]
    encoded, finals = stack(
        x, real, rnn=encoder, units=encoder_units, layers=encoder_layers, initial_state=begin, **recurrent
    )
    encoded = ops.where(real[..., None], encoded, 0.0)  # [B, S, E]; 0 at padding
    each = len(finals) // encoder_layers
    # One for each layer. The cell of an LSTM grows with the length, and would saturate a layer that reads it.
    finals = [ops.tanh(_joined(finals[i : i + each])) for i in range(0, len(finals), each)]
    below = [max(0, encoder_layers - layers + number * layers // len(sizes)) for number in range(len(sizes))]
    state = first_states([finals[layer] for layer in below], rnn, units, layers, "bridge")
    fixed = []
    if attends:
        compared = keys(encoded, attention, units if attention == "general" else attention_units or units)
        fixed = [encoded, real] + [compared] * (compared is not encoded)
    elif context == "step":
        fixed = [keras.layers.Dense(units, "tanh", name="summary")(finals[-1])]
    if loops:
        state = FeedingRNN.first(state, encoded, dim)
    elif local == "monotonic":
        state.append(ops.cast(ops.zeros_like(finals[0][:, :1]), "int32"))  # [B, 1], the number of the step
    reader = keras.Model([source, real], [*fixed, *state], name="encoder")

    # Computed for each step, or for all steps at once.
    target = keras.Input((None, dim), name="target_vectors")  # [B, T, D]
    target_mask = keras.Input((None,), dtype="bool", name="target_mask")  # [B, T]
    fixed = [keras.Input(part.shape[1:], dtype=part.dtype, name=f"fixed{i}") for i, part in enumerate(fixed)]
    state = [  # numbers in float32, as in all models: in 16 bits they would be rounded at each step of decoding
        keras.Input(part.shape[1:], dtype="int32" if part.dtype == "int32" else None, name=f"state{i}")
        for i, part in enumerate(state)
    ]
    x = drop(target, input_dropout, variational)
    compared = fixed[2] if len(fixed) > 2 else None
    if loops:
        decoder = FeedingRNN(rnn, units, layers, dim, input_feeding, attending, **recurrent, name="decoder_rnn")
        attended, weights, after = decoder(x, state, *fixed[:2], keys=compared, mask=target_mask)
    else:
        summary = None
        if context == "step":
            summary = ops.zeros_like(x[..., :1]) + fixed[0][:, None]  # [B, T, H]
            x = keras.layers.Concatenate()([x, summary])
        hidden, after = stack(
            x, target_mask, rnn=rnn, units=units, layers=layers, last_dropout=False, initial_state=state[: len(sizes)],
            **recurrent,
        )  # fmt: skip
        if attends:
            position = state[-1] if local == "monotonic" else None
            summary, weights = attend(hidden, *fixed[:2], keys=compared, position=position)
            if position is not None:
                after.append(position + ops.sum(ops.cast(target_mask, "int32"), axis=1, keepdims=True))
        if summary is not None:
            joined = keras.layers.Concatenate()([summary, hidden])
            attended = keras.layers.Dense(dim, "tanh", use_bias=False, name="attend")(joined)  # [B, T, D]
        else:
            attended = hidden if units == dim else keras.layers.Dense(dim, name="projection")(hidden)
    attended = drop(attended, dropout, variational)
    outputs = [attended, *after] + ([weights] if attends else [])
    if copy:
        joined = keras.layers.Concatenate()([attended, x])
        outputs.append(keras.layers.Dense(1, name="gate")(joined))  # [B, T, 1]
    writer = keras.Model([target, target_mask, *fixed, *state], outputs, name="decoder")

    # The tables are outside of the encoder and the decoder: a saved model may have a layer in one place only.
    table = TokenEmbedding(target_tokens, dim, bool(tied), name="embedding")
    if front:
        inputs, vectors, mask = front
    else:
        inputs = {"source": keras.Input((None,), dtype="int32", name="source")}
        start = keras.initializers.RandomUniform(-0.1, 0.1)
        embed = table if tied == "joint" else keras.layers.Embedding(source_tokens, dim, start, name="source_embedding")
        vectors, mask = embed(inputs["source"]), masks.from_ids(inputs["source"])
    vectors = keras.layers.Identity(name="source_vectors")(vectors)  # named, so that a decoder can cut the model here
    mask = keras.layers.Identity(name="source_mask")(mask)
    ids = keras.Input((None,), dtype="int32", name="target")
    once = keras.tree.flatten(reader([vectors, mask]))
    read = known(ids, target_tokens) if copy else ids
    attended, *outputs = writer([table(read), masks.from_ids(ids), *once])  # [B, T, D], and as above
    scores = table(attended, reverse=True)
    if copy:
        inputs["copied"] = keras.Input((None,), dtype="int32", name="copied")
        scores = PointerGenerator(name="pointer")(scores, outputs[-1], outputs[-2], inputs["copied"])
    if coverage_loss:
        scores = CoverageLoss(coverage_loss, name="coverage_loss")(scores, outputs[-1 - copy], masks.from_ids(ids))
    scores = keras.layers.Activation("linear", dtype="float32", name="logits")(scores)
    return keras.Model({**inputs, "target": ids}, scores, name="seq2seq")  # [B, T, V], with `copy` [B, T, V + S]


def _both_sizes(rnn: str, units: int) -> list[int]:
    """Returns the widths of the states of one layer, which may be bidirectional."""
    layer = RNNS[rnn](units)
    both = isinstance(layer, keras.layers.Bidirectional)
    sizes = (layer.forward_layer if both else layer).state_size
    return [*(sizes if isinstance(sizes, list | tuple) else [sizes])] * (1 + both)


def _zeros(x, size: int):
    """Returns zeros [B, size] for x [B, T, D]."""
    return ops.tile(ops.zeros_like(x[:, 0, :1]), (1, size))


def _joined(parts: list):
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


class Seq2SeqDecoder:
    """Decodes an encoder-decoder step by step, and scores given targets; has the step protocol (`decoding.steps`).

    Args:
        model: from `seq2seq`; the weights are shared with it.
        begin: id that a target begins with.

    Attributes:
        tokens: V of the target.
        attends: whether there is attention.
        inputs: {name: KerasTensor} that `start` reads.
    """

    def __init__(self, model: keras.Model, begin: int = 2):
        self.inputs = {name: tensor for name, tensor in model.input.items() if name != "target"}
        inputs = {name: tensor for name, tensor in self.inputs.items() if name != "copied"}
        source = [model.get_layer(name).output for name in ("source_vectors", "source_mask")]
        self.front, self.begin = keras.Model(inputs, source), begin
        self._mask = compiled(keras.Model(inputs, source[1]), (inputs,))
        self.encoder, self.decoder = model.get_layer("encoder"), model.get_layer("decoder")
        self.table = model.get_layer("embedding")
        self.pointer = model.get_layer("pointer") if "copied" in self.inputs else None
        names = [part.name for part in self.decoder.inputs]
        self.fixed = sum(name.startswith("fixed") for name in names)
        self.states = sum(name.startswith("state") for name in names)
        self.tokens = self.table.tokens
        self.attends = len(self.decoder.outputs) > 1 + self.states
        parts = self.decoder.inputs[2:]
        copied = [keras.KerasTensor([None, None], "int32")] if self.pointer else []
        self.signature = parts[: self.fixed] + copied, parts[self.fixed :]
        values = keras.KerasTensor([None, None], "int32")
        self._start = compiled(self.encode, (self.inputs,))
        self._score = compiled(self._scored, (self.inputs, values))
        self._copied = compiled(self._share_copied, (self.inputs, values))

    def start(self, inputs: dict) -> tuple[list, list]:
        """Encodes the source: {"source": [B, S]}, or the inputs of the front. Other inputs are ignored."""
        return self._start(self._tensors(inputs, self.inputs))

    def source_mask(self, inputs: dict) -> np.ndarray:
        """Returns [B, S] booleans, True at real steps of the source."""
        return np.asarray(self._mask(self._tensors(inputs, self.front.input)))

    def _tensors(self, inputs, names):
        return {name: ops.convert_to_tensor(inputs[name], like.dtype) for name, like in names.items()}

    def encode(self, inputs: dict) -> tuple[list, list]:
        """Like `start`, for use within a larger graph; keeps static shapes."""
        read = {name: inputs[name] for name in self.front.input}
        parts = self.encoder(self.front(read, training=False), training=False)
        parts = cast_like(keras.tree.flatten(parts), self.decoder.inputs[2:])
        copied = [inputs["copied"]] if self.pointer else []
        return parts[: self.fixed] + copied, parts[self.fixed :]

    def step(self, values: keras.KerasTensor, fixed: list, state: list) -> tuple[Categorical, list]:
        logits, state, weights = self.read(ops.convert_to_tensor(values, "int32")[:, None], fixed, state)
        return Categorical(logits[:, 0], weights[:, 0] if self.attends else None), state

    def read(self, ids: keras.KerasTensor, fixed: list, state: list) -> tuple:
        """Reads ids [B, T], right-padded with 0; returns (logits [B, T, V], state, attention [B, T, S] or None).

        For a model that copies, the logits are log P [B, T, V + S].
        """
        logits, state, weights, gate = self._read(ids, fixed, state)
        return self.pointer(logits, gate, weights, fixed[-1]) if self.pointer else logits, state, weights

    def _read(self, ids, fixed, state):
        """Like `read`, for the vocabulary alone; also returns the gate [B, T, 1] between it and the source, or None."""
        mask, fixed = masks.from_ids(ids), fixed[: self.fixed]
        vectors = self.table(known(ids, self.tokens) if self.pointer else ids)
        attended, *after = self.decoder([vectors, mask, *fixed, *state], training=False)
        logits = ops.cast(self.table(attended, reverse=True), "float32")
        state = cast_like(after[: self.states], self.decoder.inputs[2 + self.fixed :])
        weights, gate = [*after[self.states :], None, None][:2]
        return logits, state, weights if weights is None else ops.cast(weights, "float32"), gate

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns log probabilities [B, T] of given targets: the tokens and the end mark, [B, T]; 0 at padding."""
        if not np.size(values):  # a loop without steps would fail
            return np.zeros(np.shape(values), "float32")
        tensors = self._tensors(inputs, self.inputs)
        return np.asarray(self._score(tensors, ops.convert_to_tensor(values, "int32")))

    def _scored(self, inputs, values):
        logits, *_ = self.read(shifted(values, self.begin), *self.encode(inputs))
        return ops.where(values > 0, log_probabilities(logits, values), 0.0)

    def share_copied(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns the share [B, T] of the probability of each given id that comes from copying; 0 at padding."""
        if not np.size(values):  # all answers are empty; a loop without steps would fail
            return np.zeros(np.shape(values), "float32")
        tensors = self._tensors(inputs, self.inputs)
        return np.asarray(self._copied(tensors, ops.convert_to_tensor(values, "int32")))

    def _share_copied(self, inputs, values):
        fixed, state = self.encode(inputs)
        logits, _, weights, gate = self._read(shifted(values, self.begin), fixed, state)
        gate = ops.cast(gate, "float32")
        log_p = log_probabilities(self.pointer(logits, gate, weights, fixed[-1]), values)
        written = log_probabilities(logits, known(values, self.tokens)) + ops.log_sigmoid(gate[..., 0])
        share = ops.where(values < self.tokens, 1 - ops.exp(written - log_p), 1.0)
        return ops.where(values > 0, ops.clip(share, 0.0, 1.0), 0.0)
