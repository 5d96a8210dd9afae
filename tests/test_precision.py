"""Layers that compute in 16 bits: near to float32, with losses and probabilities in float32, and saved and resumed."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from marks import FORWARD, LAYERS, variants

from seqzoo import run
from seqzoo.datasets import DATASETS
from seqzoo.decoding.beam import Beam
from seqzoo.decoding.sampling import Sampler
from seqzoo.inputs import frames, images
from seqzoo.inputs import words as front
from seqzoo.layers.attention import FeedingRNN
from seqzoo.layers.crf import CRFLoss
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.models import (
    GeneratorDecoder,
    LanguageModelDecoder,
    Seq2SeqDecoder,
    class_decoder,
    classifier,
    decoder,
    generator,
    language_model,
    scheduled,
    seq2seq,
    streamed,
    tagger,
)  # fmt: skip
from seqzoo.models.regularized import regularized
from seqzoo.options import Training
from seqzoo.rnns import RNNS
from seqzoo.training import load
from seqzoo.training import loop as training
from seqzoo.training.loop import precision
from seqzoo.training.optimizers import optimizer

B, T, D, H, V = 3, 6, 4, 8, 12
LENGTHS = np.array([6, 2, 4])
MASK = np.arange(T) < LENGTHS[:, None]
NEAR = {"mixed_bfloat16": 0.06, "mixed_float16": 0.01}


def numbers(low, high, *shape, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype("int32")


def words(steps=T, seed=0):
    ids = np.where(MASK, numbers(2, V, B, T, seed=seed), 0)
    return np.pad(ids, [(0, 0), (0, steps - T)]).astype("int32")


def made(policy, build):
    """What `build` makes, with random weights that are the same under every policy."""
    with precision(policy):
        thing = build()
    rng = np.random.default_rng(0)
    for weight in thing.weights:
        if weight.dtype == "float32":
            weight.assign(rng.normal(0, 0.4, weight.shape))
    return thing


def near(received, expected, policy, message=""):
    received, expected = (np.array(keras.ops.cast(x, "float32")) for x in (received, expected))
    assert np.isfinite(received).all(), message
    np.testing.assert_allclose(received, expected, rtol=NEAR[policy], atol=NEAR[policy], err_msg=message)


# Layers.


@pytest.mark.parametrize("policy", ["mixed_bfloat16", *variants("mixed_float16")])
@pytest.mark.parametrize("name", LAYERS)
def test_each_recurrent_layer_is_near_to_float32_and_padding_changes_nothing(name, policy):
    x = np.random.default_rng(1).normal(size=(B, T + 3, D)).astype("float32")
    mask = np.pad(MASK, [(0, 0), (0, 3)])

    def build():
        layer = RNNS[name](H, return_sequences=True, return_state=True)
        layer.build((None, None, D))
        return layer

    def results(policy):
        layer = made(policy, build)
        with tf.GradientTape() as tape:
            y, *states = layer(x, mask=mask, training=True)
            loss = keras.ops.mean(keras.ops.square(keras.ops.cast(y, "float32") * mask[..., None]))
        gradients = tape.gradient(loss, layer.trainable_variables)
        assert y.dtype == layer.compute_dtype and all(state.dtype == "float32" for state in states)
        alone = layer(x[1:2, :2], mask=mask[1:2, :2])[0]
        return [y * keras.ops.cast(mask[..., None], y.dtype), *states], gradients, (y[1:2, :2], alone)

    exact, half = results("float32"), results(policy)
    for received, expected in zip(half[0], exact[0], strict=True):
        near(received, expected, policy)
    for received, expected in zip(half[1], exact[1], strict=True):
        assert received.dtype == "float32"
        near(received, expected, policy)
    near(*half[2], policy)


@pytest.mark.parametrize("name", ["lstm", "min_lstm", "min_gru"])
def test_a_state_that_changes_slowly_is_not_lost_in_16_bits(name):
    """In bfloat16 1 + 1/512 is 1: sums of 200 steps with the forget gate open would stand still."""
    x = np.ones((1, 200, 1), "float32")

    def ends(policy):
        layer = made(policy, lambda: build())
        *others, bias = [weight for weight in layer.weights]
        for weight in others:
            weight.assign(np.zeros(weight.shape))
        sides = {"lstm": (-5, 8, 0.02, 8), "min_lstm": (-5, 2, 1), "min_gru": (-6, 1)}[name]
        bias.assign(np.repeat(sides, H) * 1.0)
        return np.array(keras.ops.cast(layer(x), "float32"))

    def build():
        layer = RNNS[name](H)
        layer.build((None, None, 1))
        return layer

    np.testing.assert_allclose(ends("mixed_bfloat16"), ends("float32"), rtol=0.03)


def slow(name, policy="mixed_bfloat16"):
    """A layer that forgets slowly, a sequence of 60 steps, and its mask."""
    keras.utils.set_random_seed(0)
    with precision(policy):
        layer = RNNS[name](H, return_sequences=True, return_state=True)
        layer.build((None, None, D))
    side = -3.0 if name in ("simple_gru", "mgu", "min_gru", "rhn") else 3.0  # there an open gate forgets
    for weight in layer.weights:
        if weight.name == "bias":
            weight.assign(weight + side)
    x = np.random.default_rng(1).normal(0.3, 1, size=(B, 60, D)).astype("float32")
    return layer, x, np.arange(60) < np.array([60, 7, 41])[:, None]


@pytest.mark.parametrize("name", FORWARD)
def test_steps_one_by_one_keep_the_states_of_the_whole_sequence_in_16_bits(name):
    layer, x, mask = slow(name)
    y, *expected = layer(x, mask=mask)
    states = [np.zeros(state.shape, "float32") for state in expected]
    for t in range(60):
        one, *states = layer(x[:, t : t + 1], mask=mask[:, t : t + 1], initial_state=states)
    assert y.dtype == one.dtype == "bfloat16"
    near(one[:1], y[:1, -1:], "mixed_float16")
    for received, whole in zip(states, expected, strict=True):
        assert received.dtype == whole.dtype == "float32"
        np.testing.assert_allclose(received, whole, rtol=5e-4, atol=5e-4)  # bfloat16 rounds by up to 1 / 512


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "slstm", "min_lstm", "ntm"])
def test_a_loop_with_attention_keeps_the_states_of_its_layer_in_16_bits(name):
    layer, x, mask = slow(name)
    _, *expected = layer(x, mask=mask)
    encoded = np.ones((B, 2, 5), "float32")
    with precision("mixed_bfloat16"):
        loop = FeedingRNN(name, H, 1, 4, input_feeding=False, attention={"score": "additive", "coverage": True})
    first = loop.first([keras.ops.zeros(state.shape) for state in expected], keras.ops.convert_to_tensor(encoded), 4)
    loop.build(x.shape, None, encoded.shape)
    loop.cells[0].set_weights(layer.cell.get_weights())
    for trains in False, True:
        attended, weights, states = loop(x, first, encoded, encoded[..., 0] > 0, mask=mask, training=trains)
        assert attended.dtype == weights.dtype == "bfloat16"
        *states, _, _, covered, count = states
        np.testing.assert_array_equal(count[:, 0], mask.sum(axis=1))
        np.testing.assert_allclose(covered[:, 0] + covered[:, 1], mask.sum(axis=1), rtol=1e-5)
        for received, whole in zip(states, expected, strict=True):
            np.testing.assert_allclose(received, whole, rtol=5e-4, atol=5e-4)


# Models.

CHARACTERS = {"character_vocabulary": 9, "char_dim": 5, "char_units": 6}
TOKENS = {"tokens": words()}
SPELLED = {**TOKENS, "characters": np.where(MASK[..., None], numbers(1, 9, B, T, 4), 0).astype("int32")}
FRAMES = {"frames": np.random.default_rng(4).normal(size=(B, T, 2)).astype("float32"), "frames_length": LENGTHS}
TAGS = numbers(0, 3, B, T, seed=1)
REAL = MASK.astype("float32")
NEXT = words(seed=2)
BEFORE = np.pad(numbers(5, V, B, T, 2)[:, :-1], [(0, 0), (1, 0), (0, 0)])
STEPS = {
    "tokens": numbers(5, V, B, T, 2), "before": BEFORE, "age": numbers(0, 9, B, T, 2), "position": MASK.astype("int32"),
    "ahead": words(), "key": numbers(0, 3, B), "tonic": numbers(0, 12, B),
}  # fmt: skip
SOURCE = {"source": words(), "target": words(seed=3)}
CROSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
PITCHES = [-9, -9, -2, -1, -9, *range(60, 60 + V - 5)]


def translator(**arguments):
    return lambda: seq2seq(V, V, dim=6, units=H, encoder_units=H, attention_units=5, **arguments)


MODELS = {
    "tagger_crf": (
        lambda: tagger(4, front(V, characters="cnn", **CHARACTERS), rnn="bilstm", units=H, layers=2, residual=True,
                       layer_norm=True), SPELLED, TAGS, REAL, CRFLoss()),
    "tagger_softmax": (
        lambda: tagger(4, front(V, characters="rnn", **CHARACTERS), crf=False, rnn="bigru", units=H, layers=1,
                       recurrent_dropout=0.1), SPELLED, TAGS, REAL, CROSS),
    "classifier": (
        lambda: classifier(3, front(V), ("last", "max", "mean", "attention"), units=H, layers=1),
        TOKENS, TAGS[:, 0], None, CROSS),
    "classifier_rdrop": (
        lambda: regularized(classifier(3, front(V), ("attention",), 3, units=H, layers=1, dropout=0.1), rdrop=1.0),
        TOKENS, TAGS[:, 0], None, CROSS),
    "classifier_adversarial": (
        lambda: regularized(classifier(3, front(V), ("mean",), units=H, layers=1), adversarial=1.0, virtual=1.0),
        TOKENS, TAGS[:, 0], None, CROSS),
    "tagger_frames": (
        lambda: tagger(4, frames(2, mean=1.0, std=2.0), rnn="none", crf=False, units=H, layers=1), FRAMES, TAGS, REAL,
        CROSS),
    "classifier_image": (
        lambda: classifier(3, images(4, filters=(3,), width_pooling=(2,)), rnn="gru", units=H, layers=1),
        {"image": np.random.default_rng(5).normal(size=(B, 4, T, 1)).astype("float32"), "image_width": LENGTHS},
        TAGS[:, 0], None, CROSS),
    "language_model": (
        lambda: streamed(language_model(V, dim=6, units=H, weight_drop=0.1, embedding_dropout=0.1,
                                        activation_penalty=1.0, slowness_penalty=1.0, layer_norm=True), B),
        {**TOKENS, "start": np.array([True, False, True])}, NEXT, REAL, CROSS),
    "language_model_window": (lambda: language_model(V, dim=6, units=H, context=3), TOKENS, NEXT, REAL, CROSS),
    "language_model_scan": (
        lambda: language_model(V, dim=H, units=H, rnn="min_gru", tied=False), TOKENS, NEXT, REAL, CROSS),
    "generator": (
        lambda: generator(V, 2, {"key": 3}, 2, True, True, PITCHES, True, True, dim=5, condition_dim=4, units=H,
                          note_units=6), STEPS, STEPS["tokens"], np.repeat(REAL[..., None], 2, -1), CROSS),
    **{
        f"seq2seq_{name}": (translator(attention=name), SOURCE, NEXT, REAL, SmoothedCrossentropy(0.1))
        for name in ("additive", "concat", "location", "convolutional", "none")
    },
    "seq2seq_dot": (translator(attention="dot", encoder="lstm", rnn="gru"), SOURCE, NEXT, REAL, CROSS),
    "seq2seq_local": (
        translator(attention="general", local="predictive", attention_window=2), SOURCE, NEXT, REAL, CROSS
    ),  # fmt: skip
    "seq2seq_step": (translator(attention="none", context="step", rnn="min_lstm"), SOURCE, NEXT, REAL, CROSS),
    "seq2seq_sampled": (
        lambda: scheduled(translator(attention="general", local="monotonic", attention_window=2)(), "linear", 2),
        SOURCE, NEXT, REAL, CROSS),
    "seq2seq_feeding": (
        lambda: scheduled(translator(input_feeding=True, coverage=True, layers=2, weight_drop=0.1, layer_norm=True,
                                     dropout=0.1, residual=True)(), "linear", 2),
        SOURCE, NEXT, REAL, SmoothedCrossentropy(0.1)),
}  # fmt: skip


RARE = ("seq2seq_step", "seq2seq_sampled", "seq2seq_concat", "seq2seq_location", "seq2seq_dot")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", *variants("mixed_float16")])
@pytest.mark.parametrize("name", [*(name for name in MODELS if name not in RARE), *variants(*RARE)])
def test_each_model_is_near_to_float32_and_a_step_of_training_keeps_it_finite(name, policy):
    build, inputs, labels, weights, loss = MODELS[name]
    exact, half = made("float32", build), made(policy, build)
    inputs = {key: value for key, value in inputs.items() if key in exact.input or key == "start"}
    given = {key: value for key, value in inputs.items() if key != "start"}
    near(half(given, training=False), exact(given, training=False), policy)
    assert loss(labels, half(given, training=False), sample_weight=weights).dtype == "float32"
    assert all(weight.dtype == "float32" for weight in half.trainable_variables)

    settings = Training(learning_rate=0.01, schedule="constant", precision=policy)
    half.compile(optimizer(settings, 1), loss, run_eagerly=True, jit_compile=False)
    before = [np.array(weight) for weight in half.trainable_variables]
    assert np.isfinite(half.train_on_batch(inputs, labels, weights))
    moved = [np.abs(np.array(w) - b).max() for w, b in zip(half.trainable_variables, before, strict=True)]
    assert np.isfinite(moved).all() and np.count_nonzero(moved) > 0.7 * len(moved)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", *variants("mixed_float16")])
@pytest.mark.slow
def test_decoded_outputs_have_float32_probabilities(policy):
    crf = made(policy, MODELS["tagger_crf"][0])
    assert decoder(crf)(SPELLED)["confidence"].dtype == "float32"
    assert decoder(made(policy, MODELS["tagger_softmax"][0]))(SPELLED)["confidence"].dtype == "float32"
    p = class_decoder(made(policy, MODELS["classifier"][0]))(TOKENS)["probabilities"]
    assert p.dtype == "float32"
    np.testing.assert_allclose(np.sum(p, axis=-1), 1, rtol=1e-5)
    reader = LanguageModelDecoder(made(policy, MODELS["language_model"][0]))
    scores, after = reader.score_window(TOKENS["tokens"], NEXT, reader.initial_state(B))
    assert scores.dtype == "float32" and all(part.dtype == "float32" for part in after)
    assert Sampler(reader)({"tokens": np.zeros((B, 0))}, np.full((5, B), 0.5)).shape == (B, 5)
    answers = Beam(reader, 3, width=2)({"tokens": np.zeros((B, 0))}, [4] * B)
    assert np.isfinite(answers.log_probabilities).all()
    music = GeneratorDecoder(made(policy, MODELS["generator"][0]))
    assert music.score(STEPS, STEPS["tokens"]).dtype == "float32"
    assert Sampler(music)(STEPS, np.full((5, B), 0.5)).shape == (B, 5)
    reader = Seq2SeqDecoder(made(policy, MODELS["seq2seq_feeding"][0]))
    found = Beam(reader, 3, width=2)(SOURCE, [5] * B, SOURCE["source"] > 0)
    np.testing.assert_allclose(found.attention[:, 0, 0].sum(axis=-1), 1, rtol=0.02)


# Runs.


@pytest.mark.slow
def test_a_run_in_float16_resumes_exactly_and_answers_where_the_policy_is_float32(tmp_path, monkeypatch, capsys):
    for split, examples in DATASETS["grammar"](seed=4, sizes={"train": 50, "valid": 20}).items():
        rows = ("\n".join(map(" ".join, zip(e["tokens"], e["pos"], e["ner"], strict=True))) for e in examples)
        (tmp_path / f"{split}.txt").write_text("\n\n".join(rows) + "\n", "utf-8")
    flags = ["--task=ner", "--dataset=conll", f"--data_dir={tmp_path}", "--units=8", "--layers=1", "--word_dim=8"]
    flags += ["--char_units=4", "--epochs=2", "--batch_size=8", "--precision=mixed_float16", "--accumulate=3"]
    assert run.main([*flags, f"--workdir={tmp_path / 'whole'}"]) == 0

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_save_history", killed)  # after the checkpoint
        assert run.main([*flags, f"--workdir={tmp_path / 'killed'}"]) == 130
    assert keras.config.dtype_policy().name == "float32"
    assert run.main([*flags, f"--workdir={tmp_path / 'killed'}"]) == 0
    assert "continuing after epoch 1" in capsys.readouterr().out
    with np.load(tmp_path / "whole/checkpoint.npz") as a, np.load(tmp_path / "killed/checkpoint.npz") as b:
        assert a.files == b.files
        for name in set(a.files) - {"history"}:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    loaded = load(tmp_path / "whole")
    assert {layer.dtype_policy.name for layer in loaded.model.layers if layer.weights} == {"mixed_float16", "float32"}
    metrics = json.loads((tmp_path / "whole/metrics.json").read_text())
    scores = loaded.task.evaluate(loaded.predictor, loaded.task.load().splits["valid"])
    assert scores["accuracy"] == metrics["valid_accuracy"]
