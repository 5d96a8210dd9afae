"""Beam search against brute force and against a beam of Python lists, in NumPy and float64."""

import itertools

import numpy as np
import pytest
from keras import ops
from marks import slow

import seqzoo.decoding.beam
from seqzoo.decoding.beam import Beam, Ensemble, top_k
from seqzoo.decoding.sampling import Sampler
from seqzoo.decoding.steps import Categorical, StepDecoder
from seqzoo.models import GeneratorDecoder, LanguageModelDecoder, Seq2SeqDecoder, generator, language_model, seq2seq

pytestmark = pytest.mark.usefixtures("eagerly")
V, H, BEGIN, END = 6, 5, 2, 3  # 0 and 1 are banned; 2, 4 and 5 may follow each other
WIDE = 130  # more than there are hypotheses of up to four of three tokens


class Decoder:
    """A decoder that starts from {"fixed": ..., "state": ...}."""

    begin = BEGIN

    def start(self, inputs):
        return inputs["fixed"], inputs["state"]


class Toy(Decoder):
    """A recurrent model with attention, twice: as a step of tensors, and of one row in NumPy."""

    def __init__(self, seed=0, size=V):
        random = np.random.default_rng(seed)
        self.table, self.own = random.normal(0, 1.5, (size, H)), random.normal(0, 1, (H, H))
        self.out = random.normal(0, 1.5, (2 * H, size))

    def step(self, ids, fixed, state):
        keys, mask = fixed  # [N, S, H], [N, S]
        table, own, out = (ops.convert_to_tensor(x, "float32") for x in (self.table, self.own, self.out))
        h = ops.tanh(ops.take(table, ids, axis=0) + ops.matmul(state[0], own))
        fit = ops.where(mask, ops.sum(keys * h[:, None], axis=-1), -1e9)
        attention = ops.softmax(fit, axis=-1)
        context = ops.sum(attention[..., None] * keys, axis=1)
        return Categorical(ops.matmul(ops.concatenate([h, context], axis=-1), out), attention), [h]

    def row(self, token, keys, h):
        """(log probabilities [V], state, attention [S]) for keys without padding."""
        h = np.tanh(self.table[token] + h @ self.own)
        attention = np.exp(log_softmax(keys @ h))
        return log_softmax(np.concatenate([h, attention @ keys]) @ self.out), h, attention


def log_softmax(x):
    return x - np.log(np.sum(np.exp(x)))


def source(lengths, pad=0, seed=1):
    """(inputs, mask) of rows with the given numbers of source positions, and the same as [(keys, h)] in NumPy."""
    random = np.random.default_rng(seed)
    rows = [(random.normal(0, 1.5, (length, H)), random.normal(0, 1, H)) for length in lengths]
    longest = max(lengths) + pad
    mask = np.arange(longest) < np.array(lengths)[:, None]
    keys = np.full((len(lengths), longest, H), 7.0, "float32")  # what stands in the padding should not matter
    for row, (own, _) in zip(keys, rows, strict=True):
        row[: len(own)] = own
    state = np.array([h for _, h in rows], "float32")
    fixed = [ops.convert_to_tensor(keys), ops.convert_to_tensor(mask)]
    return {"fixed": fixed, "state": [ops.convert_to_tensor(state)]}, mask, rows


def repeats(ids, n):
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return n and len(set(grams)) < len(grams)


