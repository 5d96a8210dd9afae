"""The contract of the recurrent layers. Whatever is registered keeps it: a new file in seqzoo/rnns is covered here."""

import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from marks import BOTH, FORWARD, LAYERS, variants

from seqzoo.backend.gradients import gradient
from seqzoo.layers import masks
from seqzoo.options import Recurrent
from seqzoo.rnns import RNNS, cells
from seqzoo.rnns import scan as scan_module

B, T, D, H = 3, 6, 3, 4
LENGTHS = np.array([6, 2, 4])
CHOICES = Recurrent.__dataclass_fields__["activation"].metadata["choices"]


NAMES = RNNS.names()
AT_ONCE = [name for name in FORWARD if RNNS.trait(name, "parallel", False)]  # training computes all steps at once


def random_weights(layer, seed=0):
    rng = np.random.default_rng(seed)
    layer.build((None, None, D))
    for weight in layer.weights:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return layer


def make(name, **kwargs):
    return random_weights(RNNS[name](H, return_sequences=True, return_state=True, **kwargs))


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def close(received, expected, tolerance=1e-4):
    """Compares two arrays, or two lists of arrays of any widths."""
    if isinstance(received, list):
        for one, other in zip(received, expected, strict=True):
            close(one, other, tolerance)
    else:
        np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)


# The equations, one step each: (x, state, activation, weights) -> state, whose first part is the output.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn_step(x, state, act, W, U, b):
    return (act(x @ W + state[0] @ U + b),)


