"""A linear-chain conditional random field: layer, loss, and exact inference on the tensor of its potentials."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import scan

# The score of a forbidden move, instead of -inf, whose differences are NaN. exp(-1e4) is exactly 0 in float32, so
# forbidden moves change no sum of allowed ones, and a chain of forbidden moves still has a finite score.
FORBIDDEN = -1e4


@keras.saving.register_keras_serializable("seqzoo")
class CRF(keras.layers.Layer):
    """Computes the potentials of a linear-chain conditional random field: the score of each move from tag to tag.

    With emissions e [B, T, K], transitions A [K, K], start a [K] and end b [K], a sequence of tags y has the score

        s(x, y) = a[y_1] + sum_t e[t, y_t] + sum_{t>1} A[y_{t-1}, y_t] + b[y_T]        p(y | x) = exp(s(x, y)) / Z(x)

    The layer returns the potentials [B, T, K, K]: `potentials[b, t, i, j]` is the score of the move from tag i at t-1
    to tag j at t. The first step has no i: all its rows are equal, and row 0 is read. Padded steps hold identity moves,
    0 for staying and `FORBIDDEN` for changing, which leave a chain unchanged. So the potentials contain start, end,
    mask and constraints, and the functions below need neither the layer nor the mask.

    Weights start at zero, so that a new layer is a plain softmax over the tags. All is float32 under any dtype policy.

    Args:
        allowed: None, or hard constraints (start [K], transitions [K, K], end [K]) of 0 and 1: where 0, `FORBIDDEN` is
            added to the score. A gold sequence that violates them has a finite loss, about 1e4 for each violation.

    Call:
        emissions: [B, T, K].
        mask: [B, T], True at real steps; padding is on the right. A fully masked row has loss 0.

    Sources: Lafferty et al. (2001), Conditional random fields; Collobert et al. (2011), Natural language processing
    (almost) from scratch, section 3.2.2; Lample et al. (2016), Neural architectures for named entity recognition,
    equations 1-2.
    """

    def __init__(self, allowed=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # 16 bits are too few for sums over the chain
        self.supports_masking = True
        if allowed is not None:
            allowed = [np.asarray(part, "int32").tolist() for part in allowed]
            shapes = [np.shape(part) for part in allowed]
            if len(shapes) != 3 or shapes != [shapes[0], shapes[0] * 2, shapes[0]] or len(shapes[0]) != 1:
                raise ValueError(f"allowed must be (start [K], transitions [K, K], end [K]). Received shapes: {shapes}")
        self.allowed = allowed

    def build(self, emissions_shape: Sequence[int | None]) -> None:
        size = emissions_shape[-1]
        if self.allowed is not None and len(self.allowed[0]) != size:
            raise ValueError(f"allowed is for {len(self.allowed[0])} tags. Received emissions for {size} tags")
        self.start = self.add_weight(name="start", shape=(size,), initializer="zeros")
        self.transitions = self.add_weight(name="transitions", shape=(size, size), initializer="zeros")
        self.end = self.add_weight(name="end", shape=(size,), initializer="zeros")

    def call(self, emissions: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
        _, length, size = ops.shape(emissions)
        allowed = (1, 1, 1) if self.allowed is None else self.allowed
        start, transitions, end = (  # [K], [K, K], [K]
            weight + FORBIDDEN * (1 - np.asarray(part, "float32"))
            for weight, part in zip((self.start, self.transitions, self.end), allowed, strict=True)
        )
        mask = ops.ones_like(emissions[..., 0], "bool") if mask is None else ops.cast(mask, "bool")  # [B, T]
        last = ops.logical_and(mask, ops.logical_not(ops.pad(mask[:, 1:], [[0, 0], [0, 1]])))  # [B, T]
        kinds = ops.where(mask, ops.cast(ops.arange(length, dtype="int32") > 0, "int32"), 2)  # [B, T]
        moves = ops.stack([ops.broadcast_to(start, (size, size)), transitions, _identity(size)])  # [3, K, K]
        entries = ops.where(mask[..., None], emissions + ops.where(last[..., None], end, 0.0), 0.0)  # [B, T, K]
        return ops.take(moves, kinds, axis=0) + entries[:, :, None]  # [B, T, K, K]

    def compute_mask(self, emissions: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None  # the potentials contain the mask

    def get_config(self) -> dict:
        return {**super().get_config(), "allowed": self.allowed}


@keras.saving.register_keras_serializable("seqzoo")
class CRFLoss(keras.losses.Loss):
    """-log p(tags | x), split into per-token contributions: tags [B, T], potentials [B, T, K, K] -> [B, T].

    Padded steps contribute 0. With sample weights of 1 at real steps and 0 at padded ones, the default reduction gives
    the mean over real tokens.
    """

    def __init__(self, reduction="mean_with_sample_weight", name="crf_loss", **kwargs):
        super().__init__(reduction=reduction, name=name, **{"dtype": "float32", **kwargs})  # 16 bits are too few

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        return negative_log_likelihood(y_true, y_pred)


def log_partition(potentials: keras.KerasTensor) -> keras.KerasTensor:
    """Returns log Z(x), the log of the sum of exp(score) over all sequences: potentials [B, T, K, K] -> [B]."""
    return ops.sum(ops.where(_padded(potentials), 0.0, _log_growth(potentials)), axis=-1)


def negative_log_likelihood(tags: keras.KerasTensor, potentials: keras.KerasTensor) -> keras.KerasTensor:
    """Returns each token's contribution to -log p(tags | x): tags [B, T], potentials [B, T, K, K] -> [B, T].

    It is (log Z_t - log Z_{t-1}) - potentials[t, y_{t-1}, y_t], where Z_t is the sum over the sequences up to t. The
    contributions add up to -log p(tags | x); a single one may be negative. Padded steps contribute 0, whatever the tag.
    """
    size = potentials.shape[-1]
    tags = ops.cast(tags, "int32")
    moves = ops.pad(tags[:, :-1], [[0, 0], [1, 0]]) * size + tags  # [B, T], in the flattened K x K
    moves = ops.one_hot(moves, size * size, dtype=potentials.dtype)  # the gradient of a gather is slower
    moves = ops.reshape(moves, ops.shape(potentials))
    gold = ops.sum(moves * potentials, axis=(-2, -1))  # [B, T]
    return ops.where(_padded(potentials), 0.0, _log_growth(potentials) - gold)


def viterbi(potentials: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Finds the best sequence: potentials [B, T, K, K] -> tags [B, T], scores [B]. See `nbest` for padding."""
    tags, scores = nbest(potentials, 1)
    return tags[:, 0], scores[:, 0]


