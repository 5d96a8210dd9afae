"""Recurrences that are linear in their state: training computes all steps at once, by a scan.

A cell here is written twice. Its `call` is one step, as in the equations: ``keras.layers.RNN(layer.cell)`` is the plain
form, with the same weights and results. `ScanRNN` runs its `scan`.
"""

import functools
from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.rnns.cells import OneStep, OwnCell, in_float32

CHUNK = 8  # the fastest of 8, 16 and 32 on one core


@keras.saving.register_keras_serializable("seqzoo")
class ScanRNN(OneStep, keras.layers.RNN):
    """A Keras RNN around a `ScanCell` that computes all steps at once; with ``unroll=True``, one by one."""

    def inner_loop(
        self,
        sequences: keras.KerasTensor,
        initial_state: list[keras.KerasTensor],
        mask: keras.KerasTensor | None,
        training: bool | None = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, Sequence[keras.KerasTensor]]:
        if self.unroll or (not training and sequences.shape[1] == 1):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        x = ops.cast(sequences, self.cell.compute_dtype)
        mask = None if mask is None else ops.cast(mask, "bool")[:, :, None]
        if self.go_backwards:  # like Keras: outputs in the order in which they are computed
            x, mask = ops.flip(x, 1), None if mask is None else ops.flip(mask, 1)
        hs, states = self.cell.scan(x, [in_float32(state) for state in initial_state], mask, training)
        hs = ops.cast(hs, self.cell.compute_dtype)
        if mask is not None and self.zero_output_for_mask:
            hs = ops.where(mask, hs, 0)
        return states[0], hs, states


class ScanCell(OwnCell):
    """A cell whose matrix products read x alone; its first state is its output, h [B, H].

    A subclass defines `parts`, the number of products of x; `biased`, how many of the first ones have a bias; `call`,
    which computes a step; and `scan`.

    Shapes: x [B, D]; kernel W [D, parts H], bias [biased H].

    Dropout uses one mask a sequence. `recurrent_dropout` drops units of the new content (Semeniuta et al., 2016): these
    units of the state hold only what remains of the initial state, and the state keeps its mean. A mask on the state
    would be applied again at each step: a / (1 - rate) may exceed 1, and the state would then grow exponentially with
    the length.
    """

    parts = biased = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.kernel = self.add_own("kernel", (input_shape[-1], self.parts * self.units))
        bias = (self.biased * self.units,)
        self.bias = self.add_own("bias", bias, self.first_bias) if self.use_bias else None
        self.built = True

    def products(self, x: keras.KerasTensor, training: bool | None = False) -> list[keras.KerasTensor]:
        """Returns the parts of x W + b, [..., H] each, in float32, for x [B, D] or [B, T, D], with its dropout."""
        if training and self.dropout:
            x = x * _for_each_step(self.get_dropout_mask(x[:, 0] if len(x.shape) == 3 else x), x)
        # The layer calls this outside of Keras's autocast: cast the weights here.
        z = ops.matmul(x, ops.cast(ops.convert_to_tensor(self.kernel), x.dtype))
        if self.use_bias:
            bias = ops.cast(ops.convert_to_tensor(self.bias), x.dtype)
            z = z + ops.pad(bias, ((0, (self.parts - self.biased) * self.units),))
        return ops.split(in_float32(z), self.parts, axis=-1)  # in 16 bits, a near 1 would round to 1

    def drop(self, new: keras.KerasTensor, h: keras.KerasTensor, training: bool | None = False) -> keras.KerasTensor:
        """Returns the new content, [B, H] or [B, T, H], with its dropout; of h [B, H] only the shape is used."""
        if not (training and self.recurrent_dropout):
            return new
        return new * ops.cast(_for_each_step(self.get_recurrent_dropout_mask(h), new), new.dtype)

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        """Computes all steps at once.

        Args:
            x: [B, T, D].
            states: the states before the first step, in float32.
            mask: [B, T, 1], True at real steps, or None.
            training: whether there is dropout.

        Returns:
            (outputs [B, T, H], arbitrary at masked steps; states after the last real step).
        """
        raise NotImplementedError


