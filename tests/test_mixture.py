"""Mixture densities and the models of vectors, against scipy and a few lines of NumPy."""

import keras
import numpy as np
import pytest
from backends import weight_gradients
from scipy import stats

from seqzoo.data.windows import before
from seqzoo.decoding import Beam, Ensemble, Mixture, Sampler
from seqzoo.decoding.continuation import continued
from seqzoo.decoding.sampling import choose_vectors
from seqzoo.layers import mixture
from seqzoo.models import VectorDecoder, generator, language_model

N, K, D = 4, 3, 2
RNG = np.random.default_rng(0)
LOGITS, MEAN = RNG.normal(size=(N, K)).astype("float32"), RNG.normal(size=(N, K, D)).astype("float32")
LOG_SIGMA = RNG.normal(-1, 0.5, (N, K, D)).astype("float32")
MIXTURE = Mixture(LOGITS, MEAN, LOG_SIGMA)
PI = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)


def test_the_density_is_that_of_scipy():
    x = RNG.normal(size=(N, D)).astype("float32")
    expected = [
        np.log(sum(PI[n, k] * stats.norm.pdf(x[n], MEAN[n, k], np.exp(LOG_SIGMA[n, k])).prod() for k in range(K)))
        for n in range(N)
    ]
    np.testing.assert_allclose(MIXTURE.log_density(x), expected, rtol=1e-5)
    far = MIXTURE.log_density(np.full((N, D), 1e4, "float32"))  # where each density by itself is 0
    assert np.isfinite(far).all() and (np.asarray(far) < -1e6).all()
    np.testing.assert_allclose(MIXTURE.expected(), (PI[..., None] * MEAN).sum(1), rtol=1e-5)


def test_the_layer_gives_means_relative_to_its_origin_and_sigmas_above_their_bound():
    layer = mixture.MixtureDensity(K, [2.0, 10.0])
    h, o = RNG.normal(size=(1, 5, 6)).astype("float32"), RNG.normal(size=(1, 5, D)).astype("float32")
    made = np.asarray(layer(h, o))
    kernel, bias = (np.asarray(weight) for weight in layer.weights)
    raw = (h @ kernel + bias).reshape(1, 5, K, 5)
    scale = np.array([2, 10])
    np.testing.assert_allclose(made[..., 0], raw[..., 0], atol=1e-5)
    np.testing.assert_allclose(made[..., 1:3], o[..., None, :] + scale * raw[..., 1:3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.exp(made[..., 3:]), scale * (0.01 + np.log1p(np.exp(raw[..., 3:]))), rtol=1e-4)
    layer.dense.bias.assign(np.full(bias.shape, -100))  # what the likelihood of a constant wants
    np.testing.assert_allclose(
        np.exp(np.asarray(layer(h, o))[..., 3:]), np.broadcast_to(scale / 100, (1, 5, K, D)), rtol=1e-3
    )


def test_samples_have_the_moments_of_the_mixture_and_colder_ones_less_spread():
    draws = 20_000
    shifted = Mixture(LOGITS - 5, MEAN, LOG_SIGMA)  # logits below 0 are as good as others
    many = Mixture(*(np.repeat(part[:1], draws, axis=0) for part in shifted))
    u = RNG.random((draws, 1 + D)).astype("float32")
    drawn = np.asarray(choose_vectors(many, u))
    mean = (PI[0, :, None] * MEAN[0]).sum(0)
    variance = (PI[0, :, None] * (np.exp(2 * LOG_SIGMA[0]) + MEAN[0] ** 2)).sum(0) - mean**2
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.05)
    np.testing.assert_allclose(choose_vectors(many, u, 0.0)[0], MEAN[0, PI[0].argmax()], rtol=1e-6)
    cold, same = choose_vectors(many, u, 0.25), choose_vectors(many.tempered(0.25), u)
    np.testing.assert_allclose(cold, same, rtol=1e-4, atol=1e-5)
    coldest = choose_vectors(many.tempered(0.0), u)
    np.testing.assert_allclose(coldest, np.broadcast_to(MEAN[0, PI[0].argmax()], coldest.shape), atol=1e-4)
    within = np.asarray(cold) - MEAN[0, PI[0].argmax()]
    assert np.median(np.abs(within)) < 0.6 * np.median(np.abs(drawn - mean))


LENGTHS = np.array([6, 3, 5])
FRAMES = RNG.normal(5, 2, (3, 6, D)).astype("float32")
LABEL = np.array([0, 2, 1], "int32")


def made(build=generator, seed=0, **options):
    options = {
        "mean": 5.0,
        "std": 2.0,
        "change": 0.5,
        "components": 2,
        "rnn": "lstm",
        "units": 5,
        "layers": 2,
        **options,
    }
    model = build(width=D, **options)
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def inputs_of(decoder, rows=slice(None), frames=FRAMES, lengths=LENGTHS):
    given = {"frames": before(frames, decoder.begin), "frames_length": lengths, "label": LABEL}
    return {name: given[name][rows] for name in decoder.model.input}


KINDS = [
    pytest.param(generator, {"conditions": {"label": 3}}, id="generator"),
    pytest.param(generator, {"conditions": {"label": 3}, "join": "step", "change": None}, id="step"),
    pytest.param(language_model, {}, id="language_model"),
]


