"""Perturbs recordings in training: speed and noise."""

import numpy as np


def perturbed(samples: np.ndarray, rng: np.random.Generator, speed: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """Changes the speed of samples [N] and adds noise.

    Args:
        samples: [N].
        rng: draws speed and noise.
        speed: the largest change of tempo and pitch, as with a tape: 0.1: from 10% slower to 10% faster, in steps of 1%
            (Ko et al., 2015, Audio augmentation for speech recognition).
        noise: the lowest signal-to-noise ratio in dB; ratios up to 30 dB above it are equally likely. 0: no noise.

    Returns:
        [N'] in float32.
    """
    from scipy.signal import resample_poly

    if speed:
        steps = round(100 * speed)
        samples = resample_poly(samples, 100, 100 + int(rng.integers(-steps, steps + 1)))
    if noise:
        level = samples.std() * 10 ** (-rng.uniform(noise, noise + 30) / 20)
        samples = samples + level * rng.standard_normal(len(samples), "float32")
    return samples.astype("float32")
