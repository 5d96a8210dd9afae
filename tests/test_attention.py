"""Attention: each score is its equation, padding gets exactly nothing, and a loop is its steps. Runs on any backend."""

import keras
import numpy as np
import pytest
from keras import ops

from seqzoo.layers.attention import LOCAL, SCORES, TANH_SCORES, Attention, FeedingRNN

B, T, S, H, E, A = 3, 4, 6, 5, 5, 5  # one width, so that "dot" takes part
LENGTHS = np.array([6, 2, 4])
MASK = np.arange(S) < LENGTHS[:, None]


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def random_weights(layer, seed=0):
    rng = np.random.default_rng(seed)
    for weight in layer.trainable_variables:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return layer


def make(score, **arguments):
    layer = Attention(score, **{"longest": 5, "filters": 3, "width": 3, "window": 2, **arguments})
    layer.build((B, T, H), (B, S, E), (B, S, A))
    return random_weights(layer)


def read(layer, seed=1, mask=MASK, behind=0.0, query=None, **more):
    """(context, weights) of random numbers; `behind` stands at the source's padding."""
    steps = 1 if layer.looks_back else T
    query = numbers(B, steps, H, seed=seed) if query is None else query
    encoded, keys = (
        np.where(mask[..., None], numbers(B, mask.shape[1], E, seed=seed + i), behind).astype("float32") for i in (1, 2)
    )
    if layer.score in ("dot", "location"):
        keys = None
    if layer.looks_back:
        previous, covered = np.abs(numbers(2, B, mask.shape[1], seed=seed + 3)) * mask
        more |= {"previous": previous.astype("float32"), "covered": covered.astype("float32")}
    context, weights = layer(query, encoded, mask, keys=keys, **more)
    return np.array(context), np.array(weights), (query, encoded, keys, more.get("previous"), more.get("covered"))


def weight(layer, name):
    return np.array(getattr(layer, name))


def score_of(layer, q, h, k, previous, covered):
    """The scores [S] of one step q [H] of one sentence, position by position."""
    if layer.score == "dot":
        return np.array([q @ h[s] for s in range(len(h))])
    if layer.score == "general":
        return np.array([q @ k[s] for s in range(len(h))])
    W = weight(layer, "W")
    if layer.score == "location":
        return np.array([(q @ W)[s] if s < layer.longest else -np.inf for s in range(len(h))])
    scores = []
    for s in range(len(h)):
        z = q @ W + k[s] + weight(layer, "b")
        if layer.score == "convolutional":
            F, around = weight(layer, "F")[:, 0], np.pad(previous, 1)[s : s + 3]
            z = z + sum(around[i] * F[i] for i in range(3)) @ weight(layer, "V")
        if layer.coverage:
            z = z + covered[s] * weight(layer, "w")
        scores.append(np.tanh(z) @ weight(layer, "v")[:, 0])
    return np.array(scores)


def expected(layer, t, length, q, h, k, previous, covered):
    """(context [E], weights [S]) of step t."""
    scores = score_of(layer, q, h, k, previous, covered)[:length]
    s = np.arange(length)
    last = min(length, layer.longest) - 1 if layer.score == "location" else length - 1
    if layer.local == "monotonic":
        scores = np.where(np.abs(s - min(t, last)) <= layer.window, scores, -np.inf)
    if layer.local == "predictive":
        p = last / (1 + np.exp(-np.tanh(q @ weight(layer, "W_p")) @ weight(layer, "v_p")[:, 0]))
        scores = np.where(np.abs(s - p) <= layer.window, scores - (s - p) ** 2 / (2 * (layer.window / 2) ** 2), -np.inf)
    weights = np.exp(scores - scores.max())
    weights = np.concatenate([weights / weights.sum(), np.zeros(len(h) - length)])
    return weights @ h, weights


@pytest.mark.parametrize("local", LOCAL)
@pytest.mark.parametrize("score", [*SCORES, "coverage"])
def test_each_score_is_its_equation_and_padding_gets_exactly_nothing(score, local):
    layer = make("additive" if score == "coverage" else score, coverage=score == "coverage", local=local)
    context, weights, (query, encoded, keys, previous, covered) = read(layer)
    for row, length in enumerate(LENGTHS):
        for t in range(query.shape[1]):
            parts = (None if part is None else part[row] for part in (encoded, keys, previous, covered))
            c, a = expected(layer, t, length, query[row, t], *parts)
            np.testing.assert_allclose(weights[row, t], a, atol=1e-5)
            np.testing.assert_allclose(context[row, t], c, atol=1e-5)
    assert (weights[~np.broadcast_to(MASK[:, None], weights.shape)] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)

    other, same, _ = read(layer, behind=1e6)
    np.testing.assert_array_equal(same, weights)
    np.testing.assert_allclose(other, context, atol=1e-5)


@pytest.mark.parametrize("score", TANH_SCORES)
def test_coverage_joins_every_score_with_a_tanh(score):
    layer = make(score, coverage=True)
    context, weights, (query, encoded, keys, previous, covered) = read(layer)
    c, a = expected(layer, 0, 4, query[2, 0], encoded[2], keys[2], previous[2], covered[2])
    np.testing.assert_allclose(weights[2, 0], a, atol=1e-5)
    np.testing.assert_allclose(context[2, 0], c, atol=1e-5)


@pytest.mark.parametrize("score", SCORES)
def test_a_source_of_padding_alone_is_read_as_nothing(score):
    mask = MASK & (np.arange(B) != 1)[:, None]
    for local in LOCAL:
        context, weights, _ = read(make(score, local=local), mask=mask)
        assert (weights[1] == 0).all() and (context[1] == 0).all() and np.isfinite(context).all()


