"""The generator: what is asked for decides what comes out, whether or not it is music."""

import keras
import numpy as np
import pytest

from seqzoo.decoding import Sampler
from seqzoo.models import Opener, generator

V = 13
BEGIN = 12


def numbers(*shape, low=1, high=V, seed=1):
    return np.random.default_rng(seed).integers(low, high, shape).astype("int32")


def counted(step, first, length=8):
    """A sequence that is no music: it begins with a number and counts by steps, round the clock of ten."""
    return [(first + step * t) % 10 + 2 for t in range(length)]


@pytest.mark.parametrize("join", ["state", "step", "both"])
def test_two_conditions_decide_what_is_generated(join):
    steps, firsts = np.divmod(np.arange(30), 10)  # steps 0, 1, 2 stand for 1, 2, 3
    rows = np.array([[BEGIN, *counted(s + 1, f)] for s, f in zip(steps, firsts, strict=True)], "int32")
    inputs = {"tokens": rows[:, :-1], "step": steps, "first": firsts}
    keras.utils.set_random_seed(0)
    model = generator(V, {"step": 3, "first": 10}, dim=32, condition_dim=16, join=join, rnn="gru", units=64)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(inputs, rows[:, 1:], batch_size=10, epochs=80, verbose=0)
    opener = Opener(model)
    state = opener.start({"step": steps, "first": firsts})
    sample = Sampler(opener, temperature=0)
    ids, *_ = sample(np.full(30, BEGIN), state, np.zeros((8, 30)), np.zeros(30, bool))
    assert (ids == rows[:, 1:]).mean() > 0.97


@pytest.mark.parametrize("join", ["state", "step"])
def test_padding_and_other_rows_change_nothing_and_a_saved_generator_is_the_same(join, tmp_path):
    model = generator(V, {"style": 4}, dim=6, join=join, units=5, layers=2)
    for weight in model.trainable_variables:
        weight.assign(np.random.default_rng(len(weight.path)).normal(0, 0.5, weight.shape))
    ids, style = numbers(3, 7), np.array([0, 3, 1])
    ids[1, 4:] = 0
    whole = np.array(model({"tokens": ids, "style": style}))
    alone = np.array(model({"tokens": ids[1:2, :4], "style": style[1:2]}))
    np.testing.assert_allclose(whole[1, :4], alone[0], atol=1e-5)
    other = np.array(model({"tokens": ids, "style": (style + 1) % 4}))
    assert (np.abs(whole - other).max(axis=(1, 2)) > 1e-3).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded({"tokens": ids, "style": style}), whole, atol=1e-6)
    opener = Opener(loaded)
    state = opener.start({"style": style})
    for t in range(3):  # step by step, as it is sampled
        logits, state = opener(ids[:, t : t + 1], state)
        np.testing.assert_allclose(logits[:, 0], whole[:, t], atol=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"conditions": {}}, "needs a condition"),
        ({"conditions": {"key": 3}, "join": "steps"}, "join should be state, step or both"),
        ({"conditions": {"key": 3}, "rnn": "bigru"}, "reads forward is needed"),
    ],
)
def test_what_can_not_be_built_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        generator(V, **arguments)
