"""The conditional random field against brute force: every sequence enumerated, in NumPy and float64."""

import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from seqzoo.layers.crf import CRF, FORBIDDEN, CRFLoss, log_partition, marginals, nbest, negative_log_likelihood, viterbi

B, T, K = 6, 5, 4
LENGTHS = [5, 1, 3, 0, 4, 2]  # one row is wholly masked
MASK = np.arange(T) < np.array(LENGTHS)[:, None]  # [B, T]
# O, B, I: an I comes after a B or an I; as a further constraint the sequence does not end in B
BIO = ([1, 1, 0], [[1, 1, 0], [1, 1, 1], [1, 1, 1]], [1, 0, 1])


def random_layer(size=K, allowed=None, seed=0):
    layer = CRF(allowed=allowed)
    layer.build((None, None, size))
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    return layer


def random_emissions(size=K, seed=1, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (B, T, size)).astype("float32")


def legal(tags, allowed):
    start, transitions, end = allowed
    return start[tags[0]] and end[tags[-1]] and all(transitions[i][j] for i, j in itertools.pairwise(tags))


def enumerate_scores(layer, emissions, allowed=None):
    """{tags: score} of all legal sequences for one row of emissions [length, K], straight from the definition."""
    start, transitions, end = (weight.astype("float64") for weight in layer.get_weights())
    length, size = emissions.shape
    sequences = itertools.product(range(size), repeat=length)
    return {
        tags: start[tags[0]]
        + sum(emissions[t, tag] for t, tag in enumerate(tags))
        + sum(transitions[i, j] for i, j in itertools.pairwise(tags))
        + end[tags[-1]]
        for tags in sequences
        if allowed is None or legal(tags, allowed)
    }


def gradients(function, *values):
    """The value and the gradients of a scalar function on the current backend."""
    values = [ops.convert_to_tensor(value, "float32") for value in values]
    if keras.backend.backend() == "jax":
        import jax

        return jax.value_and_grad(function, argnums=range(len(values)))(*values)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(*values)
    return result, tape.gradient(result, values)


def test_everything_agrees_with_brute_force():
    layer, emissions = random_layer(), random_emissions()
    tags = np.random.default_rng(2).integers(0, K, (B, T))
    potentials = layer(emissions, mask=MASK)
    losses = ops.convert_to_numpy(negative_log_likelihood(tags, potentials))
    log_z = ops.convert_to_numpy(log_partition(potentials))
    best, best_score = map(ops.convert_to_numpy, viterbi(potentials))
    many, many_scores = map(ops.convert_to_numpy, nbest(potentials, 4))
    confidence = ops.convert_to_numpy(marginals(potentials))
    np.testing.assert_allclose(confidence.sum(-1), 1, atol=1e-5)
    for b, length in enumerate(LENGTHS):
        if length == 0:
            assert (losses[b] == 0).all() and log_z[b] == 0 and best_score[b] == 0
            continue
        scores = enumerate_scores(layer, emissions[b, :length])
        ranking = sorted(scores, key=scores.get, reverse=True)[:4]
        want = np.log(sum(np.exp(score) for score in scores.values()))
        np.testing.assert_allclose(log_z[b], want, rtol=1e-5)
        np.testing.assert_allclose(losses[b].sum(), want - scores[tuple(tags[b, :length])], rtol=1e-5)
        assert (losses[b, length:] == 0).all()
        assert tuple(best[b, :length]) == ranking[0]
        np.testing.assert_allclose(best_score[b], scores[ranking[0]], rtol=1e-5)
        assert [tuple(row[:length]) for row in many[b]] == ranking
        np.testing.assert_allclose(many_scores[b], [scores[row] for row in ranking], rtol=1e-5)
        for t in range(length):
            share = [sum(np.exp(s - want) for row, s in scores.items() if row[t] == tag) for tag in range(K)]
            np.testing.assert_allclose(confidence[b, t], share, atol=1e-5)


def test_rounding_makes_no_confidence_larger_than_1():
    emissions = np.random.default_rng(0).normal(0, 6, (4, 300, K)).astype("float32")
    confidence = ops.convert_to_numpy(marginals(random_layer()(emissions)))
    assert confidence.max() == 1 and (confidence.max(-1) < 0.999).any()


