"""A front for video, whose frames are pictures of one size, and their standardisation."""

from collections.abc import Callable, Iterable

import numpy as np

from seqzoo.assets import Asset
from seqzoo.config import Config
from seqzoo.inputs.frames import Moments
from seqzoo.signatures import takes_options


@takes_options()
def video(
    height: int,
    width: int,
    channels: int = 1,
    filters: tuple[int, ...] = (16, 32),
    kernel_size: int = 3,
    convlstm: int = 0,
    mean: np.ndarray | float | None = None,
    std: np.ndarray | float | None = None,
    dropout: float = 0.0,
    name: str = "frames",
) -> tuple:
    """A front for video: convolutions over each picture, an optional convolutional LSTM, then one vector a frame.

    The vector of a frame keeps the position of each feature of its picture, so that the model can see movement. Padded
    frames become 0 before anything reads them, and after.

    Source of the convolutional LSTM: Shi et al., 2015, Convolutional LSTM Network: A Machine Learning Approach for
    Precipitation Nowcasting, equation 3 without peepholes.

    Args:
        height, width, channels: I, W, C of a picture.
        filters: filters of each convolution, each followed by the maximum of 2 by 2 positions; (): none.
        kernel_size: rows and columns that a filter sees.
        convlstm: filters of the convolutional LSTM, which reads the features of the pictures forward; 0: none.
        mean, std: of each channel, or one number; None: 0 and 1. A std of 0 counts as 1.
        dropout: dropout rate of a frame's features, one mask for all steps of a sequence.
        name: name of the input, and prefix of its lengths and layers.

    Returns:
        (inputs, x, mask): {name: [B, T, I, W, C] floats, name + "_length": [B] integers}; x [B, T, D]; mask [B, T],
        True at real steps.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.pictures import FrameConvolution
    from seqzoo.layers.stack import drop

    inputs = {
        name: keras.Input((None, height, width, channels), dtype="float32", name=name),
        f"{name}_length": keras.Input((), dtype="int32", name=f"{name}_length"),
    }
    # The reshape makes the size static, which it is not in a batch of tf.data.
    x = keras.layers.Reshape((-1, height, width, channels), dtype="float32")(inputs[name])
    mask = masks.from_lengths(inputs[f"{name}_length"], x[:, :, 0, 0, 0])  # [B, T]
    shown = mask[:, :, None, None, None]
    if mean is not None or std is not None:
        mean = np.broadcast_to(0.0 if mean is None else mean, (channels,)).astype("float32")
        std = np.broadcast_to(1.0 if std is None else std, (channels,)).astype("float32")
        variance = np.where(std == 0, 1.0, std) ** 2
        x = keras.layers.Normalization(mean=mean, variance=variance, name=f"{name}_normalization")(x)
    x = ops.where(shown, x, 0.0)  # [B, T, I, W, C]
    if filters:
        x = FrameConvolution(filters, kernel_size, name=f"{name}_convolution")(x)  # [B, T, I', W', F]
    if convlstm:
        layer = keras.layers.ConvLSTM2D(
            convlstm, kernel_size, padding="same", return_sequences=True, name=f"{name}_convlstm"
        )
        x = layer(x, mask=mask)  # [B, T, I', W', F]
    x = ops.where(shown, x, 0.0)
    x = keras.layers.Reshape((-1, int(np.prod(x.shape[2:]))), name=f"{name}_features")(x)  # [B, T, D]
    return inputs, drop(x, dropout), mask


class Video(Asset):
    """The size of pictures and how to standardise them, learned from the training clips.

    Args:
        size: [I, W, C], rows, columns and channels of a picture.
        mean, std: mean and standard deviation of each channel.

    Attributes:
        raw_std: the deviations of the values of a frame.
        summary: {name: readable text}.
    """

    def __init__(self, size: list[int], mean: list[float], std: list[float]):
        self.size, self.mean, self.std = [*size], np.array(mean), np.array(std)
        self.raw_std = self.std
        self.summary = {"frames": f"pictures of {size[1]} by {size[0]} pixels, {size[2]} channels"}

    @classmethod
    def learn(cls, examples: Iterable[dict]) -> "Video":
        """Learns the size of the pictures, and mean and standard deviation of each channel, in one pass.

        Args:
            examples: dicts with the feature ``frames`` [T, I, W, C], and optionally ``file``, a name for messages.

        Raises:
            ValueError: no example; pictures of several sizes.
        """
        moments, size = Moments(), None
        for example in examples:
            size = size or [*example["frames"].shape[1:]]
            check_size(example, size)
            moments.add(example["frames"].reshape(-1, size[-1]))
        return cls(size, *moments.result())

    def encoder(self, name: str = "frames") -> Callable[[dict], dict[str, np.ndarray]]:
        """Returns the function from an example with `frames` [T, I, W, C] to {"frames", "frames_length"}.

        The function raises a ValueError, with the example's ``file``, if its pictures have another size.
        """

        def encode(example):
            check_size(example, self.size)
            x = example["frames"].astype("float32", copy=False)
            return {name: x, f"{name}_length": np.array(len(x), "int32")}

        return encode

    def front(self, config: Config, name: str = "frames") -> tuple:
        """Returns the front `video` with the learned values, and the options `Frames` and `Video` of a config."""
        return video(
            *self.size,
            filters=tuple(int(count) for count in config.picture_filters.split("+") if count != "0"),
            kernel_size=config.picture_kernel,
            convlstm=config.convlstm,
            mean=self.mean,
            std=self.std,
            dropout=config.input_dropout,
            name=name,
        )

    def to_dict(self) -> dict:
        return {"size": self.size, "mean": self.mean.tolist(), "std": self.std.tolist()}


def check_size(example: dict, size: list[int]) -> None:
    """Raises a ValueError, with the example's ``file``, unless its frames are [T, *`size`]."""
    shape = [*example["frames"].shape]
    if len(shape) != 4 or shape[1:] != size:
        raise ValueError(
            f"{example.get('file', 'A clip')}: frames should be pictures {size}, rows, columns and channels, like "
            f"those of the first training clip. Received: shape {shape}."
        )