def reference(toy, keys, h, limit, width, alpha=0.0, beta=0.0, block=0, banned=(0, 1)):
    """A beam of Python lists that never finishes early: [(score, log P, ids, attention [N, S])], best first."""
    if not limit:
        return [(0.0, 0.0, [], np.zeros((0, len(keys))))]
    beams, closed = [(0.0, [], h, np.zeros((0, len(keys))))], []
    for t in range(limit):
        grown = []
        for log_p, ids, h, attention in beams:
            own, h, now = toy.row(ids[-1] if ids else BEGIN, keys, h)
            attention = np.concatenate([attention, now[None]])
            grown += [
                (log_p + own[token], [*ids, token], h, attention)
                for token in range(len(own))
                if token not in banned and not repeats([*ids, token], block)
            ]
        grown.sort(key=lambda beam: -beam[0])
        for log_p, ids, _, attention in grown[:width]:
            if ids[-1] == END or t == limit - 1:
                covered = beta * np.log(np.minimum(attention.sum(0), 1)).sum()
                kept = len(ids) - (ids[-1] == END)
                closed.append((log_p / ((5 + t + 1) / 6) ** alpha + covered, log_p, ids[:kept], attention[:kept]))
        beams = [beam for beam in grown if beam[1][-1] != END][:width]
    return sorted(closed, key=lambda answer: -answer[0])


def expect(answers, row, expected):
    """Row `row` of the answers is what the reference found."""
    for k in range(answers.ids.shape[1]):
        if k >= len(expected):
            assert answers.scores[row, k] == answers.log_probabilities[row, k] == -np.inf
            assert answers.lengths[row, k] == 0 and not answers.ids[row, k].any()
            continue
        score, log_p, ids, attention = expected[k]
        n = len(ids)
        assert answers.lengths[row, k] == n
        np.testing.assert_array_equal(answers.ids[row, k], ids + [0] * (answers.ids.shape[2] - n))
        np.testing.assert_allclose(answers.scores[row, k], score, atol=2e-5)
        np.testing.assert_allclose(answers.log_probabilities[row, k], log_p, atol=2e-5)
        np.testing.assert_allclose(answers.attention[row, k, :n, : attention.shape[1]], attention, atol=2e-5)
        assert not answers.attention[row, k, n:].any() and not answers.attention[row, k, :, attention.shape[1] :].any()


PENALTIES = [
    {},
    {"length_penalty": 1.0},
    {"length_penalty": -0.5},
    {"length_penalty": 0.7, "coverage_penalty": 0.4},
    {"block_ngrams": 1},
    {"block_ngrams": 2, "length_penalty": 2.0},
]


def as_reference(arguments):
    names = {"length_penalty": "alpha", "coverage_penalty": "beta", "block_ngrams": "block"}
    return {names[name]: value for name, value in arguments.items()}


@pytest.mark.parametrize("arguments", PENALTIES)
def test_a_beam_as_wide_as_all_prefixes_is_an_exhaustive_search(arguments):
    toy, limits = Toy(), [4, 3, 1, 0]
    inputs, mask, rows = source([3, 2, 4, 2])
    answers = Beam(toy, END, WIDE, n_best=7, **arguments)(inputs, limits, mask)
    for row, (keys, h) in enumerate(rows):
        expect(answers, row, reference(toy, keys, h, limits[row], 10**9, **as_reference(arguments))[:7])


@pytest.mark.parametrize("width", [1, pytest.param(3, marks=pytest.mark.traced)])
@pytest.mark.parametrize("arguments", PENALTIES)
def test_a_narrow_beam_is_the_one_of_the_definition(arguments, width):
    limits = [1, 7, 8, 9, 6, 12]
    inputs, mask, rows = source([3, 2, 5, 4, 1, 3])
    toy = Toy(seed=width)
    answers = Beam(toy, END, width, n_best=2, **arguments)(inputs, limits, mask)
    for row, (keys, h) in enumerate(rows):
        expect(answers, row, reference(toy, keys, h, limits[row], width, **as_reference(arguments))[:2])