def test_gradient_is_the_finite_difference_under_any_token_weights():
    # Unequal weights: the gradient is then more than the difference of expected and gold counts.
    layer, emissions = random_layer(), random_emissions()
    random = np.random.default_rng(3)
    tags, weights = random.integers(0, K, (B, T)), random.uniform(0, 2, (B, T)).astype("float32")

    def loss(potentials):
        return ops.sum(weights * negative_log_likelihood(tags, potentials))

    potentials = ops.convert_to_numpy(layer(emissions, mask=MASK))
    _, (gradient,) = gradients(loss, potentials)
    gradient = ops.convert_to_numpy(gradient)
    assert np.isfinite(gradient).all() and (gradient[~MASK] == 0).all() and (gradient[:, 0, 1:] == 0).all()
    for _ in range(10):  # along random directions at the real steps; 1e-2 is wide enough for float32
        direction = np.where(MASK[..., None, None], random.normal(size=potentials.shape), 0)
        step = (1e-2 * direction).astype("float32")
        difference = (float(loss(potentials + step)) - float(loss(potentials - step))) / 2e-2
        np.testing.assert_allclose(np.sum(gradient * direction), difference, rtol=1e-3, atol=2e-3)


def test_padding_changes_nothing():
    layer, emissions = random_layer(), random_emissions()
    tags = np.random.default_rng(2).integers(0, K, (B, T))
    tags[~MASK] = np.resize([-1, K, 99], (~MASK).sum())
    emissions[~MASK] = np.resize([np.nan, np.inf, -1e9], (~MASK).sum())[:, None]

    def loss(emissions, mask, tags):
        return ops.sum(negative_log_likelihood(tags, layer(emissions, mask=mask)))

    _, (padded,) = gradients(lambda x: loss(x, MASK, tags), emissions)
    padded = ops.convert_to_numpy(padded)
    assert (padded[~MASK] == 0).all()
    potentials = layer(emissions, mask=MASK)
    together = [negative_log_likelihood(tags, potentials), marginals(potentials), viterbi(potentials)[0]]
    for b, length in enumerate(LENGTHS):
        if length:
            row = slice(b, b + 1), slice(length)
            _, (alone,) = gradients(lambda x, row=row: loss(x, None, tags[row]), emissions[row])
            np.testing.assert_allclose(padded[row], ops.convert_to_numpy(alone), atol=1e-5)
            potentials = layer(emissions[row])
            alone = [negative_log_likelihood(tags[row], potentials), marginals(potentials), viterbi(potentials)[0]]
            for left, right in zip(alone, together, strict=True):
                np.testing.assert_allclose(ops.convert_to_numpy(left), ops.convert_to_numpy(right)[row], atol=1e-5)


def test_forbidden_sequences_never_come_out():
    layer = random_layer(3, BIO)
    for seed in range(5):
        emissions = random_emissions(3, seed, scale=20.0)  # strong votes for illegal sequences
        potentials = layer(emissions, mask=MASK)
        tags, scores = map(ops.convert_to_numpy, nbest(potentials, 8))
        log_z = ops.convert_to_numpy(log_partition(potentials))
        for b, length in enumerate(LENGTHS):
            if length:
                want = enumerate_scores(layer, emissions[b, :length], BIO)
                count = min(8, len(want))
                found = [tuple(row[:length]) for row in tags[b, :count]]
                assert found == sorted(want, key=want.get, reverse=True)[:count]
                assert (scores[b, count:] - log_z[b] < FORBIDDEN / 2).all()


def test_probabilities_of_the_legal_sequences_sum_to_one():
    layer, emissions = random_layer(3, BIO), random_emissions(3)[:1]
    sequences = [tags for tags in itertools.product(range(3), repeat=T) if legal(tags, BIO)]
    potentials = layer(np.repeat(emissions, len(sequences), axis=0))
    losses = ops.convert_to_numpy(negative_log_likelihood(np.array(sequences), potentials))
    np.testing.assert_allclose(np.exp(-losses.sum(-1)).sum(), 1, rtol=1e-5)


