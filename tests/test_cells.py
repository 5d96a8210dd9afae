"""Cells that run in the fused loop: each follows its equations, and its gradients are those of Keras's loop."""

import keras
import numpy as np
import pytest
from keras import ops
from test_rnns import LENGTHS, B, D, H, T, close, of_name, random_weights, sigmoid

from seqzoo.models import seq2seq
from seqzoo.rnns import RNNS

MASK = np.arange(T) < LENGTHS[:, None]

# The equations, one step each: (x, states, *weights) -> states, whose first is the output.


def mgu_step(x, states, W, U, b):
    (h,) = states
    Uf, Uh = np.split(U, 2, axis=1)
    xf, xh = np.split(x @ W + b, 2)
    f = sigmoid(xf + h @ Uf)
    return ((1 - f) * h + f * np.tanh(xh + (f * h) @ Uh),)


def rhn_step(x, states, W, R, b):
    (s,) = states
    for layer in range(2):
        columns = slice(2 * H * layer, 2 * H * (layer + 1))
        h, t = np.split((x @ W if layer == 0 else 0) + s @ R[:, columns] + b[columns], 2)
        s = np.tanh(h) * sigmoid(t) + s * (1 - sigmoid(t))
    return (s,)


def indrnn_step(x, states, W, u, b):
    return (np.tanh(x @ W + u * states[0] + b),)


def lstm_of(z, c):
    i, f, g, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o)


def mult_lstm_step(x, states, W, U, b):
    h, c = states
    m = (x @ W[:, 4 * H :]) * (h @ U[:, 4 * H :])
    c, o = lstm_of(x @ W[:, : 4 * H] + m @ U[:, : 4 * H] + b, c)
    return o * np.tanh(c), c


def normalised(v):
    return (v - v.mean()) / np.sqrt(v.var() + 1e-3)


def ln_lstm_step(x, states, W, U, b, gain_h, gain_x, gain_c, shift_c):
    h, c = states
    c, o = lstm_of(normalised(h @ U) * gain_h + normalised(x @ W) * gain_x + b, c)
    return o * np.tanh(normalised(c) * gain_c + shift_c), c


def slstm_step(x, states, W, R, b):
    """Without the stabiliser: with the gates of the first equations, c and n as they are."""
    h, c, n = states
    heads, d, _ = R.shape
    of_heads = np.stack([(own @ block).reshape(4, d) for own, block in zip(h.reshape(heads, d), R, strict=True)], 1)
    i, f, z, o = np.split(x @ W + b + of_heads.reshape(4 * H), 4)
    c, n = sigmoid(f) * c + np.exp(i) * np.tanh(z), sigmoid(f) * n + np.exp(i)
    return sigmoid(o) * c / n, c, n


USUAL = "kernel", "recurrent_kernel", "bias"
CELLS = {
    "mgu": ("mgu", {}, mgu_step, 1, USUAL),
    "rhn": ("rhn", {"depth": 2}, rhn_step, 1, USUAL),
    "indrnn": ("indrnn", {}, indrnn_step, 1, USUAL),
    "mult_lstm": ("mult_lstm", {}, mult_lstm_step, 2, USUAL),
    "ln_lstm": ("ln_lstm", {}, ln_lstm_step, 2, (*USUAL, "gain_h", "gain_x", "gain_c", "shift_c")),
    "slstm": ("slstm", {}, slstm_step, 3, USUAL),
    "slstm_of_two_heads": ("slstm", {"heads": 2}, slstm_step, 3, USUAL),
}
FUSED = {name: (name, {}) for name in ("lstm", "gru", "rnn", "simple_gru", "peephole_lstm")}
FUSED |= {"gru_before": ("gru", {"reset_after": False})} | {key: value[:2] for key, value in CELLS.items()}


def make(key, **kwargs):
    name, own, *_ = CELLS.get(key) or FUSED[key]
    return random_weights(RNNS[name](H, return_sequences=True, return_state=True, **own, **kwargs))


