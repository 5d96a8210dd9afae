"""A window over the last tokens: the input of a feed-forward language model."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class Window(keras.layers.Layer):
    """Concatenates each step with the steps before it: [x_{t-n+1} ... x_{t-1}, x_t].

    The steps before the first come from a state, so that a stream can be read in pieces. Padding on the right changes
    neither earlier steps nor the state.

    Source: Bengio et al., 2003, A Neural Probabilistic Language Model, section 2.

    Args:
        context: n, the steps in the window, at least 1.

    Inputs: x [B, T, D]; state [B, (n - 1) D], zeros before a text; mask [B, T], True at real steps, None: all are.
    Outputs: [B, T, n D]; the state after the last real step.
    """

    def __init__(self, context: int, **kwargs):
        super().__init__(**kwargs)
        self.context = context

    def call(
        self, x: keras.KerasTensor, state: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        rows = ops.shape(x)[0]
        before = ops.reshape(state, (rows, self.context - 1, x.shape[-1]))
        both = ops.concatenate([before, x], axis=1)  # [B, n - 1 + T, D]
        T = ops.shape(x)[1]
        windows = [both[:, i : i + T] for i in range(self.context)]
        after = both[:, T:]
        if mask is not None:
            first = ops.sum(ops.cast(mask, "int32"), axis=1)[:, None]  # [B, 1]
            kept = first + ops.arange(self.context - 1)  # [B, n - 1], positions of the last real steps
            # Not by a gather, which LiteRT lacks.
            chosen = kept[..., None] == ops.arange(self.context - 1 + T)  # [B, n - 1, n - 1 + T]
            after = ops.matmul(ops.cast(chosen, x.dtype), both)
        return ops.concatenate(windows, axis=-1), ops.reshape(after, (rows, (self.context - 1) * x.shape[-1]))

    def compute_output_shape(
        self, x_shape: tuple[int | None, ...], state_shape: tuple[int | None, ...]
    ) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        return (*x_shape[:-1], self.context * x_shape[-1]), state_shape

    def compute_output_spec(
        self, x: keras.KerasTensor, state: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        shapes = self.compute_output_shape(x.shape, state.shape)
        return tuple(keras.KerasTensor(shape, dtype=x.dtype) for shape in shapes)

    def get_config(self) -> dict:
        return {**super().get_config(), "context": self.context}
