"""The quasi-recurrent network: a convolution over time computes the gates; only their pooling is recurrent."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell, in_float32
from seqzoo.rnns.scan import ScanCell, ScanRNN, delayed, last_real, linear_scan, where_real


@keras.saving.register_keras_serializable("seqzoo")
class QRNNCell(ScanCell):
    """One step of a quasi-recurrent network with fo-pooling.

    Equations (Bradbury et al., 2017, section 2, with a window of k steps)::

        z  = tanh(x_t Wz_0 + x_{t-1} Wz_1 + ... + x_{t-k+1} Wz_{k-1} + bz)
        f  = sigmoid(x_t Wf_0 + x_{t-1} Wf_1 + ... + bf)
        o  = sigmoid(x_t Wo_0 + x_{t-1} Wo_1 + ... + bo)
        c' = f c + (1 - f) z
        h' = o c'                               (elementwise)

    Earlier inputs are those of real steps, and zeros before the first. Instead of the inputs, the state holds what they
    add to later steps, so that its width does not depend on D: s_j is the sum of all products of z, f and o for the
    j-th step from now, s_j' = s_{j+1} + x W_j.

    Shapes: x [B, D], h and c [B, H], s_1 ... s_{k-1} [B, 3H]; kernel [D, 3kH], columns z, f, o of x_t, then of x_{t-1},
    and so on; bias [3H].

    Args:
        units: H.
        window: k; the paper's is 2 or more.
    """

    biased = 3

    def __init__(self, units: int, window: int = 2, **kwargs):
        super().__init__(units, **kwargs)
        if window < 1:
            raise ValueError(f"window should be at least 1. Received: {window}")
        self.window, self.parts = window, 3 * window
        self.state_size = [units, units, *[3 * units] * (window - 1)]

    def of_inputs(self, x: keras.KerasTensor, training: bool | None) -> list[keras.KerasTensor]:
        """Lists the k products [..., 3H] of x for this step, for the next, and so on."""
        parts = self.products(x, training)
        return [ops.concatenate(parts[3 * j : 3 * j + 3], axis=-1) for j in range(self.window)]

    def coefficients(
        self, zfo: keras.KerasTensor, h: keras.KerasTensor, training: bool | None
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
        """Returns the coefficients a and b of c, and o."""
        z, f, o = ops.split(zfo, 3, axis=-1)
        return ops.sigmoid(f), self.drop(ops.sigmoid(-f) * self.activation(z), h, training), ops.sigmoid(o)

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        h, c, *waiting = states
        now, *later = self.of_inputs(sequence, training)
        waiting = [in_float32(part) for part in waiting]
        if waiting:
            now = now + waiting[0]
            waiting = [s + part for s, part in zip([*waiting[1:], 0.0], later, strict=True)]
        a, b, o = self.coefficients(now, h, training)
        c_new = a * in_float32(c) + b
        states = [ops.cast(state, h.dtype) for state in (o * c_new, c_new, *waiting)]
        return states[0], states

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        h, c, *waiting = states
        *parts, total = self.of_inputs(x, training)
        after = []
        while parts:  # from the oldest input on: its products, one step later, join the next one's
            before, last = delayed(total, waiting.pop(), mask)
            total, after = parts.pop() + before, [last, *after]
        a, b, o = self.coefficients(total, h, training)
        cs = linear_scan(*where_real(mask, a, b), c)
        hs = o * cs
        return hs, [last_real(hs, h, mask), cs[:, -1], *after]

    def get_config(self) -> dict:
        return {**super().get_config(), "window": self.window}


@RNNS.register(
    "qrnn",
    gates="f o",
    states="h c s",
    parameters="3 (2 D + 1)",
    parallel=True,
    recurrent_kernel=False,
    reads_output=False,
)
def qrnn(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Quasi-recurrent network (Bradbury et al., 2017): gates by a convolution of 2 steps, fo-pooling."""
    return from_cell(QRNNCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