def test_width_one_is_greedy():
    lengths, limit = [3] * 20, 8
    for seed in range(2):
        toy = Toy(seed)
        inputs, _, rows = source(lengths, seed=seed)
        answers = Beam(toy, END, width=1)(inputs, [limit] * 20)
        assert (answers.lengths < limit).any() and (answers.lengths == limit).any()
        for row, (keys, h) in enumerate(rows):
            ids, total = [BEGIN], 0
            while len(ids) <= limit and ids[-1] != END:
                log_p, h, _ = toy.row(ids[-1], keys, h)
                ids.append(int(np.argmax(log_p[2:])) + 2)
                total += log_p[ids[-1]]
            ids = [token for token in ids[1:] if token != END]
            assert answers.ids[row, 0, : answers.lengths[row, 0]].tolist() == ids
            assert answers.log_probabilities[row, 0] == pytest.approx(total, abs=1e-4)


A, B = 4, 5


class Written(Decoder):
    """A model whose probabilities are written down: {the tokens before: {token: probability}}, for each prefix.

    A prefix that is not written is that without its first token. With attention: {token: [S]}, by the last token read.
    """

    def __init__(self, probabilities, longest, attention=None):
        self.longest, self.attention = longest, attention
        prefixes = [()]
        for _ in range(longest):
            prefixes += [(*p, token) for p in prefixes for token in (A, B) if (*p, token) not in prefixes]
        self.place = {prefix: i for i, prefix in enumerate(prefixes)}
        self.table = np.full((len(prefixes), V), 1e-30)
        self.next = np.zeros((len(prefixes), V), "int32")
        for prefix, i in self.place.items():
            for token, p in next(
                probabilities[prefix[j:]] for j in range(len(prefix) + 1) if prefix[j:] in probabilities
            ).items():
                self.table[i, token] = p
            for token in (A, B):
                self.next[i, token] = self.place.get((*prefix, token), i)

    def step(self, ids, fixed, state):
        place = ops.where(
            ops.equal(ids, BEGIN), 0, ops.take(ops.convert_to_tensor(self.next.reshape(-1)), state[0] * V + ids)
        )
        logits = ops.take(ops.convert_to_tensor(np.log(self.table), "float32"), place, axis=0)
        seen = None
        if self.attention is not None:
            table = np.array([self.attention.get(token, self.attention[BEGIN]) for token in range(V)])
            seen = ops.take(ops.convert_to_tensor(table, "float32"), ids, axis=0)
        return Categorical(logits, seen), [place]


def best(step, limit=6, rows=1, mask=None, **arguments):
    """(ids of the best answer, the answers) of a written model."""
    state = [ops.zeros((rows,), "int32")]
    answers = Beam(step, END, **arguments)({"fixed": [], "state": state}, [limit] * rows, mask)
    return answers.ids[0, 0, : answers.lengths[0, 0]].tolist(), answers


def test_the_length_penalty_changes_the_ranking():
    step = Written({(): {END: 0.5, A: 0.5}, (A,): {A: 0.9, END: 0.1}, (A, A): {END: 0.9, B: 0.1}}, longest=6)
    short, answers = best(step, width=3)
    assert short == [] and answers.scores[0, 0] == pytest.approx(np.log(0.5))
    long, answers = best(step, width=3, length_penalty=1.0)
    assert long == [A, A]
    assert answers.scores[0, 0] == pytest.approx(np.log(0.5 * 0.9 * 0.9) / (8 / 6))
    assert answers.log_probabilities[0, 0] == pytest.approx(np.log(0.5 * 0.9 * 0.9))


# Two hypotheses have ended after two steps, as many as the beam is wide; the third goes on with certainty.
ENDED = {
    (): {A: 0.5, B: 0.3, END: 0.2},
    (A,): {END: 0.55, A: 0.45},
    (B,): {END: 0.9, B: 0.1},
    (A, A): {A: 1.0},
    (A, A, A, A, A, A): {END: 1.0},
}


