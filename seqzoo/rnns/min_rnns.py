"""minGRU and minLSTM: their gates do not read the state, so all steps are computed at once."""

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep, from_cell, in_float32
from seqzoo.rnns.cells import activation as activation_of

CHUNK = 8  # the fastest of 8, 16 and 32 on one core


class LinearCell(keras.layers.SimpleRNNCell):
    """One step of a recurrence that is linear in its state: h' = a h + b, where a and b depend on x alone.

    A subclass defines `parts`, how many products of x it needs, and `gates`, which turns them into a and b.

    Shapes: x [B, D], h [B, H]; kernel W [D, parts H], bias [parts H], the last H columns for the new content h~.

    Dropout uses one mask a sequence. `recurrent_dropout` drops units of h~ (Semeniuta et al., 2016): these units of the
    state hold only what remains of the initial state, and the state keeps its mean. A mask on h would be applied again
    at each step: a / (1 - rate) may exceed 1, and the state would then grow exponentially with the length.
    """

    parts = None

    def build(self, input_shape):
        self.kernel = self.add_weight(
            (input_shape[-1], self.parts * self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = self.add_weight(
            (self.parts * self.units,), self.first_bias, name="bias",
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        ) if self.use_bias else None  # fmt: skip
        self.built = True

    def first_bias(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        return self.bias_initializer(shape, dtype=dtype)

    def gates(self, *parts: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns the coefficient of the state and the gate of h~, given all but the last part of x W + b."""
        raise NotImplementedError

    def coefficients(
        self, x: keras.KerasTensor, h: keras.KerasTensor, training: bool = False
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns a and b, [B, H] for x [B, D] and [B, T, H] for x [B, T, D]; of h [B, H] only the shape is used."""

        def for_each_step(mask):  # [B, D]
            return mask[:, None] if len(x.shape) == 3 else mask

        dropped = x
        if training and self.dropout:
            dropped = x * for_each_step(self.get_dropout_mask(x[:, 0] if len(x.shape) == 3 else x))
        # Called by the layer, outside of Keras's autocast: cast the weights here.
        z = ops.matmul(dropped, ops.cast(ops.convert_to_tensor(self.kernel), x.dtype))
        if self.use_bias:
            z = z + ops.cast(ops.convert_to_tensor(self.bias), x.dtype)
        z = in_float32(z)  # the a of a gate that is nearly open would round to 1
        *parts, candidate = ops.split(z, self.parts, axis=-1)
        a, gate = self.gates(*parts)
        b = gate * self.activation(candidate)
        if training and self.recurrent_dropout:
            b = b * ops.cast(for_each_step(self.get_recurrent_dropout_mask(h)), b.dtype)
        return a, b

    def call(self, sequence, states, training=False):
        (h,) = states
        a, b = self.coefficients(sequence, h, training)
        h = ops.cast(a * in_float32(h) + b, h.dtype)
        return h, [h]


@keras.saving.register_keras_serializable("seqzoo")
class MinGRUCell(LinearCell):
    """One step of a minGRU.

    Equations (Feng et al., 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.1)::

        z  = sigmoid(x Wz + bz)
        h~ = tanh(x Wh + bh)
        h' = (1 - z) h + z h~                  (elementwise)

    In the paper h~ = x Wh + bh, which is ``activation=None``; or h~ = g(x Wh + bh) > 0, with g(v) = v + 0.5 for v >= 0
    and sigmoid(v) below (appendix B), which its scan in logarithms needs. Here h~ has any activation, by default tanh
    as in the other cells, which bounds h.

    Shapes: x [B, D], h [B, H]; kernel [D, 2H] and bias [2H] hold z's columns, then h~'s.
    """

    parts = 2

    def gates(self, z: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        return ops.sigmoid(-z), ops.sigmoid(z)  # 1 - sigmoid(z) = sigmoid(-z), without the rounding


@keras.saving.register_keras_serializable("seqzoo")
class MinLSTMCell(LinearCell):
    """One step of a minLSTM.

    Equations (Feng et al., 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.2, with normalised gates,
    which keep h from growing with the length)::

        i  = sigmoid(x Wi + bi)
        f  = sigmoid(x Wf + bf)
        h~ = tanh(x Wh + bh)
        h' = f / (f + i) h + i / (f + i) h~    (elementwise)

    See MinGRUCell on the activation of h~. Shapes: x [B, D], h [B, H]; kernel [D, 3H] and bias [3H] hold the columns of
    i, f, h~. Forget bias 1.
    """

    parts = 3

    def first_bias(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        i, _, candidate = ops.split(self.bias_initializer(shape, dtype=dtype), 3)
        return ops.concatenate([i, ops.ones_like(i), candidate])

    def gates(self, i: keras.KerasTensor, f: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        # f / (f + i) = 1 / (1 + exp(log i - log f)), which is not 0 / 0 when both gates are near 0.
        difference = ops.softplus(-i) - ops.softplus(-f)  # log f - log i
        return ops.sigmoid(difference), ops.sigmoid(-difference)


@keras.saving.register_keras_serializable("seqzoo")
class ScanRNN(OneStep, keras.layers.RNN):
    """A Keras RNN around a `LinearCell` that computes all steps at once; with ``unroll=True``, one after another.

    ``keras.layers.RNN(layer.cell)`` has the same weights and gives the same results, step by step.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        if self.unroll or (not training and sequences.shape[1] == 1):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        (h,) = initial_state
        a, b = self.cell.coefficients(ops.cast(sequences, self.cell.compute_dtype), h, training)  # [B, T, H]
        if mask is not None:
            mask = ops.cast(mask, "bool")[:, :, None]
            a, b = ops.where(mask, a, 1), ops.where(mask, b, 0)  # keeps the state
        hs = linear_scan(a, b, in_float32(h), reverse=self.go_backwards)
        hs = ops.cast(hs, self.cell.compute_dtype)
        last = hs[:, 0] if self.go_backwards else hs[:, -1]
        if mask is not None and self.zero_output_for_mask:
            hs = ops.where(mask, hs, 0)
        # Like Keras: outputs in the order in which they were computed.
        return last, ops.flip(hs, 1) if self.go_backwards else hs, [last]


def linear_scan(
    a: keras.KerasTensor, b: keras.KerasTensor, h: keras.KerasTensor, reverse: bool = False
) -> keras.KerasTensor:
    """Computes all states of h_t = a_t h_{t-1} + b_t in parallel over time, with a hand-written gradient.

    The paper's scan divides by the product of all a so far, which underflows; so it works in logarithms and needs b > 0
    (appendix B). This one does not divide: where a product of many a underflows, a state is forgotten, and b may have
    any sign.

    The gradient is the same kind of recurrence, from the end. It needs only a and all h of the forward pass, where
    TensorFlow would keep, and backpropagate through, every intermediate result of the scan.

    Args:
        a, b: [B, T, H], a in [0, 1].
        h: [B, H], the state before the first step.
        reverse: go from the last step to the first.

    Returns:
        [B, T, H], h_t at t.
    """

    @ops.custom_gradient
    def run(a, b, h):
        hs = _scan(a, b, h, reverse)

        def gradient(*args, upstream=None):
            dhs = args[0] if upstream is None else upstream
            db = linear_scan(_shifted(a, ops.zeros_like(h), not reverse), dhs, ops.zeros_like(h), not reverse)
            dh = (a * db)[:, -1 if reverse else 0]
            return db * _shifted(hs, h, reverse), db, dh

        return hs, gradient

    return run(a, b, h)


def _shifted(x, first, reverse):
    """Shifts x [B, T, H] by one step: the values of the step before, `first` [B, H] at the first step."""
    parts = [x[:, 1:], first[:, None]] if reverse else [first[:, None], x[:, :-1]]
    return ops.concatenate(parts, axis=1)


def _scan(a, b, h, reverse, levels=2):
    """`linear_scan` without its gradient.

    The steps are cut into chunks of CHUNK that are computed side by side: first the effect of each on a state, A h + B,
    then, recursively, the states between chunks, then the states within them. That takes 4 CHUNK + T / CHUNK^2
    sequential steps instead of T, and 3.4 times as many products.

    `keras.ops.associative_scan` does not support a length that is unknown when TensorFlow traces (Keras 3.15), and
    takes 7 times as long on a CPU.
    """
    T, H = a.shape[1:]
    if T is not None and T <= CHUNK:
        return ops.stack(_steps(a[:, None], b[:, None], h[:, None], reverse), axis=2)[:, 0]
    if not levels:
        a, b = ops.transpose(a, (1, 0, 2)), ops.transpose(b, (1, 0, 2))

        def step(h, row):
            h = row[0] * h + row[1]
            return h, h

        _, hs = scan(step, h, (a, b), reverse=reverse)
        return ops.transpose(hs, (1, 0, 2))
    T = ops.shape(a)[1]
    chunks = (T + CHUNK - 1) // CHUNK
    padding = ((0, 0), (0, chunks * CHUNK - T), (0, 0))
    a = ops.reshape(ops.pad(a, padding, constant_values=1), (-1, chunks, CHUNK, H))  # padding keeps the state
    b = ops.reshape(ops.pad(b, padding), (-1, chunks, CHUNK, H))
    A, B = ops.prod(a, axis=2), _steps(a, b, ops.zeros_like(b[:, :, 0]), reverse)[0 if reverse else -1]
    ends = _scan(A, B, h, reverse, levels - 1)  # [B, chunks, H]
    hs = ops.stack(_steps(a, b, _shifted(ends, h, reverse), reverse), axis=2)
    return ops.reshape(hs, (-1, chunks * CHUNK, H))[:, :T]


def _steps(a, b, h, reverse):
    """Lists the states [B, N, H] of N chunks at each of their steps, for a, b [B, N, CHUNK, H] and h [B, N, H]."""
    states = []
    for t in reversed(range(a.shape[2])) if reverse else range(a.shape[2]):
        h = a[:, :, t] * h + b[:, :, t]
        states.append(h)
    return states[::-1] if reverse else states


@RNNS.register("min_gru", gates="z", states="h", parameters="2 (D + 1)", parallel=True, recurrent_kernel=False)
def min_gru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """minGRU (Feng et al., 2024): an update gate that does not read the state; all steps at once."""
    return from_cell(MinGRUCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)


@RNNS.register("min_lstm", gates="i f", states="h", parameters="3 (D + 1)", parallel=True, recurrent_kernel=False)
def min_lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """minLSTM (Feng et al., 2024): input and forget gates that do not read the state; all steps at once."""
    return from_cell(MinLSTMCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
