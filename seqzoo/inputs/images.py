"""A front for pictures that are read from left to right, such as a line of handwriting or a spectrogram."""

from seqzoo.signatures import takes_options


@takes_options()
def images(
    height: int,
    channels: int = 1,
    filters: tuple[int, ...] = (32, 64),
    kernel_size: int = 3,
    width_pooling: tuple[int, ...] = (2, 2),
    dropout: float = 0.0,
    name: str = "image",
) -> tuple:
    """A front for pictures of one height and any width: convolutions, then a step for each remaining column.

    For each number of `filters`: convolution -> relu -> maxima over 2 rows and 1 or 2 columns. After the last one, the
    features of a column are joined into one vector ("map-to-sequence"). Columns beyond a picture's true width are set
    to 0 before each convolution, which assumes zeros beyond the border, so that padding changes nothing.

    Source: Shi et al., 2016, An End-to-End Trainable Neural Network for Image-based Sequence Recognition, section 2.1.

    Args:
        height: rows of a picture, I.
        channels: C; 1 for grey.
        filters: filters of each convolution.
        kernel_size: rows and columns that a filter sees.
        width_pooling: 1 or 2 for each convolution: columns that are max-pooled into one. Their product is the number
            of columns a step stands for.
        dropout: dropout rate of a step's features, one mask for all steps of a sequence.
        name: name of the input, and prefix of its widths and layers.

    Returns:
        (inputs, x, mask): {name: [B, I, W, C] floats, padded on the right, name + "_width": [B] integers, the true
        widths}; x [B, T, D] with T = W / product of `width_pooling`, rounded up after each convolution, and
        D = remaining rows * filters[-1]; mask [B, T], True at real steps.

    Raises:
        ValueError: `width_pooling` does not fit `filters`, or is not of 1 and 2.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.stack import drop

    if len(width_pooling) != len(filters) or set(width_pooling) - {1, 2}:
        raise ValueError(
            f"width_pooling should be 1 or 2 for each of the {len(filters)} convolutions. Received: {width_pooling}"
        )
    inputs = {
        name: keras.Input((height, None, channels), dtype="float32", name=name),
        f"{name}_width": keras.Input((), dtype="int32", name=f"{name}_width"),
    }
    x = inputs[name]  # [B, I, W, C]
    mask = masks.from_lengths(inputs[f"{name}_width"], x[:, 0, :, 0])  # [B, W]
    for number, (count, columns) in enumerate(zip(filters, width_pooling, strict=True)):
        x = ops.where(mask[:, None, :, None], x, 0.0)
        layer = keras.layers.Conv2D(
            count, kernel_size, padding="same", activation="relu", name=f"{name}_convolution{number}"
        )
        x = ops.where(mask[:, None, :, None], layer(x), 0.0)  # [B, I, W, F]; relu: 0 is never above a real value
        # "same" pads a window of 2 on the right only, so windows begin at the same columns at every width.
        x = keras.layers.MaxPooling2D((2, columns), padding="same", name=f"{name}_pooling{number}")(x)
        mask = mask[:, ::columns]  # a window is real if its first column is
    rows, features = x.shape[1], x.shape[-1]
    x = keras.layers.Permute((2, 1, 3), name=f"{name}_columns")(x)  # [B, T, rows, F]
    x = keras.layers.Reshape((-1, rows * features), name=f"{name}_steps")(x)  # [B, T, D]
    return inputs, drop(x, dropout), mask
