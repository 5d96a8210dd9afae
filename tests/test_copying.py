"""Copying: the pointer-generator against NumPy, words that no vocabulary has, and coverage."""

import keras
import numpy as np
import pytest
from keras import ops
from marks import slow, variants
from numpy.testing import assert_allclose

from seqzoo.decoding.beam import Beam
from seqzoo.decoding.sampling import Sampler
from seqzoo.display.pages import n_best_articles
from seqzoo.layers.copying import CoverageLoss, PointerGenerator
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.models import Seq2SeqDecoder, scheduled, seq2seq
from seqzoo.tasks.translation import Config, Translation
from seqzoo.text.codec import Codec
from seqzoo.text.copying import extended, extended_source

V = 6
SIZES = {"dim": 5, "units": 4, "encoder_units": 3}


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_pointer_generator_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    z, gate, a = rng.normal(size=(2, 3, V)), rng.normal(size=(2, 3, 1)), softmax(rng.normal(size=(2, 3, 4)))
    copied = np.array([[3, V + 1, V + 1, 2], [V, 5, 5, V + 3]])  # one position twice in each
    p = np.zeros((2, 3, V + 4))
    g = 1 / (1 + np.exp(-gate))
    p[..., :V] = g * softmax(z)
    for b in range(2):
        for s in range(4):
            p[b, :, copied[b, s]] += (1 - g[b, :, 0]) * a[b, :, s]
    log_p = np.asarray(PointerGenerator()(*(np.float32(x) for x in (z, gate, a)), copied.astype("int32")))
    assert_allclose(np.exp(log_p), p, atol=1e-6)
    assert log_p.min() == pytest.approx(np.log(1e-30))  # what no position of this source writes


def test_coverage_costs_what_is_attended_to_again():
    a = np.array([[[1, 0], [1, 0], [0.25, 0.75], [1, 0]]], "float32")
    layer = CoverageLoss(2.0)  # min(a, sum of those before); a padded step is free
    layer(np.zeros((1, 4)), a, np.array([[True, True, True, False]]), training=True)
    assert float(layer.losses[0]) == pytest.approx(2 * (0 + 1 + 0.25) / 3)


def test_words_of_the_source_have_ids_of_their_own():
    codec = Codec.learn("whitespace", ["met in"], 0)
    size = len(codec.tokens)
    source = "Mira met Olsen met Mira".split()
    met = codec.ids(["met"])[0]
    assert extended_source(source, codec) == [size, met, size + 2, met, size]
    assert extended("Olsen met Ivo in".split(), codec, source, extended_source(source, codec)) == [
        size + 2,
        met,
        1,
        codec.ids(["in"])[0],
    ]


@pytest.mark.parametrize(
    "options", [{"coverage": True, "coverage_loss": 1.0}, *slow({"input_feeding": True}), *variants({})]
)
def test_steps_agree_with_the_whole_and_padding_changes_nothing(options):
    keras.utils.set_random_seed(1)
    model = seq2seq(V, V, copy=True, **SIZES, **options)
    source = np.array([[2, 1, 4, 3], [5, 3, 0, 0]], "int32")
    copied = np.array([[2, V + 1, 4, 3], [V, 3, 0, 0]], "int32")
    values = np.array([[V + 1, 4, 2, 3], [V, 3, 0, 0]], "int32")
    inputs = {"source": source, "copied": copied}
    decoder = Seq2SeqDecoder(model, begin=3)
    target = np.array([[3, V + 1, 4, 2], [3, V, 0, 0]], "int32")
    log_p = np.asarray(model({**inputs, "target": target}))
    assert log_p.shape == (2, 4, V + 4)
    assert_allclose(np.exp(log_p).sum(-1)[0], 1, atol=1e-5)
    expected = np.where(values > 0, np.take_along_axis(log_p, values[..., None], -1)[..., 0], 0)
    assert_allclose(decoder.score(inputs, values), expected, atol=1e-5)
    fixed, state = decoder.start(inputs)
    ids = np.full(2, 3)
    for t in range(2):
        distribution, state = decoder.step(ids, fixed, state)
        assert_allclose(np.asarray(distribution.logits), log_p[:, t], atol=1e-5)
        ids = values[:, t]
    alone = {name: value[1:, :2] for name, value in inputs.items()}
    assert_allclose(decoder.score(alone, values[1:, :2])[0], expected[1, :2], atol=1e-5)
    share = decoder.share_copied(inputs, values)
    assert share[0, 0] == share[1, 0] == 1  # no vocabulary has them
    assert 0 < share[0, 1] < 1 and share[1, 2] == 0
    assert decoder.share_copied(inputs, values[:, :0]).shape == (2, 0)


