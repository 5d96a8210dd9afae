"""Large vocabularies: sampled and adaptive softmax train on a few scores, and answer with the exact distribution."""

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from marks import variants
from test_language_model import Digits, numbers

from seqzoo import options
from seqzoo.data.streams import Streams
from seqzoo.layers import adaptive, tokens
from seqzoo.layers.adaptive import AdaptiveEmbedding, covering
from seqzoo.layers.sampled import NegativeSampler, aliases, sampled_logits
from seqzoo.layers.tokens import TokenEmbedding
from seqzoo.models import LanguageModelDecoder, language_model, on_targets, streamed
from seqzoo.training.optimizers import LazyAdam

V = 11
COUNTS = np.array([0, 3, 50, 8, 20, 9, 1, 2, 30, 4, 6])  # of ids in no order
RNG = np.random.default_rng(0)


def crossentropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")


def randomized(thing, seed=0):
    rng = np.random.default_rng(seed)
    for weight in thing.trainable_variables:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return thing


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def at(log_p, ids):
    return np.take_along_axis(np.asarray(log_p), ids[..., None], -1)[..., 0]


def test_negatives_come_as_often_as_the_sampler_says_and_padding_never():
    q = np.array([0, 0.5, 0.3, 0.15, 0.05])
    threshold, alias = aliases(q)
    np.testing.assert_allclose(threshold / 5 + np.bincount(alias, (1 - threshold) / 5, 5), q, atol=1e-12)
    sampler = NegativeSampler(V, 50_000, COUNTS, power=0.75, seed=1)
    wanted = np.where(np.arange(V) > 0, (COUNTS + 1) ** 0.75, 0)
    drawn = np.bincount(np.array(sampler.draw()), minlength=V)
    assert drawn[0] == 0 and np.abs(drawn / 50_000 - wanted / wanted.sum()).max() < 0.01
    expected = np.exp(np.array(sampler.log_expected(np.arange(1, V))))
    np.testing.assert_allclose(expected, 50_000 * wanted[1:] / wanted.sum(), rtol=1e-4)
    with pytest.raises(ValueError, match="counts should be one for each of 12 tokens. Received: 11"):
        NegativeSampler(12, 5, COUNTS)


def test_a_negative_that_is_the_target_counts_as_nothing():
    target, negatives = np.array([[1.0, 2.0]]), np.array([[[3.0, 4.0, 5.0]] * 2])
    logits = np.array(
        sampled_logits(target, negatives, np.array([[7, 8]]), np.array([8, 9, 9]), np.log([2.0, 1.0, 1.0]))
    )
    np.testing.assert_allclose(logits[0, 0], [1, 3 - np.log(2), 4, 5], rtol=1e-6)
    assert logits[0, 1, 1] < -1e8
    ranked = np.array(sampled_logits(target, negatives, np.array([[7, 8]]), np.array([8, 9, 9])))
    np.testing.assert_allclose(ranked[0, 0], [1, 3, 4, 5])  # without log Q


@pytest.mark.parametrize("tied", [True, False])
def test_the_sampled_loss_and_its_gradient_approach_those_of_the_full_softmax(tied):
    table = TokenEmbedding(V, 4, tied)
    table.build()
    randomized(table)
    x, y = RNG.normal(size=(2, 3, 4)).astype("float32"), numbers(2, 3)
    whole, exact = weight_gradients(lambda: crossentropy()(y, table(x, reverse=True)), table.trainable_variables)

    def error(negatives):
        sampler = NegativeSampler(V, negatives, COUNTS, seed=3)

        def loss():
            drawn = sampler.draw()
            scores = table.target_scores(x, y), table.shared_scores(x, drawn)
            return crossentropy()(0 * y, sampled_logits(*scores, y, drawn, sampler.log_expected(drawn)))

        found, gradients = weight_gradients(loss, table.trainable_variables)
        pairs = [(a, b) for a, b in zip(gradients, exact, strict=True) if b is not None]
        dense = [(ops.convert_to_numpy(a), ops.convert_to_numpy(b)) for a, b in pairs]
        return abs(float(found) - float(whole)), max(np.abs(a - b).max() for a, b in dense)

    assert max(error(100_000)) < 0.02 < max(error(10))