def test_the_search_goes_on_while_an_open_hypothesis_can_win():
    step = Written(ENDED, longest=7)
    ids, answers = best(step, width=2, length_penalty=1.0, limit=7)
    assert ids == [A] * 6
    assert answers.scores[0, 0] == pytest.approx(np.log(0.225) / 2)
    ids, _ = best(step, width=2, length_penalty=0.0, limit=7)
    assert ids == [A]
    _, answers = best(step, width=2, length_penalty=0.0, limit=7, n_best=3)  # the worst kept one counts
    assert [row[row > 0].tolist() for row in answers.ids[0]] == [[A], [B], [A] * 6]


@pytest.mark.tensorflow("JAX traces a loop once: nothing to count")
def test_the_search_ends_as_soon_as_all_rows_are_decided(monkeypatch):
    monkeypatch.setattr(seqzoo.decoding.beam, "compiled", lambda function, _: function)
    calls = []

    class Counted(Written):
        def step(self, ids, fixed, state):
            calls.append(len(ids))
            return super().step(ids, fixed, state)

    step = Counted(ENDED, longest=7)
    best(step, width=2, limit=500, rows=3)
    assert calls == [3, 6]  # the first step reads a row once, not once a hypothesis
    calls.clear()
    best(step, width=2, limit=500, length_penalty=1.0)
    assert len(calls) > 7
    calls.clear()
    Beam(step, END, width=2)({"fixed": [], "state": [ops.zeros((2,), "int32")]}, [0, 1])
    assert len(calls) == 1


def test_the_coverage_penalty_changes_the_ranking_and_padding_does_not():
    # [A, A] looks at the first source position only, [A, B] at both.
    step = Written({(): {A: 1.0}, (A,): {A: 0.6, B: 0.4}, (A, A): {END: 1.0}, (A, B): {END: 1.0}}, longest=3)
    step.attention = {BEGIN: [0.9, 0.1], A: [0.9, 0.1], B: [0.1, 0.9]}
    assert best(step, width=4)[0] == [A, A]
    ids, other = best(step, width=4, coverage_penalty=0.5, n_best=2)
    assert ids == [A, B]
    assert other.scores[0, 0] == pytest.approx(np.log(0.4) + 0.5 * np.log(1.0), abs=1e-5)
    assert other.scores[0, 1] == pytest.approx(np.log(0.6) + 0.5 * np.log(0.3), abs=1e-5)
    step.attention = {token: [*seen, 0, 0, 0] for token, seen in step.attention.items()}
    mask = np.array([[True, True, False, False, False]])
    padded = best(step, width=4, coverage_penalty=0.5, n_best=2, mask=mask)[1]
    np.testing.assert_array_equal(padded.ids, other.ids)
    np.testing.assert_allclose(padded.scores, other.scores, rtol=1e-6)
    with pytest.raises(ValueError, match="attention"):
        best(Written(ENDED, longest=2), coverage_penalty=0.5)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_no_ngram_comes_twice(n):
    loves = Written({(): {A: 0.98, B: 0.019, END: 0.001}}, longest=1)
    assert best(loves, width=1, limit=12)[0] == [A] * 12
    answers = best(loves, width=4, limit=12, n_best=4, block_ngrams=n)[1]
    assert (answers.lengths[0] >= n).any()
    for ids, length, log_p in zip(answers.ids[0], answers.lengths[0], answers.log_probabilities[0], strict=True):
        own = ids[:length].tolist()
        assert not repeats(own, n)
        ended = np.log(0.001) if length < 12 else 0
        expected = own.count(A) * np.log(0.98) + own.count(B) * np.log(0.019) + ended
        assert log_p == pytest.approx(expected, rel=1e-4) or log_p == -np.inf


