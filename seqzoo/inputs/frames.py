"""A front for float vectors: frames of sound, skeletons, sensors, one-hot bases."""

import numpy as np

from seqzoo.signatures import takes_options


@takes_options()
def frames(
    width: int,
    mean: np.ndarray | None = None,
    std: np.ndarray | None = None,
    dropout: float = 0.0,
    name: str = "frames",
) -> tuple:
    """A front for sequences of float vectors, with their true lengths: a frame of zeros may be a real one.

    With `mean` and `std`, usually those of the training frames, x = (frame - mean) / std. Padded frames become 0,
    whatever they held.

    Args:
        width: D, the width of a frame.
        mean, std: [D] arrays, or numbers; None: 0 and 1. A std of 0 counts as 1.
        dropout: dropout rate of the frames' values, one mask for all steps of a sequence.
        name: name of the input, and prefix of its lengths and layers.

    Returns:
        (inputs, x, mask): {name: [B, T, D] floats, name + "_length": [B] integers}; x [B, T, D]; mask [B, T], True at
        real steps.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.stack import drop

    inputs = {
        name: keras.Input((None, width), dtype="float32", name=name),
        f"{name}_length": keras.Input((), dtype="int32", name=f"{name}_length"),
    }
    # The width of a batch of tf.data is not static; layers read it. In float32 under any policy: raw values may exceed
    # the range of 16 bits.
    x = keras.layers.Reshape((-1, width), dtype="float32")(inputs[name])
    mask = masks.from_lengths(inputs[f"{name}_length"], x[..., 0])  # [B, T]
    if mean is not None or std is not None:
        mean, std = (
            np.broadcast_to(default if value is None else value, (width,)).astype("float32")
            for value, default in ((mean, 0.0), (std, 1.0))
        )
        variance = np.where(std == 0, 1.0, std) ** 2
        scale = keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name=f"{name}_normalization")
        x = scale(x)
    x = ops.where(mask[..., None], x, 0.0)  # [B, T, D]
    return inputs, drop(x, dropout), mask