@pytest.mark.parametrize("counts", [None, COUNTS])
@pytest.mark.parametrize("tied", [True, False])
def test_an_adaptive_softmax_is_that_of_numpy_and_sums_to_1(tied, counts):
    layer = AdaptiveEmbedding(V, 8, (3, 6), counts, factor=2, tied=tied)
    layer.build()
    weights = {weight.name: np.array(weight) for weight in randomized(layer).trainable_variables}
    order = np.arange(V) if counts is None else np.array([0, 2, 8, 4, 5, 3, 10, 9, 1, 7, 6])  # by falling count
    rank = np.argsort(order)
    x, y = RNG.normal(size=(2, 3, 8)).astype("float32"), numbers(2, 3)
    of = "embeddings" if tied else "output_embeddings"
    head = x @ np.concatenate([weights[f"{of}_head"], weights["clusters"]]).T + weights["bias0"]
    head = log_softmax(head + np.where(np.arange(5) == 0, -1e4, 0))
    parts = [head[..., :3]]
    for tail in (1, 2):
        scores = x @ weights[f"{of}_projection{tail}"] @ weights[f"{of}_tail{tail}"].T + weights[f"bias{tail}"]
        parts.append(head[..., 2 + tail, None] + log_softmax(scores))
    expected = np.concatenate(parts, -1)[..., rank]
    found = np.array(layer(x, reverse=True))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1, rtol=1e-5)
    assert np.exp(found[..., 0]).max() == 0
    np.testing.assert_allclose(layer.log_probabilities(x, y), at(expected, y), rtol=1e-4)
    np.testing.assert_allclose(ops.log_softmax(layer.target_logits(x, y))[..., 0], at(expected, y), rtol=1e-4)

    vectors, ids = np.array(layer(y)), rank[y]
    tables = [weights["embeddings_head"]]
    tables += [weights[f"embeddings_tail{i}"] @ weights[f"embeddings_projection{i}"].T for i in (1, 2)]
    np.testing.assert_allclose(vectors, np.concatenate(tables)[ids], atol=1e-5)


def test_cutoffs_cover_the_training_text_and_wrong_ones_are_refused():
    assert covering(np.array([0, 70, 15, 5, 4, 3, 2, 1])) == (3, 6)
    assert covering(np.ones(3)) == (2,)
    for cutoffs in ((0, 3), (3, 3), (5, 3), (3, V)):
        with pytest.raises(ValueError, match=f"should rise, .* below the {V} tokens"):
            AdaptiveEmbedding(V, 4, cutoffs)


@pytest.mark.parametrize("kind", ["full", "adaptive"])
def test_texts_are_scored_block_by_block_as_at_once(kind, monkeypatch):
    model = randomized(language_model(V, dim=4, units=5, layers=1, adaptive=kind == "adaptive", cutoffs=(2,)))
    ids = numbers(2, 7)
    x, y = ids[:, :-1], ids[:, 1:]
    expected = at(log_softmax(np.array(model({"tokens": x}))), y)
    for block in (100, 4, 3):
        monkeypatch.setattr(tokens, "BLOCK", block)
        monkeypatch.setattr(adaptive, "BLOCK", block)
        decoder = LanguageModelDecoder(model)
        np.testing.assert_allclose(decoder.score_window(x, y, decoder.initial_state(2))[0], expected, atol=1e-5)


@pytest.mark.parametrize("negatives", [*variants(0), 20])
def test_training_on_targets_of_padded_batches_lowers_the_loss_and_draws_anew(negatives):
    ids = np.where(np.arange(9) < [[9], [9], [4], [6]], numbers(4, 9), 0)
    weights = (ids[:, 1:] > 0).astype("float32")
    model = language_model(V, dim=8, rnn="simple_gru", units=8, layers=1, adaptive=not negatives)
    trained = on_targets(model, negatives)
    trained.compile(keras.optimizers.Adam(0.05), crossentropy())
    states = [np.array(trained.sampler.generator.state.value)] if negatives else []
    losses = trained.fit({"tokens": ids[:, :-1]}, ids[:, 1:], sample_weight=weights, epochs=12, verbose=0)
    assert losses.history["loss"][-1] < 0.85 * losses.history["loss"][0]
    for state in states:  # which a checkpoint keeps
        assert (np.array(trained.sampler.generator.state.value) != state).any()


