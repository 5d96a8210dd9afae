"""Beam search: finds the likeliest sequences of any model that predicts the next id, a batch in one compiled loop."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.decoding.steps import NONE, Categorical, barred, check_ids, opened

LEAST = -1e8  # a lower score means that there is no hypothesis


class Answers(NamedTuple):
    """The results of a beam search for B rows, the K best answers of each, as NumPy arrays.

    ids: [B, K, N] without the end mark, 0 after the end; N is the length of the longest answer.
    scores: [B, K], the ranking scores, in falling order. log_probabilities: [B, K], of all ids and the end mark.
    lengths: [B, K], without the end mark. Only an answer that was cut off reaches its row's limit.
    attention: [B, K, N, S], the attention when each id was chosen, 0 after the end; None if the model has none.

    If a row has fewer than K answers, the others have score and log probability -inf and length 0.
    """

    ids: np.ndarray
    scores: np.ndarray
    log_probabilities: np.ndarray
    lengths: np.ndarray
    attention: np.ndarray | None


class Open(NamedTuple):
    """The J unfinished hypotheses of each row, likeliest first, in the form that the loop carries; R = B J."""

    log_p: Any  # [B, J]; NONE: there is no such hypothesis
    ids: Any  # [R], the last id, not read yet
    state: Any  # lists of [R, ...]
    trail: Any  # [R, N, 2]: each id, and the index 0..J-1 of the hypothesis that chose it in its step
    coverage: Any  # [R, S], the sum of the attention so far


class Closed(NamedTuple):
    """The K best finished hypotheses of each row, best first."""

    scores: Any  # [B, K]; NONE: there is no such hypothesis
    log_p: Any  # [B, K]
    lengths: Any  # [B, K]
    trail: Any  # [B, K, N, 2]


class Beam:
    """Searches for the likeliest sequences of any decoder with the step protocol, see `decoding.steps.StepDecoder`.

    Each step considers the `width` likeliest continuations of a row's open hypotheses: an end mark among them closes
    its hypothesis. Then the `width` likeliest others continue. Width 1 without penalties is greedy decoding. Closed
    hypotheses are ranked by (Wu et al., 2016, equation 14; Y the ids and the end mark, X the source)

        s(Y, X) = log P(Y | X) / lp(Y) + cp(X; Y)
        lp(Y) = ((5 + |Y|) / 6)^alpha
        cp(X; Y) = beta sum_i log min(sum_j p_ij, 1)        p_ij the attention of step j to source position i

    and open ones, which all have the same length, by log P. A row is finished as soon as no open hypothesis can
    overtake its worst answer, even if all its further ids had probability 1: the search never stops too early.

    Args:
        decoder: the decoder to search.
        end: id that closes a hypothesis.
        width: open hypotheses of a row.
        length_penalty: alpha; 0: the likeliest wins; above 0, longer answers are favoured.
        coverage_penalty: beta; above 0, answers that leave source positions without attention are ranked lower.
        block_ngrams: n > 0: no n-gram occurs twice in an answer.
        banned: ids that are never chosen, such as padding and the unknown token. The probability of banned and blocked
            ids is not spread over the other ids.
        n_best: K, answers of each row.
        attention: whether answers have attention, which takes N times S numbers a hypothesis.

    Raises:
        ValueError: a number out of bounds; the end mark is banned; a coverage penalty without attention; the decoder's
            values are vectors.

    Example::

        beam = Beam(Seq2SeqDecoder(model, begin=2), end=3)
        answers = beam({"source": source}, limits=np.full(len(source), 50), mask=source > 0)
    """

    def __init__(
        self,
        decoder,
        end: int,
        width: int = 5,
        length_penalty: float = 0.0,
        coverage_penalty: float = 0.0,
        block_ngrams: int = 0,
        banned: tuple[int, ...] = (0, 1),
        n_best: int = 1,
        attention: bool = True,
    ):
        check_ids(decoder, "Beam search")
        if min(width, n_best) < 1 or min(coverage_penalty, block_ngrams) < 0:
            raise ValueError(
                "width and n_best should be at least 1, coverage_penalty and block_ngrams at least 0. Received: "
                f"{width}, {n_best}, {coverage_penalty}, {block_ngrams}"
            )
        if end in banned:
            raise ValueError(f"The end mark should not be banned. Received: end {end}, banned {banned}")
        self.decoder, self.end, self.width, self.n_best = decoder, end, width, n_best
        self.length_penalty, self.coverage_penalty = length_penalty, coverage_penalty
        self.block_ngrams, self.banned, self.attention = block_ngrams, banned, attention
        row = keras.KerasTensor([None], "int32")
        trail, mask = keras.KerasTensor([None, 2], "int32"), keras.KerasTensor([None, None], "bool")
        self._search = compiled(self.search, opened(decoder, (row, row, trail, mask)))

    def __call__(
        self,
        inputs: dict,
        limits: np.ndarray | Sequence[int],
        mask: np.ndarray | None = None,
        begin: np.ndarray | Sequence[int] | None = None,
    ) -> Answers:
        """Searches for the answers of B rows.

        Args:
            inputs: the inputs of the decoder's `start`.
            limits: [B] integers, the maximum length of each row's answers; the end mark counts.
            mask: [B, S] booleans, False at padding of the source, which needs no coverage; None: no padding.
            begin: [B] ids to read first in place of the decoder's own.
        """
        fixed, state = self.decoder.start(inputs)
        limits = np.asarray(limits, "int32")
        begin = np.full(limits.shape, self.decoder.begin) if begin is None else begin
        blank = np.zeros((max(1, limits.max(initial=1)), 2), "int32")  # in the shape of a trail
        mask = np.ones((len(limits), 1)) if mask is None else mask  # one for all positions
        numbers = [ops.convert_to_tensor(x, "int32") for x in (begin, limits, blank)]
        closed, attention = self._search(*numbers, ops.convert_to_tensor(mask, "bool"), fixed, state)
        scores, log_p, lengths, trail = (np.asarray(x) for x in closed)
        longest = lengths.max(initial=0)
        return Answers(
            ids=trail[:, :, :longest, 0],
            scores=np.where(scores < LEAST, -np.inf, scores),
            log_probabilities=np.where(scores < LEAST, -np.inf, log_p),
            lengths=lengths,
            attention=np.asarray(attention)[:, :, :longest] if attention.shape[-1] else None,
        )

    def search(
        self,
        begin: keras.KerasTensor,
        limits: keras.KerasTensor,
        blank: keras.KerasTensor,
        mask: keras.KerasTensor,
        fixed: list,
        state: list,
    ) -> tuple:
        """Searches on tensors alone, as part of a graph.

        Args:
            begin, limits, mask: see `__call__`.
            blank: [N, 2] zeros, int32; N is the room for ids in an answer: the largest limit, at least 1.
            fixed, state: returned by the decoder's `start`.

        Returns:
            (`Closed`, attention [B, K, N, S]); S is 0 if answers have no attention.
        """
        # The first step reads each row once: its hypotheses only differ after its choices.
        logits, state, attention = self._stepped(begin, fixed, state)
        rows = ops.shape(limits)[0]
        some = limits > 0
        start = Open(
            log_p=ops.where(some, 0.0, NONE)[:, None],
            ids=begin,
            state=state,
            trail=ops.tile(blank[None], (rows, 1, 1)),
            coverage=attention,
        )
        rank = ops.arange(self.n_best, dtype="int32")
        first = ops.where(ops.logical_or(some[:, None], rank > 0), NONE, 0.0)  # at limit 0 the answer is empty
        closed = Closed(
            scores=first,
            log_p=first,
            lengths=ops.zeros_like(first, dtype="int32"),
            trail=ops.tile(blank[None, None], (rows, self.n_best, 1, 1)),
        )
        hypotheses, closed = self._extended(0, logits, start, closed, limits, mask)
        # Attention is not reordered with the hypotheses; at the end, the trail tells which one it belongs to. [N, R, S]
        attention = self._repeated(attention)
        history = ops.zeros((ops.shape(blank)[0], *ops.shape(attention)), "float32")
        history = ops.slice_update(history, (0, 0, 0), attention[None])
        fixed = keras.tree.map_structure(self._repeated, fixed)

        def going(t, hypotheses, closed, history):
            return ops.any(hypotheses.log_p[:, 0] > LEAST)

        def step(t, hypotheses, closed, history):
            logits, state, attention = self._stepped(hypotheses.ids, fixed, hypotheses.state)
            history = ops.slice_update(history, (t, 0, 0), attention[None])
            hypotheses = hypotheses._replace(state=state, coverage=hypotheses.coverage + attention)
            hypotheses, closed = self._extended(t, logits, hypotheses, closed, limits, mask)
            return t + 1, hypotheses, closed, history

        _, _, closed, history = ops.while_loop(going, step, (1, hypotheses, closed, history))
        return closed, self._attention_of(closed, history)

    def _stepped(self, ids, fixed, state):
        """Returns (logits, state, attention) of a step, in float32; without attention, S is 0."""
        (logits, attention), state = self.decoder.step(ids, fixed, state)
        if attention is None and self.coverage_penalty:
            raise ValueError("A coverage penalty needs a model with attention. Received: None")
        if attention is None or not (self.attention or self.coverage_penalty):
            attention = ops.zeros_like(logits[:, :0])
        return ops.cast(logits, "float32"), state, ops.cast(attention, "float32")

    def _repeated(self, x):
        """Repeats each row of x [B, ...] `width` times, to [B width, ...]."""
        return ops.repeat(x, self.width, axis=0)

    def _extended(self, t, logits, hypotheses, closed, limits, mask):
        """Extends hypotheses by an id; returns (the hypotheses that continue, the best closed ones).

        t: their length so far; logits: [R, V] of the next id; state and coverage: after this step.
        """
        log_p, _, state, trail, coverage = hypotheses
        rows, beams, size = *ops.shape(log_p), min(self.width + 1, logits.shape[-1] or self.decoder.tokens)
        # No hypothesis needs more than its width + 1 likeliest ids, one of which may be the end mark. [R, M]
        scores, ids = top_k(self._allowed(logits, trail, t), size)
        scores = ops.reshape(scores - ops.logsumexp(logits, axis=-1, keepdims=True), (rows, beams, size))
        scores = ops.reshape(log_p[..., None] + scores, (rows, -1))  # [B, J M]
        ids = ops.reshape(ids, (rows, -1))
        missing = ((0, 0), (0, max(0, self.width - beams * size)))  # a small V in the first step
        scores, ids = ops.pad(scores, missing, constant_values=NONE), ops.pad(ids, missing)
        ends = ops.equal(ids, self.end)

        def selected(index):
            """Returns (ids [B, width], whether they are end marks, the hypothesis in 0..R-1 that chose each)."""
            row = ops.arange(rows, dtype="int32")[:, None]
            flat = ops.reshape(index + row * ops.shape(ids)[1], (-1,))
            chosen, end = (ops.reshape(ops.take(x, flat), (rows, self.width)) for x in (ids, ends))
            return chosen, end, ops.minimum(index // size, beams - 1) + row * beams

        def trails(ids, parents):
            """Returns the trails [R, N, 2] of the hypotheses `parents`, each with its new id."""
            flat = ops.reshape(parents, (-1,))
            entry = ops.stack([ops.reshape(ids, (-1,)), flat % beams], axis=-1)[:, None]  # [R, 1, 2]
            now = ops.equal(ops.arange(ops.shape(trail)[1], dtype="int32"), t)[:, None]
            return ops.where(now, entry, ops.take(trail, flat, axis=0))

        best, index = ops.top_k(scores, self.width)  # [B, width]
        chosen, end, parents = selected(ops.cast(index, "int32"))
        last = limits <= t + 1  # [B]
        closes = ops.logical_and(ops.logical_or(end, last[:, None]), best > LEAST)
        ranks = best / self._lengthening(t + 1)
        if self.coverage_penalty:
            ranks = ranks + ops.take(self._uncovered(coverage, mask), parents)
        ended = Closed(
            scores=ops.where(closes, ranks, NONE),
            log_p=best,
            lengths=ops.where(closes, t + 1 - ops.cast(end, "int32"), 0),
            trail=ops.reshape(trails(ops.where(end, 0, chosen), parents), (rows, self.width, -1, 2)),
        )
        closed = self._ranked(closed, ended)

        log_p, index = ops.top_k(ops.where(ends, NONE, scores), self.width)
        chosen, _, parents = selected(ops.cast(index, "int32"))
        # log P only falls, and lp lies between its values at the next length and at the limit: this bounds all scores.
        most = ops.maximum(self._lengthening(t + 2), self._lengthening(limits))
        done = ops.logical_or(last, log_p[:, 0] / most <= closed.scores[:, -1])
        flat = ops.reshape(parents, (-1,))
        return Open(
            log_p=ops.where(done[:, None], NONE, log_p),
            ids=ops.reshape(chosen, (-1,)),
            state=keras.tree.map_structure(lambda x: ops.take(x, flat, axis=0), state),
            trail=trails(chosen, parents),
            coverage=ops.take(coverage, flat, axis=0),
        ), closed

    def _allowed(self, logits, trail, t):
        """Masks the logits [R, V] of banned ids and of ids that would repeat an n-gram of the trail."""
        logits, n = barred(logits, self.banned), self.block_ngrams
        if not n:
            return logits
        ids = trail[:, :, 0]  # [R, N]
        again = ids[:, n - 1 :]  # [R, N - n + 1], the id after each n - 1 ids
        rows, windows = ops.shape(again)
        blocked = ops.arange(windows, dtype="int32") + n - 1 < t  # the trail is empty from t on
        for i in range(n - 1):  # are they the last n - 1 ids?
            last = ops.take(ids, ops.maximum(t - n + 1 + i, 0), axis=1)[:, None]
            blocked = ops.logical_and(blocked, ops.equal(ids[:, i : i - n + 1], last))
        blocked = ops.broadcast_to(blocked, (rows, windows))
        row = ops.broadcast_to(ops.arange(rows, dtype="int32")[:, None], (rows, windows))
        index = ops.reshape(ops.stack([row, again], axis=-1), (-1, 2))
        values = ops.reshape(ops.where(blocked, NONE, 0.0), (-1,))
        return logits + ops.scatter(index, values, ops.shape(logits))

    def _lengthening(self, length):
        """Returns lp of a length, of any shape."""
        return ((5 + ops.cast(length, "float32")) / 6) ** self.length_penalty

    def _uncovered(self, coverage, mask):
        """Returns cp [R] of coverage [R, S]."""
        lacks = ops.log(ops.clip(coverage, 1e-9, 1.0))  # the logarithm of 0 would be infinite
        beams = ops.shape(coverage)[0] // ops.shape(mask)[0]
        lacks = ops.where(ops.repeat(mask, beams, axis=0), lacks, 0.0)
        return self.coverage_penalty * ops.sum(lacks, axis=-1)

    def _ranked(self, closed, ended):
        """Returns the n_best of earlier and newly closed hypotheses; ties go to the earlier ones."""
        both = [ops.concatenate(pair, axis=1) for pair in zip(closed, ended, strict=True)]
        scores, index = ops.top_k(both[0], self.n_best)
        rows, size = ops.shape(both[0])
        flat = ops.reshape(ops.cast(index, "int32") + ops.arange(rows, dtype="int32")[:, None] * size, (-1,))

        def kept(x):
            x = ops.take(ops.reshape(x, (-1, *ops.shape(x)[2:])), flat, axis=0)
            return ops.reshape(x, (rows, self.n_best, *ops.shape(x)[1:]))

        return Closed(scores, *(kept(x) for x in both[1:]))

    def _attention_of(self, closed, history):
        """Returns the attention [B, K, N, S] of closed hypotheses, from the history [N, R, S] of all hypotheses."""
        rows, steps, size = ops.shape(closed.scores)[0], ops.shape(history)[0], ops.shape(history)[-1]
        times = ops.arange(steps, dtype="int32")
        row = ops.arange(rows, dtype="int32")[:, None, None]
        index = (times * rows + row) * self.width + closed.trail[..., 1]  # [B, K, N]
        found = ops.take(ops.reshape(history, (steps * rows * self.width, size)), ops.reshape(index, (-1,)), axis=0)
        found = ops.reshape(found, (rows, self.n_best, steps, size))
        return ops.where((times < closed.lengths[..., None])[..., None], found, 0.0)


class Ensemble:
    """Decodes several models as one: averages their probabilities, and their attention if they have it.

    It implements the step protocol itself; `fixed` and `state` are lists of each model's.

    Args:
        decoders: one for each model, with the same V and the same inputs.

    Raises:
        ValueError: the models have other inputs, such as those of copying, which also adds to V.

    Attributes:
        tokens: V. attends: whether any decoder has attention.

    Example::

        beam = Beam(Ensemble([first, second]), end=3)
    """

    def __init__(self, decoders: list):
        for decoder in decoders:
            check_ids(decoder, "An ensemble")
        inputs = [sorted(getattr(decoder, "inputs", ())) for decoder in decoders]
        if other := [names for names in inputs if names != inputs[0]]:
            raise ValueError(f"An ensemble needs models with the same inputs. Received: {inputs[0]} and {other[0]}")
        self.decoders, self.begin = decoders, decoders[0].begin
        self.attends = any(getattr(decoder, "attends", False) for decoder in decoders)
        self.tokens = getattr(decoders[0], "tokens", None)
        if all(hasattr(decoder, "signature") for decoder in decoders):
            self.signature = tuple(map(list, zip(*(decoder.signature for decoder in decoders), strict=True)))

    def source_mask(self, inputs: dict) -> np.ndarray:
        """Returns [B, S] booleans, True at real steps of the source; for encoder-decoders."""
        return self.decoders[0].source_mask(inputs)

    def start(self, inputs: dict) -> tuple[list, list]:
        fixed, state = zip(*(decoder.start(inputs) for decoder in self.decoders), strict=True)
        return list(fixed), list(state)

    def step(self, values: keras.KerasTensor, fixed: list, state: list) -> tuple[Categorical, list]:
        steps = [decoder.step(values, *own) for decoder, *own in zip(self.decoders, fixed, state, strict=True)]
        log_p = ops.stack([ops.log_softmax(ops.cast(each.logits, "float32")) for each, _ in steps])  # [models, N, V]
        attention = [each.attention for each, _ in steps if each.attention is not None]
        mean = sum(attention[1:], attention[0]) / len(attention) if attention else None
        logits = ops.logsumexp(log_p, axis=0) - np.log(len(steps)).astype("float32")
        return Categorical(logits, mean), [after for _, after in steps]

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        scores = [decoder.score(inputs, values) for decoder in self.decoders]
        return np.logaddexp.reduce(scores) - np.float32(np.log(len(scores)))


def top_k(x: keras.KerasTensor, k: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns (values, indices), both [R, k], of the k largest of each row of x [R, V]; ties go to the first ones.

    Like `ops.top_k`, but several times as fast for large V: if a row is split into blocks, its k largest are in the k
    blocks with the largest maxima, and a maximum costs less than a ranking.
    """
    if (x.shape[-1] or 0) < 500:  # or unknown
        values, index = ops.top_k(x, k)
        return values, ops.cast(index, "int32")
    size = min(range(40, 101), key=lambda size: -x.shape[-1] % size)  # block size; padding V costs a copy
    fill = -x.shape[-1] % size
    x = ops.pad(x, ((0, 0), (0, fill)), constant_values=-np.inf) if fill else x
    count = x.shape[-1] // size
    row = ops.arange(ops.shape(x)[0], dtype="int32")[:, None]
    _, blocks = ops.top_k(ops.max(ops.reshape(x, (-1, count, size)), axis=-1), min(k, count))
    blocks = ops.sort(ops.cast(blocks, "int32"), axis=-1)  # otherwise ties would not go to the first ones
    found = ops.take(ops.reshape(x, (-1, size)), ops.reshape(blocks + row * count, (-1,)), axis=0)
    values, index = ops.top_k(ops.reshape(found, (-1, blocks.shape[-1] * size)), k)
    index = ops.cast(index, "int32")
    return values, ops.take_along_axis(blocks, index // size, axis=-1) * size + index % size
