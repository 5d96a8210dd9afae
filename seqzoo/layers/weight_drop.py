"""DropConnect on the recurrent weights."""

from collections.abc import Sequence

import keras
from keras import ops


def with_kernel(cell: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the cell with the recurrent kernel: `cell` itself, or the controller of a Neural Turing Machine."""
    return getattr(cell, "controller", cell)


@keras.saving.register_keras_serializable("seqzoo")
class WeightDrop(keras.layers.Wrapper):
    """Wraps a recurrent layer: in training, part of its recurrent kernel is set to 0, the same in all steps.

    U' = m U / (1 - rate), with a mask m of U's shape, drawn for each batch. It wraps any layer whose cell has a
    `recurrent_kernel`, even a bidirectional one, and works with every loop, even cuDNN's.

    Source: Merity et al., 2018, Regularizing and Optimizing LSTM Language Models, section 2 (after Wan et al., 2013).

    Args:
        layer: a Keras recurrent layer, or `keras.layers.Bidirectional` of one.
        rate: the dropped share, from 0 to 1.

    Raises:
        ValueError (when built): the layer has no recurrent kernel.
    """

    def __init__(self, layer: keras.layers.Layer, rate: float, **kwargs):
        super().__init__(layer, **kwargs)
        self.rate = rate
        self.noise = keras.random.SeedGenerator()
        self.supports_masking = True

    @property
    def input_dtype(self) -> str:
        return self.layer.input_dtype  # of the layer's states

    def _cells(self):
        both = isinstance(self.layer, keras.layers.Bidirectional)
        layers = [self.layer.forward_layer, self.layer.backward_layer] if both else [self.layer]
        return [with_kernel(layer.cell) for layer in layers]

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        for cell in self._cells():
            if not hasattr(cell, "recurrent_kernel"):
                raise ValueError(f"{type(cell).__name__} has no recurrent kernel to drop weights of.")

    def call(
        self,
        x: keras.KerasTensor,
        mask: keras.KerasTensor | None = None,
        initial_state: list[keras.KerasTensor] | None = None,
        training: bool = False,
    ) -> keras.KerasTensor | tuple[keras.KerasTensor, ...]:
        if not training:
            return self.layer(x, mask=mask, initial_state=initial_state)
        cells = self._cells()
        kernels = [cell.recurrent_kernel for cell in cells]
        try:
            for cell, U in zip(cells, kernels, strict=True):
                # Bypasses __setattr__, which would track the tensor as a new weight.
                vars(cell)["recurrent_kernel"] = keras.random.dropout(
                    ops.convert_to_tensor(U), self.rate, seed=self.noise
                )
            return self.layer(x, mask=mask, initial_state=initial_state, training=True)
        finally:
            for cell, U in zip(cells, kernels, strict=True):
                vars(cell)["recurrent_kernel"] = U

    def compute_output_shape(self, input_shape: tuple[int | None, ...], **kwargs) -> tuple:
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, *args, **kwargs) -> keras.KerasTensor | tuple[keras.KerasTensor, ...]:
        return self.layer.compute_output_spec(*args, **kwargs)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate}
