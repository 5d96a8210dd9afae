"""The linear recurrent unit: a diagonal, complex recurrence that starts on a ring inside the unit circle."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import activation as activation_of
from seqzoo.rnns.cells import from_cell, in_float32
from seqzoo.rnns.scan import ScanCell, ScanRNN, complex_product, last_real, linear_scan, where_real


@keras.saving.register_keras_serializable("seqzoo")
class LRUCell(ScanCell):
    """One step of a linear recurrent unit.

    Equations (Orvieto et al., 2023, "Resurrecting Recurrent Neural Networks for Long Sequences", arXiv 2303.06349,
    sections 3.2 to 3.4; its u, x and y are x, s and h here)::

        λ  = exp(-exp(ν) + i exp(θ))            complex, |λ| < 1
        s' = λ s + exp(γ) (x B)                 complex (elementwise)
        h' = tanh(Re(s' C) + x D + b)

    The paper's layer is linear, ``activation=None``; its nonlinearity is in the block around it. Here the output has
    any activation, by default tanh as in the other cells, so that stacked layers are not one linear map.

    At first λ is uniform on a ring, r_min < |λ| < r_max, its phase uniform up to `phase`, and exp(γ) is
    sqrt(1 - |λ|^2), which makes the state as large as its input.

    Shapes: x [B, D], h [B, H]; s [B, 2H], complex numbers as real parts, then imaginary ones: 16 bits, LiteRT and ONNX
    have no complex numbers. kernel [D, 3H], columns D, Re B, Im B; bias [H]; readout [2H, H], rows Re C, -Im C; ν, θ
    and γ [H].

    Args:
        units: H, of the output, and the number of complex states.
        r_min, r_max, phase: of the ring. The paper tunes them by task; the closer to 1, the longer the memory.
    """

    parts, biased = 3, 1

    def __init__(self, units: int, r_min: float = 0.9, r_max: float = 0.999, phase: float = 2 * math.pi, **kwargs):
        super().__init__(units, **kwargs)
        self.ring = {"r_min": r_min, "r_max": r_max, "phase": phase}
        self.state_size = [units, 2 * units]

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        H, r_min, r_max = self.units, self.ring["r_min"], self.ring["r_max"]
        # An initializer draws the same numbers at each call, so ν and γ belong to the same |λ|^2.
        squared = keras.initializers.RandomUniform(r_min**2, r_max**2)
        first = {
            "nu": lambda *args, **kwargs: ops.log(-0.5 * ops.log(squared(*args, **kwargs))),
            "theta": lambda shape, dtype=None: ops.log(keras.random.uniform(shape, 1e-3, self.ring["phase"], dtype)),
            "gamma": lambda *args, **kwargs: 0.5 * ops.log1p(-squared(*args, **kwargs)),
        }
        # In 16 bits a |λ| near 1 would be 1.
        self.nu, self.theta, self.gamma = (
            self.add_weight((H,), first[name], name=name, autocast=False) for name in first
        )
        normal = keras.initializers.RandomNormal(0, H**-0.5)
        self.readout = self.add_weight((2 * H, H), normal, name="readout")

    def eigenvalues(self) -> keras.KerasTensor:
        """Returns λ [2H]."""
        nu, theta = (in_float32(ops.convert_to_tensor(part)) for part in (self.nu, self.theta))
        modulus, angle = ops.exp(-ops.exp(nu)), ops.exp(theta)
        return ops.concatenate([modulus * ops.cos(angle), modulus * ops.sin(angle)])

    def content(
        self, x: keras.KerasTensor, h: keras.KerasTensor, training: bool | None
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns x D + b [..., H] and exp(γ) (x B) [..., 2H]."""
        skip, *parts = self.products(x, training)
        gamma = ops.exp(in_float32(ops.convert_to_tensor(self.gamma)))
        return skip, ops.concatenate([self.drop(gamma * part, h, training) for part in parts], axis=-1)

    def read(self, s: keras.KerasTensor, skip: keras.KerasTensor) -> keras.KerasTensor:
        """Returns h."""
        readout = ops.convert_to_tensor(self.readout)
        product = ops.matmul(ops.cast(s, self.compute_dtype), ops.cast(readout, self.compute_dtype))
        return self.activation(in_float32(product) + skip)

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        h, s = states
        skip, b = self.content(sequence, h, training)
        s = complex_product(self.eigenvalues(), in_float32(s)) + b
        h = ops.cast(self.read(s, skip), h.dtype)
        return h, [h, ops.cast(s, h.dtype)]

    def scan(
        self, x: keras.KerasTensor, states: list, mask: keras.KerasTensor | None, training: bool | None = False
    ) -> tuple[keras.KerasTensor, list]:
        h, s = states
        skip, b = self.content(x, h, training)
        one = ops.concatenate([ops.ones(self.units, b.dtype), ops.zeros(self.units, b.dtype)])
        a = ops.zeros_like(b) + self.eigenvalues()  # [B, T, 2H]
        ss = linear_scan(*where_real(mask, a, b, one), s, pairs=True)
        hs = self.read(ss, skip)
        return hs, [last_real(hs, h, mask), ss[:, -1]]

    def get_config(self) -> dict:
        return {**super().get_config(), **self.ring}


@RNNS.register(
    "lru", gates="", states="h s", parameters="3 D + 2 H + 4", parallel=True, recurrent_kernel=False, reads_output=False
)
def lru(units: int, activation: str = "tanh", **kwargs) -> keras.layers.Layer:
    """Linear recurrent unit (Orvieto et al., 2023): a complex diagonal recurrence without gates; long memory."""
    return from_cell(LRUCell, units, ScanRNN, activation=activation_of(activation, units), **kwargs)
