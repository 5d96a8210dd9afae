"""The cells that train by scan: their equations in NumPy, one step after another. What all cells keep: test_rnns.py."""

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from test_rnns import ACTIVATIONS, LENGTHS, B, D, T, close, numbers, random_weights, sigmoid

from seqzoo.models import seq2seq
from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.lru import LRUCell
from seqzoo.rnns.mlstm import MLSTMCell
from seqzoo.rnns.qrnn import QRNNCell
from seqzoo.rnns.rg_lru import RGLRUCell
from seqzoo.rnns.scan import ScanRNN, linear_scan
from seqzoo.rnns.sru import SRUCell

H = 8
NAMES = ["rg_lru", "sru", "qrnn", "lru", "mlstm"]


# The equations: (inputs of all steps so far, states before, activation, weights by name) -> states; the first is h.


def rg_lru_step(xs, states, act, w):
    r, i, u = np.split(xs[-1] @ w["kernel"] + w["bias"], 3)
    a = sigmoid(w["decay"]) ** (8 * sigmoid(r))
    return (a * states[0] + np.sqrt(1 - a**2) * sigmoid(i) * act(u),)


def sru_step(xs, states, act, w):
    Wf, Wr, W, *Wp = np.split(w["kernel"], w["kernel"].shape[1] // H, axis=1)
    bf, br = np.split(w["bias"], 2)
    x, (_, c) = xs[-1], states
    f, r = sigmoid(x @ Wf + bf), sigmoid(x @ Wr + br)
    c = f * c + (1 - f) * (x @ W)
    return r * act(c) + (1 - r) * (x @ Wp[0] if Wp else x), c


def qrnn_step(xs, states, act, w):
    W = w["kernel"].reshape(D, -1, 3 * H)
    window = W.shape[1]
    past = [np.zeros(D)] * window + xs  # x_{t-j} is past[-1 - j]

    def of_last(steps, ahead=0):
        """What the last inputs add to the products of the step that is so many ahead."""
        return sum(past[-1 - j] @ W[:, j + ahead] for j in range(steps))

    z, f, o = np.split(of_last(window) + w["bias"], 3)
    c = sigmoid(f) * states[1] + (1 - sigmoid(f)) * act(z)
    return sigmoid(o) * c, c, *(of_last(window - ahead, ahead) for ahead in range(1, window))


def lru_step(xs, states, act, w):
    x, s = xs[-1], states[1][:H] + 1j * states[1][H:]
    skip, B_re, B_im = np.split(w["kernel"], 3, axis=1)
    C = w["readout"][:H] - 1j * w["readout"][H:]
    s = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"])) * s + np.exp(w["gamma"]) * (x @ (B_re + 1j * B_im))
    return act((s @ C).real + x @ skip + w["bias"]), np.concatenate([s.real, s.imag])


def mlstm_step(xs, states, act, w):
    x, (_, C, n, m) = xs[-1], states
    heads = len(m)
    d = H // heads
    q, k, v, o = np.split(x @ w["kernel"] + w["bias"], 4)
    i, f = np.split(x @ w["gate_kernel"] + w["gate_bias"], 2)
    q, k, v = q.reshape(heads, d), k.reshape(heads, d) / np.sqrt(d), act(v).reshape(heads, d)
    # Without a stabiliser: C and n are kept times exp(-m).
    C, n = C.reshape(heads, d, d) * np.exp(m)[:, None, None], n.reshape(heads, d) * np.exp(m)[:, None]
    C = sigmoid(f)[:, None, None] * C + np.exp(i)[:, None, None] * k[:, :, None] * v[:, None]
    n = sigmoid(f)[:, None] * n + np.exp(i)[:, None] * k
    h = np.concatenate([q[j] @ C[j] / max(abs(q[j] @ n[j]), 1) for j in range(heads)])
    m = np.maximum(np.log(sigmoid(f)) + m, i)
    C, n = C * np.exp(-m)[:, None, None], n * np.exp(-m)[:, None]
    return sigmoid(o) * h, C.reshape(-1), n.reshape(-1), m


CELLS = {
    "rg_lru": (RGLRUCell, rg_lru_step, {}),
    "sru": (SRUCell, sru_step, {}),
    "qrnn": (QRNNCell, qrnn_step, {}),
    "qrnn_1": (QRNNCell, qrnn_step, {"window": 1}),
    "qrnn_4": (QRNNCell, qrnn_step, {"window": 4}),
    "lru": (LRUCell, lru_step, {}),
    "mlstm": (MLSTMCell, mlstm_step, {}),
    "mlstm_1": (MLSTMCell, mlstm_step, {"heads": 1}),
}


def named(layer):
    """{name: array} of a layer's weights."""
    return {weight.path.rsplit("/", 1)[-1]: np.array(weight) for weight in layer.weights}


@pytest.mark.parametrize("activation", ["tanh", "crelu"])
@pytest.mark.parametrize("name", CELLS)
def test_each_cell_follows_its_equations(name, activation):
    kind, step, kwargs = CELLS[name]
    cell = kind(H, activation=activation_of(activation, H), **kwargs)
    layer = random_weights(ScanRNN(cell, return_sequences=True, return_state=True))
    weights, act = named(layer), ACTIVATIONS[activation]
    x, mask = numbers(B, T, D), np.arange(T) < LENGTHS[:, None]
    mask[0, 3] = False  # a hole
    first = [numbers(B, size, seed=seed) for seed, size in enumerate(layer.state_size)]
    first[2:] = [np.zeros_like(part) if kind is QRNNCell else part for part in first[2:]]  # nothing was read before
    y, *states = layer(x, mask=mask, initial_state=first)
    for row in range(B):
        state = [part[row] for part in first]
        for t in np.flatnonzero(mask[row]):
            state = step([*x[row, : t + 1][mask[row, : t + 1]]], state, act, weights)
            close(y[row, t], state[0])
        for received, expected in zip(states, state, strict=True):
            close(received[row], expected)


def test_a_complex_scan_is_that_of_complex_numbers():
    steps = 21
    a, b, h = (0.4 * (numbers(B, *shape) + 1j * numbers(B, *shape, seed=2)) for shape in ((steps, 2), (steps, 2), (2,)))

    def pair(x):
        return np.concatenate([x.real, x.imag], axis=-1).astype("float32")

    for order in (range(steps), range(steps)[::-1]):
        expected, state = np.zeros_like(b), h
        for t in order:
            expected[:, t] = state = a[:, t] * state + b[:, t]
        close(linear_scan(pair(a), pair(b), pair(h), reverse=order[0] > 0, pairs=True), pair(expected))


def test_the_highway_of_an_sru_carries_its_input_where_the_widths_agree():
    layer = RNNS["sru"](D, return_sequences=True)
    layer.build((None, None, D))
    assert layer.cell.kernel.shape == (D, 3 * D)
    layer.cell.bias.assign(np.repeat([0.0, -50.0], D))  # r = 0
    x = numbers(B, T, D)
    close(layer(x), x)


def test_the_eigenvalues_of_an_lru_start_on_a_ring_and_its_state_as_large_as_its_input():
    cell = LRUCell(2000, r_min=0.8, r_max=0.95, phase=1.0)
    cell.build((None, D))
    re, im = np.split(np.array(cell.eigenvalues()), 2)
    modulus, angle = np.hypot(re, im), np.arctan2(im, re)
    assert 0.8 < modulus.min() < 0.81 and 0.94 < modulus.max() < 0.95
    close(np.mean(modulus**2), (0.8**2 + 0.95**2) / 2, 0.01)  # uniform on the area of the ring
    assert 0 < angle.min() < 0.01 and 0.99 < angle.max() < 1
    close(np.exp(cell.gamma), np.sqrt(1 - modulus**2))
    layer = ScanRNN(cell, return_state=True)
    noise = np.random.default_rng(0).normal(size=(1, 200, D)).astype("float32")
    _, _, s = layer(noise)
    content = noise @ np.array(cell.kernel)[:, 2000:]
    close(np.mean(np.square(s)), np.mean(np.square(content)), 0.2)


def test_the_decays_of_an_rg_lru_start_near_one():
    cell = RGLRUCell(500)
    cell.build((None, D))
    a = sigmoid(np.array(cell.decay)) ** 8
    assert 0.9 <= a.min() < 0.902 and 0.997 < a.max() <= 0.999


@pytest.mark.parametrize("name", NAMES)
def test_gates_that_are_shut_or_wide_open_leave_the_gradients_finite(name):
    layer = RNNS[name](H, return_sequences=True)
    layer.build((None, None, D))
    layer.cell.kernel.assign(200 * numbers(*layer.cell.kernel.shape))
    if name == "mlstm":
        layer.cell.gate_kernel.assign(200 * numbers(*layer.cell.gate_kernel.shape))
    loss, gradients = weight_gradients(lambda: ops.sum(layer(numbers(B, 40, D))), layer.trainable_variables)
    assert np.isfinite(loss) and all(np.isfinite(part).all() for part in gradients)


@pytest.mark.parametrize("units, kwargs, heads", [(8, {}, 4), (6, {}, 2), (5, {}, 1), (9, {"heads": 3}, 3)])
def test_the_heads_of_an_mlstm_divide_its_units(units, kwargs, heads):
    assert RNNS["mlstm"](units, **kwargs).state_size == [units, units * units // heads, units, heads]


def test_wrong_heads_and_windows_are_refused():
    with pytest.raises(ValueError, match="heads should divide units=6. Received: 4"):
        RNNS["mlstm"](6, heads=4)
    with pytest.raises(ValueError, match="window should be at least 1. Received: 0"):
        RNNS["qrnn"](6, window=0)


@pytest.mark.parametrize(
    "name, options",
    [("mlstm", {"heads": 2}), ("qrnn", {"window": 3}), ("lru", {"r_min": 0.5, "r_max": 0.6, "phase": 0.1})],
)
def test_options_of_a_cell_are_those_of_both_directions_and_of_a_copy(name, options):
    layer = RNNS[f"bi{name}"](4, **options)
    copy = keras.layers.Bidirectional.from_config(layer.get_config())
    for one in (layer.forward_layer, layer.backward_layer, copy.forward_layer):
        assert options.items() <= one.cell.get_config().items()


@pytest.mark.slow
@pytest.mark.tensorflow("SavedModel")
def test_an_exported_layer_answers_alike(tmp_path):
    import tensorflow as tf

    inputs = keras.Input((None, D))
    layers = [
        random_weights(RNNS[name](H, return_sequences=True)) for name in ("rg_lru", "sru", "qrnn", "lru", "mlstm")
    ]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    model.export(tmp_path / "model", verbose=False)
    x = numbers(B, 40, D)
    served = tf.saved_model.load(tmp_path / "model")
    for received, expected in zip(served.serve(x), model(x), strict=True):
        close(received, expected)


@pytest.mark.parametrize("name", ["lru", "rg_lru", "mlstm"])
def test_a_state_that_decays_slowly_is_not_lost_in_16_bits(name):
    """In bfloat16 0.999 is 1."""
    exact, half = RNNS[name](H), RNNS[name](H, dtype="mixed_bfloat16")
    for layer in (exact, half):
        layer.build((None, None, D))
    half.set_weights(exact.get_weights())
    x = 0.1 * numbers(B, 200, D)
    np.testing.assert_allclose(ops.cast(half(x), "float32"), exact(x), rtol=0.03, atol=0.01)


def test_a_decoder_has_no_weights_for_an_output_that_no_step_reads():
    model = seq2seq(9, 9, dim=4, units=4, encoder_units=4, layers=2, rnn="sru")
    bridges = {weight.path.split("/")[-2] for weight in model.weights if "bridge" in weight.path}
    assert bridges == {"bridge1", "bridge3"}  # of c, in both layers