def test_the_best_are_ranked_and_different_and_ended_or_cut():
    toy, limits = Toy(5), [3, 6, 9]
    inputs, _, rows = source([3, 2, 4])
    answers = Beam(toy, END, width=4, n_best=4, length_penalty=0.6)(inputs, limits)
    assert answers.ids.shape == (3, 4, answers.lengths.max())
    for row, (keys, start) in enumerate(rows):
        found = [tuple(ids[:n]) for ids, n in zip(answers.ids[row], answers.lengths[row], strict=True)]
        assert len(set(found)) == 4
        assert (np.diff(answers.scores[row]) <= 0).all()
        for k, ids in enumerate(found):
            assert not np.isin(ids, (0, 1, END)).any() and len(ids) <= limits[row]
            steps = [*ids, END] if len(ids) < limits[row] else ids
            total, h = 0, start
            for before, token in zip([BEGIN, *ids], steps, strict=False):
                log_p, h, _ = toy.row(before, keys, h)
                total += log_p[token]
            assert answers.log_probabilities[row, k] == pytest.approx(total, abs=1e-4)
            assert answers.scores[row, k] == pytest.approx(total / ((5 + len(steps)) / 6) ** 0.6, abs=1e-4)


def test_a_row_depends_neither_on_other_rows_nor_on_padding():
    toy, lengths, limits = Toy(2), [3, 6, 1, 4], [5, 14, 2, 9]
    arguments = {"width": 3, "n_best": 3, "length_penalty": 0.8, "coverage_penalty": 0.2}
    beam = Beam(toy, END, **arguments)
    inputs, mask, _ = source(lengths, pad=4)
    together = beam(inputs, limits, mask)
    for row in range(4):
        fixed = [x[row : row + 1, : lengths[row]] for x in inputs["fixed"]]
        own = {"fixed": fixed, "state": [inputs["state"][0][row : row + 1]]}
        alone = beam(own, limits[row : row + 1], mask[row : row + 1, : lengths[row]])
        n = alone.ids.shape[-1]
        np.testing.assert_array_equal(alone.ids[0], together.ids[row, :, :n])
        assert not together.ids[row, :, n:].any()
        np.testing.assert_array_equal(alone.lengths[0], together.lengths[row])
        np.testing.assert_allclose(alone.scores[0], together.scores[row], atol=1e-5)
        np.testing.assert_allclose(alone.attention[0], together.attention[row, :, :n, : lengths[row]], atol=1e-5)


def test_missing_answers_are_marked():
    inputs, _, rows = source([3, 2, 2])
    toy = Toy(1)
    answers = Beam(toy, END, width=20, n_best=30)(inputs, [1, 0, 2])
    for row, limit in enumerate([1, 0, 2]):
        expect(answers, row, reference(toy, *rows[row], limit, 20))
    assert np.isfinite(answers.scores).sum(1).tolist() == [4, 1, 13]
    nothing = Beam(toy, END)(inputs, [0, 0, 0])
    assert nothing.ids.shape == (3, 1, 0) and nothing.attention.shape[:3] == (3, 1, 0)
    assert not nothing.scores.any() and not nothing.lengths.any()


def test_where_all_but_the_end_is_banned_the_answer_is_empty():
    inputs, _, rows = source([3, 2])
    answers = Beam(Toy(), END, n_best=2, banned=(0, 1, 2, 4, 5))(inputs, [5, 9])
    assert answers.ids.shape == (2, 2, 0)
    for row, (keys, h) in enumerate(rows):
        assert answers.scores[row].tolist() == [pytest.approx(Toy().row(BEGIN, keys, h)[0][END], abs=1e-5), -np.inf]


def test_the_first_of_equals_wins():
    step = Written({(): {2: 0.2, END: 0.2, A: 0.2, B: 0.2}}, longest=1)
    answers, again = (best(step, width=3, rows=2, limit=3, n_best=2, length_penalty=1.0)[1] for _ in range(2))
    np.testing.assert_array_equal(answers.ids, again.ids)
    np.testing.assert_array_equal(answers.ids[0], answers.ids[1])
    assert best(step, width=1, limit=3)[0] == [2, 2, 2]
    everything = best(step, width=20, limit=1, n_best=4)[1]
    assert everything.ids[0, :, 0].tolist() == [2, 0, A, B]  # the end mark is 3