@pytest.mark.slow
def test_a_beam_copies_words_that_no_vocabulary_has():
    keras.utils.set_random_seed(0)
    model = seq2seq(V, V, copy=True, **SIZES)
    gate = next(w for w in model.get_layer("decoder").weights if w.path.endswith("gate/bias"))
    gate.assign([-20.0])  # always copies
    inputs = {"source": np.array([[1, 1, 3]], "int32"), "copied": np.array([[V, V + 1, 3]], "int32")}
    answers = Beam(Seq2SeqDecoder(model, 3), end=3, width=4, n_best=2)(inputs, np.array([3]))
    assert set(np.unique(answers.ids)) <= {0, V, V + 1}
    assert np.isfinite(answers.scores[0, 0])


def test_copied_words_are_sampled_from_sources_of_any_length():
    keras.utils.set_random_seed(0)
    model = seq2seq(V, V, copy=True, **SIZES)
    gate = next(w for w in model.get_layer("decoder").weights if w.path.endswith("gate/bias"))
    gate.assign([-20.0])  # always copies
    inputs = {"source": np.array([[1, 1, 3], [1, 4, 0]], "int32")}
    inputs["copied"] = np.array([[V, V + 1, 3], [V, 4, 0]], "int32")
    noise = np.random.default_rng(0).random((5, 2))
    for options in ({}, {"top_k": 4, "top_p": 0.9}):
        sampler = Sampler(Seq2SeqDecoder(model, 3), stop=(3,), **options)
        drawn = sampler(inputs, noise)
        assert set(drawn[0]) <= {0, 3, V, V + 1} and set(drawn[1]) <= {4, V}
        alone = sampler({name: value[1:, :2] for name, value in inputs.items()}, noise[:, 1:])
        assert (alone == drawn[1:]).all()
    trained = scheduled(model, "linear", steps=1)
    target = np.array([[3, V, V + 1], [3, V, 4]], "int32")
    trained.steps.assign(1)  # from here on all are sampled
    mixed = np.asarray(trained.mixed({**inputs, "target": target}, 1.0))
    assert set(mixed[0, 1:]) <= {3, V, V + 1} and set(mixed[1, 1:]) <= {4, V}
    trained.compile("adam", SmoothedCrossentropy(tokens=V))
    assert np.isfinite(trained.fit({**inputs, "target": target}, target, verbose=0).history["loss"][0])


def test_answers_name_what_was_copied(monkeypatch):
    pairs = [{"source": "call Ann now", "target": "Ann"}, {"source": "call Bob now", "target": "Bob"}]
    config = Config(tokenizer="words", copy=True, min_count=2, **SIZES)
    task = Translation(config)
    task.assets = task.learn(pairs)
    example = {"source": "Zoë Wu, call", "target": "Wu"}
    inputs, labels, _ = task.encoder()(example)
    size = len(task.codecs[1].tokens)
    assert labels.tolist() == [size + 1, task.codecs[1].end]
    row = {"ids": np.array([[size, size + 1]]), "scores": np.zeros(1), "log_probabilities": np.zeros(1)}
    row |= {"lengths": np.array([2]), "copied": np.array([[1.0, 0.25]])}
    answer = task.answer(example, row)
    assert answer["translation"] == "Zoë Wu"
    page = "".join(n_best_articles([answer]))
    assert '<u title="100%">Zoë</u> Wu<' in page
    assert inputs["copied"].tolist()[:2] == [size, size + 1] and len(inputs["copied"]) == len(inputs["source"])


def test_words_that_are_always_copied_are_not_among_those_that_are_written():
    pairs = [
        {"source": "a table in Rome for two", "target": "call Rome two"},
        {"source": "no call , Paris", "target": "call Paris now"},
        {"source": "now in Rome", "target": "call Rome"},
    ]
    task = Translation(Config(tokenizer="whitespace", copy=True, copied_only=True, **SIZES))
    task.assets = task.learn(pairs)
    source, target = task.codecs
    assert {"call", "now"} <= {*target.tokens}  # each once without being in the source
    assert not {"Rome", "two", "Paris"} & {*target.tokens} and {"Rome", "two", "Paris"} <= {*source.tokens}
    inputs, labels, _ = task.encoder()(pairs[0])
    V = len(target.tokens)
    assert labels.tolist() == [target.ids(["call"])[0], V + 3, V + 5, target.end]
    for wrong in ({"joint": True}, {"tokenizer": "bpe"}):
        with pytest.raises(ValueError, match="--copied_only needs"):
            Config(**{"tokenizer": "words", "copy": True, "copied_only": True, **wrong})


def test_the_gradient_reaches_gate_and_attention():
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = seq2seq(V, V, copy=True, **SIZES)
    inputs = {"source": [[2, 1, 3]], "copied": [[2, V + 1, 3]], "target": [[3, V + 1]]}
    inputs = {name: ops.convert_to_tensor(value, "int32") for name, value in inputs.items()}
    from seqzoo.layers.losses import SmoothedCrossentropy

    with tf.GradientTape() as tape:
        loss = SmoothedCrossentropy(0.1, tokens=V)(np.array([[V + 1, 3]]), model(inputs, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(g is not None for g in gradients) and np.isfinite(float(loss))
