"""A front for pictures that are read as a whole: the positions of a map of their features are its steps."""

from seqzoo.signatures import takes_options

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
    dropout: float = 0.0,
    name: str = "image",
) -> tuple:
    """A front for pictures of one size: a map of features, whose positions, row by row, are the steps.

    The map is that of a small residual network, `layers.pictures.residual_map`, or of a Keras application without its
    top, such as one that was trained on ImageNet.

    Sources: Vinyals et al., 2015, Show and Tell: A Neural Image Caption Generator; Xu et al., 2015, Show, Attend and
    Tell, section 3.1.1 (the positions of a map as what attention reads).

    Args:
        height, width, channels: I, W, C of a picture; C is 1 for grey and 3 for colours, which an application needs.
        encoder: "residual", or a name in `APPLICATIONS`.
        weights: file with the weights of the application without its top, as ``save_weights`` or Keras's own downloads
            have them; "": random ones.
        trainable: whether the weights of the application are trained.
        filters, blocks, kernel_size: of the residual network.
        dropout: dropout rate of a position's features, one mask for all positions of a picture.
        name: name of the input, and prefix of its layers.

    Returns:
        (inputs, x, mask): {name: [B, I, W, C] integers from 0 to 255}; x [B, S, X] with S = rows * columns of the map,
        which is what the layer name + "_steps" reads; mask [B, S], all True.

    Raises:
        ValueError: an unknown encoder; weights of no or of another application; a picture that is too small for it.
    """
    import keras
    from keras import ops

    from seqzoo.layers.pictures import residual_map
    from seqzoo.layers.stack import drop

    if encoder not in (RESIDUAL, *APPLICATIONS):
        raise ValueError(f"encoder should be {RESIDUAL} or one of {', '.join(APPLICATIONS)}. Received: {encoder!r}")
    inputs = {name: keras.Input((height, width, channels), dtype="uint8", name=name)}
    if encoder == RESIDUAL:
        if weights:
            raise ValueError(f"weights are those of an application: {', '.join(APPLICATIONS)}. Received: {encoder!r}")
        x = keras.layers.Rescaling(1 / 127.5, -1.0, name=f"{name}_scale")(inputs[name])  # from -1 to 1
        x = residual_map(x, filters, blocks, kernel_size, name)
    else:
        base = application(encoder, (height, width, channels), weights)
        base.trainable = trainable
        preprocess = getattr(keras.applications, APPLICATIONS[encoder][1]).preprocess_input
        x = base(preprocess(ops.cast(inputs[name], "float32")))
    x = keras.layers.Reshape((-1, x.shape[-1]), name=f"{name}_steps")(x)  # [B, S, X]
    return inputs, drop(x, dropout), ops.ones_like(x[..., 0], dtype="bool")


def application(name: str, shape: tuple[int, int, int], weights: str = ""):
    """A Keras application without its top: a keras.Model from pictures to maps.

    Args:
        name: in `APPLICATIONS`.
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
