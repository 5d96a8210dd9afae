"""Convolutions over pictures: over each frame of a video by itself, and a residual map of one picture."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

GROUPS = 8  # at most, of features that are normalised together


@keras.saving.register_keras_serializable("seqzoo")
class FrameConvolution(keras.layers.Layer):
    """Convolves each frame by itself: for each number of filters, convolution -> relu -> maxima of 2 by 2.

    Args:
        filters: filters of each convolution.
        kernel_size: rows and columns that a filter sees.

    Shapes: [B, T, I, W, C] -> [B, T, I', W', F], I' and W' halved and rounded up after each convolution.
    """

    def __init__(self, filters: Sequence[int], kernel_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = tuple(filters), kernel_size
        self.convolutions = [
            keras.layers.Conv2D(count, kernel_size, padding="same", activation="relu", dtype=self.dtype_policy)
            for count in self.filters
        ]
        self.pooling = keras.layers.MaxPooling2D(2, padding="same", dtype=self.dtype_policy)

    def build(self, x_shape: Sequence[int | None]) -> None:
        shape = (None, *x_shape[2:])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = self.pooling.compute_output_shape(convolution.compute_output_shape(shape))

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        B, T = ops.shape(x)[:2]
        y = ops.reshape(x, (B * T, *x.shape[2:]))  # [B*T, I, W, C]
        for convolution in self.convolutions:
            y = self.pooling(convolution(y))
        return ops.reshape(y, (B, T, *y.shape[1:]))  # [B, T, I', W', F]

    def compute_output_shape(self, x_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        shape = (None, *x_shape[2:])
        for convolution in self.convolutions:
            shape = self.pooling.compute_output_shape(convolution.compute_output_shape(shape))
        return (*x_shape[:2], *shape[1:])

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable("seqzoo")
class Coordinates(keras.layers.Layer):
    """Joins the features of each position of a map with its row and its column, from -1 to 1.

    Source: Liu et al., 2018, An Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution.

    Shapes: [B, I, W, C] -> [B, I, W, C + 2], I and W static.
    """

    def build(self, x_shape: Sequence[int | None]) -> None:
        sides = (np.linspace(-1, 1, size) if size > 1 else np.zeros(1) for size in x_shape[1:3])
        self.grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)  # [I, W, 2]

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        places = ops.zeros_like(x[..., :2]) + ops.cast(self.grid, x.dtype)
        return ops.concatenate([x, places], axis=-1)

    def compute_output_shape(self, x_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*x_shape[:-1], x_shape[-1] + 2)


def residual_map(
    x: keras.KerasTensor, filters: Sequence[int], blocks: int = 1, kernel_size: int = 3, name: str = "image"
) -> keras.KerasTensor:
    """Computes a map of the features and mean colours of pictures, by a small residual network.

    For each number of filters: a convolution, maxima of 2 by 2, and blocks x + f(f(x)) of a convolution f of
    relu(norm(x)). The second convolution of a block begins at 0, so that each block begins as the identity. The norm
    is over groups of features and all positions of one picture, so that other pictures of a batch have no effect. The
    norm and the maxima lose the brightness and hue of a picture, so each position also has the mean of its pixels.

    Sources: He et al., 2016, Identity Mappings in Deep Residual Networks (the order within a block); Wu & He, 2018,
    Group Normalization; Espeholt et al., 2018, IMPALA, figure 3 (the stages).

    Args:
        x: [B, I, W, C].
        filters: filters of each stage.
        blocks: residual blocks of a stage.
        kernel_size: rows and columns that a filter sees.
        name: prefix of the layers.

    Returns:
        [B, I', W', filters[-1] + C], I' and W' halved and rounded up by each stage.
    """

    def convolution(x, count, suffix, start="he_normal"):
        layer = keras.layers.Conv2D(count, kernel_size, padding="same", kernel_initializer=start, name=name + suffix)
        return layer(x)

    def activated(x, suffix):
        groups = math.gcd(GROUPS, x.shape[-1])
        return ops.relu(keras.layers.GroupNormalization(groups, name=f"{name}{suffix}_norm")(x))

    colours = keras.layers.AveragePooling2D(2 ** len(filters), padding="same", name=f"{name}_colours")(x)
    for stage, count in enumerate(filters):
        x = convolution(x, count, f"_convolution{stage}")
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"{name}_pooling{stage}")(x)
        for block in range(blocks):
            first, second = (f"_block{stage}_{block}_{which}" for which in ("first", "second"))
            y = convolution(activated(x, first), count, first)
            x = x + convolution(activated(y, second), count, second, "zeros")
    return keras.layers.Concatenate(name=f"{name}_joined")([activated(x, "_last"), colours])
