"""Pictures of a video: the same small convolution over each."""

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class FrameConvolution(keras.layers.Layer):
    """Convolutions over each frame by itself: for each number of filters, convolution -> relu -> maxima of 2 by 2.

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

    def build(self, x_shape):
        shape = (None, *x_shape[2:])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = self.pooling.compute_output_shape(convolution.compute_output_shape(shape))

    def call(self, x):
        B, T = ops.shape(x)[:2]
        y = ops.reshape(x, (B * T, *x.shape[2:]))  # [B*T, I, W, C]
        for convolution in self.convolutions:
            y = self.pooling(convolution(y))
        return ops.reshape(y, (B, T, *y.shape[1:]))  # [B, T, I', W', F]

    def compute_output_shape(self, x_shape):
        shape = (None, *x_shape[2:])
        for convolution in self.convolutions:
            shape = self.pooling.compute_output_shape(convolution.compute_output_shape(shape))
        return (*x_shape[:2], *shape[1:])

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
