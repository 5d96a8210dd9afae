"""A front for pictures that are read as a whole: its steps are the positions of a feature map."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.assets import Asset
from seqzoo.config import Config
from seqzoo.files import UnreadableError
from seqzoo.inputs.images import images
from seqzoo.signatures import takes_options

if TYPE_CHECKING:
    import keras

    from seqzoo.pictures import Picture

LARGEST = 224  # maximum rows or columns, unless an option sets the size
SAMPLED = 1000  # pictures whose values are averaged
RESIDUAL = "residual"
APPLICATIONS = {  # {name: its class in keras.applications, and the module with its preprocessing}
    "densenet121": ("DenseNet121", "densenet"),
    "efficientnet_b0": ("EfficientNetB0", "efficientnet"),
    "inception_v3": ("InceptionV3", "inception_v3"),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2"),
    "mobilenet_v3_small": ("MobileNetV3Small", "mobilenet_v3"),
    "resnet50": ("ResNet50", "resnet50"),
    "vgg16": ("VGG16", "vgg16"),
}


@takes_options()
def pictures(
    height: int,
    width: int,
    channels: int = 3,
    encoder: str = RESIDUAL,
    weights: str = "",
    trainable: bool = True,
    filters: tuple[int, ...] = (16, 32, 64),
    blocks: int = 1,
    kernel_size: int = 3,
    mean: float = 0.0,
    std: float = 255.0,
    dropout: float = 0.0,
    name: str = "image",
) -> tuple:
    """A front for pictures of one size: the steps are the positions of a feature map, row by row.

    The map comes from a small residual network, `layers.pictures.residual_map`, or from a Keras application without its
    top, such as one that was trained on ImageNet. The features of each position are joined with its row and column.

    Sources: Vinyals et al., 2015, Show and Tell: A Neural Image Caption Generator; Xu et al., 2015, Show, Attend and
    Tell, section 3.1.1 (attention over the positions of a map).

    Args:
        height, width, channels: I, W, C of a picture; C is 1 for grey and 3 for colours, which an application needs.
        encoder: "residual", or a name in `APPLICATIONS`.
        weights: file with the weights of the application without its top, from ``save_weights`` or Keras's own
            downloads; "": random ones.
        trainable: whether the weights of the application are trained.
        filters, blocks, kernel_size: of the residual network.
        mean, std: mean and deviation of the pixel values, from 0 to 255; they standardise the residual network's input.
        dropout: dropout rate of a position's features, one mask for all positions of a picture.
        name: name of the input, and prefix of its layers.

    Returns:
        (inputs, x, mask): {name: [B, I, W, C] integers from 0 to 255}; x [B, S, X] with S = rows * columns of the map,
        which the layer name + "_steps" reads; mask [B, S], all True.

    Raises:
        ValueError: an unknown encoder; weights without an application or of another one; a picture that is too small.
    """
    import keras
    from keras import ops

    from seqzoo.layers.pictures import Coordinates, residual_map
    from seqzoo.layers.stack import drop

    if encoder not in (RESIDUAL, *APPLICATIONS):
        raise ValueError(f"encoder should be {RESIDUAL} or one of {', '.join(APPLICATIONS)}. Received: {encoder!r}")
    inputs = {name: keras.Input((height, width, channels), dtype="uint8", name=name)}
    if encoder == RESIDUAL:
        if weights:
            raise ValueError(f"weights need an encoder among {', '.join(APPLICATIONS)}. Received: {encoder!r}")
        x = keras.layers.Rescaling(1 / std, -mean / std, name=f"{name}_scale")(inputs[name])
        x = residual_map(x, filters, blocks, kernel_size, name)
    else:
        base = application(encoder, (height, width, channels), weights)
        base.trainable = trainable
        preprocess = getattr(keras.applications, APPLICATIONS[encoder][1]).preprocess_input
        x = base(preprocess(ops.cast(inputs[name], "float32")))
    x = Coordinates(name=f"{name}_coordinates")(x)
    x = keras.layers.Reshape((-1, x.shape[-1]), name=f"{name}_steps")(x)  # [B, S, X]
    return inputs, drop(x, dropout), ops.ones_like(x[..., 0], dtype="bool")


def application(name: str, shape: tuple[int, int, int], weights: str = "") -> "keras.Model":
    """Returns a Keras application without its top, a keras.Model from pictures to maps.

    Args:
        name: name in `APPLICATIONS`.
        shape: [I, W, C] of the pictures.
        weights: see `pictures`.

    Raises:
        ValueError: the shape or the weights do not fit.
    """
    import keras

    kind = APPLICATIONS[name][0]
    base = getattr(keras.applications, kind)(include_top=False, weights=None, input_shape=shape)
    if weights:
        try:
            base.load_weights(weights)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{weights}: not the weights of keras.applications.{kind}(include_top=False): {error}"
            ) from error
    return base


class Pictures(Asset):
    """The size, colours and brightness of pictures, learned from the training pictures.

    Args:
        height, width, channels: I, W, C; a width of 0: pictures are scaled in proportion, to be read by columns.
        mean, std: mean and deviation of the values of all channels, from 0 to 255.

    Attributes:
        summary: {name: readable text}.
    """

    def __init__(self, height: int, width: int, channels: int, mean: float, std: float):
        self.shape, self.mean, self.std = (height, width, channels), mean, std
        size = f"{width} by {height} pixels" if width else f"{height} rows"
        self.summary = {"pictures": f"scaled to {size}, {'in grey' if channels == 1 else 'in colour'}"}

    @classmethod
    def learn(cls, pictures: Iterable, config: Config) -> "Pictures":
        """Learns the size from the first readable picture, mean and deviation from the first `SAMPLED` pictures.

        Args:
            pictures: the training pictures, each a `pictures.Picture`.
            config: has the options of the group `Pictures`.

        Raises:
            UnreadableError: no picture can be read.
        """
        shape, values, error = None, [], UnreadableError("There are no pictures.")
        for picture in itertools.islice(pictures, SAMPLED):
            try:
                shape = shape or _shape(picture.shape(), config)
                values.append(picture.read(*shape))
            except UnreadableError as unreadable:
                error = unreadable
        if not values:
            raise error
        mean = np.mean([x.mean(dtype="float64") for x in values])
        variance = np.mean([np.square(x - mean).mean() for x in values])
        return cls(*shape, round(float(mean), 3), round(float(np.sqrt(variance)), 3) or 255.0)

    def arrays(self, picture: "Picture", reader: str) -> dict[str, np.ndarray]:
        """Returns the arrays of the front for a `pictures.Picture`; `reader` is the option of that name.

        Raises:
            UnreadableError: the picture can't be read.
        """
        pixels = picture.read(*self.shape)
        if reader == "map":
            return {"image": pixels}
        return {"image": pixels.astype("float32") / 255, "image_width": np.int32(pixels.shape[1])}

    def front(self, config: Config) -> tuple:
        """Returns the front chosen by the options of the group `Pictures`, for pictures of the learned size."""
        height, _, channels = self.shape
        shared = {"filters": config.widths, "kernel_size": config.picture_kernel, "dropout": config.input_dropout}
        if config.reader == "columns":
            return images(height, channels, width_pooling=config.width_pooling, **shared)
        own = {"encoder": config.encoder, "weights": config.encoder_weights, "blocks": config.blocks}
        tuned = config.tune_encoder or not config.encoder_weights
        return pictures(*self.shape, trainable=tuned, mean=self.mean, std=self.std, **own, **shared)

    def to_dict(self) -> dict:
        height, width, channels = self.shape
        return {"height": height, "width": width, "channels": channels, "mean": self.mean, "std": self.std}


def _shape(own: tuple[int, int, int], config) -> tuple[int, int, int]:
    """Returns the size to which pictures are scaled, given the size of the first one."""
    height, width, channels = own
    scale = min(1, LARGEST / max(height, width if config.reader == "map" else 0))
    height, width = (config.picture_size or max(1, round(scale * side)) for side in (height, width))
    if config.encoder != RESIDUAL and config.colour == "auto":
        channels = 3
    channels = {"auto": channels, "grey": 1, "colour": 3}[config.colour]
    return height, 0 if config.reader == "columns" else width, channels
