"""From samples to features: against NumPy, whatever padding holds; SpecAugment hides what it should."""

import keras
import numpy as np
import pytest

from seqzoo.inputs import sound
from seqzoo.layers.sound import FLOOR, SoundFeatures, SpecAugment, mel_filters

RATE, WINDOW, HOP = 8000, 200, 80
rng = np.random.default_rng(0)


def reference(samples, bands, coefficients=0):
    """Features [ceil(N / hop), D] of one sound by NumPy's and SciPy's transforms."""
    import scipy.fft
    import scipy.signal

    before = (WINDOW - HOP) // 2
    padded = np.pad(samples, (before, WINDOW))
    starts = range(0, len(samples), HOP)
    frames = np.stack([padded[start : start + WINDOW] for start in starts])
    power = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", WINDOW), 256)) ** 2
    energies = np.log(power @ mel_filters(bands, 256, RATE, 20, RATE / 2) + FLOOR)
    return scipy.fft.dct(energies, norm="ortho")[:, :coefficients] if coefficients else energies


def test_mel_filters_are_htk_s():
    import tensorflow as tf

    expected = tf.signal.linear_to_mel_weight_matrix(30, 129, RATE, 20.0, 4000.0).numpy()
    np.testing.assert_allclose(mel_filters(30, 256, RATE, 20.0, 4000.0), expected, atol=2e-4)


@pytest.mark.parametrize("coefficients", [0, 13])
@pytest.mark.parametrize("size", [1, 79, 80, 81, 1000])
def test_features_agree_with_numpy(size, coefficients):
    samples = rng.normal(0, 0.1, size).astype("float32")
    layer = SoundFeatures(RATE, 30, coefficients, WINDOW, HOP, 20, RATE / 2)
    found, expected = np.asarray(layer(samples[None])[0]), reference(samples, 30, coefficients)
    assert found.shape == expected.shape == layer.compute_output_shape((1, size))[1:]
    np.testing.assert_allclose(found, expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("features, normalize", [("log_mel", "features"), ("log_mel", "none"), ("mfcc", "volume")])
def test_a_sound_alone_is_as_in_a_batch_whatever_its_padding_holds(features, normalize):
    inputs, x, mask = sound(RATE, features, bands=30, normalize=normalize)
    model = keras.Model(inputs, [x, mask])
    sounds = [rng.normal(0, 0.1, size).astype("float32") for size in (1234, 240, 3000)]
    batch = rng.normal(size=(3, 3100)).astype("float32")  # padding is noise
    for row, samples in zip(batch, sounds, strict=True):
        row[: len(samples)] = samples
    lengths = np.array([*map(len, sounds)], "int32")
    together, real = map(np.asarray, model({"sound": batch, "sound_length": lengths}))
    for row, samples in enumerate(sounds):
        alone = np.asarray(model({"sound": samples[None], "sound_length": lengths[row : row + 1]})[0])[0]
        count = -(-len(samples) // HOP)
        assert real[row].sum() == count == len(alone)
        np.testing.assert_allclose(together[row, :count], alone, atol=1e-4)
        assert not together[row, count:].any()
        axis = {"features": 0, "volume": None}
        if normalize in axis:
            np.testing.assert_allclose(alone.mean(axis[normalize]), 0, atol=1e-4)
            np.testing.assert_allclose(alone.std(axis[normalize]), 1, atol=1e-2)


def test_silence_and_volume_change_nothing_that_is_normalized():
    model = keras.Model(*sound(RATE)[:2])
    samples = rng.normal(0, 0.1, 800).astype("float32")
    lengths = np.array([800, 800, 800], "int32")
    batch = np.stack([samples, 5 * samples, 0 * samples])
    quiet, loud, silent = np.asarray(model({"sound": batch, "sound_length": lengths}))
    np.testing.assert_allclose(quiet, loud, atol=1e-2)
    assert np.abs(silent).max() < 1e-3


def test_spec_augment_hides_bands_and_stretches_in_training_alone():
    x, mask = np.ones((64, 50, 20), "float32"), np.arange(50) < np.r_[[50] * 32, [20] * 32][:, None]
    layer = SpecAugment(bands=1, band=5, stretches=1, stretch=30, share=0.5, seed=3)
    np.testing.assert_array_equal(layer(x, mask=mask), x)
    found = np.asarray(layer(x, mask=mask, training=True))
    hidden_bands, hidden_frames = (found == 0).all(1), (found == 0).all(2)
    assert {*hidden_bands.sum(1)} == {0, 1, 2, 3, 4, 5}
    assert hidden_frames[:32].sum(1).max() in range(20, 26) and hidden_frames[32:].sum(1).max() in range(8, 11)
    assert not hidden_frames[32:, 20:].any()  # nothing is drawn from the padding
    np.testing.assert_array_equal(found == 0, hidden_bands[:, None] | hidden_frames[:, :, None])
    assert (np.asarray(layer(x, mask=mask, training=True)) != found).any()
    few = SpecAugment(bands=0, stretches=5, share=0.2)(x, mask=np.arange(50) < np.full((64, 1), 4), training=True)
    assert np.asarray(few).all()  # a fifth of four frames is less than one
    again = SpecAugment.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x, mask=mask, training=True), found)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"features": "mel"}, "features should be"),
        ({"hop": 0.05}, "hop should be from one sample to a window"),
        ({"sample_rate": 8000, "highest": 5000}, "up to half of the rate, 4000 Hz"),
    ],
)
def test_impossible_features_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sound(**options)
