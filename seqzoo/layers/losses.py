"""Losses that Keras lacks."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy with label smoothing: a label gets probability 1 - e, and all ids but padding share the rest.

        L = -(1 - e) log p(y) - e / (V - 1) sum_{0 < v < V} log p(v)        log p(v) = z_v - log sum_w exp(z_w)

    Labels [B, T] integers, logits z [B, T, V] -> [B, T]. No one-hot labels are built.

    Source: Szegedy et al., 2016, Rethinking the Inception Architecture for Computer Vision, section 7; Pereyra et al.,
    2017, Regularizing Neural Networks by Penalizing Confident Output Distributions.

    Args:
        smoothing: e, from 0 to 1; 0: the plain cross-entropy.
        tokens: V, if it is followed by logits of ids that only some examples have; None: all logits.
        reduction: as in Keras; by default the mean over the sample weights.
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        tokens: int | None = None,
        reduction: str = "mean_with_sample_weight",
        name: str = "smoothed_crossentropy",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing should be at least 0 and below 1. Received: {smoothing}")
        self.smoothing, self.tokens = smoothing, tokens

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        y, z = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        V, e = self.tokens or z.shape[-1], self.smoothing
        ids = ops.arange(ops.shape(z)[-1], dtype="int32")
        spread = ops.cast(ops.logical_and(ids > 0, ids < V), "float32") * (e / (V - 1))

        # The gradient is written by hand, dL/dz_v = p(v) - (1 - e) [v = y] - e / (V - 1) [v > 0]: one pass over the
        # exponentials. TensorFlow's own operation takes three times as long, the gradient of a gather as long again.
        @ops.custom_gradient
        def run(z):
            top = ops.max(z, axis=-1, keepdims=True)  # [B, T, 1]
            exp = ops.exp(z - top)
            total = ops.sum(exp, axis=-1, keepdims=True)
            right = ops.take_along_axis(z, y[..., None], axis=-1)
            # A matrix product, since the score of padding would make a sum imprecise.
            loss = ops.log(total) + top - (1 - e) * right - ops.matmul(z, spread[:, None])

            def gradient(*args, upstream=None):
                d = (args[0] if upstream is None else upstream)[..., None]  # [B, T, 1]
                return exp * (d / total) - d * ops.where(ops.equal(ids, y[..., None]), 1 - e + spread, spread)

            return loss[..., 0], gradient

        return run(z)

    def get_config(self) -> dict:
        return {**super().get_config(), "smoothing": self.smoothing, "tokens": self.tokens}


@keras.saving.register_keras_serializable("seqzoo")
class RankingLoss(keras.losses.Loss):
    """Losses that compare the score r of the right item with the other scores, mostly with the highest ones.

        bpr_max    -log sum_j s_j sigmoid(r - z_j) + c sum_j s_j z_j^2
        top1_max   sum_j s_j (sigmoid(z_j - r) + sigmoid(z_j^2))              s = softmax(z) over the others

    Labels [B, T] integers, scores z [B, T, V], of all items or of the right one and a sample -> [B, T].

    Source: Hidasi & Karatzoglou, 2018, Recurrent Neural Networks with Top-k Gains for Session-based Recommendations,
    equations 6 and 9.

    Args:
        kind: "bpr_max" or "top1_max".
        regularization: c of bpr_max.
        reduction: as in Keras; by default the mean over the sample weights.
    """

    def __init__(
        self,
        kind: str = "bpr_max",
        regularization: float = 1.0,
        reduction: str = "mean_with_sample_weight",
        name: str = "ranking_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if kind not in ("bpr_max", "top1_max"):
            raise ValueError(f"kind should be bpr_max or top1_max. Received: {kind!r}")
        self.kind, self.regularization = kind, regularization

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        y, z = ops.cast(y_true, "int32")[..., None], ops.cast(y_pred, "float32")
        right = ops.take_along_axis(z, y, axis=-1)  # [B, T, 1]
        # The right item and items that are never predicted, with scores of -1e4 or below, get no weight.
        other = ops.logical_and(ops.not_equal(ops.arange(z.shape[-1], dtype="int32"), y), z > -5e3)
        log_s = ops.log_softmax(ops.where(other, z, -1e9))
        z = ops.where(other, z, 0.0)
        s = ops.exp(log_s)
        if self.kind == "bpr_max":
            likelihood = -ops.logsumexp(log_s + ops.log_sigmoid(right - z), axis=-1)
            return likelihood + self.regularization * ops.sum(s * ops.square(z), axis=-1)
        return ops.sum(s * (ops.sigmoid(z - right) + ops.sigmoid(ops.square(z))), axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "kind": self.kind, "regularization": self.regularization}
