"""Similarity heads on top of the two towers of a siamese network, and their losses.

Each head takes vectors a and b [..., H], whose leading dimensions may differ where one of them is 1, and is symmetric.
"""

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class Manhattan(keras.layers.Layer):
    """Similarity from 0 to 1, by distance:

        y = exp(-sum_i |a_i - b_i|)

    Source: Mueller & Thyagarajan, 2016, Siamese Recurrent Architectures for Learning Sentence Similarity (MaLSTM).

    Shapes: a, b [..., H] -> y [..., 1].
    """

    def call(self, a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
        distance = ops.sum(ops.abs(ops.cast(a, "float32") - ops.cast(b, "float32")), axis=-1, keepdims=True)
        return ops.exp(-distance)


@keras.saving.register_keras_serializable("seqzoo")
class Cosine(keras.layers.Layer):
    """Similarity from 0 to 1, by angle, with a learned slope w >= 0 and threshold c:

        y = sigmoid(w (cos(a, b) - c))

    Shapes: a, b [..., H] -> y [..., 1].
    """

    def build(self, a_shape: Sequence[int | None], b_shape: Sequence[int | None]) -> None:
        self.w = self.add_weight((), keras.initializers.Constant(5.0), constraint="non_neg", name="w")
        self.c = self.add_weight((), keras.initializers.Constant(0.5), name="c")

    def call(self, a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
        cosine = ops.sum(unit(a) * unit(b), axis=-1, keepdims=True)
        return ops.sigmoid(ops.cast(self.w, "float32") * (cosine - ops.cast(self.c, "float32")))


@keras.saving.register_keras_serializable("seqzoo")
class Comparison(keras.layers.Layer):
    """Scores of the K points of a scale, from the product and the difference of two vectors:

        h = sigmoid(W_x (a * b) + W_+ |a - b| + b_h)
        z = W_p h + b_p                                  the points have the probabilities softmax(z)

    Source: Tai, Socher & Manning, 2015, Improved Semantic Representations From Tree-Structured LSTMs, equation 15.

    Args:
        points: K.
        hidden: width of h.
        dropout: rate of h.

    Shapes: a, b [..., H] -> z [..., K].
    """

    def __init__(self, points: int, hidden: int = 50, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.points, self.hidden, self.dropout = points, hidden, dropout
        self.to_hidden = keras.layers.Dense(hidden, "sigmoid", dtype=self.dtype_policy)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.to_points = keras.layers.Dense(points, dtype=self.dtype_policy)

    def build(self, a_shape: Sequence[int | None], b_shape: Sequence[int | None]) -> None:
        self.to_hidden.build((None, 2 * a_shape[-1]))
        self.to_points.build((None, self.hidden))

    def call(self, a: keras.KerasTensor, b: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        h = self.to_hidden(ops.concatenate([a * b, ops.abs(a - b)], axis=-1))  # [..., hidden]
        return self.to_points(self.drop(h, training=training))

    def get_config(self) -> dict:
        return {**super().get_config(), "points": self.points, "hidden": self.hidden, "dropout": self.dropout}


@keras.saving.register_keras_serializable("seqzoo")
class ScaleDivergence(keras.losses.Loss):
    """The divergence of the probabilities p of the points of a scale from a score y between two points:

        t_i = max(0, 1 - |y (K - 1) - i|)                i = 0 ... K - 1: two points at most, whose mean is y
        L = KL(t || p) = sum_i t_i (log t_i - log p_i)   p = softmax(z)

    Labels y [B, 1] from 0 (the lowest point) to 1 (the highest), scores z [B, K] -> [B].

    Source: Tai, Socher & Manning, 2015, equation 16 and the loss after it.

    Args:
        reduction: as in Keras; by default the mean over the sample weights.
    """

    def __init__(self, reduction: str = "mean_with_sample_weight", name: str = "scale_divergence", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        y, log_p = ops.cast(y_true, "float32"), ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        K = log_p.shape[-1]
        t = ops.maximum(0.0, 1.0 - ops.abs(y * (K - 1) - ops.arange(K, dtype="float32")))  # [B, K]
        return ops.sum(t * (ops.log(ops.maximum(t, 1e-7)) - log_p), axis=-1)


@keras.saving.register_keras_serializable("seqzoo")
class InBatchNegatives(keras.losses.Loss):
    """Cross-entropy of the right second text among all second texts of the batch, and likewise of the first:

        z_ij = a_i b_j / temperature                     a, b of length 1
        L_i = -(log softmax_j(z_ij)[i] + log softmax_j(z_ji)[i]) / 2

    Ids [B, 2] of the texts tell which are equal. A text that any pair of the batch answers with an equal text is no
    negative, since that answer is right for it, too; equal texts count as one negative. So the rows that fill up a
    batch of static shape, copies of the first one, change nothing. Vectors [B, 2, H] -> [B].

    Source: Henderson et al., 2017, Efficient Natural Language Response Suggestion for Smart Reply, section 4.4.

    Args:
        temperature: divides the cosines.
        reduction: as in Keras; by default the mean over the sample weights.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        reduction: str = "mean_with_sample_weight",
        name: str = "in_batch_negatives",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.temperature = temperature

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        ids, vectors = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        z = ops.matmul(vectors[:, 0], ops.transpose(vectors[:, 1])) / self.temperature  # [B, B]
        numbers = ops.cumsum(ops.ones_like(ids[:, 0]))  # 1, 2 ... B
        first, second, itself = (ops.equal(x[:, None], x[None]) for x in (ids[:, 0], ids[:, 1], numbers))  # [B, B]
        first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
        answers = ops.matmul(first, second) > 0  # [B, B]: a pair k has the first text of i and the second one of j
        right = ops.sum(ops.where(itself, z, 0.0), axis=1)  # [B]

        def total(z, equal, answers):
            """Returns the log of the sum over j, in which equal texts count once."""
            z = ops.where(answers, -1e9, z - ops.log(ops.sum(equal, axis=1))[None])
            return ops.logsumexp(ops.where(itself, right[:, None], z), axis=1)

        backward = total(ops.transpose(z), first, ops.transpose(answers))
        return (total(z, second, answers) + backward) / 2 - right

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature}


def unit(x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns x [..., H] divided by its length, in float32; zeros stay zeros."""
    x = ops.cast(x, "float32")
    return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-12))


@keras.saving.register_keras_serializable("seqzoo")
class Align(keras.layers.Layer):
    """For each step of one sequence, averages the steps of the other sequence that are like it:

        e_ij = s cos(W a_i, W b_j)           W: learned, at first the identity; s: learned, at first 10
        c_i = sum_j softmax_j(e_ij) b_j      over the real steps of b

    Source: Parikh et al., 2016, A Decomposable Attention Model for Natural Language Inference, equations 1 and 2; with
    cosines, so that equal words match from the start.

    Shapes: a [B, T, D], b [B, S, D], the mask of b [B, S] -> c [B, T, D].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def build(self, a_shape: Sequence[int | None], b_shape: Sequence[int | None]) -> None:
        self.W = self.add_weight((a_shape[-1], a_shape[-1]), "identity", name="W")
        self.s = self.add_weight((), keras.initializers.Constant(10.0), name="s")

    def call(self, a: keras.KerasTensor, b: keras.KerasTensor, b_mask: keras.KerasTensor) -> keras.KerasTensor:
        u, v = unit(ops.matmul(a, self.W)), unit(ops.matmul(b, self.W))
        e = ops.cast(self.s, "float32") * ops.matmul(u, ops.transpose(v, (0, 2, 1)))  # [B, T, S]
        weights = ops.softmax(ops.where(b_mask[:, None], e, -1e9), axis=-1)
        weights = ops.where(b_mask[:, None], weights, 0.0)
        return ops.cast(ops.matmul(weights, ops.where(b_mask[..., None], ops.cast(b, "float32"), 0.0)), a.dtype)

    def compute_output_shape(
        self,
        a_shape: tuple[int | None, ...],
        b_shape: tuple[int | None, ...] | None = None,
        b_mask_shape: tuple[int | None, ...] | None = None,
    ) -> tuple[int | None, ...]:
        return a_shape