def nbest(potentials: keras.KerasTensor, n: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Finds the n best sequences, best first: potentials [B, T, K, K] -> tags [B, n, T], scores [B, n].

    List Viterbi (Seshadri and Sundberg, 1994) keeps the n best ways to reach each tag, which is exact. Padded steps
    repeat the last real tag (0 in a fully masked row). If there are fewer than n allowed sequences, the others have
    meaningless tags, and scores lower by about `FORBIDDEN` (test: score - log_partition(potentials) < FORBIDDEN / 2).
    """
    batch, length, size, _ = ops.shape(potentials)
    # [B, K, n]: one way to begin (see `_begin`)
    scores = ops.pad(_begin(potentials)[..., None], [[0, 0], [0, 0], [0, n - 1]], constant_values=FORBIDDEN)

    def extend(scores, moves):
        ways = scores[:, None] + ops.swapaxes(moves, 1, 2)[..., None]  # [B, K to, K from, n]
        return tuple(ops.top_k(ops.reshape(ways, (batch, size, size * n)), n))  # scores and origins, [B, K, n] each

    scores, origins = scan(extend, scores, _by_step(potentials), like=ops.zeros_like(scores, "int32"))
    origins = ops.reshape(origins, (length, batch, size * n))  # state = tag * n + rank
    scores, states = ops.top_k(ops.reshape(scores, (batch, size * n)), n)  # [B, n], [B, n]

    def retrace(states, origins):
        # Instead of take_along_axis, which LiteRT lacks, or one_hot, which ONNX lacks in loops.
        chosen = ops.cast(states[..., None] == ops.arange(size * n, dtype="int32"), "int32")  # [B, n, K n]
        return ops.sum(chosen * origins[:, None], axis=-1), states

    _, states = scan(retrace, states, origins, reverse=True)  # [T, B, n]
    return ops.transpose(states // n, (1, 2, 0)), scores


def marginals(potentials: keras.KerasTensor) -> keras.KerasTensor:
    """Returns p(tag_t = j | x), the confidence in each tag: [B, T, K, K] -> [B, T, K]; padding repeats the last."""
    alpha = _forward(potentials)
    end = ops.softmax(alpha[:, -1:])  # [B, 1, K]: the last step has seen all of x
    beta = _backward(_origins(alpha, potentials), ops.concatenate([ops.zeros_like(alpha[:, :-1]), end], axis=1))
    return ops.minimum(beta, 1.0)  # rounding over a long chain may exceed 1


def _by_step(x):
    """[B, T, ...] -> [T, B, ...]."""
    return ops.swapaxes(x, 0, 1)


def _identity(size):
    """Returns the moves of a padded step, [K, K]."""
    return FORBIDDEN * (1 - ops.eye(size, dtype="float32"))


def _padded(potentials):
    """Returns which steps are padded, [B, T]. A real step with the same potentials would also add 0."""
    return ops.all(potentials == _identity(potentials.shape[-1]), axis=(-2, -1))


def _begin(potentials):
    """Returns the scores before the first step, [B, K]: only tag 0, so that the first step reads row 0."""
    batch, _, size, _ = ops.shape(potentials)
    return ops.broadcast_to(_identity(size)[0], (batch, size))


def _forward(potentials):
    """alpha[t, j] = log sum_i p(tag_{t-1} = i | x_1..x_{t-1}) exp(potentials[t, i, j]), [B, T, K].

    Normalised at each step, so that log sum_j exp(alpha[t, j]) = log Z_t - log Z_{t-1} is exact however long the chain.
    """

    def step(alpha, moves):
        alpha = ops.logsumexp(ops.log_softmax(alpha)[..., None] + moves, axis=1)  # [B, K]
        return alpha, alpha

    _, alpha = scan(step, _begin(potentials), _by_step(potentials))  # [T, B, K]
    return ops.swapaxes(alpha, 0, 1)


def _origins(alpha, potentials):
    """p(tag_{t-1} = i | tag_t = j, x_1..x_t), [B, T, K, K]: the columns sum to 1."""
    before = ops.concatenate([_begin(potentials)[:, None], alpha[:, :-1]], axis=1)  # [B, T, K]
    return ops.exp(ops.log_softmax(before)[..., None] + potentials - alpha[:, :, None])


def _backward(origins, sources):
    """beta_t = sources_t + origins_{t+1} beta_{t+1}, [B, T, K]: propagates each step's sources back to the first."""

    def step(beta, row):
        origins, sources = row
        beta = beta + sources
        return ops.sum(origins * beta[:, None], axis=-1), beta  # faster on a CPU than a batch of small matmuls

    rows = _by_step(origins), _by_step(sources)
    _, beta = scan(step, ops.zeros_like(sources[:, 0]), rows, reverse=True)  # [T, B, K]
    return ops.swapaxes(beta, 0, 1)


@ops.custom_gradient
def _log_growth(potentials):
    """log Z_t - log Z_{t-1}, [B, T]. Its gradient is p(tag_{t-1}, tag_t | x), faster than backpropagation."""
    alpha = _forward(potentials)

    def gradient(upstream):  # [B, T], of each step's growth; so log Z_t gets upstream_t - upstream_{t+1}
        factors = upstream - ops.pad(upstream[:, 1:], [[0, 0], [0, 1]])
        origins = _origins(alpha, potentials)
        beta = _backward(origins, factors[..., None] * ops.softmax(alpha))  # [B, T, K]
        return origins * beta[:, :, None]

    return ops.logsumexp(alpha, axis=-1), gradient
