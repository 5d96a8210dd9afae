"""CTC decoding: turns the logits of frames into labels, with their times and confidences."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.decoding.beam import LEAST, NONE, top_k
from seqzoo.decoding.predictor import Predictor
from seqzoo.decoding.search import VARIANTS
from seqzoo.layers.crf import FORBIDDEN

if TYPE_CHECKING:
    from seqzoo import options


@keras.saving.register_keras_serializable("seqzoo")
class CTCDecode(keras.layers.Layer):
    """Decodes logits [B, T, V] of `models.transcriber`, with padded frames blank, into labels.

    Width 1 is greedy decoding: the labels of the most probable path (Graves et al., 2006, equation 4). A wider beam
    searches for the labels with the highest probability over all their paths, see `prefix_search`.

    Args:
        beam: width of the search.
        n_best: K, answers of each row, best first; the search keeps at least K prefixes.

    Outputs, a dict; greedy ones have no axis K:
        labels: [B, K, T], 0 after their ends.
        begin, end: [B, K, T], the frames of each label in its most probable path, the end exclusive.
        confidence: [B, K, T], the mean probability of each label over these frames.
        log_probability: [B, K], of the labels (greedy: of the path); -inf if a row has fewer answers.
    """

    def __init__(self, beam: int = 1, n_best: int = 1, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # 16 bits are too few for probabilities
        if min(beam, n_best) < 1:
            raise ValueError(f"beam and n_best should be at least 1. Received: {beam}, {n_best}")
        self.beam, self.n_best = beam, n_best
        self.supports_masking = True

    def compute_mask(self, logits: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None

    def call(self, logits: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        log_p = ops.log_softmax(logits)
        if self.beam == self.n_best == 1:
            best, path = ops.top_k(log_p, 1)  # not argmax, see models.tagger.Decode
            best = best[..., 0]
            return {**tokens_of(path[..., 0], ops.exp(best)), "log_probability": ops.sum(best, axis=1)}
        labels, scores = prefix_search(log_p, max(self.beam, self.n_best))
        labels, scores = labels[:, : self.n_best], scores[:, : self.n_best]
        rows, answers, steps = ops.shape(labels)
        log_p = ops.repeat(log_p, answers, axis=0)  # [B K, T, V]
        path = align(log_p, ops.reshape(labels, (rows * answers, steps)))
        p = ops.exp(ops.take_along_axis(log_p, path[..., None], axis=-1)[..., 0])
        found = {name: ops.reshape(x, (rows, answers, steps)) for name, x in tokens_of(path, p).items()}
        return {**found, "log_probability": scores}

    def get_config(self) -> dict:
        return {**super().get_config(), "beam": self.beam, "n_best": self.n_best}


class CTCPredictor(Predictor):
    """Answers batches of a transcriber by greedy decoding or prefix search, for `task.Task.predictor`.

    Args:
        model: from `models.transcriber`.
        loss: see `Predictor`.
        settings: options of the group `options.Decoding`, of which only the beam is used.
        n_best: how many different answers each row should have.

    Attributes:
        attends: False, since CTC has no attention.
    """

    attends = False

    def __init__(self, model, loss, settings, n_best: int = 1):
        super().__init__(model, CTCDecode(settings.beam, n_best)(model.output), loss)
        self.settings, self._loss, self._variants = settings, loss, {}

    def variant(
        self, settings: "options.Decoding", others: Callable | None = None, n_best: int = 1, score_labels: bool = True
    ) -> "CTCPredictor":
        """Returns a predictor of the same model with other settings, see `search.BeamPredictor.variant`."""
        key = settings, n_best
        if key not in self._variants:
            if len(self._variants) >= VARIANTS:
                del self._variants[next(iter(self._variants))]  # the oldest
            self._variants[key] = CTCPredictor(self.model, self._loss, settings, n_best)
        return self._variants[key]


def tokens_of(path: keras.KerasTensor | np.ndarray, p: keras.KerasTensor | np.ndarray) -> dict:
    """Returns the labels of paths: equal neighbours are merged and blanks are dropped.

    Args:
        path: [B, T] integers, 0 is the blank.
        p: [B, T], the probability of each frame's label.

    Returns:
        {"labels", "begin", "end", "confidence"}, [B, T] each, see `CTCDecode`; 0 after the labels.
    """
    path = ops.cast(path, "int32")
    step = ops.cumsum(ops.ones_like(path), axis=1)  # 1, 2 ... T
    first = ops.logical_and(path > 0, path != ops.pad(path[:, :-1], ((0, 0), (1, 0))))
    last = ops.logical_and(path > 0, path != ops.pad(path[:, 1:], ((0, 0), (0, 1))))
    # Sorting moves the selected frames to the front, in order: the others get T added.
    firsts, lasts = (ops.argsort(ops.where(x, step, step + ops.shape(path)[1]), axis=1) for x in (first, last))
    real = step <= ops.sum(ops.cast(first, "int32"), axis=1, keepdims=True)
    total = ops.cumsum(p, axis=1)
    begin, end = picked(step - 1, firsts), picked(step, lasts)
    mean = (picked(total, lasts) - picked(total - p, firsts)) / ops.cast(ops.maximum(end - begin, 1), p.dtype)
    return {
        "labels": ops.where(real, picked(path, firsts), 0),
        "begin": ops.where(real, begin, 0),
        "end": ops.where(real, end, 0),
        "confidence": ops.where(real, ops.minimum(mean, 1.0), 0.0),
    }


def picked(x: keras.KerasTensor, index: keras.KerasTensor) -> keras.KerasTensor:
    """Returns x[b, index[b, k]]: [B, N, ...], [B, K] -> [B, K, ...]. LiteRT lacks take_along_axis."""
    rows, size, *rest = ops.shape(x)
    flat = ops.cast(index, "int32") + ops.arange(rows, dtype="int32")[:, None] * size
    found = ops.take(ops.reshape(x, (rows * size, *rest)), ops.reshape(flat, (-1,)), axis=0)
    return ops.reshape(found, (*ops.shape(index), *rest))


def prefix_search(log_p: keras.KerasTensor, width: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Finds the likeliest labels by prefix beam search, in one loop over the frames.

    For each of the W best prefixes, the search keeps the probability of all paths that end in the blank, and of all
    paths that end in its last label. With log p(c) of a frame, a prefix y with last label l continues as

        y           blank: p(y) p(blank)        label: p_label(y) p(l)
        y c         label: p(y) p(c), if c = l only p_blank(y) p(c): without a blank the two would merge

    and if y c is among the W best already, both are merged.

    Sources: Graves et al., 2006, section 3.2; Hannun et al., 2014, First-Pass Large Vocabulary Continuous Speech
    Recognition using Bi-Directional Recurrent DNNs, algorithm 1, without its language model.

    Args:
        log_p: [B, T, V] log probabilities, padded frames blank (`layers.ctc.force_blank`).
        width: W.

    Returns:
        (labels [B, W, T], 0 after their ends; log probabilities [B, W], in falling order, -inf if there are fewer).
    """
    rows, steps, _ = ops.shape(log_p)
    # Up to W + 1 labels of a prefix yield no new prefix: its last label and the labels that merge.
    most = min(log_p.shape[-1] - 1, 2 * width + 1)
    frames = ops.transpose(log_p, (1, 0, 2))  # [T, B, V]
    position = ops.arange(steps, dtype="int32")
    none = ops.full((rows, width), NONE, "float32")
    start = (
        ops.where(ops.arange(width) == 0, 0.0, none),  # [B, W], log probability of paths that end in the blank
        none,  # [B, W], of paths that end in the last label
        ops.zeros((rows, width, steps), "int32"),  # the labels of the prefixes
        ops.zeros((rows, width), "int32"),  # their number
    )

    def step(t, blank, label, ids, length):
        now = frames[t]  # [B, V]
        best, labels = top_k(now[:, 1:], most)  # [B, M]
        labels = labels + 1
        total = ops.logaddexp(blank, label)
        last = ops.sum(ops.where(position == length[..., None] - 1, ids, 0), axis=-1)  # [B, W]
        of_last = picked(now, last)
        stay_blank, stay_label = total + now[:, :1], label + of_last
        # Whether prefix i is prefix j without its last label. [B, i, j]
        there = total > LEAST
        begun = ops.where(position < length[..., None] - 1, ids, 0)
        parent = ops.all(ids[:, :, None] == begun[:, None], axis=-1)
        parent = ops.logical_and(parent, length[:, :, None] + 1 == length[:, None])
        parent = ops.logical_and(parent, ops.logical_and(there[:, :, None], there[:, None]))
        gained = ops.where(last[:, :, None] == last[:, None], blank[..., None], total[..., None])
        gained = ops.max(ops.where(parent, gained, NONE), axis=1) + of_last
        stay_label = ops.logaddexp(stay_label, gained)
        longer = ops.where(labels[:, None] == last[..., None], blank[..., None], total[..., None]) + best[:, None]
        merged = ops.logical_and(parent[..., None], last[:, None, :, None] == labels[:, None, None])  # [B, i, j, M]
        longer = ops.where(ops.any(merged, axis=2), NONE, longer)  # [B, W, M]
        scores = [ops.logaddexp(stay_blank, stay_label), ops.reshape(longer, (rows, width * most))]
        scores, index = ops.top_k(ops.concatenate(scores, axis=1), width)
        index = ops.cast(index, "int32")
        stays = index < width
        origin = ops.where(stays, index, (index - width) // most)
        new = picked(labels, ops.where(stays, 0, (index - width) % most))
        before = picked(length, origin)
        grown = ops.logical_and(position == before[..., None], ops.logical_not(stays)[..., None])
        after = (
            ops.where(stays, picked(stay_blank, origin), NONE),
            ops.where(stays, picked(stay_label, origin), scores),
            ops.where(grown, new[..., None], picked(ids, origin)),
            before + ops.cast(ops.logical_not(stays), "int32"),
        )
        real = ops.any(now[:, 1:] > FORBIDDEN / 2, axis=-1)  # [B]
        kept = zip(after, (blank, label, ids, length), strict=True)
        kept = [ops.where(ops.reshape(real, (-1, *[1] * (len(x.shape) - 1))), x, old) for x, old in kept]
        return t + 1, *kept

    _, blank, label, ids, _ = ops.while_loop(lambda t, *_: t < steps, step, (0, *start))
    scores = ops.logaddexp(blank, label)
    there = scores > LEAST
    return ops.where(there[..., None], ids, 0), ops.where(there, scores, -np.inf)


def align(log_p: keras.KerasTensor, labels: keras.KerasTensor) -> keras.KerasTensor:
    """Finds the most probable path for the given labels (forced alignment), by the Viterbi algorithm.

    Args:
        log_p: [B, T, V], padded frames blank.
        labels: [B, U], 0 after their ends; T must be large enough for them.

    Returns:
        [B, T], the label or blank of each frame.
    """
    rows, size = ops.shape(labels)
    # The states of a path: blank, first label, blank, second label ... blank. [B, 2 U + 1]
    states = ops.reshape(ops.stack([ops.zeros_like(labels), labels], axis=-1), (rows, 2 * size))
    states = ops.pad(states, ((0, 0), (0, 1)))
    before = ops.pad(states[:, :-2], ((0, 0), (2, 0)))
    skips = ops.logical_and(states > 0, states != before)  # from a label to another one without a blank
    position = ops.arange(2 * size + 1, dtype="int32")

    def shifted(scores, by):
        return ops.pad(scores[:, :-by], ((0, 0), (by, 0)), constant_values=NONE)

    def extend(scores, now):
        ways = ops.stack([scores, shifted(scores, 1), ops.where(skips, shifted(scores, 2), NONE)], axis=-1)
        best, back = ops.top_k(ways, 1)  # ties go to staying
        return best[..., 0] + picked(now, states), ops.cast(back[..., 0], "int32")

    start = ops.where(position == 0, ops.zeros_like(states, "float32"), NONE)
    frames = ops.transpose(log_p, (1, 0, 2))
    scores, back = scan(extend, start, frames, like=ops.zeros_like(states, "int32"))
    end = 2 * ops.sum(ops.cast(labels > 0, "int32"), axis=1, keepdims=True)  # [B, 1]: the blank after all labels
    ends = ops.concatenate([end, ops.maximum(end - 1, 0)], axis=1)
    state = picked(ends, ops.top_k(picked(scores, ends), 1)[1])

    def retrace(state, back):
        return state - picked(back, state), picked(states, state)

    _, path = scan(retrace, state, back, reverse=True)  # [T, B, 1]
    return ops.transpose(path[..., 0])
