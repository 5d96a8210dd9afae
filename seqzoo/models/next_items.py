"""Decodes a language model of items: ranks all items by how likely each follows a history."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.layers.tokens import NEVER
from seqzoo.models.language_model import without_scores

COUNT = 100  # items in an answer
BEGIN = 1  # the id before the first item of a history, and of unknown items; never predicted


class NextItems:
    """Ranks all items after histories, for evaluation and prediction.

    Args:
        model: from `language_model`; the weights are shared with it. Histories begin with the id `BEGIN`.
        repeats: whether items of the history are candidates, too.
        trained: whether the model was trained with the cross-entropy, so that its mean loss can be compared.
        count: K, how many items are returned; all if there are fewer candidates.

    Call it with (inputs, labels, weights) of a batch: {"tokens": [B, T]} histories, padded with 0 on the right; labels
    and weights [B, T] hold the next item and its weight at the last real step. Returns {name: NumPy array}:

        items, probabilities   [B, K], the likeliest candidates, and their softmax over the candidates
        higher, equal          [B], how many candidates score higher than the right item, and how many others
                               equally high; `higher` is V if the right item is not a candidate

    The mean loss is the training loss, the cross-entropy over all V.
    """

    def __init__(self, model: keras.Model, repeats: bool = False, trained: bool = True, count: int = COUNT):
        self.reader, self.repeats, self.trained = model.get_layer("reader"), repeats, trained
        self.states, self.table = without_scores(self.reader)
        self.tokens = self.reader.outputs[0].shape[-1]
        self.count = min(count, self.tokens)
        ids = keras.KerasTensor([None, None], "int32")
        bools = keras.KerasTensor([], "bool")
        self._run = compiled(self._ranked, (ids, ids, keras.KerasTensor([None, None], "float32"), bools))
        self._nats = np.zeros(2)  # the weighted sum, and the sum of weights

    def scores(self, tokens: keras.KerasTensor, repeats: keras.KerasTensor | bool) -> tuple:
        """Returns (scores [B, V] of the items after histories [B, T], candidates [B, V] booleans); see the class."""
        zeros = [
            ops.tile(ops.zeros_like(tokens[:, :1], dtype=x.dtype), (1, x.shape[-1])) for x in self.reader.inputs[1:]
        ]
        hidden = self.states([tokens, *zeros], training=False)[0]  # [B, T, D]
        last = ops.sum(ops.cast(tokens > 0, "int32"), axis=1) - 1  # [B]
        hidden = ops.take_along_axis(hidden, last[:, None, None], axis=1)[:, 0]  # [B, D]
        scores = ops.cast(self.table(hidden, reverse=True), "float32")
        return scores, self._candidates(tokens, repeats)

    def _candidates(self, tokens, repeats):
        B, T = ops.shape(tokens)[0], ops.shape(tokens)[1]
        barred = ops.where(repeats, 0, tokens)
        rows = ops.tile(ops.arange(B, dtype="int32")[:, None], (1, T))
        places = ops.reshape(ops.stack([rows, barred], axis=-1), (-1, 2))
        hits = ops.scatter(places, ops.ones_like(places[:, 0], dtype="float32"), (B, self.tokens))
        special = ops.arange(self.tokens, dtype="int32") <= BEGIN
        return ops.logical_not(ops.logical_or(hits > 0, special))

    def best(self, scores: keras.KerasTensor, candidates: keras.KerasTensor) -> dict:
        """Returns {"items", "probabilities"} [B, K] of scores and candidates [B, V]."""
        p = ops.softmax(ops.where(candidates, scores, NEVER)) * ops.cast(candidates, "float32")  # 0 without candidates
        probabilities, items = ops.top_k(p, self.count)
        return {"items": items, "probabilities": probabilities}

    def _ranked(self, tokens, labels, weights, repeats):
        scores, candidates = self.scores(tokens, repeats)
        last = ops.sum(ops.cast(tokens > 0, "int32"), axis=1, keepdims=True) - 1  # [B, 1]
        right, weight = (ops.take_along_axis(x, last, axis=1) for x in (labels, weights))  # [B, 1]
        target = ops.take_along_axis(scores, right, axis=1)
        possible = ops.take_along_axis(candidates, right, axis=1)[:, 0]
        higher, equal = (
            ops.sum(ops.cast(ops.logical_and(found, candidates), "int32"), axis=1)
            for found in (scores > target, ops.equal(scores, target))
        )
        nats = (ops.logsumexp(scores, axis=1) - target[:, 0]) * weight[:, 0]
        ranks = {"higher": ops.where(possible, higher, self.tokens), "equal": ops.where(possible, equal - 1, 0)}
        return {**ranks, **self.best(scores, candidates)}, ops.stack([ops.sum(nats), ops.sum(weight)])

    def __call__(self, inputs: dict, labels, weights, repeats: bool | None = None) -> dict:
        repeats = self.repeats if repeats is None else repeats
        given = (inputs["tokens"], "int32"), (labels, "int32"), (weights, "float32"), (repeats, "bool")
        arrays = (ops.convert_to_tensor(array, kind) for array, kind in given)
        found, nats = self._run(*arrays)
        self._nats += np.asarray(nats)
        return {name: np.asarray(array) for name, array in found.items()}

    def mean_loss(self) -> dict:
        """Returns {"loss": mean over the batches since the last call}; {} without batches, or if not `trained`."""
        nats, self._nats = self._nats, np.zeros(2)
        return {"loss": float(nats[0] / nats[1])} if nats[1] and self.trained else {}
