"""The Neural Turing Machine: its equations, its own gradients, where it starts, and what its trace shows."""

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.ntm import erased, similarity, trace

B, T, D, H, N, M = 2, 5, 3, 4, 6, 3  # N rows of M numbers
MEMORY = {"rows": N, "width": M}


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def made(**kwargs):
    layer = RNNS["ntm"](H, return_sequences=True, return_state=True, **{**MEMORY, **kwargs})
    layer.build((None, None, D))
    for number, weight in enumerate(layer.weights):
        weight.assign(numbers(*weight.shape, seed=number))
    return layer


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.log1p(np.exp(z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


def lstm(x, h, c, W, U, b):
    i, f, g, o = np.split(x @ W + h @ U + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def feed_forward(x, h, W, b):
    return (np.tanh(x @ W + b),)


def address(memory, w, k, beta, g, s, gamma, shift):
    """Section 3.3 of Graves et al. (2014), row by row."""
    cosine = [row @ k / np.linalg.norm(row) / np.linalg.norm(k) for row in memory]
    wg = g * softmax(beta * np.array(cosine)) + (1 - g) * w
    wt = [sum(wg[j] * s[(i - j + shift) % N] for j in range(N) if (i - j + shift) % N < len(s)) for i in range(N)]
    sharpened = np.array(wt) ** gamma
    return sharpened / sharpened.sum()


def machine(layer, x, control, reading, writing, shift):
    """Outputs [T, H], and the last r, w and memory, for one sequence x [T, D]."""
    cell, heads = layer.cell, reading + writing
    weights = {weight.path.rsplit("/", 1)[-1]: np.array(weight, "float64") for weight in layer.weights}
    inner = [np.array(weight, "float64") for weight in cell.controller.weights]
    state = [np.zeros(H)] * (len(cell.state_size) - 3)
    memory, r = np.full((N, M), 1e-6), np.tanh(weights["first_r"])
    w = [softmax(row) for row in weights["first_w"]]
    outputs = []
    for frame in x:
        state = control(np.concatenate([frame, r]), *state, *inner)
        z = np.clip(state[0] @ weights["head_kernel"] + weights["head_bias"], -20, 20)
        sizes = [heads * M, heads, heads, heads * (2 * shift + 1), heads, writing * M, writing * M]
        k, beta, g, s, gamma, e, a = np.split(z, np.cumsum(sizes)[:-1])
        k, s = np.tanh(k).reshape(heads, M), s.reshape(heads, -1)
        w = [
            address(memory, w[i], k[i], softplus(beta[i]), sigmoid(g[i]), softmax(s[i]), 1 + softplus(gamma[i]), shift)
            for i in range(heads)
        ]
        r = np.concatenate([w[i] @ memory for i in range(reading)])
        e, a = sigmoid(e).reshape(writing, M), np.tanh(a).reshape(writing, M)
        new = memory.copy()
        for head in range(writing):
            new *= 1 - np.outer(w[reading + head], e[head])
        memory = new + sum(np.outer(w[reading + head], a[head]) for head in range(writing))
        outputs.append(state[0] + r @ weights["read_kernel"])
    return np.array(outputs), r, np.array(w), memory


@pytest.mark.parametrize(
    "control, kwargs",
    [
        (lstm, {}),
        (lstm, {"read_heads": 2, "write_heads": 2, "shift": 2}),
        (feed_forward, {"controller": "none", "write_heads": 2}),
    ],
)
def test_it_follows_its_equations_from_a_state_of_zeros(control, kwargs):
    layer, x = made(**kwargs), numbers(B, T, D)
    heads = kwargs.get("read_heads", 1), kwargs.get("write_heads", 1), kwargs.get("shift", 1)
    y, *states = layer(x, initial_state=[np.zeros((B, size), "float32") for size in layer.state_size])
    *_, r, w, memory = layer.cell.opened(states)
    for row in range(B):
        for received, expected in zip((y, r, w, memory), machine(layer, x[row], control, *heads), strict=True):
            np.testing.assert_allclose(received[row], expected, rtol=1e-3, atol=1e-4)


def test_similarity_and_erasing_have_the_gradients_of_their_formulas():
    k, memory, w, e = numbers(B, 2, M), numbers(B, N, M, seed=2), numbers(B, N, seed=3), numbers(B, M, seed=4)

    def cosine(k, memory):
        unit = [x / ops.sqrt(ops.sum(x**2, -1, keepdims=True)) for x in (k, memory)]
        return ops.matmul(unit[0], ops.transpose(unit[1], (0, 2, 1)))

    def plain(memory, w, e):
        return memory * (1 - w[..., None] * e[:, None])

    for own, formula, arrays in ((similarity, cosine, (k, memory)), (erased, plain, (memory, w, e))):
        results = []
        for function in (own, formula):
            variables = [keras.Variable(array) for array in arrays]
            results.append(
                weight_gradients(
                    lambda f=function, v=variables: ops.sum(ops.sin(f(*(1.0 * x for x in v)) * 3)), variables
                )
            )
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
        for received, expected in zip(results[0][1], results[1][1], strict=True):
            np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-5)


def test_a_fresh_machine_is_at_its_first_row():
    layer = RNNS["ntm"](H, **MEMORY)
    layer.build((None, None, D))
    *_, w, memory = layer.cell.opened(layer.cell.get_initial_state(B))
    assert np.array(memory == 1e-6).all()
    assert np.array(w).shape == (B, 2, N) and np.array(w)[..., 0].min() > 0.99


def test_any_state_is_one_to_go_on_from():
    """A decoder may start from numbers that an encoder chose, also negative ones."""
    layer = made()
    y, *states = layer(numbers(B, T, D), initial_state=[3 * numbers(B, size) for size in layer.state_size])
    w = np.array(layer.cell.opened(states)[-2])
    assert np.isfinite(y).all() and w.min() >= 0
    np.testing.assert_allclose(w.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("controller", ["lstm", "none"])
def test_a_loaded_machine_is_the_one_that_was_saved(controller, tmp_path):
    inputs = keras.Input((None, D))
    model = keras.Model(inputs, RNNS["ntm"](H, controller=controller, read_heads=2, **MEMORY)(inputs))
    model.save(tmp_path / "model.keras")
    x = numbers(B, T, D)
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras")(x), model(x), atol=1e-6)


def test_a_trace_shows_what_the_heads_do():
    layer, x = made(read_heads=2), numbers(T, D)
    found = trace(layer, x)
    assert [len(found[kind]) for kind in ("write", "read")] == [1, 2]
    _, *states = layer(x[None])
    *_, r, w, _ = layer.cell.opened(states)
    for head, (vectors, weights) in enumerate(found["read"]):
        np.testing.assert_allclose(vectors[-1], r[0, head * M : (head + 1) * M], atol=1e-5)
        np.testing.assert_allclose(weights[-1], w[0, head], atol=1e-5)
    ((added, weights),) = found["write"]
    assert added.shape == (T, M) and np.abs(added).max() <= 1
    np.testing.assert_allclose(weights[-1], w[0, 2], atol=1e-5)


def test_a_memory_needs_the_rows_of_a_shift():
    with pytest.raises(ValueError, match="needs 5 rows or more. Received: 4"):
        RNNS["ntm"](H, rows=4, shift=2)