@pytest.mark.parametrize("build, options", KINDS)
def test_padding_changes_neither_densities_nor_gradients_and_steps_agree(build, options, tmp_path):
    model = made(build, **options)
    decoder = VectorDecoder(model)
    np.testing.assert_array_equal(decoder.begin, [5, 5])
    known = {name: LABEL for name in decoder.known}
    scores = decoder.score({**known, "frames_length": LENGTHS}, FRAMES)
    garbage = np.where(np.arange(6)[None, :, None] < LENGTHS[:, None, None], FRAMES, 1e6)
    alone = decoder.score({name: part[1:2] for name, part in known.items()}, FRAMES[1:2, :3])
    np.testing.assert_allclose(scores[1, :3], alone[0], rtol=1e-4)
    np.testing.assert_allclose(decoder.score({**known, "frames_length": LENGTHS}, garbage)[1, :3], alone[0], rtol=1e-4)

    def loss(frames, lengths, rows, steps):
        inputs = inputs_of(decoder, rows, frames, lengths)
        real = (np.arange(steps)[None] < lengths[rows, None]).astype("float32")
        out = model({**inputs, "frames": inputs["frames"][:, :steps]}, training=False)
        return mixture.MixtureLoss()(frames[rows, :steps], out, sample_weight=real)

    few, weights = [1], model.trainable_variables
    one, gradients = weight_gradients(lambda: loss(FRAMES, LENGTHS, few, 3), weights)
    other, padded = weight_gradients(lambda: loss(garbage, LENGTHS, few, 6), weights)
    assert float(one) == pytest.approx(-alone.mean(), rel=1e-4) == pytest.approx(float(other), rel=1e-4)
    for g, g_padded in zip(gradients, padded, strict=True):
        if g is not None:
            np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (g_padded, g)), rtol=1e-3, atol=1e-4)

    # Contexts of different lengths, read in one padded batch, then a step.
    context = {**inputs_of(decoder, lengths=LENGTHS - 1), "frames_length": LENGTHS - 1}
    fixed, state = decoder.start(context)
    last = FRAMES[np.arange(3), LENGTHS - 2]
    distribution, _ = decoder.step(keras.ops.convert_to_tensor(last), fixed, state)
    final = FRAMES[np.arange(3), LENGTHS - 1]
    np.testing.assert_allclose(distribution.log_density(final), scores[np.arange(3), LENGTHS - 1], rtol=1e-3)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(context), model(context), rtol=1e-5)


def test_sampled_vectors_take_what_is_forced_and_are_the_same_alone_and_in_blocks():
    decoder = VectorDecoder(made(conditions={"label": 3}))
    noise = RNG.random((5, 3, 1 + D))
    forced = np.full((5, 3, D), np.nan)
    forced[:2] = FRAMES[:, :2].swapaxes(0, 1)
    sampler = Sampler(decoder)
    whole = sampler({"label": LABEL}, noise, forced)
    assert whole.shape == (3, 5, D)
    np.testing.assert_allclose(whole[:, :2], FRAMES[:, :2], rtol=1e-6)
    alone = sampler({"label": LABEL[1:2]}, noise[:, 1:2], forced[:, 1:2])
    np.testing.assert_allclose(alone[0], whole[1], rtol=1e-4)
    first, samples = sampler.draw(sampler.start({"label": LABEL}), noise[:3], forced[:3])
    rest, _ = sampler.draw(samples, noise[3:])
    np.testing.assert_allclose(np.concatenate([first, rest], axis=1), whole, rtol=1e-4)
    # The mean of a single Gaussian is its mode.
    single = VectorDecoder(made(conditions={"label": 3}, components=1))
    mean, mode = (Sampler(single, **how)({"label": LABEL}, noise) for how in ({"mean": True}, {"temperature": 0}))
    np.testing.assert_allclose(mean, mode, rtol=1e-5)


def test_a_continuation_of_nothing_is_the_same_beside_one_of_something():
    decoder = VectorDecoder(made(language_model))
    contexts = [FRAMES[0, :0], FRAMES[1, :4]]
    together = [*continued(decoder, contexts, [{}, {}], 3)]
    for context, answer in zip(contexts, together, strict=True):
        (alone,) = continued(decoder, [context], [{}], 3)
        np.testing.assert_allclose(answer.frames, alone.frames, rtol=1e-5)
    assert decoder.score({}, FRAMES[:0]).shape == (0, 6) and decoder.score({}, FRAMES[:, :0]).shape == (3, 0)


def test_methods_that_compare_ids_refuse_vectors():
    decoder = VectorDecoder(made(language_model))
    with pytest.raises(ValueError, match="Beam search needs a model of ids.*VectorDecoder.*vectors of 2 numbers"):
        Beam(decoder, end=2)
    with pytest.raises(ValueError, match="An ensemble needs"):
        Ensemble([decoder])
    with pytest.raises(ValueError, match="tokens=0, width=0"):
        generator()
    with pytest.raises(ValueError, match="tokens=5, width=2"):
        language_model(5, width=2)
    with pytest.raises(ValueError, match="slowness_penalty is for models of ids"):
        language_model(width=2, slowness_penalty=1.0)
    with pytest.raises(ValueError, match="output='independent', width=2"):
        generator(width=2, output="independent")


def test_the_likelihood_of_numbers_that_never_change_is_bounded():
    model = generator(width=1, components=1, mean=[3.0], std=[0.0], change=[0.0], rnn="gru", units=2)
    model.get_layer("reader").get_layer("mixture").dense.bias.assign([0, 0, -100])
    nats = VectorDecoder(model).score({}, np.full((1, 9, 1), 3.0))
    assert nats.max() <= -np.log(1e-5 * np.sqrt(2 * np.pi)) + 1e-3
