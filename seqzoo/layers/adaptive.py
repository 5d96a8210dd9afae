"""Adaptive softmax: clusters the vocabulary by frequency, so that rare tokens cost little time and memory."""

import itertools
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.rows import lookup
from seqzoo.layers.sampled import log_uniform
from seqzoo.layers.tokens import BLOCK, dropped_rows, log_sum_exp

NARROWEST = 8  # minimum width of a tail's vectors
SHARES = (0.8, 0.95)  # of the text covered before each cut-off: the head is small but covers most of the text


@keras.saving.register_keras_serializable("seqzoo")
class AdaptiveEmbedding(keras.layers.Layer):
    """Token embeddings and output layer of a clustered vocabulary, in place of `tokens.TokenEmbedding`.

    Tokens are ranked by frequency. Ranks below the first cut-off c_0 form the head, and ranks from c_{i-1} up to c_i
    form tail i, whose vectors have width d_i = D / factor^i, but at least min(8, D). With h the output of the model, r
    the rank of v:

        x = E_0[r] of the head, else E_i[r - c_{i-1}] P_i^T            E_i [n_i, d_i], P_i [D, d_i]
        p(v | h) = softmax(h [E'_0; C]^T + b_0)_r                      of the head; C [tails, D]
        p(v | h) = p(tail i | h) softmax(h P'_i E'_i^T + b_i)_{r - c_{i-1}}     p(tail i | h): C's part of the head

    E' = E and P' = P if `tied`. The distribution is exact and normalised. In training the head is computed at all
    positions, and each tail only where it contains the target.

    Padding, id 0, belongs to the head, and has probability 0.

    Sources: Grave et al., 2017, Efficient softmax approximation for GPUs; Baevski & Auli, 2019, Adaptive Input
    Representations for Neural Language Modeling (the embeddings, tied).

    Args:
        tokens: V, including padding.
        dim: D.
        cutoffs: the ranks c_0 < c_1 ... below V; empty: chosen by `covering`.
        counts: [V], how often each id occurs in training; None: ids are ranked by frequency.
        factor: how many times narrower each tail is than the one before.
        tied: whether embeddings and output share their tables.
        dropout: share of the tokens whose embedding is dropped in training.
        ranked: whether ids are ranked by frequency; None: the counts decide.
    """

    def __init__(
        self,
        tokens: int,
        dim: int,
        cutoffs: Sequence[int] = (),
        counts: np.ndarray | None = None,
        factor: int = 4,
        tied: bool = True,
        dropout: float = 0.0,
        ranked: bool | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.tokens, self.dim, self.factor, self.tied, self.dropout = tokens, dim, factor, tied, dropout
        self.supports_masking = True  # values at padding are never used
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA needs static shapes, see `_members`
        self.noise = keras.random.SeedGenerator() if dropout else None
        self.counts = log_uniform(tokens) if counts is None else np.array(counts, "float64")
        self.counts[0] = self.counts.max() + 1  # padding is first, whatever its count
        self.ranked = bool((np.diff(self.counts) <= 0).all()) if ranked is None else ranked
        self.cutoffs = (*map(int, cutoffs),) or covering(self.counts)
        check_cutoffs(self.cutoffs, tokens)
        self.bounds = [*itertools.pairwise((*self.cutoffs, tokens))]  # of each tail
        self.widths = [max(min(NARROWEST, dim), dim // factor**tail) for tail in range(1, 1 + len(self.bounds))]

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        start = keras.initializers.RandomUniform(-0.1, 0.1)

        def table(name, rows, width=self.dim, start=start):
            return self.add_weight((rows, width), start, name=name, autocast=False)

        def tables(name):
            parts = list(zip(self.bounds, self.widths, strict=True))
            head = table(f"{name}_head", self.cutoffs[0])
            tails = [table(f"{name}_tail{i}", end - begin, d) for i, ((begin, end), d) in enumerate(parts, 1)]
            spread = keras.initializers.GlorotUniform()
            return (
                head,
                tails,
                [table(f"{name}_projection{i}", self.dim, d, spread) for i, (_, d) in enumerate(parts, 1)],
            )

        self.inputs = tables("embeddings")
        self.outputs = self.inputs if self.tied else tables("output_embeddings")
        self.clusters = table("clusters", len(self.bounds))
        sizes = [self.cutoffs[0] + len(self.bounds), *(end - begin for begin, end in self.bounds)]
        self.biases = [
            self.add_weight((size,), "zeros", name=f"bias{i}", autocast=False) for i, size in enumerate(sizes)
        ]
        self.rank = None
        if not self.ranked:
            rank = np.argsort(np.argsort(-self.counts, kind="stable"), kind="stable")

            def ranks(shape, dtype=None):
                return ops.convert_to_tensor(rank, dtype)

            self.rank = self.add_weight((self.tokens,), ranks, "int32", trainable=False, name="rank")

    def call(self, x: keras.KerasTensor, reverse: bool = False, training: bool = False) -> keras.KerasTensor:
        if reverse:
            return self._distribution(x)
        ids, rank = ops.reshape(x, (-1,)), self._ranks(ops.reshape(x, (-1,)))  # [P]
        head, tails, projections = self.inputs
        common = rank < self.cutoffs[0]
        vectors = lookup(head, ops.where(common, rank, 0)) * ops.cast(common, head.dtype)[:, None]  # [P, D]
        vectors = ops.cast(vectors, self.compute_dtype)
        for (begin, end), table, projection in zip(self.bounds, tails, projections, strict=True):
            positions, own, inside = _members(rank, begin, end, training)
            rows = ops.cast(lookup(table, own) * ops.cast(inside, table.dtype)[:, None], self.compute_dtype)
            own = ops.matmul(rows, ops.transpose(ops.cast(projection, self.compute_dtype)))
            vectors = _added(vectors, positions, own)
        if training and self.dropout:
            kept = dropped_rows(self.tokens, ids, self.dropout, self.noise)
            vectors = vectors * ops.cast(kept, vectors.dtype)
        return ops.reshape(vectors, (*ops.shape(x), self.dim))

    def _ranks(self, ids):
        return ops.cast(ids, "int32") if self.rank is None else ops.take(self.rank, ids)

    def _head(self, x):
        """Returns the logits [..., c_0 + tails] of the head, in float32."""
        table = ops.concatenate([self.outputs[0], self.clusters])
        barred = 1e4 * ops.cast(ops.arange(table.shape[0], dtype="int32") == 0, "float32")
        scores = ops.matmul(x, ops.transpose(ops.cast(table, x.dtype)))
        return ops.cast(scores, "float32") + self.biases[0] - barred

    def _narrow(self, x, tail):
        return ops.matmul(x, ops.cast(self.outputs[2][tail], x.dtype))

    def _tail(self, x, tail):
        """Returns the logits [..., n_i] of a tail's tokens, in float32."""
        scores = ops.matmul(self._narrow(x, tail), ops.transpose(ops.cast(self.outputs[1][tail], x.dtype)))
        return ops.cast(scores, "float32") + self.biases[1 + tail]

    def _distribution(self, x):
        """Returns log p of all tokens: [B, T, D] -> [B, T, V]."""
        first, head = self.cutoffs[0], ops.log_softmax(self._head(x), axis=-1)
        parts = [head[..., :first]]
        for tail in range(len(self.bounds)):
            parts += [head[..., first + tail, None] + ops.log_softmax(self._tail(x, tail), axis=-1)]
        joined = ops.concatenate(parts, axis=-1)
        return joined if self.rank is None else ops.take(joined, self.rank, axis=-1)

    def log_probabilities(
        self, x: keras.KerasTensor, ids: keras.KerasTensor, training: bool = False
    ) -> keras.KerasTensor:
        """Returns the exact log p of one token at each position: [B, T, D], [B, T] -> [B, T].

        The scores of a large tail are never all held at once, except in training, where the gradients need them.
        """
        shape = ops.shape(ids)
        x, rank = ops.reshape(x, (-1, self.dim)), self._ranks(ops.reshape(ids, (-1,)))
        cluster = sum(ops.cast(rank >= begin, "int32") for begin, _ in self.bounds)  # 0: the head
        first = self.cutoffs[0]
        log_p = _chosen(self._head(x), ops.where(cluster > 0, first + cluster - 1, rank))
        for tail, (begin, end) in enumerate(self.bounds):
            positions, own, inside = _members(rank, begin, end)
            h = x if positions is None else ops.take(x, positions, axis=0)
            if training or end - begin <= BLOCK:
                scores = _chosen(self._tail(h, tail), own)
            else:
                h, table, bias = self._narrow(h, tail), self.outputs[1][tail], self.biases[1 + tail]
                right = ops.sum(h * ops.cast(lookup(table, own), h.dtype), axis=-1)
                scores = ops.cast(right, "float32") + lookup(bias, own) - log_sum_exp(h, table, bias)
            scores = scores * ops.cast(inside, "float32")
            log_p = _added(log_p, positions, scores)
        return ops.reshape(log_p, shape)

    def target_logits(self, x: keras.KerasTensor, ids: keras.KerasTensor) -> keras.KerasTensor:
        """Returns logits [B, T, 2] of the target and of all other tokens together, for a cross-entropy with label 0."""
        log_p = self.log_probabilities(x, ids, training=True)
        rest = ops.log(-ops.expm1(ops.minimum(log_p, -1e-7)))
        return ops.stack([log_p, rest], axis=-1)

    def compute_output_spec(
        self, x: keras.KerasTensor, reverse: bool = False, training: bool = False
    ) -> keras.KerasTensor:
        if reverse:
            return keras.KerasTensor((*x.shape[:-1], self.tokens), dtype="float32")
        return keras.KerasTensor((*x.shape, self.dim), dtype=self.compute_dtype)

    def get_config(self) -> dict:
        names = ("tokens", "dim", "cutoffs", "factor", "tied", "dropout", "ranked")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _chosen(logits, ids):
    """Returns log softmax(logits)[id]: [P, V], [P] -> [P], by the operation with the fastest gradient."""
    return -ops.sparse_categorical_crossentropy(ids, logits, from_logits=True)


def _members(rank, begin: int, end: int, alone: bool = True) -> tuple:
    """Finds a cluster's members among ranks [P]; returns (positions, ranks within the cluster, 1 or 0 for membership).

    With `alone`, on TensorFlow, only members are returned. Other backends and exports need static shapes: there the
    positions are None, which means all P, and ids outside the cluster get rank 0.
    """
    inside = ops.logical_and(rank >= begin, rank < end)
    if alone and keras.backend.backend() == "tensorflow":
        positions = ops.cast(ops.nonzero(inside)[0], "int32")
        return positions, ops.take(rank, positions) - begin, ops.ones_like(positions)
    return None, ops.where(inside, rank - begin, 0), inside


def _added(total, positions, values):
    """Adds values to `total` [P, ...] at the given positions; None: at all positions."""
    return total + values if positions is None else total + ops.scatter(positions[:, None], values, ops.shape(total))


def check_cutoffs(cutoffs: Sequence[int], tokens: int) -> None:
    """Raises a ValueError unless cut-offs rise, leave tokens in each cluster, and are below V."""
    if not cutoffs or min(cutoffs) < 1 or [*cutoffs] != sorted({*cutoffs}) or cutoffs[-1] >= tokens:
        given = ", ".join(map(str, cutoffs)) or "none"
        raise ValueError(
            f"Cut-offs of an adaptive softmax should rise, from 1 on, and be below the {tokens:,} tokens of the "
            f"vocabulary, such as {max(1, tokens // 10)}. Received: {given}"
        )


def covering(counts: np.ndarray) -> tuple[int, ...]:
    """Chooses cut-offs so that the tokens before them cover `SHARES` of the text; a tiny vocabulary gets fewer.

    Args:
        counts: [V], how often each id occurs; the first is padding.
    """
    V = len(counts)
    covered = np.cumsum(np.sort(counts[1:])[::-1]) / counts[1:].sum()
    ranks = (2 + np.searchsorted(covered, SHARES)).clip(1, V - 1)  # after padding and the token that reaches the share
    return (*sorted({*ranks.tolist()}),)
