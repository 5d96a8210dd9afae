"""The mLSTM of xLSTM: a matrix as memory, exponential input gates, and all steps of a chunk at once."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell, in_float32
from seqzoo.rnns.scan import ScanCell, ScanRNN, last_real

CHUNK = 32  # steps
NEVER = -1e9  # log of the input gate of a masked step


@keras.saving.register_keras_serializable("seqzoo")
class MLSTMCell(ScanCell):
    """One step of an mLSTM.

    Equations (Beck et al., 2024, "xLSTM: Extended Long Short-Term Memory", arXiv 2405.04517, section 2.3 and appendix
    A; a head has d = H / heads units, rows are vectors)::

        q  = x Wq + bq      k = (x Wk + bk) / sqrt(d)      v = tanh(x Wv + bv)
        o  = sigmoid(x Wo + bo)                     output gate
        i~ = x Wi + bi      f~ = x Wf + bf          one number a head
        m' = max(log sigmoid(f~) + m, i~)           stabiliser
        i  = exp(i~ - m')                           input gate
        f  = exp(log sigmoid(f~) + m - m')          forget gate
        C' = f C + i k^T v                          memory, [d, d]
        n' = f n + i k                              normaliser
        h' = o (q C') / max(|q n'|, exp(-m'))

    C and n are those of the unstabilised equations times exp(-m), which cancels in h'. In the paper v is linear, which
    is ``activation=None``; here it has any activation, by default tanh as in the other cells. The rest of xLSTM's block
    (a wider input, a convolution, normalised heads) is not part of the cell.

    `scan` takes chunks of 32 steps one by one. Within a chunk all steps are matrix products, like causal attention with
    weights exp(F_t - F_s + i~_s - m_t), where F_t sums log sigmoid(f~) from the chunk's first step to t.

    Shapes: x [B, D], h and n [B, H], C [B, H d] (row by row, head after head), m [B, heads]; kernel [D, 4H] and bias
    [4H], columns q, k, v, o; gate_kernel [D, 2 heads] and gate_bias [2 heads], columns i~, f~. As in the authors' code,
    the gates do not read x at first, and forget biases go from 3 to 6 over the heads.

    Args:
        units: H.
        heads: their number, a divisor of H; 0: 4 as in the paper, or 2 or 1 if H is not a multiple.
    """

    parts = biased = 4

    def __init__(self, units: int, heads: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.heads = heads or next(count for count in (4, 2, 1) if units % count == 0)
        if units % self.heads:
            raise ValueError(f"heads should divide units={units}. Received: {heads}")
        self.width = units // self.heads  # d
        self.state_size = [units, units * self.width, units, self.heads]

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.gate_kernel = self.add_weight((input_shape[-1], 2 * self.heads), "zeros", name="gate_kernel")
        self.gate_bias = self.add_weight((2 * self.heads,), self.first_gate_bias, name="gate_bias", autocast=False)

    def first_gate_bias(self, shape: tuple, dtype: str | None = None) -> keras.KerasTensor:
        i, f = ops.zeros(self.heads, dtype), ops.cast(ops.linspace(3.0, 6.0, self.heads), dtype)
        return ops.concatenate([i, f])

    def of_input(
        self, x: keras.KerasTensor, h: keras.KerasTensor, training: bool | None
    ) -> tuple[keras.KerasTensor, ...]:
        """Returns q, k, v and o [..., H], i~ and log sigmoid(f~) [..., heads]."""
        q, k, v, o = self.products(x, training)
        gates = in_float32(ops.matmul(x, ops.cast(ops.convert_to_tensor(self.gate_kernel), x.dtype)))
        i, f = ops.split(gates + in_float32(ops.convert_to_tensor(self.gate_bias)), 2, axis=-1)
        v = self.drop(self.activation(v), h, training)
        return q, k * self.width**-0.5, v, ops.sigmoid(o), i, -ops.softplus(-f)

    def memory(
        self, C: keras.KerasTensor, n: keras.KerasTensor, m: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
        """Returns C [B, heads, d, d] and n [B, heads, d], from flat ones, and m."""
        return ops.reshape(C, (-1, self.heads, self.width, self.width)), self.of_heads(n), m

    def of_heads(self, part: keras.KerasTensor) -> keras.KerasTensor:
        """Reshapes [B, H] to [B, heads, d]."""
        return ops.reshape(part, (-1, self.heads, self.width))

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        dtype = states[0].dtype
        q, k, v, o, i, f = self.of_input(sequence, states[0], training)
        q, k, v = (self.of_heads(part) for part in (q, k, v))  # [B, heads, d]
        C, n, m = self.memory(*(in_float32(state) for state in states[1:]))
        m_new = ops.maximum(f + m, i)  # [B, heads]
        i, f = ops.exp(i - m_new), ops.exp(f + m - m_new)
        C = f[..., None, None] * C + i[..., None, None] * k[..., :, None] * v[..., None, :]
        n = f[..., None] * n + i[..., None] * k
        read = ops.matmul(q[..., None, :], C)[..., 0, :] / _at_least_one(ops.sum(q * n, axis=-1), m_new)[..., None]
        states = [o * _flat(read), _flat(C), _flat(n), m_new]
        states = [ops.cast(state, dtype) for state in states]
        return states[0], states

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        q, k, v, o, i, f = self.of_input(x, states[0], training)
        if mask is not None:
            i, f = ops.where(mask, i, NEVER), ops.where(mask, f, 0.0)
        carry, T = self.memory(*states[1:]), x.shape[1]
        steps = CHUNK if T is None else min(T, CHUNK)
        rows = tuple(self.chunks(part, steps) for part in (q, k, v, f)) + (self.chunks(i, steps, NEVER),)
        if steps == T:
            carry, read = self.chunk(carry, tuple(row[0] for row in rows))
            read = read[None]
        else:
            carry, read = scan(self.chunk, carry, rows, like=rows[0][0])
        read = ops.transpose(read, (1, 0, 3, 2, 4))  # [B, chunks, steps, heads, d]
        read = ops.reshape(read, (-1, ops.shape(read)[1] * steps, self.units))
        hs = o * read[:, : ops.shape(x)[1]]
        C, n, m = carry
        return hs, [last_real(hs, states[0], mask), _flat(C), _flat(n), m]

    def chunks(self, part: keras.KerasTensor, steps: int, behind: float = 0.0) -> keras.KerasTensor:
        """Reshapes [B, T, heads N] to [chunks, B, heads, steps, N]; steps after the end are filled with `behind`."""
        T = ops.shape(part)[1]
        count = (T + steps - 1) // steps
        part = ops.pad(part, ((0, 0), (0, count * steps - T), (0, 0)), constant_values=behind)
        part = ops.reshape(part, (-1, count, steps, self.heads, part.shape[-1] // self.heads))
        return ops.transpose(part, (1, 0, 3, 2, 4))

    @staticmethod
    def chunk(
        carry: tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor],
        row: tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor, keras.KerasTensor, keras.KerasTensor],
    ) -> tuple[tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
        """Computes a chunk's steps: (C, n, m), (q, k, v, f, i) -> (C, n, m after it), each step's q C / max(...)."""
        (C, n, m), (q, k, v, f, i) = carry, row  # q, k, v [B, heads, steps, d]; i~, log sigmoid(f~): [..., 1]
        F, m = ops.cumsum(f, axis=-2), m[..., None, None]
        end = F[..., -1:, :]
        ages = F + ops.swapaxes(i - F, -1, -2)  # [B, heads, steps t, steps s]
        positions = ops.arange(q.shape[-2])
        ages = ops.where(positions[:, None] >= positions, ages, NEVER)
        m_new = ops.maximum(F + m, ops.max(ages, axis=-1, keepdims=True))  # [B, heads, steps, 1]
        weights = ops.exp(ages - m_new) * ops.matmul(q, ops.swapaxes(k, -1, -2))
        before = ops.exp(F + m - m_new)
        overlap = ops.sum(weights, axis=-1, keepdims=True) + before * ops.matmul(q, n[..., None])
        read = (ops.matmul(weights, v) + before * ops.matmul(q, C)) / _at_least_one(overlap, m_new)
        m_end = m_new[..., -1:, :]
        kept, k = ops.exp(end + m - m_end), k * ops.exp(end - F + i - m_end)
        C = kept * C + ops.matmul(ops.swapaxes(k, -1, -2), v)
        n = kept[..., 0] * n + ops.sum(k, axis=-2)
        return (C, n, m_end[..., 0, 0]), read

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": self.heads}


def _flat(part):
    """Reshapes [B, heads, ...] to [B, N]."""
    return ops.reshape(part, (-1, part.shape[1] * part.shape[2] * (part.shape[3] if len(part.shape) > 3 else 1)))


def _at_least_one(overlap, m):
    """Returns max(|q n|, 1) of unstabilised q and n times exp(-m), without exp(-m) overflowing far from m = 0."""
    return ops.maximum(ops.abs(overlap), ops.exp(-ops.clip(m, -80.0, 80.0)))


@RNNS.register(
    "mlstm", gates="i f o", states="h C n m", parameters="(4 + 8 / H) (D + 1)", parallel=True,
    recurrent_kernel=False, reads_output=False,
)  # fmt: skip
def mlstm(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """mLSTM of xLSTM (Beck et al., 2024): a matrix as memory, written and read by keys; exponential input gates."""
    return from_cell(MLSTMCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
