"""Token embeddings whose table is also the output layer of a language model, and penalties on activations."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.backend.rows import lookup

NEVER = -1e9  # the score of impossible tokens; sums of its exponential stay finite


BLOCK = 1 << 14  # tokens scored at once when the whole distribution is not needed


@keras.saving.register_keras_serializable("seqzoo")
class TokenEmbedding(keras.layers.Layer):
    """A table of token embeddings E [V, D]: gives the vectors of ids or, with ``reverse=True``, the scores of tokens.

        x = E[id]                     [B, T] -> [B, T, D]; in training with rows of E dropped
        logits = x E'^T + b           [B, T, D] -> [B, T, V]; E' = E if `tied`, else a table of its own [V, D]

    Padding, id 0, is never the next token: its score is lowered to probability 0.

    Sources: Press & Wolf, 2017, Using the Output Embedding to Improve Language Models; Gal & Ghahramani, 2016, section
    5 (dropping whole rows: a dropped token is dropped everywhere in the batch).

    Args:
        tokens: V, including padding.
        dim: D.
        tied: whether embeddings and output share one table.
        dropout: share of the rows that are dropped in training.
    """

    def __init__(self, tokens: int, dim: int, tied: bool = True, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.tokens, self.dim, self.tied, self.dropout = tokens, dim, tied, dropout
        self.supports_masking = True  # values at padding are never used
        self.noise = keras.random.SeedGenerator() if dropout else None

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        start = keras.initializers.RandomUniform(-0.1, 0.1)

        def table(name):  # in 16 bits, only the rows that are looked up are cast, not the whole table
            return self.add_weight((self.tokens, self.dim), start, name=name, autocast=False)

        self.embeddings = table("embeddings")
        self.output_embeddings = self.embeddings if self.tied else table("output_embeddings")
        self.bias = self.add_weight((self.tokens,), "zeros", name="bias", autocast=False)

    def call(self, x: keras.KerasTensor, reverse: bool = False, training: bool = False) -> keras.KerasTensor:
        if reverse:
            table, bias = (ops.cast(part, self.compute_dtype) for part in (self.output_embeddings, self._barred()))
            return ops.matmul(x, ops.transpose(table)) + bias
        # TensorFlow can't freeze a lookup within a loop, as ONNX files need; copying a small table costs little.
        large = training or self.tokens > BLOCK
        vectors = lookup(self.embeddings, x) if large else ops.take(self.embeddings, x, axis=0)
        if training and self.dropout:
            vectors = vectors * dropped_rows(self.tokens, x, self.dropout, self.noise)
        return ops.cast(vectors, self.compute_dtype)

    def _barred(self):
        """Returns b [V], with -1e4 for padding, since float16 ends at 65504."""
        return self.bias - 1e4 * ops.cast(ops.arange(self.tokens, dtype="int32") == 0, "float32")

    def target_scores(self, x: keras.KerasTensor, ids: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the score of one token at each position: x [..., D], ids [...] -> [...], in float32."""
        return ops.cast(ops.sum(x * self._rows(ids, x), axis=-1), "float32") + lookup(self.bias, ids)

    def shared_scores(self, x: keras.KerasTensor, ids: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the scores of the same tokens at all positions: x [..., D], ids [N] -> [..., N], in float32."""
        return ops.cast(ops.matmul(x, ops.transpose(self._rows(ids, x))), "float32") + lookup(self.bias, ids)

    def _rows(self, ids, like):
        return ops.cast(lookup(self.output_embeddings, ids), like.dtype)

    def log_probabilities(self, x: keras.KerasTensor, ids: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the exact log softmax(logits)[id] without all logits at once: x [B, T, D], ids [B, T] -> [B, T]."""
        if self.tokens <= BLOCK:
            return log_probabilities(self(x, reverse=True), ids)
        return self.target_scores(x, ids) - log_sum_exp(x, self.output_embeddings, self._barred())

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...], reverse: bool = False
    ) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.tokens) if reverse else (*input_shape, self.dim)

    def compute_output_spec(
        self, x: keras.KerasTensor, reverse: bool = False, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape, reverse), dtype=self.compute_dtype)

    def get_config(self) -> dict:
        config = {"tokens": self.tokens, "dim": self.dim, "tied": self.tied, "dropout": self.dropout}
        return {**super().get_config(), **config}