def test_constraints_of_the_wrong_size_are_refused():
    with pytest.raises(ValueError, match="Received shapes"):
        CRF(allowed=([1, 1], [[1, 1, 1]], [1, 1]))
    with pytest.raises(ValueError, match="allowed is for 3 tags"):
        CRF(allowed=BIO)(random_emissions(4))


def small_model(allowed=None, size=K):
    inputs = keras.Input((None, 3))
    mask = keras.Input((None,), dtype="bool")
    emissions = keras.layers.Dense(size)(inputs)  # [B, T, K]
    model = keras.Model([inputs, mask], CRF(allowed=allowed)(emissions, mask=mask))
    model.compile("adam", loss=CRFLoss(), jit_compile=False)
    return model


@pytest.mark.slow
def test_loss_of_a_model_is_the_mean_over_real_tokens_and_falls():
    model = small_model()
    random = np.random.default_rng(4)
    tags = random.integers(0, K, (B, T))
    features = np.concatenate([np.eye(K)[tags][..., :2], random.normal(size=(B, T, 1))], axis=-1).astype("float32")
    losses = ops.convert_to_numpy(negative_log_likelihood(tags, model([features, MASK])))
    value = model.evaluate([features, MASK], tags, sample_weight=MASK.astype("float32"), verbose=0)
    np.testing.assert_allclose(value, losses.sum() / sum(LENGTHS), rtol=1e-5)
    model.optimizer.learning_rate = 0.1
    # two lengths in one epoch: the length is dynamic
    batches = [(([features[:, :n], MASK[:, :n]]), tags[:, :n], MASK[:, :n].astype("float32")) for n in (5, 3)]
    history = [model.train_on_batch(x, y, sample_weight=w) for _ in range(10) for x, y, w in batches]
    assert np.isfinite(history).all() and history[-2] < 0.8 * history[0]


@pytest.mark.slow
@pytest.mark.variant
def test_saved_model_is_the_same_in_a_fresh_process(tmp_path):
    model = small_model(BIO, 3)
    model.set_weights([np.random.default_rng(5).normal(size=weight.shape) for weight in model.weights])
    features = np.random.default_rng(6).normal(size=(B, T, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "in.npz", features=features, mask=MASK)
    script = (
        "import sys, keras, numpy as np, seqzoo.layers.crf\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "assert type(model.loss).__name__ == 'CRFLoss' and model.loss.reduction == 'mean_with_sample_weight'\n"
        "data = np.load(sys.argv[1] + '/in.npz')\n"
        "np.save(sys.argv[1] + '/out.npy', model([data['features'], data['mask']]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), ops.convert_to_numpy(model([features, MASK])))


@pytest.mark.slow
@pytest.mark.variant
@pytest.mark.tensorflow("tf.function")
def test_compiled_by_xla_is_the_same():
    import tensorflow as tf

    layer, emissions = random_layer(3, BIO), random_emissions(3)
    tags = np.random.default_rng(2).integers(0, 3, (B, T))

    def everything(emissions):
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            potentials = layer(emissions, mask=MASK)
            losses = negative_log_likelihood(tags, potentials)
        return tape.gradient(losses, emissions), losses, *nbest(potentials, 2), marginals(potentials)

    for got, want in zip(
        tf.function(everything, jit_compile=True)(emissions), everything(tf.constant(emissions)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_mixed_precision_keeps_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small_model()
        features = np.random.default_rng(6).normal(size=(B, T, 3)).astype("float16")
        potentials = model([features, MASK])
        assert model.layers[-1].compute_dtype == keras.backend.standardize_dtype(potentials.dtype) == "float32"
        restored = CRF.from_config(model.layers[-1].get_config())
        assert restored.compute_dtype == "float32"
        # FORBIDDEN (-1e4) has a spacing of 8 in float16
        np.testing.assert_allclose(ops.convert_to_numpy(marginals(potentials)).sum(-1), 1, atol=1e-5)
    finally:
        keras.config.set_dtype_policy("float32")
