"""Turns samples into features of frames: log-mel energies or MFCC, normalisation, SpecAugment.

Frame t of F is centred on samples [t hop, (t + 1) hop), so N samples have ceil(N / hop) frames; around the sound there
is silence. With w the periodic Hann window, x_t the samples under it and M the filters:

    p_t = |DFT(w * x_t)|^2          power spectrum [K]
    e_t = log(M p_t + FLOOR)        log-mel energies [D]
    c_t = C e_t                     MFCC: the first coefficients of the orthonormal DCT-II

The transform is written as a convolution with sines and cosines. It costs a few percent of a recurrent network's time,
runs on every backend, and converts to every format.

Source: S. Davis & P. Mermelstein, 1980, Comparison of parametric representations for monosyllabic word recognition.
"""

import keras
import numpy as np
from keras import ops

VARIANCE = 1e-5  # added to the variance, so that a feature that never changes becomes 0
FLOOR = 1e-6  # added to the energy of a window, below the noise of 16-bit samples, so that silence has a logarithm


def mel_filters(bands: int, size: int, rate: int, lowest: float, highest: float) -> np.ndarray:
    """Returns triangular filters, equally wide on HTK's mel scale, 2595 log10(1 + f / 700), all with a peak of 1.

    Args:
        bands: D.
        size: size of the Fourier transform.
        rate: sample rate in Hz.
        lowest, highest: frequencies in Hz at which the first filter begins and the last one ends.

    Returns:
        [size // 2 + 1, D].
    """

    def mel(frequency):
        return 2595.0 * np.log10(1.0 + frequency / 700.0)

    edges = np.linspace(mel(lowest), mel(highest), bands + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = mel(np.arange(size // 2 + 1) * rate / size)[:, None]
    return np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))


def cosines(bands: int, coefficients: int) -> np.ndarray:
    """Returns the orthonormal DCT-II from log-mel energies to cepstral coefficients, [bands, coefficients]."""
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    matrix = np.sqrt(2.0 / bands) * np.cos(angles)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix


@keras.saving.register_keras_serializable("seqzoo")
class SoundFeatures(keras.layers.Layer):
    """Computes the features of frames: samples [B, N] -> [B, ceil(N / hop), D], in float32. Padding must be 0.

    Args:
        rate: sample rate in Hz.
        bands: number of mel filters.
        coefficients: D, number of MFCC; 0: log-mel energies, one for each band.
        window, hop: lengths in samples.
        lowest, highest: frequencies in Hz between which the filters lie.
    """

    def __init__(
        self,
        rate: int,
        bands: int,
        coefficients: int = 0,
        window: int = 400,
        hop: int = 160,
        lowest: float = 20.0,
        highest: float = 8000.0,
        **kwargs,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})  # energies exceed the range of 16 bits
        self.rate, self.bands, self.coefficients = rate, bands, coefficients
        self.window, self.hop, self.lowest, self.highest = window, hop, lowest, highest
        size = 1 << (window - 1).bit_length()
        angles = 2 * np.pi / size * np.outer(np.arange(window), np.arange(size // 2 + 1))
        hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))[:, None]
        waves = np.concatenate([hann * np.cos(angles), hann * np.sin(angles)], axis=1)
        self._waves = waves[:, None].astype("float32")  # [window, 1, 2K]
        self._filters = mel_filters(bands, size, rate, lowest, highest).astype("float32")  # [K, bands]
        self._cosines = cosines(bands, coefficients).astype("float32") if coefficients else None

    def call(self, samples: keras.KerasTensor) -> keras.KerasTensor:
        # The strides leave out frames beyond the last sample: N - 1 + hop samples hold ceil(N / hop) hops.
        before = (self.window - self.hop) // 2
        x = ops.pad(ops.cast(samples, "float32"), [[0, 0], [before, self.window - 1 - before]])
        waves = ops.conv(x[..., None], self._waves, strides=self.hop, padding="valid")  # [B, T, 2K]
        real, imaginary = ops.split(ops.square(waves), 2, axis=-1)
        energies = ops.log(ops.matmul(real + imaginary, self._filters) + FLOOR)  # [B, T, bands]
        return energies if self._cosines is None else ops.matmul(energies, self._cosines)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        frames = None if shape[1] is None else -(-shape[1] // self.hop)
        return (shape[0], frames, self.coefficients or self.bands)

    def get_config(self) -> dict:
        names = ("rate", "bands", "coefficients", "window", "hop", "lowest", "highest")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("seqzoo")
class UtteranceNormalization(keras.layers.Layer):
    """Normalises x [B, T, D] with mask [B, T]: (x - mean) / deviation over a row's real frames; padding becomes 0.

    Args:
        jointly: False: normalise each feature, which removes the volume and much of what microphone and room do to the
            spectrum. True: normalise all features together, which removes only the volume.
    """

    def __init__(self, jointly: bool = False, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.jointly = jointly
        self.supports_masking = True

    def compute_mask(self, x: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None

    def call(self, x: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        real = ops.cast(mask, "float32")[..., None]  # [B, T, 1]
        axes, width = ((1, 2), x.shape[-1]) if self.jointly else (1, 1)
        count = width * ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
        x = (x - ops.sum(x * real, axis=axes, keepdims=True) / count) * real
        variance = ops.sum(ops.square(x), axis=axes, keepdims=True) / count
        return x / ops.sqrt(variance + VARIANCE)

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], mask_shape: tuple[int | None, ...] | None = None
    ) -> tuple[int | None, ...]:
        return x_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "jointly": self.jointly}


@keras.saving.register_keras_serializable("seqzoo")
class SpecAugment(keras.layers.Layer):
    """Sets random bands of features and stretches of frames to 0, the mean, in training (Park et al., 2019, section 2).

    x [B, T, D], mask [B, T] -> [B, T, D]. A band has from 0 to `band` features, a stretch from 0 to `stretch` frames
    and at most `share` of the real ones. The paper's time warping, which it found to help least, is left out.

    Args:
        bands, band: number of bands, and maximum features of one.
        stretches, stretch: number of stretches, and maximum frames of one.
        share: maximum share of a sound that one stretch may hide.
        seed: seed of the draws.

    Source: D. Park et al., 2019, SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition.
    """

    def __init__(
        self,
        bands: int = 2,
        band: int = 8,
        stretches: int = 2,
        stretch: int = 20,
        share: float = 0.2,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.bands, self.band, self.stretches, self.stretch = bands, band, stretches, stretch
        self.share, self.seed = share, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def compute_mask(self, x: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None

    def call(self, x: keras.KerasTensor, mask: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        if not training:
            return x
        batch, width = ops.shape(x)[0], x.shape[-1]
        lengths = ops.sum(ops.cast(mask, "float32"), axis=1)[:, None]  # [B, 1]
        features = ops.cast(ops.arange(width), "float32")
        frames = ops.cumsum(ops.cast(ops.ones_like(mask), "float32"), axis=1) - 1.0  # [B, T]
        for count, positions, size, most in (
            (self.bands, features[None], ops.full_like(lengths, width), self.band),
            (self.stretches, frames, lengths, ops.minimum(self.stretch, self.share * lengths)),
        ):
            for _ in range(count):
                wide, where = self._draw(batch), self._draw(batch)
                wide = ops.floor(wide * (ops.floor(most) + 1.0))  # [B, 1]
                start = ops.floor(where * (size - wide + 1.0))
                kept = ops.logical_or(positions < start, positions >= start + wide)  # [B, D] or [B, T]
                kept = kept[:, None, :] if positions is not frames else kept[:, :, None]
                x = ops.where(kept, x, ops.zeros_like(x))
        return x

    def _draw(self, batch):
        return keras.random.uniform((batch, 1), dtype="float32", seed=self.seed_generator)

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], mask_shape: tuple[int | None, ...] | None = None
    ) -> tuple[int | None, ...]:
        return x_shape

    def get_config(self) -> dict:
        names = ("bands", "band", "stretches", "stretch", "share", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