def dropped_rows(
    tokens: int, ids: keras.KerasTensor, rate: float, seed: keras.random.SeedGenerator
) -> keras.KerasTensor:
    """Returns factors [..., 1] for the vectors of ids [...] that drop rows of their table, float32."""
    return ops.take(keras.random.dropout(ops.ones((tokens,)), rate, seed=seed), ids)[..., None]


def log_probabilities(logits: keras.KerasTensor, ids: keras.KerasTensor) -> keras.KerasTensor:
    """Returns log softmax(logits)[id]: [B, T, V], [B, T] -> [B, T], in float32."""
    logits = ops.cast(logits, "float32")
    chosen = ops.take_along_axis(logits, ops.cast(ids, "int32")[..., None], axis=-1)[..., 0]
    return chosen - ops.logsumexp(logits, axis=-1)


def log_sum_exp(
    x: keras.KerasTensor, table: keras.Variable, bias: keras.Variable | keras.KerasTensor
) -> keras.KerasTensor:
    """Returns log sum_v exp(x E_v + b_v) over the rows of a table E [V, D]; b [V]; x [..., D] -> [...], in float32.

    Reads `BLOCK` rows at a time, so that memory does not depend on V.
    """
    V, bias = table.shape[0], ops.convert_to_tensor(bias)
    size = min(BLOCK, V)
    within = ops.arange(size, dtype="int32")

    def step(block, total):
        start = ops.minimum(block * size, V - size)  # the last block may begin within the one before
        rows = ops.cast(lookup(table, start + within), x.dtype)
        z = ops.cast(ops.matmul(x, ops.transpose(rows)), "float32") + ops.slice(bias, (start,), (size,))
        z = ops.where(start + within < block * size, NEVER, z)
        return block + 1, ops.logaddexp(total, ops.logsumexp(z, axis=-1))

    start = ops.zeros((), "int32"), ops.cast(ops.zeros_like(x[..., 0]), "float32") + NEVER
    blocks = -(-V // size)
    return ops.while_loop(lambda block, total: block < blocks, step, start, maximum_iterations=blocks)[1]


@keras.saving.register_keras_serializable("seqzoo")
class ActivationPenalty(keras.layers.Layer):
    """Adds a penalty on large or quickly changing activations to the training loss; returns its first input.

        a mean((m h_t)^2) + b mean((h_t - h_{t-1})^2)

    h are the outputs of the last layer, m their dropout.

    Source: Merity et al., 2018, section 4.6 (activation regularisation, temporal activation regularisation; a = 2 and
    b = 1 there; the mean over a batch's activations where they take the sum over the width).

    Args:
        size: a.
        slowness: b.
    """

    def __init__(self, size: float = 0.0, slowness: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.slowness = size, slowness
        self.supports_masking = True  # streams have no padding

    def call(self, dropped: keras.KerasTensor, raw: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        if training:
            penalty = self.size * ops.mean(ops.square(ops.cast(dropped, "float32")))
            if self.slowness:
                steps = ops.cast(raw[:, 1:] - raw[:, :-1], "float32")
                # A window of one step has no differences: the mean is then 0 / 1.
                count = ops.maximum(ops.cast(ops.size(steps), "float32"), 1.0)
                penalty += self.slowness * ops.sum(ops.square(steps)) / count
            self.add_loss(ops.cast(penalty, keras.config.floatx()))  # as Keras casts its losses
        return dropped

    def compute_output_spec(
        self, dropped: keras.KerasTensor, raw: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(dropped.shape, dtype=dropped.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "slowness": self.slowness}
