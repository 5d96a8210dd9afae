"""A front for sound: samples -> log-mel energies or MFCC of frames."""

from seqzoo.signatures import takes_options


@takes_options()
def sound(
    sample_rate: int = 16000,
    features: str = "log_mel",
    bands: int = 40,
    coefficients: int = 13,
    window: float = 0.025,
    hop: float = 0.01,
    lowest: float = 20.0,
    highest: float = 0.0,
    normalize: str = "features",
    statistics: bool = False,
    mask_bands: int = 0,
    mask_band: int = 8,
    mask_stretches: int = 0,
    mask_stretch: int = 20,
    seed: int | None = None,
    name: str = "sound",
) -> tuple:
    """A front for sound, with its true lengths: the model takes samples, and so do its exports.

    A sound of N samples has ceil(N / hop) frames, each centred on its hop; beyond both ends there is silence, whatever
    the padding of the batch holds. `layers.sound` has the equations.

    Args:
        sample_rate: of the samples, in Hz.
        features: "log_mel" or "mfcc".
        bands: mel filters, D of log_mel.
        coefficients: D of mfcc, the energy among them.
        window, hop: seconds.
        lowest, highest: frequencies in Hz between which the filters lie; 0: half of the rate.
        normalize: subtract the mean over the real frames of each sound, and divide by the deviation. "features": for
            each feature; "volume": for all features together, which suits sounds as short as a word, whose mean
            spectrum identifies them; or "none".
        statistics: take this mean and deviation as inputs, such as those of a recording that is read in pieces.
        mask_bands, mask_band, mask_stretches, mask_stretch: SpecAugment in training: number of bands and their maximum
            features, number of stretches and their maximum frames. 0 bands and 0 stretches: none.
        seed: seed of SpecAugment.
        name: name of the input, and prefix of its lengths and layers.

    Returns:
        (inputs, x, mask): {name: [B, N] floats from -1 to 1, name + "_length": [B] integers}, with `statistics` also
        name + "_mean" and name + "_deviation", [B, D]; x [B, T, D]; mask [B, T], True at real frames.

    Raises:
        ValueError: unknown features; a hop or a window shorter than a sample, or a hop longer than the window;
            frequencies out of order.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.sound import SoundFeatures, SpecAugment, UtteranceNormalization

    if normalize not in ("features", "volume", "none"):
        raise ValueError(f"normalize should be 'features', 'volume' or 'none'. Received: {normalize!r}")
    if features not in ("log_mel", "mfcc"):
        raise ValueError(f"features should be 'log_mel' or 'mfcc'. Received: {features!r}")
    highest = highest or sample_rate / 2
    window, hop = round(window * sample_rate), round(hop * sample_rate)
    if not 1 <= hop <= window:
        raise ValueError(f"hop should be from one sample to a window. Received, in samples: hop {hop}, window {window}")
    if not 0 <= lowest < highest <= sample_rate / 2:
        raise ValueError(
            f"lowest and highest should be frequencies in this order, up to half of the rate, {sample_rate / 2:g} Hz. "
            f"Received: {lowest:g} and {highest:g}"
        )
    inputs = {
        name: keras.Input((None,), dtype="float32", name=name),
        f"{name}_length": keras.Input((), dtype="int32", name=f"{name}_length"),
    }
    lengths = inputs[f"{name}_length"]
    samples = ops.where(masks.from_lengths(lengths, inputs[name]), inputs[name], 0.0)  # [B, N]
    width = coefficients if features == "mfcc" else 0
    layer = SoundFeatures(sample_rate, bands, width, window, hop, lowest, highest, name=f"{name}_features")
    x = layer(samples)  # [B, T, D]
    mask = masks.from_lengths((lengths + (hop - 1)) // hop, x[..., 0])  # [B, T]
    if statistics:
        for part in ("mean", "deviation"):
            inputs[f"{name}_{part}"] = keras.Input((x.shape[-1],), dtype="float32", name=f"{name}_{part}")
        x = (x - inputs[f"{name}_mean"][:, None]) / inputs[f"{name}_deviation"][:, None]
    if normalize != "none" and not statistics:
        x = UtteranceNormalization(normalize == "volume", name=f"{name}_normalization")(x, mask=mask)
    else:
        x = ops.where(mask[..., None], x, 0.0)
    if mask_bands or mask_stretches:
        layer = SpecAugment(mask_bands, mask_band, mask_stretches, mask_stretch, seed=seed, name=f"{name}_augmentation")
        x = layer(x, mask=mask)
    return inputs, x, mask
