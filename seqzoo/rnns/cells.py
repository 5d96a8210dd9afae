"""Code shared by all families: activations by name, a layer around a cell, both directions."""

import itertools
from collections.abc import Callable, Sequence
from typing import ClassVar

import keras
from keras import ops

from seqzoo.rnns.loop import Terms, at_least_float32, fused_loop, in_float32, times

_LAYER_ARGUMENTS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "name",
)


@keras.saving.register_keras_serializable("seqzoo")
def crelu(z: keras.KerasTensor) -> keras.KerasTensor:
    """Concatenated ReLU, [relu(z), relu(-z)] (Shang et al., 2016), of the first half of z, which keeps the width.

    z [..., H] with even H; the second half of z is not used.
    """
    z = z[..., : z.shape[-1] // 2]
    return ops.concatenate([ops.relu(z), ops.relu(-z)], axis=-1)


def activation(name: str, units: int) -> Callable:
    """Returns an activation by name, for a layer of this many units: any of Keras's, or ``"crelu"``.

    Raises:
        ValueError: crelu with an odd number of units.
    """
    if name != "crelu":
        return keras.activations.get(name)
    if units % 2:
        raise ValueError(f"crelu needs an even number of units. Received: {units}")
    return crelu


class OneStep:
    """Mixin for Keras recurrent layers: states of 32 bits, and outside of training a single step without a loop.

    Decoding step by step, as in sampling, then costs no more than the cells. In 16 bits only the outputs have the dtype
    of the computation: states go from call to call in float32, as within the layers' own loops, so that a sequence
    read step by step gives the results of the whole. Layers with ``stateful=True`` keep Keras's rounding.
    """

    @property
    def input_dtype(self) -> str:
        """The dtype of the states, at least float32. Keras casts all inputs to it, x too, which `call` casts back."""
        return at_least_float32(self.compute_dtype)

    def call(
        self,
        sequences: keras.KerasTensor,
        initial_state: list[keras.KerasTensor] | None = None,
        mask: keras.KerasTensor | None = None,
        training: bool | None = False,
    ) -> keras.KerasTensor | tuple[keras.KerasTensor, ...]:
        if self.compute_dtype == self.input_dtype or self.stateful:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        # As Keras does, except that it casts the states to 16 bits both before and after the loop.
        x = ops.cast(sequences, self.compute_dtype)
        states = self.get_initial_state(ops.shape(x)[0]) if initial_state is None else initial_state
        states = [ops.cast(state, self.input_dtype) for state in keras.tree.flatten(states)]
        self._maybe_config_dropout_masks(self.cell, x[:, 0], [ops.cast(state, x.dtype) for state in states])
        last, outputs, states = self.inner_loop(x, states, mask, training)
        self._maybe_reset_dropout_masks(self.cell)
        y = ops.cast(outputs if self.return_sequences else last, self.compute_dtype)
        return (y, *(ops.cast(state, self.input_dtype) for state in states)) if self.return_state else y

    def compute_output_spec(self, *args, **kwargs) -> keras.KerasTensor | tuple[keras.KerasTensor, ...]:
        spec = super().compute_output_spec(*args, **kwargs)
        if not self.return_state or self.stateful:
            return spec
        y, *states = spec
        return (y, *(keras.KerasTensor(state.shape, self.input_dtype) for state in states))

    def one_step(
        self, x: keras.KerasTensor, states: list[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        """Runs the cell on x [B, D]; returns (output [B, H], states in the dtypes of those given)."""
        y, states = unrounded(self.cell)(x, states, training=training)
        return ops.cast(y, self.compute_dtype), [*(states if isinstance(states, list | tuple) else [states])]

    def inner_loop(
        self,
        sequences: keras.KerasTensor,
        initial_state: list[keras.KerasTensor],
        mask: keras.KerasTensor | None,
        training: bool | None = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, Sequence[keras.KerasTensor]]:
        if training or sequences.shape[1] != 1:  # Keras's loops, cuDNN's too, need states in the dtype of x
            initial_state = [ops.cast(state, self.compute_dtype) for state in initial_state]
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        y, states = self.one_step(sequences[:, 0], list(initial_state))
        if mask is not None:
            real = ops.cast(mask, "bool")  # [B, 1]
            y = ops.where(real, y, 0)
            states = [ops.where(real, new, old) for new, old in zip(states, initial_state, strict=True)]
        return y, y[:, None], states


class FusedLoop(OneStep):
    """Mixin for Keras recurrent layers: on TensorFlow, all steps run in a loop with a gradient of its own.

    The layer or its cell defines ``terms(xW)`` and ``step(affine, states, ...)``, as `StepCell` does. Keras's own loop
    runs without them, on other backends, if the layer is unrolled, and if cuDNN will be used.
    """

    def equations(self) -> "FusedLoop | StepCell | None":
        """Returns the object that defines the steps, this layer or its cell; None: Keras's loop runs."""
        # Not a property: Keras searches a layer's attributes, recursively, for weights.
        if keras.backend.backend() != "tensorflow" or self.unroll:
            return None
        return next((thing for thing in (self, self.cell) if hasattr(thing, "terms")), None)

    def one_step(
        self, x: keras.KerasTensor, states: list[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        if self.equations() is self and self.compute_dtype != self.input_dtype:
            return stepped(self, self.cell, x, states, training)  # Keras's cell would multiply by U in float32
        return super().one_step(x, states, training)

    def inner_loop(
        self,
        sequences: keras.KerasTensor,
        initial_state: list[keras.KerasTensor],
        mask: keras.KerasTensor | None,
        training: bool | None = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, Sequence[keras.KerasTensor]]:
        cell, equations = self.cell, self.equations()
        one_step = not training and sequences.shape[1] == 1  # the cell runs it
        # Keras clears supports_jit where cuDNN may be used, with recurrent dropout too, though cuDNN has none.
        cudnn = not self.supports_jit and not cell.recurrent_dropout
        if one_step or equations is None or cudnn:
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        x = ops.transpose(sequences, (1, 0, 2))  # [T, B, D]
        mask = None if mask is None else ops.cast(ops.transpose(mask), "bool")[:, :, None]  # [T, B, 1]
        if self.go_backwards:
            x, mask = ops.flip(x, 0), None if mask is None else ops.flip(mask, 0)
        terms, drop = terms_of(equations, cell, x, sequences[:, 0], initial_state[0], training)
        states = [in_float32(state) for state in initial_state]
        hs, states = fused_loop(equations.step, terms, states, mask, drop, training)
        outputs = ops.where(mask, hs, 0) if self.zero_output_for_mask and mask is not None else hs
        return states[0], ops.transpose(outputs, (1, 0, 2)), states


def unrounded(cell: keras.layers.Layer) -> Callable:
    """Returns the function that runs a cell with states of 32 bits; ``cell(...)`` would cast them to its 16."""
    return cell if cell.compute_dtype == at_least_float32(cell.compute_dtype) else cell.call


def terms_of(
    equations: "FusedLoop | StepCell",
    cell: keras.layers.Layer,
    x: keras.KerasTensor,
    first: keras.KerasTensor,
    h: keras.KerasTensor,
    training: bool | None,
) -> tuple[Terms, Callable]:
    """Returns the terms of the steps of a cell for x [..., D], and its dropout of states, as `fused_loop` takes them.

    Of ``first`` [B, D] and h [B, H] only the shapes are used, for masks that are not drawn yet.
    """
    x_mask = cell.get_dropout_mask(first) if training and cell.dropout else None
    h_mask = cell.get_recurrent_dropout_mask(h) if training and cell.recurrent_dropout else None
    (W, x_mask), *_ = divided([cell.kernel], x_mask, cell.compute_dtype)
    terms = equations.terms(times(dropped(x, x_mask), W))
    U, h_masks = zip(*divided(terms.U, h_mask, cell.compute_dtype), strict=True)
    return terms._replace(U=U), lambda v, part: dropped(v, h_masks[part])


def stepped(
    equations: "FusedLoop | StepCell",
    cell: keras.layers.Layer,
    x: keras.KerasTensor,
    states: Sequence[keras.KerasTensor],
    training: bool | None,
) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    """Runs one step on x [B, D], computed as in `fused_loop`; returns (output, states in the dtypes of those given)."""
    terms, drop = terms_of(equations, cell, x, x, states[0], training)
    new = equations.step(terms.affine(drop), [in_float32(state) for state in states], *terms.inputs, *terms.weights)
    return ops.cast(new[0], x.dtype), [ops.cast(n, old.dtype) for n, old in zip(new, states, strict=True)]


def dropped(v: keras.KerasTensor, mask: keras.KerasTensor | list | None) -> keras.KerasTensor:
    """Applies a dropout mask [B, H] to v [..., H]; a list of n masks makes n copies side by side, [..., n H]."""
    if mask is None:
        return v
    if isinstance(mask, list):
        return ops.concatenate([dropped(v, one) for one in mask], axis=-1)
    return v * ops.cast(mask, v.dtype)


def divided(parts: Sequence, mask: keras.KerasTensor | list | None, dtype: str) -> list[tuple]:
    """Returns (part, its dropout mask) for parts of a matrix, [H, K] each.

    If Keras's cell has a list of masks, one for each gate, a part becomes the blocks [n, H, H] of the block-diagonal
    matrix that multiplies the n copies that `dropped` makes.
    """
    parts = [ops.cast(ops.convert_to_tensor(part), dtype) for part in parts]
    if not isinstance(mask, list):
        return [(part, mask) for part in parts]
    width, pairs, masks = sum(part.shape[-1] for part in parts) // len(mask), [], iter(mask)
    for part in parts:
        H, K = part.shape
        blocks = ops.transpose(ops.reshape(part, (H, K // width, width)), (1, 0, 2))
        pairs.append((blocks, [*itertools.islice(masks, K // width)]))
    return pairs


@keras.saving.register_keras_serializable("seqzoo")
class RNN(FusedLoop, keras.layers.RNN):
    """Keras's recurrent layer around a cell, with the fused loop if the cell is a `StepCell`."""


class StepCell:
    """Mixin for Keras cells that define one `step`, used both by the fused loop and by a single call."""

    def terms(self, xW: keras.KerasTensor) -> Terms:
        """Returns the `Terms` of the steps, given x W [..., K] in float32; here x W + b + h U for all gates."""
        return Terms([self.recurrent_kernel], [plus(xW, self.bias)])

    def step(self, affine: Callable, states: list, *inputs_and_weights: keras.KerasTensor) -> list:
        """Returns the states after a step, of which the first is the output; see `loop.fused_loop`."""
        raise NotImplementedError

    def call(
        self, inputs: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        return stepped(self, self, inputs, states, training)


def plus(xW: keras.KerasTensor, bias: keras.Variable | None) -> keras.KerasTensor:
    """Returns xW + bias; `bias` is None for a cell without one."""
    return xW if bias is None else xW + in_float32(ops.convert_to_tensor(bias))


class OwnCell(keras.layers.SimpleRNNCell):
    """Base of the cells of this package: weights with the options of Keras's cells, states that begin with zeros.

    Attributes:
        first: {block of H biases: its initial value}, where it differs from the option's.
    """

    first: ClassVar[dict[int, float]] = {}

    def add_own(self, name: str, shape: tuple, initializer: Callable | None = None) -> keras.Variable:
        """Adds "kernel", "recurrent_kernel" or "bias", with its options; `initializer` overrides the option's."""
        option = name.removesuffix("_kernel")
        return self.add_weight(
            shape, initializer or getattr(self, f"{option}_initializer"), name=name,
            regularizer=getattr(self, f"{option}_regularizer"), constraint=getattr(self, f"{option}_constraint"),
        )  # fmt: skip

    def first_bias(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        """Returns the initial biases, by Keras's option and `first`."""
        blocks = ops.split(self.bias_initializer(shape, dtype=dtype), shape[0] // self.units)
        return ops.concatenate(
            [ops.full_like(b, self.first[i]) if i in self.first else b for i, b in enumerate(blocks)]
        )

    def get_initial_state(self, batch_size: int | None = None) -> list[keras.KerasTensor]:
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in sizes]


class GatedCell(StepCell, OwnCell):
    """Base of the cells of this package whose gates read the state.

    Attributes:
        columns: the columns of the weights, in units: kernel [D, columns H], recurrent_kernel [H, columns H] and bias
            [columns H], unless a cell overrides `shapes`.
        count: how many states [B, H] the cell has.
    """

    columns: int
    count = 1

    def __init__(self, units: int, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units] * self.count

    def shapes(self, D: int) -> tuple[tuple, tuple, tuple]:
        """Returns the shapes of kernel, recurrent_kernel and bias."""
        K = self.columns * self.units
        return (D, K), (self.units, K), (K,)

    def build(self, input_shape: Sequence[int | None]) -> None:
        kernel, recurrent_kernel, bias = self.shapes(input_shape[-1])
        self.kernel = self.add_own("kernel", kernel)
        self.recurrent_kernel = self.add_own("recurrent_kernel", recurrent_kernel)
        self.bias = self.add_own("bias", bias, self.first_bias) if self.use_bias else None
        self.built = True


def from_cell(cell: Callable, units: int, layer: type = RNN, **kwargs) -> keras.layers.Layer:
    """Returns a recurrent layer around ``cell(units, ...)``; each keyword goes to the layer or to the cell."""
    layer_kwargs = {key: kwargs.pop(key) for key in _LAYER_ARGUMENTS if key in kwargs}
    dtype = kwargs.get("dtype")  # of both layer and cell
    return layer(cell(units, **kwargs), dtype=dtype, **layer_kwargs)


def both_directions(layer: keras.layers.Layer) -> keras.layers.Bidirectional:
    """Joins `layer` and a copy that reads backward (Schuster & Paliwal, 1997).

    Its outputs are [B, T, 2H], or [B, 2H], the last states of both.
    """
    return keras.layers.Bidirectional(layer, merge_mode="concat", dtype=layer.dtype_policy)
