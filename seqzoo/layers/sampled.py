"""Sampled softmax: training on the scores of the targets and of a few shared negatives instead of all V tokens."""

import keras
import numpy as np
from keras import ops

from seqzoo.layers.tokens import NEVER


@keras.saving.register_keras_serializable("seqzoo")
class NegativeSampler(keras.layers.Layer):
    """Draws N ids, with replacement, that all positions of a batch share as negatives.

        q(v) ~ (count(v) + 1)^power                          with counts
        q(v) ~ log(v + 2) - log(v + 1)                       without: log-uniform, if ids are ranked by frequency

    Padding, id 0, is never drawn. A draw takes constant time for any V: a random id is kept or replaced by its alias
    (Walker, 1977). The state is a seed generator, which checkpoints save.

    Args:
        tokens: V, including padding.
        negatives: N.
        counts: [V], how often each id occurs in training; None: unknown.
        power: 1: ids are drawn as often as they occur; below 1: rare ids more often, as in word2vec (0.75).
        seed: seed of the draws.
    """

    def __init__(
        self,
        tokens: int,
        negatives: int,
        counts: np.ndarray | None = None,
        power: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 0 < negatives or tokens < 2:
            raise ValueError(f"negatives should be at least 1 and tokens 2. Received: {negatives}, {tokens}")
        if counts is not None and len(counts) != tokens:
            raise ValueError(f"counts should be one for each of {tokens:,} tokens. Received: {len(counts):,}")
        self.tokens, self.negatives, self.power = tokens, negatives, power
        self.generator = keras.random.SeedGenerator(seed)
        q = log_uniform(tokens) if counts is None else (np.asarray(counts, "float64") + 1) ** power
        q[0] = 0
        q /= q.sum()
        threshold, alias = aliases(q)
        q[0] = 1  # its logarithm is never used

        def constant(name, values, dtype):
            def start(shape, dtype=None):
                return ops.convert_to_tensor(values, dtype)

            return self.add_weight((tokens,), start, dtype, trainable=False, autocast=False, name=name)

        self.threshold = constant("threshold", threshold, "float32")
        self.alias = constant("alias", alias, "int32")
        self.log_q = constant("log_q", np.log(q * negatives), "float32")
        self.built = True

    def draw(self) -> keras.KerasTensor:
        """Draws N ids [N], int32."""
        ids = keras.random.randint((self.negatives,), 0, self.tokens, seed=self.generator)
        kept = keras.random.uniform((self.negatives,), seed=self.generator) < ops.take(self.threshold, ids)
        return ops.where(kept, ids, ops.take(self.alias, ids))

    def log_expected(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        """Returns log(N q(id)) of ids of any shape, how often each is expected among the N: log Q below."""
        return ops.take(self.log_q, ids)

    def get_config(self) -> dict:
        config = {"tokens": self.tokens, "negatives": self.negatives, "power": self.power}
        return {**super().get_config(), **config}


def sampled_logits(
    target_scores: keras.KerasTensor,
    negative_scores: keras.KerasTensor,
    targets: keras.KerasTensor,
    negatives: keras.KerasTensor,
    log_q: keras.KerasTensor | None = None,
) -> keras.KerasTensor:
    """Returns logits of the target, which comes first, and the negatives, for a cross-entropy with label 0.

        z_0 = s(target),   z_n = s(negative n) - log Q(negative n)

    With log Q(v) = log(N q(v)), sum_n exp(z_n) estimates the sum of exp(s(v)) over all v but the target without bias,
    so the loss approaches that of the full softmax as N grows. The target is always present, so it is not corrected.
    A negative that is the target (an accidental hit) is ignored.

    Sources: Jean et al., 2015, On Using Very Large Target Vocabulary for Neural Machine Translation, section 3; Bengio
    & Senécal, 2008, Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language Model.

    Args:
        target_scores: [..., T], scores of the target of each position.
        negative_scores: [..., T, N], scores of the shared negatives.
        targets: [..., T], ids.
        negatives: [N], ids.
        log_q: [N], `NegativeSampler.log_expected(negatives)`; None: no correction, for losses that rank.

    Returns:
        [..., T, 1 + N], float32.
    """
    target_scores, z = ops.cast(target_scores, "float32"), ops.cast(negative_scores, "float32")
    z = z if log_q is None else z - log_q
    hits = ops.equal(ops.cast(targets, "int32")[..., None], ops.cast(negatives, "int32"))
    return ops.concatenate([target_scores[..., None], ops.where(hits, NEVER, z)], axis=-1)


def log_uniform(tokens: int) -> np.ndarray:
    """Returns weights [V] log(v + 2) - log(v + 1), close to Zipf's law if ids are ranked by frequency."""
    return np.diff(np.log(np.arange(1, tokens + 2)))


def aliases(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns tables to draw from a distribution q [V] in constant time: a random id v is kept with probability
    threshold[v], and otherwise replaced by alias[v].

    Source: Walker, 1977; Vose, 1991, A Linear Algorithm for Generating Random Numbers with a Given Distribution.

    Returns:
        (threshold [V], alias [V]).
    """
    scaled = (q * len(q)).tolist()
    threshold, alias = [1.0] * len(scaled), [*range(len(scaled))]
    small = [v for v, p in enumerate(scaled) if p < 1]
    large = [v for v, p in enumerate(scaled) if p >= 1]
    while small and large:
        v, w = small.pop(), large[-1]
        threshold[v], alias[v] = scaled[v], w
        scaled[w] -= 1 - scaled[v]
        if scaled[w] < 1:
            small.append(large.pop())
    return np.array(threshold), np.array(alias)
