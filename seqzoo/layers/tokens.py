"""Token embeddings whose table is also the output layer of a language model, and penalties on activations."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class TokenEmbedding(keras.layers.Layer):
    """A table of token embeddings E [V, D]: gives the vectors of ids or, with ``reverse=True``, the scores of tokens.

        x = E[id]                     [B, T] -> [B, T, D]; in training with rows of E dropped
        logits = x E' + b             [B, T, D] -> [B, T, V]; E' = E^T if `tied`, else a matrix of its own

    Padding, id 0, is never the next token: its score is lowered to probability 0.

    Sources: Press & Wolf, 2017, Using the Output Embedding to Improve Language Models; Gal & Ghahramani, 2016, section
    5 (dropping whole rows: a dropped token is dropped everywhere in the batch).

    Args:
        tokens: V, including padding.
        dim: D.
        tied: whether both ends share one table.
        dropout: share of the rows that are dropped in training.
    """

    def __init__(self, tokens: int, dim: int, tied: bool = True, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.tokens, self.dim, self.tied, self.dropout = tokens, dim, tied, dropout
        self.supports_masking = True  # values at padding are never used
        self.noise = keras.random.SeedGenerator() if dropout else None

    def build(self, input_shape=None):
        start = keras.initializers.RandomUniform(-0.1, 0.1)
        self.embeddings = self.add_weight((self.tokens, self.dim), start, name="embeddings")
        self.kernel = None if self.tied else self.add_weight((self.dim, self.tokens), start, name="kernel")
        self.bias = self.add_weight((self.tokens,), "zeros", name="bias")

    def call(self, x, reverse=False, training=False):
        if reverse:
            kernel = ops.transpose(self.embeddings) if self.tied else self.kernel
            padding = ops.cast(ops.arange(self.tokens, dtype="int32") == 0, self.compute_dtype)
            return ops.matmul(x, kernel) + self.bias - 1e4 * padding  # float16 reaches 65504
        vectors = ops.take(self.embeddings, x, axis=0)
        if training and self.dropout:
            rows = keras.random.dropout(ops.ones((self.tokens,), vectors.dtype), self.dropout, seed=self.noise)
            vectors = vectors * ops.take(rows, x)[..., None]
        return ops.cast(vectors, self.compute_dtype)

    def compute_output_shape(self, input_shape, reverse=False):
        return (*input_shape[:-1], self.tokens) if reverse else (*input_shape, self.dim)

    def compute_output_spec(self, x, reverse=False, training=False):
        return keras.KerasTensor(self.compute_output_shape(x.shape, reverse), dtype=self.compute_dtype)

    def get_config(self):
        config = {"tokens": self.tokens, "dim": self.dim, "tied": self.tied, "dropout": self.dropout}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("seqzoo")
class ActivationPenalty(keras.layers.Layer):
    """Adds a penalty on large and on quickly changing activations to the training loss; returns its first input.

        size a mean((m h_t)^2) + slowness b mean((h_t - h_{t-1})^2)

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

    def call(self, dropped, raw, training=False):
        if training:
            penalty = self.size * ops.mean(ops.square(ops.cast(dropped, "float32")))
            if self.slowness:
                steps = ops.cast(raw[:, 1:] - raw[:, :-1], "float32")
                # A window of one step has no difference: 0 of 1.
                count = ops.maximum(ops.cast(ops.size(steps), "float32"), 1.0)
                penalty += self.slowness * ops.sum(ops.square(steps)) / count
            self.add_loss(ops.cast(penalty, keras.config.floatx()))  # that of the losses of Keras
        return dropped

    def compute_output_spec(self, dropped, raw, training=False):
        return keras.KerasTensor(dropped.shape, dtype=dropped.dtype)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "slowness": self.slowness}