def test_rows_may_begin_with_different_tokens():
    inputs, *_ = source([3, 3])
    inputs = {name: [ops.concatenate([x[:1], x[:1]]) for x in parts] for name, parts in inputs.items()}
    both = Beam(Toy(), END)(inputs, [6, 6], begin=[4, 5])
    for row, begin in enumerate((4, 5)):
        alone = Beam(Toy(), END)(inputs, [6, 6], begin=[begin, begin])
        np.testing.assert_array_equal(both.lengths[row], alone.lengths[row])
        np.testing.assert_allclose(both.scores[row], alone.scores[row], atol=1e-6)
    assert both.scores[0, 0] != both.scores[1, 0]


@pytest.mark.parametrize("size, k", [(7, 7), (499, 3), (500, 4), (997, 6), (1250, 120), (5000, 6)])
def test_top_k_is_the_ranking_of_numpy_also_among_equals(size, k):
    random = np.random.default_rng(size)
    for x in (random.normal(size=(9, size)), random.integers(0, 12, (9, size)), np.zeros((2, size))):
        values, places = top_k(ops.convert_to_tensor(x, "float32"), k)
        expected = np.argsort(-x, axis=-1, kind="stable")[:, :k]
        np.testing.assert_array_equal(np.asarray(places), expected)
        np.testing.assert_allclose(np.asarray(values), np.take_along_axis(x, expected, axis=-1), rtol=1e-6)


def test_a_large_vocabulary_is_searched_like_a_small_one():
    small, large = Toy(4), Toy(4)
    large.table = np.concatenate([small.table, np.zeros((1200, H))])
    large.out = np.concatenate([small.out, np.zeros((2 * H, 1200))], axis=1)
    inputs, mask, rows = source([3, 2])
    answers = Beam(large, END, width=4, n_best=3)(inputs, [5, 5], mask)
    for row, (keys, h) in enumerate(rows):
        expect(answers, row, reference(large, keys, h, 5, 4)[:3])


@pytest.mark.parametrize("width", [1, 4])
def test_an_ensemble_of_one_model_twice_is_the_model(width):
    toy, other = Toy(3), Toy(4)
    inputs, _, rows = source([3, 2, 4])
    arguments = {"width": width, "n_best": width, "length_penalty": 0.5}
    alone = Beam(toy, END, **arguments)(inputs, [6, 7, 8])
    twice = Beam(Ensemble([toy, toy]), END, **arguments)(inputs, [6, 7, 8])
    np.testing.assert_array_equal(alone.ids, twice.ids)
    np.testing.assert_allclose(alone.scores, twice.scores, atol=1e-5)
    np.testing.assert_allclose(alone.attention, twice.attention, atol=1e-5)

    class Both:
        def row(self, token, keys, h):
            log_p, states, attention = zip(
                *(m.row(token, keys, x) for m, x in zip((toy, other), h, strict=True)), strict=True
            )
            return np.log(np.mean(np.exp(log_p), axis=0)), states, np.mean(attention, axis=0)

    both = Beam(Ensemble([toy, other]), END, **arguments)(inputs, [6, 7, 8])
    for row, (keys, h) in enumerate(rows):
        expect(both, row, reference(Both(), keys, (h, h), (6, 7, 8)[row], width, alpha=0.5)[:width])


def test_an_ensemble_needs_models_that_read_the_same():
    toy, copying = Toy(3), Toy(3)
    toy.inputs, copying.inputs = {"source": None}, {"source": None, "copied": None}
    with pytest.raises(ValueError, match=r"the same inputs. Received: \['source'\] and \['copied', 'source'\]"):
        Ensemble([toy, copying])


def random_weights(model, seed=0):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.8, w.shape) for w in model.get_weights()])
    return model