@pytest.mark.parametrize("key", CELLS)
def test_a_cell_follows_its_equations_in_a_loop_and_step_by_step(key):
    *_, step, count, names = CELLS[key]
    layer = make(key)
    weights = of_name(layer.weights, *names)
    x = np.random.default_rng(1).normal(size=(B, T, D)).astype("float32")
    y, *last = layer(x, mask=MASK)
    states, stepped = layer.get_initial_state(B), []
    for t in range(T):
        one, *states = layer(x[:, t : t + 1], mask=MASK[:, t : t + 1], initial_state=states)
        stepped.append(one[:, 0])
    for received, expected in zip(states, last, strict=True):
        close(received, expected)
    for row, length in enumerate(LENGTHS):
        expected = (np.zeros(H),) * count
        for t in range(length):
            expected = step(x[row, t], expected, *weights)
            close(y[row, t], expected[0])
            close(stepped[t][row], expected[0])
        if "slstm" not in key:
            close([state[row] for state in last], expected)


def test_an_slstm_is_stable_where_exponential_gates_overflow_or_vanish():
    layer = RNNS["slstm"](H, return_sequences=True)
    layer.build((None, None, 1))
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))
    layer.cell.kernel.assign(np.repeat([[1.0, 0.0, 0.0, 0.0]], H, axis=1))
    layer.cell.bias.assign(np.repeat([0.0, 100.0, 0.5, 100.0], H))  # nothing is forgotten
    x = np.array([-200.0, 0, 200, -200], "float32")
    with np.errstate(over="ignore"):
        received = np.array(layer(x[None, :, None]))
    close(received, np.full_like(received, np.tanh(0.5)))  # a mean of equal values


@pytest.mark.tensorflow("elsewhere it is Keras's own loop")
@pytest.mark.parametrize("key", FUSED)
def test_gradients_of_the_fused_loop_are_those_of_keras_to_the_last_digits(key):
    import tensorflow as tf

    options = {"dtype": "float64", "dropout": 0.3, "recurrent_dropout": 0.4, "seed": 5, "go_backwards": True}
    layer, same = make(key, **options), make(key, **options)
    loop = keras.layers.RNN(same.cell, return_sequences=True, return_state=True, go_backwards=True, dtype="float64")
    x = tf.constant(np.random.default_rng(1).normal(size=(B, T, D)))
    upstream = np.random.default_rng(2).normal(size=(B, T, H)) * MASK[:, ::-1, None]

    def results(layer):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, *last = layer(x, mask=tf.constant(MASK), training=True)
            loss = ops.sum(y * upstream) + sum(ops.sum(state * upstream[:, -1]) for state in last)
        return [*last, *tape.gradient(loss, [x, *layer.trainable_variables])]

    for received, expected in zip(results(layer), results(loop), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-12, atol=1e-12)


def test_heads_must_divide_the_units():
    with pytest.raises(ValueError, match="multiple of its heads. Received: 5, 2 heads"):
        RNNS["slstm"](5, heads=2)


@pytest.mark.parametrize("key", ["rhn", "slstm_of_two_heads"])
def test_arguments_of_a_cell_are_kept(key):
    layer = make(key)
    again = type(layer).from_config(layer.get_config())
    again.build((None, None, D))
    again.set_weights(layer.get_weights())
    x = np.ones((1, 3, D), "float32")
    close(again(x)[0], layer(x)[0])


def test_an_encoder_does_not_choose_the_normaliser_of_an_slstm():
    model = seq2seq(9, 9, dim=4, units=4, encoder_units=4, layers=1, rnn="slstm")
    for weight in model.weights:
        if "bridge" in weight.path and weight.path.endswith("bias"):
            weight.assign(np.full(4, -20.0))  # the states that it chooses are -1
    ids = np.ones((1, 3), "int32")
    assert np.isfinite(model({"source": ids, "target": ids})).all()