def gru_after_step(x, state, act, W, U, b):
    (h,) = state
    xz, xr, xc = np.split(x @ W + b[0], 3)
    hz, hr, hc = np.split(h @ U + b[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * act(xc + r * hc),)


def gru_before_step(x, state, act, W, U, b):
    (h,) = state
    xz, xr, xc = np.split(x @ W + b, 3)
    Uz, Ur, Uc = np.split(U, 3, axis=1)
    z, r = sigmoid(xz + h @ Uz), sigmoid(xr + h @ Ur)
    return (z * h + (1 - z) * act(xc + (r * h) @ Uc),)


def lstm_step(x, state, act, W, U, b):
    h, c = state
    i, f, g, o = np.split(x @ W + h @ U + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * act(g)
    return sigmoid(o) * act(c), c


def peephole_lstm_step(x, state, act, W, U, b, p):
    h, c = state
    i, f, g, o = np.split(x @ W + h @ U + b, 4)
    new = sigmoid(f + p[1] * c) * c + sigmoid(i + p[0] * c) * act(g)
    return sigmoid(o + p[2] * new) * act(new), new


def simple_gru_step(x, state, act, W, U, b):
    (c,) = state
    u, candidate = np.split(x @ W + c @ U + b, 2)
    u = sigmoid(u)
    return (u * act(candidate) + (1 - u) * c,)


def min_gru_step(x, state, act, W, b):
    (h,) = state
    z, new = np.split(x @ W + b, 2)
    z = sigmoid(z)
    return ((1 - z) * h + z * act(new),)


def min_lstm_step(x, state, act, W, b):
    (h,) = state
    i, f, new = np.split(x @ W + b, 3)
    i, f = sigmoid(i), sigmoid(f)
    return (f / (f + i) * h + i / (f + i) * act(new),)


def none_step(x, state, act, W, b):
    return (act(x @ W + b),)


ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "relu6": lambda z: np.clip(z, 0, 6),
    "crelu": lambda z: np.concatenate([np.maximum(z[: len(z) // 2], 0), np.maximum(-z[: len(z) // 2], 0)]),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "softsign": lambda z: z / (1 + np.abs(z)),
}

FAMILIES = {
    "rnn": ("rnn", rnn_step, {}),
    "gru": ("gru", gru_after_step, {}),
    "gru_before": ("gru", gru_before_step, {"reset_after": False}),
    "lstm": ("lstm", lstm_step, {}),
    "peephole_lstm": ("peephole_lstm", peephole_lstm_step, {}),
    "simple_gru": ("simple_gru", simple_gru_step, {}),
    "min_gru": ("min_gru", min_gru_step, {}),
    "min_lstm": ("min_lstm", min_lstm_step, {}),
    "none": ("none", none_step, {}),
}


def of_name(weights, *names):
    """Arrays of a layer's weights by the end of their paths; refuses names that would leave out a weight."""
    assert {weight.path.rsplit("/", 1)[-1] for weight in weights} == set(names)
    return [np.array(weight) for name in names for weight in weights if weight.path.endswith("/" + name)]


@pytest.mark.parametrize("activation", CHOICES)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_follows_its_equations_with_each_activation(family, activation):
    name, step, kwargs = FAMILIES[family]
    layer = make(name, activation=activation, **kwargs)
    recurrent = [] if family in AT_ONCE else ["recurrent_kernel"]
    peepholes = ["peepholes"] if family == "peephole_lstm" else []
    weights = of_name(layer.weights, "kernel", *recurrent, "bias", *peepholes)
    x = numbers(B, T, D)
    first = [numbers(B, H, seed=seed) for seed in (2, 3)[: len(layer.state_size)]]
    y, *states = layer(x, mask=np.arange(T) < LENGTHS[:, None], initial_state=first)
    for row, length in enumerate(LENGTHS):
        state = [part[row] for part in first]
        for t in range(length):
            state = step(x[row, t], state, ACTIVATIONS[activation], *weights)
            close(y[row, t], state[0])
        close([part[row] for part in states], state)


@pytest.mark.parametrize("name", BOTH)
def test_both_directions_are_one_forward_and_one_that_reads_the_reversed_sequence(name):
    layer = make(name)
    half = [make(name.removeprefix("bi")), make(name.removeprefix("bi"))]
    half[0].set_weights(layer.forward_layer.get_weights())
    half[1].set_weights(layer.backward_layer.get_weights())
    x = numbers(B, T, D)
    y, *states = layer(x, mask=np.arange(T) < LENGTHS[:, None])
    for row, length in enumerate(LENGTHS):
        own = x[row : row + 1, :length]
        forward, *forward_states = half[0](own)
        backward, *backward_states = half[1](own[:, ::-1])
        close(y[row, :length], np.concatenate([forward[0], backward[0, ::-1]], axis=-1))
        close([part[row] for part in states], [part[0] for part in forward_states + backward_states])


def run(layer, x, mask, upstream, state_upstream):
    """Outputs, last states, gradient of the input and of the weights, for a loss that reads real steps and states."""
    x = keras.Variable(x)

    def loss():
        y, *states = layer(ops.convert_to_tensor(x), mask=mask)
        real = y if mask is None else ops.where(mask[..., None], y, 0.0)
        return ops.sum(real * upstream) + sum(
            ops.sum(state * up) for state, up in zip(states, state_upstream, strict=True)
        )

    _, (dx, *dw) = weight_gradients(loss, [x, *layer.trainable_variables])
    y, *states = layer(ops.convert_to_tensor(x), mask=mask)
    return np.array(y), [np.array(state) for state in states], np.array(dx), [ops.convert_to_numpy(d) for d in dw]


@pytest.mark.parametrize("name", LAYERS)
def test_padding_changes_nothing(name):
    layer = make(name)
    ids = np.where(np.arange(T) < LENGTHS[:, None], 5, 0)
    x = np.where(ids[..., None] == 0, 1e3 * numbers(B, T, D, seed=9), numbers(B, T, D))  # garbage behind the end
    upstream = numbers(B, T, 2 * H, seed=2)[..., : layer.compute_output_shape((B, T, D))[0][-1]]
    state_upstream = [numbers(*state.shape, seed=3) for state in layer(x)[1:]]

    y, states, dx, dw = run(layer, x, masks.from_ids(ids), upstream, state_upstream)
    assert not dx[ids == 0].any()
    summed = [np.zeros_like(d) for d in dw]
    for row, length in enumerate(LENGTHS):
        one = slice(row, row + 1)
        alone = run(layer, x[one, :length], None, upstream[one, :length], [part[one] for part in state_upstream])
        close(y[row, :length], alone[0][0])
        close([state[row] for state in states], [state[0] for state in alone[1]])
        close(dx[row, :length], alone[2][0])
        summed = [total + d for total, d in zip(summed, alone[3], strict=True)]
    close(dw, summed)

    # In another order, and told the lengths instead of the padding.
    order = [2, 0, 1]
    mask = masks.from_lengths(LENGTHS[order], ids)
    other = run(layer, x[order], mask, upstream[order], [part[order] for part in state_upstream])
    real = ids[order] > 0
    close(other[0][real], y[order][real])
    close(other[1], [state[order] for state in states])
    close(other[2], dx[order])
    close(other[3], dw)


def test_masking_and_true_lengths_are_the_same_mask():
    ids = np.array([[3, 1, 0, 0], [2, 2, 2, 2], [9, 0, 0, 0]])
    expected = [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    np.testing.assert_array_equal(masks.from_ids(ids), np.array(expected, bool))
    np.testing.assert_array_equal(masks.from_lengths([2, 4, 1], ids), np.array(expected, bool))


@pytest.mark.parametrize("name", LAYERS)
def test_the_last_state_is_the_output_at_the_last_real_step(name):
    layer = make(name)
    last_layer = random_weights(RNNS[name](H, return_state=True))
    x, mask = numbers(B, T, D), np.arange(T) < LENGTHS[:, None]
    y, *states = layer(x, mask=mask)
    last, *same = last_layer(x, mask=mask)
    close(same, states)
    expected = np.array(y)[range(B), LENGTHS - 1]  # [B, H] or [B, 2H]
    first = states[0]
    if RNNS.trait(name, "bidirectional", False):
        # The reader from the end ends at step 0.
        expected = np.concatenate([expected[:, :H], np.array(y)[:, 0, H:]], axis=-1)
        first = np.concatenate([first, states[len(states) // 2]], axis=-1)
    if name.removeprefix("bi") != "ntm":  # whose output is its first state and what it read
        close(first, expected)
    close(last, expected)


@pytest.mark.parametrize("name", FORWARD)
def test_a_carried_state_continues_the_sequence(name):
    layer = make(name)
    x, mask, cut = numbers(2, T, D), np.arange(T) < np.array([[6], [4]]), 3
    y, *states = layer(x, mask=mask)
    head, *carried = layer(x[:, :cut], mask=mask[:, :cut])
    tail, *last = layer(x[:, cut:], mask=mask[:, cut:], initial_state=carried)
    close(np.concatenate([head, tail], axis=1)[mask], np.array(y)[mask])
    close(last, states)


@pytest.mark.slow
@pytest.mark.variant
def test_a_saved_layer_is_the_same_in_a_fresh_process_that_imports_seqzoo_models(tmp_path):
    check_saved_layers(tmp_path, [*((name, "tanh") for name in NAMES), ("bilstm", "crelu")])


def check_saved_layers(tmp_path, layers, imports="import seqzoo.models"):
    """Saves layers, a list of (name, activation), and compares their outputs in a fresh process after `imports`."""
    x, mask = numbers(B, T, D), np.arange(T) < LENGTHS[:, None]
    expected = {}
    for name, activation in layers:
        inputs = keras.Input((None, D)), keras.Input((None,), dtype="bool")
        layer = RNNS[name](H, activation=activation, return_sequences=True)
        model = keras.Model(inputs, layer(inputs[0], mask=inputs[1]))
        random_weights(layer)
        model.save(tmp_path / f"{name}_{activation}.keras")
        expected[f"{name}_{activation}"] = model([x, mask])
    np.savez(tmp_path / "expected.npz", **expected)
    np.savez(tmp_path / "inputs.npz", x=x, mask=mask)
    script = f"""{imports}

import keras, numpy as np

inputs = np.load("inputs.npz")
for name, expected in np.load("expected.npz").items():
    received = np.array(keras.models.load_model(name + ".keras")([inputs["x"], inputs["mask"]]))
    real = inputs["mask"]
    np.testing.assert_allclose(received[real], expected[real], atol=1e-6, err_msg=name)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]


def graphs(*cases):
    """Parameters (how, steps, masked, go_backwards) of cases (how, steps).

    By default graphs are traced without a mask forwards and with one backwards, the rest by `pytest -m slow`.
    """
    for (how, steps), masked, backwards in itertools.product(cases, (False, True), (False, True)):
        marks = [pytest.mark.slow, pytest.mark.variant] if how != "eager" and masked != backwards else []
        if how == "dynamic":  # a graph of any length
            marks.append(pytest.mark.tensorflow("each length is a graph of its own"))
        yield pytest.param(how, steps, masked, backwards, marks=marks)


def all_results(layer, x, first, mask, how):
    """All outputs and all gradients of a layer from a first state, by name."""

    def results(inputs, weights):
        """The loss, and as a side product what it is made of."""
        with keras.StatelessScope(state_mapping=list(zip(layer.trainable_variables, weights, strict=True))):
            y, *last = layer(inputs[0], mask=mask, initial_state=list(inputs[1:]))
        # Behind the end Keras repeats outputs or not, by kernel: nobody reads them.
        real = y if mask is None else ops.where((mask[:, ::-1] if layer.go_backwards else mask)[..., None], y, 0.0)
        positions = ops.cast(ops.arange(ops.size(y)), "float32")
        upstream = ops.sin(ops.reshape(positions, ops.shape(y)))  # another one for each value
        loss = ops.sum(real * upstream)
        for number, state in enumerate(last, 2):
            loss += ops.sum(state * ops.cos(ops.arange(state.shape[-1], dtype="float32"))) * number
        return loss, [real, *last]

    inputs = [ops.convert_to_tensor(value) for value in (x, *first)]
    weights = [ops.convert_to_tensor(np.array(weight)) for weight in layer.trainable_variables]
    if keras.backend.backend() == "jax":
        import jax

        of = jax.value_and_grad(results, argnums=(0, 1), has_aux=True)
        (_, outputs), gradients = (jax.jit(of) if how == "jit" else of)(inputs, weights)
    else:
        import tensorflow as tf

        def of(inputs, weights):
            with tf.GradientTape() as tape:
                tape.watch([inputs, weights])
                loss, outputs = results(inputs, weights)
            return outputs, tape.gradient(loss, [inputs, weights], unconnected_gradients="zero")

        if how == "dynamic":
            shapes = [(None, None, D), *((None, part.shape[-1]) for part in first)], [w.shape for w in weights]
            of = tf.function(of, input_signature=[[tf.TensorSpec(shape) for shape in part] for part in shapes])
        elif how == "jit":
            of = tf.function(of, jit_compile=True)
        outputs, gradients = of(inputs, weights)
    states = [f"state {number}" for number in range(len(first))]
    paths = [weight.path.rsplit("/", 1)[-1] for weight in layer.trainable_variables]
    names = ["y", *states, "dx", *(f"d {state}" for state in states), *paths]
    return dict(zip(names, map(np.array, [*outputs, *gradients[0], *gradients[1]]), strict=True))


@pytest.mark.tensorflow("elsewhere it is Keras's own loop")
@pytest.mark.parametrize(
    "how, steps, masked, go_backwards",
    graphs(("eager", T), ("eager", 1), ("dynamic", T), ("dynamic", 1), ("jit", T)),
)
def test_the_fused_loop_is_the_loop_of_keras(how, steps, masked, go_backwards, monkeypatch):
    calls = []
    fused = cells.fused_loop
    monkeypatch.setattr(cells, "fused_loop", lambda *args: calls.append(1) or fused(*args))
    kwargs = {"return_sequences": True, "return_state": True, "go_backwards": go_backwards}
    ours, theirs = RNNS["lstm"](H, **kwargs), keras.layers.LSTM(H, use_cudnn=False, **kwargs)
    random_weights(theirs)
    ours.build((None, None, D))
    ours.set_weights(theirs.get_weights())
    ours.supports_jit = True  # on a GPU too: no cuDNN
    ours.use_cudnn = False
    x, first = numbers(B, steps, D), [numbers(B, H, seed=2), numbers(B, H, seed=3)]
    mask = ops.convert_to_tensor(np.arange(steps) < np.minimum(LENGTHS, steps)[:, None]) if masked else None
    received = all_results(ours, x, first, mask, how)
    assert calls or (how, steps) == ("eager", 1)  # one step outside of training is a call of the cell
    expected = all_results(theirs, x, first, mask, "eager")
    assert len(expected) == 9
    for name in expected:
        np.testing.assert_allclose(received[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


LONG = 5 * scan_module.CHUNK**2 + 3  # chunks of chunks, and a rest


def scan_cases():
    """`graphs` of each cell that trains by scan; by default all of one cell, and the special ones of others."""
    for name in AT_ONCE:
        cases = ("eager", T), ("eager", 1), ("dynamic", T), ("dynamic", 1), ("dynamic", LONG), ("jit", LONG)
        for case in graphs(*cases, *[("eager", 40)] * (name in ("lru", "mlstm"))):  # whose scans are others
            how, steps, masked, backwards = case.values
            special = how == "eager" and (steps == T or (steps == 40 and masked and backwards))
            (shown,) = [name] if name == "min_gru" or special else variants(name)
            marks = [*case.marks, *getattr(shown, "marks", ())]
            yield pytest.param(name, *case.values, marks=marks)


@pytest.mark.parametrize("name, how, steps, masked, go_backwards", scan_cases())
def test_all_steps_at_once_are_the_steps_one_after_the_other(name, how, steps, masked, go_backwards):
    options = {"qrnn": {"window": 3}, "mlstm": {"heads": 2}}.get(name, {})
    layer = make(name, go_backwards=go_backwards, **options)
    loop = keras.layers.RNN(layer.cell, return_sequences=True, return_state=True, go_backwards=go_backwards)
    x, first = numbers(B, steps, D), [numbers(B, size, seed=2) for size in layer.state_size]
    mask = None
    if masked:
        lengths = np.array([steps, steps // 2, steps // 3])[:, None]
        mask = (np.arange(steps) < lengths) & (np.arange(steps) % 7 != 3)  # holes too
        mask |= np.arange(steps) == (steps - 1 if go_backwards else 0)  # before it y is 0 in Keras
        mask = ops.convert_to_tensor(mask)
    received = all_results(layer, x, first, mask, how)
    traced = "jit" if keras.backend.backend() == "jax" else "dynamic"
    expected = all_results(loop, x, first, mask, traced if steps == LONG else "eager")
    assert len(expected) == 2 + 2 * len(first) + len(layer.trainable_variables)
    for key in expected:
        np.testing.assert_allclose(received[key], expected[key], rtol=1e-4, atol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", AT_ONCE)
def test_unrolled_and_with_zeros_for_masked_steps_the_scan_is_still_the_loop(name):
    x, mask = numbers(B, T, D), np.arange(T) < LENGTHS[:, None]
    layer, unrolled = make(name, zero_output_for_mask=True), make(name, zero_output_for_mask=True, unroll=True)
    received, expected = (np.array(one(x, mask=mask)[0]) for one in (layer, unrolled))
    close(received[mask], expected[mask])  # unrolled on JAX, Keras has no zeros
    assert not received[~mask].any()


@pytest.mark.parametrize("name", AT_ONCE)
def test_the_scan_drops_what_the_loop_drops(name):
    layer = make(name, dropout=0.3, recurrent_dropout=0.5, seed=7)
    same = make(name, dropout=0.3, recurrent_dropout=0.5, seed=7)
    loop = keras.layers.RNN(same.cell, return_sequences=True, return_state=True)
    x = numbers(B, T, D)
    for received, expected in zip(layer(x, training=True), loop(x, training=True), strict=True):
        close(received, expected)


LINEAR = ["min_gru", "min_lstm", "none", "rg_lru", "qrnn", "mlstm"]  # the output is linear in the new content


@pytest.mark.parametrize("name", LINEAR)
def test_recurrent_dropout_of_the_scan_drops_units_of_the_state_and_keeps_its_mean(name):
    layer, x = make(name, recurrent_dropout=0.5), numbers(B, 50, D)
    plain, dropped = np.array(layer(x)[0]), np.array(layer(x, training=True)[0])
    kept = dropped.any(axis=1, keepdims=True)  # [B, 1, H]
    assert 0 < kept.mean() < 1
    close(dropped, 2 * plain * kept)


def test_two_shut_gates_of_a_min_lstm_share_evenly():
    layer = make("min_lstm")
    weights = dict(zip((weight.path.rsplit("/", 1)[-1] for weight in layer.weights), layer.weights, strict=True))
    weights["kernel"].assign(np.zeros((D, 3 * H)))
    weights["bias"].assign([-1000.0] * 2 * H + [0.5] * H)  # sigmoid(-1000) = 0 in float32
    received = all_results(layer, numbers(B, T, D), [np.ones((B, H), "float32")], None, "eager")
    close(received["y"][0, :, 0], [np.tanh(0.5) + 0.5**t * (1 - np.tanh(0.5)) for t in range(1, T + 1)])
    assert all(np.isfinite(value).all() for value in received.values())


def test_a_linear_scan_forgets_keeps_and_has_second_derivatives():
    steps = 3 * scan_module.CHUNK
    a = np.random.default_rng(0).choice([0, 1e-30, 0.3, 1], (B, steps, H)).astype("float32")
    b, h = numbers(B, steps, H), numbers(B, H, seed=2)

    def in_turn(a, b, h):
        states = []
        for t in range(steps):
            h = a[:, t] * h + b[:, t]
            states.append(h)
        return ops.stack(states, axis=1)

    def results(scan):
        def cubes(x):
            return scan(x[:, :steps], x[:, steps:-1], x[:, -1]) ** 3

        x = ops.concatenate([a, b, h[:, None]], axis=1)
        return [scan(a, b, h), gradient(cubes, x), gradient(lambda x: gradient(cubes, x) ** 2, x)]

    for received, expected in zip(results(scan_module.linear_scan), results(in_turn), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", FORWARD)
def test_crelu_needs_an_even_number_of_units(name):
    with pytest.raises(ValueError, match="even number of units. Received: 5"):
        RNNS[name](5, activation="crelu")


@pytest.mark.parametrize("which", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("name", LAYERS)
def test_dropout_acts_in_training_only(name, which):
    plain, dropping = make(name), make(name, **{which: 0.5})
    x = numbers(B, T, D)
    close(dropping(x, training=False)[0], plain(x)[0])
    once, again = (np.array(dropping(x, training=True)[0]) for _ in range(2))
    assert np.abs(once - plain(x)[0]).max() > 0.01
    assert np.abs(once - again).max() > 0.01
    assert np.isfinite(once).all()


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_kernels_start_orthogonal_and_forget_gates_open(name):
    layer = RNNS[name](H)
    layer.build((None, None, D))
    kernels = [np.array(weight) for weight in layer.weights if weight.path.endswith("recurrent_kernel")]
    both = RNNS.trait(name, "bidirectional", False)
    assert len(kernels) == (1 + both if RNNS.trait(name, "recurrent_kernel", True) else 0)
    for U in kernels:
        if U.ndim > 1:  # an IndRNN has a vector
            U = U.reshape(H, -1)  # the heads of an sLSTM
            close(U @ U.T, np.eye(H), 1e-5)
    for weight in layer.weights:
        if weight.path.endswith("/bias"):
            bias = np.array(weight)
            expected = np.zeros_like(bias)
            if name.endswith("ntm") or ("lstm" in name and "mlstm" not in name):  # its gates have a bias of their own
                expected[H : 2 * H] = 1
            if "rhn" in name:
                expected.reshape(-1, 2, H)[:, 1] = -2  # transform gates
            np.testing.assert_array_equal(bias, expected)


@pytest.mark.parametrize("name", FORWARD)
def test_the_parameters_listed_are_those_of_a_unit(name):
    units, width = 8, 3
    layer = RNNS[name](units)
    layer.build((None, None, width))
    assert layer.count_params() == RNNS.parameters(name, width, units)