def test_monotonic_steps_go_on_from_their_number():
    layer = make("dot", local="monotonic", window=1)
    query = numbers(B, T, H)
    _, whole, _ = read(layer, query=query)
    for t in range(T):
        _, one, _ = read(layer, query=query[:, t : t + 1], position=np.full((B, 1), t))
        np.testing.assert_allclose(one[:, 0], whole[:, t], atol=1e-6)
    assert (whole[0] > 0).sum(-1).tolist() == [2, 3, 3, 3]
    _, beyond, _ = read(layer, query=query, position=np.full((B, 1), 50))  # at the end it stays
    assert (beyond[0, :, -2:] > 0).all() and (beyond[0, :, :-2] == 0).all()


def test_location_reads_no_word_behind_the_longest_source():
    _, weights, _ = read(make("location", longest=4))
    assert (weights[0, :, :4] > 0).all() and (weights[0, :, 4:] == 0).all()
    longer, shorter = make("location", longest=50), make("location", longest=6)
    for name, value in zip(("W",), (weight(longer, "W")[:, :6],), strict=True):
        getattr(shorter, name).assign(value)
    np.testing.assert_allclose(read(longer)[1], read(shorter)[1], atol=1e-6)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"score": "aditive"}, "attention should be one of additive, concat"),
        ({"local": "predicted"}, "local should be"),
        ({"score": "dot", "coverage": True}, "coverage needs a score with a tanh"),
        ({"local": "monotonic", "window": 0}, "window should be at least 1"),
        ({"width": 4}, "width should be odd"),
    ],
)
def test_impossible_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Attention(**arguments)


def test_widths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="Received: widths 7 and 5"):
        Attention("dot").build((B, T, 5), (B, S, 7))


def feeding(**arguments):
    layer = FeedingRNN(
        **{"rnn": "rnn", "units": H, "layers": 1, "dim": 4, "attention": {"filters": 3, "width": 3}, **arguments}
    )
    layer.build((B, T, 2), None, (B, S, E), (B, S, A))
    return random_weights(layer)


def run(layer, states=1, training=False, mask=None, steps=T):
    encoded = np.where(MASK[..., None], numbers(B, S, E, seed=2), 0).astype("float32")
    keys = np.where(MASK[..., None], numbers(B, S, A, seed=3), 0).astype("float32")
    begin = [ops.convert_to_tensor(numbers(B, H, seed=4 + i)) for i in range(states)]
    state = layer.first(begin, ops.convert_to_tensor(encoded), layer.dim)
    x = numbers(B, T, 2, seed=9)[:, :steps]
    outputs = layer(x, state, encoded, MASK, keys=keys, mask=mask, training=training)
    return x, encoded, keys, state, [np.array(part) for part in keras.tree.flatten(outputs)]


@pytest.mark.parametrize("score, coverage", [("additive", False), ("convolutional", True)])
def test_a_loop_with_input_feeding_is_its_equations(score, coverage):
    layer = feeding(attention={"score": score, "coverage": coverage, "filters": 3, "width": 3})
    x, encoded, keys, state, (attended, weights, *after) = run(layer)
    W, U, b = (np.array(getattr(layer.cells[0], name)) for name in ("kernel", "recurrent_kernel", "bias"))
    for row, length in enumerate(LENGTHS):
        h, fed, previous, covered = np.array(state[0])[row], np.zeros(4), np.zeros(S), np.zeros(S)
        for t in range(T):
            h = np.tanh(np.concatenate([x[row, t], fed]) @ W + h @ U + b)
            c, previous = expected(layer.attention, t, length, h, encoded[row], keys[row], previous, covered)
            covered = covered + previous
            fed = np.tanh(np.concatenate([c, h]) @ np.array(layer.attend.kernel))
            np.testing.assert_allclose(attended[row, t], fed, atol=1e-4)
            np.testing.assert_allclose(weights[row, t], previous, atol=1e-4)
            assert (weights[row, t, length:] == 0).all()
        for received, part in zip(after, (h, fed, previous, covered, [T]), strict=True):
            np.testing.assert_allclose(received[row], part, atol=1e-4)


@pytest.mark.parametrize("rnn, states", [("lstm", 4), ("min_gru", 2)])
def test_a_loop_keeps_its_state_at_padding_and_one_step_needs_no_loop(rnn, states):
    layer = feeding(rnn=rnn, layers=2, residual=True, layer_norm=True, attention={"score": "general"})
    mask = np.arange(T) < np.array([1, 4, 1])[:, None]
    *_, (attended, weights, *after) = run(layer, states, mask=mask)
    *_, (first, first_weights, *one) = run(layer, states, steps=1)
    np.testing.assert_allclose(attended[:, :1], first, atol=1e-5)
    np.testing.assert_allclose(weights[:, :1], first_weights, atol=1e-5)
    for part, alone in zip(after, one, strict=True):
        np.testing.assert_allclose(part[[0, 2]], alone[[0, 2]], atol=1e-5)
        assert part.shape == alone.shape


@pytest.mark.parametrize("dropped", ["dropout", "recurrent_dropout", "weight_drop"])
def test_dropout_is_drawn_once_a_batch_and_in_training_only(dropped):
    layer = feeding(rnn="gru", layers=2, attention={"score": "general"}, **{dropped: 0.5})
    *_, (plain, *_) = run(layer, 2)
    once, again = (run(layer, 2, training=True)[-1][0] for _ in range(2))
    assert np.abs(once - again).max() > 1e-3
    *_, (same, *_) = run(layer, 2)
    np.testing.assert_array_equal(same, plain)
    copy = FeedingRNN.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


def test_minimal_cells_have_no_weights_to_drop():
    with pytest.raises(ValueError, match="MinGRUCell has no recurrent kernel"):
        feeding(rnn="min_gru", weight_drop=0.5)
