"""The generator: a sequence out of a condition, such as a key, a style or a first note. One to many."""

import keras
from keras import ops

from seqzoo.layers import masks
from seqzoo.layers.stack import drop, stack, state_sizes
from seqzoo.layers.tokens import TokenEmbedding
from seqzoo.models.language_model import Stepper


def generator(
    tokens,
    conditions,
    dim=128,
    condition_dim=32,
    join="both",
    rnn="lstm",
    units=256,
    layers=1,
    tied=True,
    dropout=0.0,
    input_dropout=0.0,
    variational=True,
    **arguments,
):
    """A recurrent generator: a condition begins the state, joins each step, or both; then a language model goes on.

    With c the embeddings of the conditions, joined::

        s_0 = tanh(c W + b)             for each state s of each layer      (join "state" or "both")
        x_t = [E[token_t], c]           what the first layer reads          (join "step" or "both")

    Source: the two ways of Karpathy & Fei-Fei, 2015, Deep Visual-Semantic Alignments (the condition as a start), and of
    Mikolov & Zweig, 2012, Context Dependent Recurrent Neural Network Language Model (the condition at each step).

    Args:
        tokens: size of the vocabulary V, padding (id 0) among them.
        conditions: {name: number of its values}: ``{"key": 24, "style": 5}``.
        dim, condition_dim: widths of the embeddings of tokens, and of each condition.
        join: "state", "step" or "both".
        rnn, units, layers: recurrent layers that read forward; name in RNNS, H, how many.
        tied, dropout, input_dropout, variational, arguments: of `models.language_model`.

    Returns:
        keras.Model. Inputs: {"tokens": [B, T]}, 0 padding on the right, and {name: [B]} integers from 0 for each
        condition. Output: logits [B, T, V], of the token after each. `Opener(model)` gives the states to sample from.

    Raises:
        ValueError: no condition, or an unknown `join`.

    Example::

        model = generator(tokens=90, conditions={"key": 24})
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit({"tokens": ids[:, :-1], "key": keys}, ids[:, 1:])
        state = Opener(model).start({"key": np.array([0, 7])})
        ids, *more = Sampler(Opener(model))(first, state, noise, done)
    """
    if not conditions:
        raise ValueError("A generator needs a condition; without one it is a language_model.")
    if join not in ("state", "step", "both"):
        raise ValueError(f"join should be state, step or both. Received: {join!r}")
    sizes = state_sizes(rnn, units, layers)
    width = condition_dim * len(conditions)

    # What begins: the conditions to the first state, and the condition vector, which is handed on beside it.
    asked = {name: keras.Input((), dtype="int32", name=name) for name in conditions}
    vectors = [
        keras.layers.Embedding(count, condition_dim, name=f"{name}_embedding")(asked[name])
        for name, count in conditions.items()
    ]
    c = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]  # [B, C]
    if join == "step":
        first = [ops.tile(ops.zeros_like(c[:, :1]), (1, size)) for size in sizes]
    else:
        first = [keras.layers.Dense(size, "tanh", name=f"first{i}")(c) for i, size in enumerate(sizes)]
    opener = keras.Model(asked, [*first, c], name="opener")

    # What goes on: as a language model, with the condition vector among its states.
    ids = keras.Input((None,), dtype="int32", name="ids")  # [B, T]
    state = [keras.Input((size,), name=f"state{i}") for i, size in enumerate([*sizes, width])]
    table = TokenEmbedding(tokens, dim, tied, name="embedding")
    x = drop(table(ids), input_dropout, variational)  # [B, T, D]
    if join != "state":
        each = ops.zeros_like(x[..., :1]) + state[-1][:, None]  # [B, T, C]
        x = keras.layers.Concatenate()([x, each])
    x, after = stack(
        x, masks.from_ids(ids), rnn=rnn, units=units, layers=layers, dropout=dropout, variational=variational,
        initial_state=state[:-1], **arguments,
    )  # fmt: skip
    if x.shape[-1] != dim:
        x = keras.layers.Dense(dim, name="projection")(x)  # [B, T, D]
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(table(x, reverse=True))
    reader = keras.Model([ids, *state], [logits, *after, keras.layers.Identity()(state[-1])], name="reader")

    inputs = {
        "tokens": keras.Input((None,), dtype="int32", name="tokens"),
        **{name: keras.Input((), dtype="int32", name=name) for name in conditions},
    }
    begun = opener({name: inputs[name] for name in conditions})
    return keras.Model(inputs, reader([inputs["tokens"], *begun])[0], name="generator")


class Opener(Stepper):
    """A generator that is read step by step, as `Stepper`, from a state that the conditions begin."""

    def __init__(self, model):
        super().__init__(model)
        self.opener = model.get_layer("opener")

    def start(self, conditions):
        """The state before a sequence: of {name: [B]} integers."""
        return list(self.opener({name: ops.convert_to_tensor(value, "int32") for name, value in conditions.items()}))