def decoders():
    """{name: (decoder, inputs of two rows)} of a model of each kind."""
    source = np.array([[3, 4, 5, 6], [6, 5, 0, 0]], "int32")
    music = generator(9, 2, {"style": 3}, positions=3, dim=5, units=6, note_units=7, rnn="gru")
    known = {"position": np.tile([1, 2], (2, 4)), "style": np.array([0, 2])}
    barred = np.zeros((2, 9), bool)
    barred[0, 8] = barred[1, END] = True  # a piece ends with the first slot of a step
    return {
        "language_model": (
            LanguageModelDecoder(random_weights(language_model(9, dim=8, rnn="lstm", units=7, layers=2))),
            {"tokens": np.array([[4, 5], [6, 0]], "int32")},
        ),
        "seq2seq": (Seq2SeqDecoder(random_weights(seq2seq(7, 9, dim=8, units=7, encoder_units=5))), {"source": source}),
        "generator": (GeneratorDecoder(random_weights(music), barred), known),
    }


@pytest.mark.traced
@pytest.mark.parametrize("name", ["language_model", "seq2seq", *slow("generator", "ensemble")])
def test_every_model_is_searched_and_the_answers_have_their_scores(name):
    if name == "ensemble":
        both = [Seq2SeqDecoder(random_weights(seq2seq(7, 9, dim=8, units=7, encoder_units=5), seed)) for seed in (0, 1)]
        decoder, inputs = Ensemble(both), {"source": np.array([[3, 4, 5, 6], [6, 5, 0, 0]], "int32")}
    else:
        decoder, inputs = decoders()[name]
    assert isinstance(decoder, StepDecoder)
    limits = [4, 7]
    answers = Beam(decoder, END, width=4, n_best=3)(inputs, limits)
    assert (answers.attention is None) == (name not in ("seq2seq", "ensemble"))
    for k in range(3):
        values = np.zeros((2, 8), "int32")
        for row, limit in enumerate(limits):
            length = answers.lengths[row, k]
            values[row, :length] = answers.ids[row, k, :length]
            if length < limit:
                values[row, length] = END
        scores = np.where(values > 0, decoder.score(inputs, values), 0)
        np.testing.assert_allclose(answers.log_probabilities[:, k], scores.sum(axis=-1), atol=1e-4)


def test_a_wide_beam_finds_the_likeliest_of_all_pieces_of_music():
    decoder, inputs = decoders()["generator"]
    inputs = {name: value[:1] for name, value in inputs.items()}
    pieces = np.array(list(itertools.product(range(2, 8), range(2, 9), range(2, 8), range(2, 9))), "int32")
    pieces = pieces[(pieces != END).all(axis=1)]  # two steps of two notes without an end
    scores = decoder.score({name: np.repeat(value, len(pieces), axis=0) for name, value in inputs.items()}, pieces)
    order = np.argsort(-scores.sum(axis=-1))[:5]
    answers = Beam(decoder, END, width=300, n_best=200, banned=(0, 1))(inputs, [4])
    whole = answers.ids[0][answers.lengths[0] == 4]
    np.testing.assert_array_equal(whole[:5], pieces[order])


def test_a_beam_finds_music_that_is_at_least_as_likely_as_the_greedy_one():
    decoder, inputs = decoders()["generator"]
    decoder = GeneratorDecoder(decoder.model, np.arange(9) == END)  # all pieces have the same length
    greedy = Sampler(decoder, temperature=0)(inputs, np.zeros((8, 2)))
    answers = Beam(decoder, END, width=6)(inputs, [8, 8])
    likelihood = decoder.score(inputs, greedy).sum(axis=-1)
    assert (answers.lengths == 8).all() and (answers.log_probabilities[:, 0] >= likelihood - 1e-4).all()


@pytest.mark.parametrize(
    "arguments", [{"width": 0}, {"n_best": 0}, {"coverage_penalty": -1}, {"block_ngrams": -1}, {"banned": (0, END)}]
)
def test_numbers_out_of_bounds_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        Beam(Toy(), END, **arguments)