def _for_each_step(mask, x):
    """Shapes a dropout mask [B, N] to broadcast to x, [B, N] or [B, T, N]."""
    return mask[:, None] if len(x.shape) == 3 else mask


class LinearCell(ScanCell):
    """One step of h' = a h + b, where a and b depend on x alone; the output is h'.

    A subclass defines `parts` and `gates`, which turns all but the last part of x W + b, the new content h~, into a and
    the gate of h~. Shapes: x [B, D], h [B, H].
    """

    @property
    def biased(self) -> int:
        return self.parts

    def gates(self, *parts: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns the coefficient of the state and the gate of h~, given all but the last part of x W + b."""
        raise NotImplementedError

    def coefficients(
        self, x: keras.KerasTensor, h: keras.KerasTensor, training: bool | None = False
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns a and b, [B, H] for x [B, D] and [B, T, H] for x [B, T, D]; of h [B, H] only the shape is used."""
        *parts, candidate = self.products(x, training)
        a, gate = self.gates(*parts)
        return a, self.drop(gate * self.activation(candidate), h, training)

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        (h,) = states
        a, b = self.coefficients(sequence, h, training)
        h = ops.cast(a * in_float32(h) + b, h.dtype)
        return h, [h]

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        (h,) = states
        hs = linear_scan(*where_real(mask, *self.coefficients(x, h, training)), h)
        return hs, [hs[:, -1]]


def where_real(
    mask: keras.KerasTensor | None, a: keras.KerasTensor, b: keras.KerasTensor, one: keras.KerasTensor | float = 1.0
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns coefficients a and b [B, T, N] of a `linear_scan` that keep the state at masked steps.

    Args:
        mask: [B, T, 1], or None.
        a, b: of the steps.
        one: the coefficient that keeps a state; for pairs, 1 and 0.
    """
    return (a, b) if mask is None else (ops.where(mask, a, one), ops.where(mask, b, 0.0))


def last_real(values: keras.KerasTensor, first: keras.KerasTensor, mask: keras.KerasTensor | None) -> keras.KerasTensor:
    """Returns the values [B, T, N] at the last real step, [B, N]; `first` [B, N] if there is none."""
    if mask is None:
        return values[:, -1]
    steps = ops.cumsum(ops.ones_like(mask, dtype="int32"), axis=1) - 1  # [B, T, 1]: 0, 1 ... T - 1
    last = ops.max(ops.where(mask, steps, 0), axis=1, keepdims=True)  # [B, 1, 1]
    return ops.where(ops.any(mask, axis=1), ops.take_along_axis(values, last, axis=1)[:, 0], first)


def delayed(
    values: keras.KerasTensor, first: keras.KerasTensor, mask: keras.KerasTensor | None
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Returns the values [B, T, N] of the last real step before each step, and those of the last real step, [B, N].

    Where there is no real step before, the value is `first` [B, N].
    """
    held = values
    if mask is not None:  # exactly, as a is 0 or 1
        held = linear_scan(*where_real(mask, ops.zeros_like(values), values), first)
    return _shifted(held, first), held[:, -1]


def linear_scan(
    a: keras.KerasTensor, b: keras.KerasTensor, h: keras.KerasTensor, reverse: bool = False, pairs: bool = False
) -> keras.KerasTensor:
    """Computes all states of h_t = a_t h_{t-1} + b_t in parallel over time, with a hand-written gradient.

    The scan of minGRU's paper divides by the product of all a so far, which underflows; so it works in logarithms and
    needs b > 0 (Feng et al., 2024, appendix B). This one does not divide: where a product of many a underflows, a state
    is forgotten, and b may have any sign.

    The gradient is the same kind of recurrence, from the end. It needs only a and all h of the forward pass, whereas
    TensorFlow would keep, and backpropagate through, every intermediate result of the scan.

    Args:
        a, b: [B, T, H], a of absolute value at most 1.
        h: [B, H], the state before the first step.
        reverse: go from the last step to the first.
        pairs: a, b and h are complex, with real parts in the first half of H and imaginary ones in the second: 16 bits,
            LiteRT and ONNX have no complex numbers.

    Returns:
        [B, T, H], h_t at t.
    """
    times = complex_product if pairs else ops.multiply

    @ops.custom_gradient
    def run(a, b, h):
        hs = _scan(a, b, h, reverse, times)

        def gradient(*args, upstream=None):
            dhs = args[0] if upstream is None else upstream
            a_conjugate, before = (conjugate(x) if pairs else x for x in (a, _shifted(hs, h, reverse)))
            after = _shifted(a_conjugate, ops.zeros_like(h), not reverse)
            db = linear_scan(after, dhs, ops.zeros_like(h), not reverse, pairs)
            end = -1 if reverse else 0
            return times(before, db), db, times(a_conjugate[:, end], db[:, end])

        return hs, gradient

    return run(a, b, h)


def complex_product(a: keras.KerasTensor, h: keras.KerasTensor) -> keras.KerasTensor:
    """Returns a h, of complex numbers [..., 2N] whose real parts come first."""
    (a_re, a_im), (h_re, h_im) = ops.split(a, 2, axis=-1), ops.split(h, 2, axis=-1)
    return ops.concatenate([a_re * h_re - a_im * h_im, a_re * h_im + a_im * h_re], axis=-1)


def conjugate(a: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the conjugates of complex numbers [..., 2N] whose real parts come first."""
    re, im = ops.split(a, 2, axis=-1)
    return ops.concatenate([re, -im], axis=-1)


def _shifted(x, first, reverse=False):
    """Shifts x [B, T, H] by one step: the values of the step before, `first` [B, H] at the first step."""
    parts = [x[:, 1:], first[:, None]] if reverse else [first[:, None], x[:, :-1]]
    return ops.concatenate(parts, axis=1)


def _scan(a, b, h, reverse, times, levels=2):
    """`linear_scan` without its gradient; times: multiplies a by a state.

    The steps are cut into chunks of CHUNK, computed side by side: first the effect of each chunk on a state, A h + B,
    then, recursively, the states between chunks, then the states within them. That takes 4 CHUNK + T / CHUNK^2
    sequential steps instead of T, and 3.4 times as many products.

    `keras.ops.associative_scan` does not support a length that is unknown when TensorFlow traces (Keras 3.15), and
    takes 7 times as long on a CPU.
    """
    T, H = a.shape[1:]
    if T is not None and T <= CHUNK:
        return ops.stack(_steps(a[:, None], b[:, None], h[:, None], reverse, times), axis=2)[:, 0]
    if not levels:
        a, b = ops.transpose(a, (1, 0, 2)), ops.transpose(b, (1, 0, 2))

        def step(h, row):
            h = times(row[0], h) + row[1]
            return h, h

        _, hs = scan(step, h, (a, b), reverse=reverse)
        return ops.transpose(hs, (1, 0, 2))
    T = ops.shape(a)[1]
    chunks = (T + CHUNK - 1) // CHUNK
    extra = chunks * CHUNK - T
    padding = ((0, 0), (extra, 0) if reverse else (0, extra), (0, 0))  # padding is computed last, and cut off
    a, b = (ops.reshape(ops.pad(x, padding), (-1, chunks, CHUNK, H)) for x in (a, b))
    A = functools.reduce(times, ops.unstack(a, axis=2))
    B = _steps(a, b, ops.zeros_like(b[:, :, 0]), reverse, times)[0 if reverse else -1]
    ends = _scan(A, B, h, reverse, times, levels - 1)  # [B, chunks, H]
    hs = ops.stack(_steps(a, b, _shifted(ends, h, reverse), reverse, times), axis=2)
    hs = ops.reshape(hs, (-1, chunks * CHUNK, H))
    return hs[:, extra:] if reverse else hs[:, :T]


def _steps(a, b, h, reverse, times):
    """Lists the states [B, N, H] of N chunks at each of their steps, for a, b [B, N, CHUNK, H] and h [B, N, H]."""
    states = []
    for t in reversed(range(a.shape[2])) if reverse else range(a.shape[2]):
        h = times(a[:, :, t], h) + b[:, :, t]
        states.append(h)
    return states[::-1] if reverse else states
