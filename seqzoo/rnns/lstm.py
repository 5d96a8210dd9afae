"""The LSTM: cuDNN on a GPU, one fused loop with its own gradient on a CPU."""

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep, in_float32
from seqzoo.rnns.cells import activation as activation_of


@keras.saving.register_keras_serializable("seqzoo")
class LSTM(OneStep, keras.layers.LSTM):
    """Keras's LSTM, weight for weight, with a faster loop where cuDNN does not run.

    Equations (Hochreiter & Schmidhuber, 1997; forget gate: Gers et al., 2000)::

        i, f, o = sigmoid(x W + h U + b)        their columns
        g = tanh(x W + h U + b)
        c' = f c + i g
        h' = o tanh(c')

    Shapes: x [B, T, D], h and c [B, H]; kernel W [D, 4H], recurrent_kernel U [H, 4H], bias b [4H], columns i, f, g, o.

    Keras's own implementation runs where cuDNN can, on other backends than TensorFlow, and for variants of the LSTM
    (another activation, dropout inside the layer, no bias).
    """

    def plain(self, training: bool) -> bool:
        """Whether the fused loop can run where cuDNN does not."""
        cell = self.cell
        return (
            keras.backend.backend() == "tensorflow"
            and not self.unroll
            and cell.use_bias
            and cell.activation is keras.activations.tanh
            and cell.recurrent_activation is keras.activations.sigmoid
            and not (training and (cell.dropout or cell.recurrent_dropout))
        )

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cell = self.cell
        one_step = not training and sequences.shape[1] == 1  # the cell does it
        # Keras clears supports_jit where cuDNN will be used.
        if one_step or not self.supports_jit or not self.plain(training):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        x = ops.transpose(sequences, (1, 0, 2))  # [T, B, D]
        dtype = x.dtype
        h, c = (in_float32(state) for state in initial_state)
        mask = ops.ones_like(sequences[:, :, 0]) if mask is None else mask
        m = ops.cast(ops.transpose(mask), h.dtype)[:, :, None]  # [T, B, 1]
        if self.go_backwards:
            x, m = ops.flip(x, 0), ops.flip(m, 0)
        weights = (ops.cast(ops.convert_to_tensor(w), dtype) for w in (cell.kernel, cell.recurrent_kernel, cell.bias))
        hs, h, c = fused_lstm(x, m, h, c, *weights)
        outputs = ops.transpose(hs * m if self.zero_output_for_mask else hs, (1, 0, 2))  # [B, T, H]
        h, c, outputs = (ops.cast(part, dtype) for part in (h, c, outputs))
        return h, outputs, [h, c]


def fused_lstm(
    x: keras.KerasTensor,
    m: keras.KerasTensor,
    h0: keras.KerasTensor,
    c0: keras.KerasTensor,
    W: keras.KerasTensor,
    U: keras.KerasTensor,
    b: keras.KerasTensor,
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Runs all steps of an LSTM, with a hand-written gradient.

    The inputs are multiplied by W in one matrix product before the loop, and the weights' gradients are one product
    each after it; the loops hold only what depends on the step before. A masked step keeps h and c.

    Args:
        x: [T, B, D], time first.
        m: [T, B, 1], 1 at real steps, 0 at padding.
        h0, c0: [B, H], the initial state.
        W, U, b: [D, 4H], [H, 4H], [4H].

    x, W, U and b may have 16 bits, as the matrix products then do; all else has the type of m, h0 and c0, float32.

    Returns:
        hs [T, B, H], and the state after the last real step, h [B, H] and c [B, H].
    """

    @ops.custom_gradient
    def run(x, h0, c0, W, U, b):
        dtype = x.dtype
        zx = in_float32(ops.matmul(x, W) + b)  # [T, B, 4H]

        def forward(carry, row):
            (h, c), (zx, m) = carry, row
            zi, zf, zg, zo = ops.split(zx + in_float32(ops.matmul(ops.cast(h, dtype), U)), 4, axis=-1)
            i, f, g, o = ops.sigmoid(zi), ops.sigmoid(zf), ops.tanh(zg), ops.sigmoid(zo)
            c_new = f * c + i * g
            h_new = o * ops.tanh(c_new)
            h, c = h + m * (h_new - h), c + m * (c_new - c)
            return (h, c), (h, c, ops.concatenate([i, f, g, o], axis=-1))

        (h, c), (hs, cs, gates) = scan(forward, (h0, c0), (zx, m), like=(h0, c0, zx[0]))

        def gradient(*args, upstream=None):
            dhs, dh, dc = args if upstream is None else upstream
            h_before = ops.concatenate([h0[None], hs[:-1]], axis=0)  # [T, B, H]
            c_before = ops.concatenate([c0[None], cs[:-1]], axis=0)  # [T, B, H]
            tanh_c = ops.tanh(cs)
            U_transposed = ops.transpose(U)

            def backward(carry, row):
                (dh, dc), (gates, m, dhs, c_before, tanh_c) = carry, row
                i, f, g, o = ops.split(gates, 4, axis=-1)
                dh = dh + dhs
                dh_new = m * dh  # the rest, (1 - m) dh, bypasses a masked step
                dc_new = m * dc + dh_new * o * (1 - tanh_c * tanh_c)
                dz = ops.concatenate(
                    [
                        dc_new * g * i * (1 - i),
                        dc_new * c_before * f * (1 - f),
                        dc_new * i * (1 - g * g),
                        dh_new * tanh_c * o * (1 - o),
                    ],
                    axis=-1,
                )  # [B, 4H]
                dh_before = in_float32(ops.matmul(ops.cast(dz, dtype), U_transposed))
                return (dh_before + dh - dh_new, dc_new * f + dc - m * dc), dz

            rows = (gates, m, dhs, c_before, tanh_c)
            (dh, dc), dz = scan(backward, (dh, dc), rows, like=zx[0], reverse=True)
            flat = ops.reshape(dz, (-1, dz.shape[-1]))  # [T B, 4H]
            db = ops.cast(ops.sum(flat, axis=0), dtype)
            dz, flat = ops.cast(dz, dtype), ops.cast(flat, dtype)
            dW = ops.matmul(ops.transpose(ops.reshape(x, (-1, x.shape[-1]))), flat)
            dU = ops.matmul(ops.transpose(ops.reshape(ops.cast(h_before, dtype), (-1, U.shape[0]))), flat)
            return ops.matmul(dz, ops.transpose(W)), dh, dc, dW, dU, db

        return (hs, h, c), gradient

    return run(x, h0, c0, W, U, b)


@RNNS.register("lstm", gates="i f o", states="h c", parameters="4 (D + H + 1)", cudnn=True)
def lstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """LSTM (Hochreiter & Schmidhuber, 1997) with forget gate, forget bias 1 and orthogonal U."""
    return LSTM(units, activation=activation_of(activation, units), **kwargs)
