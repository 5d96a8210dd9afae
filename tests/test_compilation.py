"""XLA, which a TPU needs: every model compiles for batches of a static shape, has the same loss there, and learns."""

import keras
import numpy as np
import pytest
from marks import slow, variants

from seqzoo import models
from seqzoo.data.batches import Batches
from seqzoo.inputs import words
from seqzoo.layers.attention import SCORES
from seqzoo.layers.crf import CRFLoss
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.music.encodings import Encoding
from seqzoo.options import Training
from seqzoo.training.optimizers import optimizer

B, T, V = 3, 4, 7
RNG = np.random.default_rng(0)
REAL = np.arange(T) < np.array([[4], [2], [3]])
TOKENS = np.where(REAL, RNG.integers(1, V, (B, T)), 0).astype("int32")
NEXT = np.where(REAL, RNG.integers(1, V, (B, T)), 0).astype("int32")
WEIGHTS = REAL.astype("float32")
SOFTMAX = {"from_logits": True, "reduction": "mean_with_sample_weight"}
MUSIC = Encoding("frames", 2, 1)


def tagger(crf):
    model = models.tagger(V, words(V, 3), crf=crf, rnn="bilstm", units=3, layers=1)
    loss = CRFLoss() if crf else keras.losses.SparseCategoricalCrossentropy(**SOFTMAX)
    return model, loss, ({"tokens": TOKENS}, NEXT, WEIGHTS)


def classifier():
    pooling = ("last", "max", "mean", "attention")
    front = words(V, 3, characters="cnn", character_vocabulary=V, char_dim=3, char_units=3)
    model = models.classifier(2, front, pooling, rnn="gru", units=3, layers=1)
    characters = np.where(REAL[..., None], TOKENS[..., None] + [0, -1], 0).astype("int32") % V
    data = {"tokens": TOKENS, "characters": characters}, np.array([0, 1, 1], "int32"), np.array([1, 2, 0], "float32")
    return model, keras.losses.SparseCategoricalCrossentropy(**SOFTMAX), data


def generator():
    model = models.generator(
        len(MUSIC.vocabulary), 2, {"style": 3}, positions=5, ages=True, ahead=True, pitches=MUSIC.pitch.tolist(),
        sets=True, tonic=True, dim=3, condition_dim=3, units=3, note_units=3,
    )  # fmt: skip
    rows = np.where(REAL[..., None], RNG.integers(3, len(MUSIC.vocabulary), (B, T, 2)), 0).astype("int32")
    before = np.pad(rows[:, :-1], [(0, 0), (1, 0), (0, 0)])
    inputs = {
        "tokens": rows, "before": before, "age": (before > 0).astype("int32"), "position": REAL.astype("int32"),
        "ahead": rows[..., 0], "style": np.array([0, 1, 2], "int32"), "tonic": np.array([60, 0, 57], "int32"),
    }  # fmt: skip
    return model, keras.losses.SparseCategoricalCrossentropy(**SOFTMAX), (inputs, rows, (rows > 0).astype("float32"))


def language_model():
    model = models.language_model(V, dim=3, units=3, layers=1, activation_penalty=0.1, slowness_penalty=0.1)
    ids = np.where(TOKENS > 0, TOKENS, 1)  # streams have no padding
    inputs = {"tokens": ids, "start": np.ones(B, bool)}
    loss = keras.losses.SparseCategoricalCrossentropy(**SOFTMAX)
    return models.streamed(model, B), loss, (inputs, np.where(NEXT > 0, NEXT, 1), np.ones((B, T), "float32"))


def seq2seq(**arguments):
    model = models.seq2seq(V, V, dim=3, units=3, encoder="rnn", rnn="rnn", encoder_units=3, **arguments)
    return model, SmoothedCrossentropy(0.1), ({"source": TOKENS[::-1], "target": TOKENS}, NEXT, WEIGHTS)


CASES = {
    "tagger_crf": lambda: tagger(crf=True),
    "classifier": classifier,
    "generator": generator,
    "language_model": language_model,
    **{f"seq2seq_{score}": lambda score=score: seq2seq(attention=score) for score in SCORES},
    "seq2seq_predictive": lambda: seq2seq(attention="general", local="predictive", attention_window=2),
    "seq2seq_feeding": lambda: seq2seq(input_feeding=True, coverage=True),
    "seq2seq_none": lambda: seq2seq(attention="none", context="step"),
}


def nadam(**remedies):
    """As on a TPU, where all gradients are dense: that of a table in rows is not for XLA (see `LazyAdam`)."""
    return optimizer(Training(optimizer="nadam", learning_rate=0.01, schedule="constant", **remedies), 1)


@pytest.mark.slow
def test_weights_move_under_xla_as_without():
    weights = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model, loss, (inputs, labels, shares) = tagger(crf=False)
        model.compile(nadam(), loss, jit_compile=jit_compile)
        for _ in range(3):
            model.train_on_batch(inputs, labels, shares)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


OFTEN = ("tagger_crf", "language_model", "seq2seq_feeding")


@pytest.mark.parametrize("case", [*slow(*OFTEN), *variants(*(case for case in CASES if case not in OFTEN))])
def test_a_model_has_its_loss_under_xla_and_learns(case):
    keras.utils.set_random_seed(0)
    model, loss, (inputs, labels, weights) = CASES[case]()

    def plain():
        return float(loss(labels, model(inputs, training=True), sample_weight=weights) + sum(model.losses))

    before = plain()
    model.compile(nadam(clip_norm=0.0, average=0.0), loss, jit_compile=True)
    np.testing.assert_allclose(model.train_on_batch(inputs, labels, weights), before, rtol=1e-4)
    assert plain() < before


def test_static_shapes_are_few():
    rng = np.random.default_rng(0)
    examples = [{"length": int(length)} for length in rng.integers(1, 120, 400)]

    def encode(example):
        ids = np.ones(example["length"], "int32")
        return {"tokens": ids}, ids, np.ones(len(ids), "float32")

    def shapes(static):
        batches = Batches(examples, encode, {"tokens": "time", "labels": "time"}, 8, 512, static_shapes=static)
        return {inputs["tokens"].shape for inputs, *_ in batches.epoch(0).as_numpy_iterator()}

    assert shapes(True) == {(8, 8), (8, 16), (8, 32), (8, 64), (4, 128)}
    assert len(shapes(False)) > 20