@pytest.mark.tensorflow("compiling streams takes JAX a minute")
@pytest.mark.parametrize(
    "negatives, tied, policy",
    [
        (60, True, "float32"),
        pytest.param(0, False, "mixed_bfloat16", marks=[pytest.mark.slow, pytest.mark.variant]),
    ],
)
def test_training_on_targets_learns_and_is_saved_as_the_plain_model(negatives, tied, policy, tmp_path):
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = language_model(13, dim=8, units=16, layers=1, tied=tied, adaptive=not negatives)
        trained = streamed(model, 2, negatives)
    finally:
        keras.config.set_dtype_policy(before)
    streams = Streams([{"text": "0123456789" * 60, "end": True}], Digits(), rows=2, window=20)
    trained.compile(keras.optimizers.Adam(0.02), crossentropy(), jit_compile=False)
    for epoch in range(4):
        trained.fit(streams.epoch(epoch), verbose=0)
    decoder = LanguageModelDecoder(model)
    ids, next_ids, _ = next(streams.windows(1, 0, 50))
    scores, _ = decoder.score_window(ids, next_ids, decoder.initial_state(1))
    assert scores[0, 20:].mean() > -0.5
    keras.Model(model.input, model.output).save(tmp_path / "model.keras")
    loaded = LanguageModelDecoder(keras.models.load_model(tmp_path / "model.keras", compile=False))
    np.testing.assert_array_equal(loaded.score_window(ids, next_ids, loaded.initial_state(1))[0], scores)


@pytest.mark.tensorflow("gradients in rows are TensorFlow's")
@pytest.mark.parametrize("tied", [True, *variants(False)])
@pytest.mark.parametrize("policy", ["float32", *variants("mixed_bfloat16")])
def test_only_the_rows_of_the_batch_and_of_the_negatives_move(tied, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = on_targets(language_model(300, dim=4, units=5, layers=1, tied=tied), 10)
    finally:
        keras.config.set_dtype_policy(before)
    model.sampler.draw = lambda: ops.convert_to_tensor(np.array([7, 8, 8, 9, 20, 30, 40, 50, 60, 70], "int32"))
    model.compile(LazyAdam(0.1), crossentropy(), jit_compile=False)
    table = model.table
    start = [np.array(w) for w in (table.embeddings, table.output_embeddings, table.bias)]
    x, y = np.array([[2, 3, 4]]), np.array([[3, 4, 5]])
    model.fit({"tokens": x}, y, verbose=0)
    after = [np.array(w) for w in (table.embeddings, table.output_embeddings, table.bias)]
    moved = [
        {*np.flatnonzero((a != b).reshape(300, -1).any(axis=1)).tolist()} for a, b in zip(start, after, strict=True)
    ]
    outputs = {3, 4, 5, 7, 8, 9, 20, 30, 40, 50, 60, 70}
    assert moved == [{2, 3, 4} | outputs if tied else {2, 3, 4}, {2, 3, 4} | outputs if tied else outputs, outputs]


def test_senseless_options_are_refused():
    config = options.Softmax(softmax="sampled", negatives=20)
    with pytest.raises(ValueError, match="fewer than the 11 ids .* or use --softmax=full. Received: 20"):
        config.of_training(COUNTS)
    assert options.Softmax(softmax="adaptive", cutoffs="3+6").of_model(COUNTS)["cutoffs"] == (3, 6)
    for cutoffs in ("6+3", "3+x", "3,6", "0+3"):
        with pytest.raises(ValueError, match="--cutoffs should be rising numbers"):
            options.Softmax(softmax="adaptive", cutoffs=cutoffs)
    with pytest.raises(ValueError, match="--negatives=5 has no effect"):
        options.Softmax(negatives=5)
    with pytest.raises(ValueError, match="An adaptive softmax needs no negatives. Received: negatives=5"):
        on_targets(language_model(V, dim=4, units=4, layers=1, adaptive=True), 5)
