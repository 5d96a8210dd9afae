"""The Neural Turing Machine: a recurrent network that reads and writes its own memory."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import OneStep, OwnCell, from_cell, in_float32, unrounded

START = 1e-6  # initial value of every number in the memory (Collier & Beel, 2018)
CLIP = 20.0  # bound on the controller's outputs to the heads (Collier & Beel, 2018)
FOCUS = 10.0  # with 128 rows the first one then has a weight of 0.994
TINY = 1e-16  # keeps roots and logarithms finite


@keras.saving.register_keras_serializable("seqzoo")
class NTMCell(OwnCell):
    """One step of a Neural Turing Machine: a controller, a memory M of N rows, and heads that read and write it.

    Equations (Graves et al., 2014, arXiv 1410.5401, section 3; rows i and j modulo N)::

        h = controller([x, r])                          any recurrent cell, or a feed-forward layer
        k, beta, g, s, gamma, e, a = parts of h Wh + bh, clipped to [-20, 20], after tanh, softplus, sigmoid, softmax,
                                     1 + softplus, sigmoid, tanh
        wc(i) = softmax_i(beta K[k, M(i)])              content; K[u, v] = u v / (|u| |v|)
        wg = g wc + (1 - g) w                           or the weights of the step before
        wt(i) = sum_j wg(j) s(i - j)                    shifted, by S rows at most
        w'(i) = wt(i)^gamma / sum_j wt(j)^gamma         sharpened
        r' = sum_i w'(i) M(i)                           of a reading head
        M'(i) = M(i) (1 - w'(i) e) + w'(i) a            of a writing head
        y = h + r' Wy

    Each head has its own k, beta, g, s and gamma; a writing head also has e and a. All heads read the memory before the
    step; all writing heads erase, and then all of them add.

    At the start (Collier & Beel, 2018, arXiv 1807.08518) M(i) = 1e-6, and w and r are learned. The cell takes and
    returns states as differences from this start, so that the zeros with which every model begins are the start.

    Shapes: x [B, D], y and h [B, H]. With G heads, R of them reading, and rows of M numbers: w [B, G N], r [B, R M],
    the memory [B, N M]; Wh [H, P], P = G (M + 2 S + 4) + 2 (G - R) M; bh [P]; Wy [R M, H]; the first w [G, N] and r
    [R M], before softmax and tanh. Addresses, memory and the controller's states have 32 bits, whatever the layer
    computes with.

    Args:
        controller: a recurrent cell of H units, such as ``RNNS["lstm"](100).cell``.
        rows, width: N and M, the size of the memory.
        read_heads, write_heads: R and G - R.
        shift: S.
        dropout, recurrent_dropout, seed: dropout of x, and of the h that the controller reads.

    Raises:
        ValueError: the memory has fewer rows than a shift can reach.
    """

    def __init__(
        self,
        controller: keras.layers.Layer,
        rows: int = 128,
        width: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        shift: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(controller.units, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed, **kwargs)
        if rows < 2 * shift + 1:
            raise ValueError(f"To shift by {shift}, the memory needs {2 * shift + 1} rows or more. Received: {rows}")
        self.controller, self.rows, self.width, self.shift = controller, rows, width, shift
        self.read_heads, self.write_heads, self.heads = read_heads, write_heads, read_heads + write_heads
        sizes = controller.state_size
        sizes = [*sizes] if isinstance(sizes, list | tuple) else [sizes]
        self.state_size = [*sizes, read_heads * width, self.heads * rows, rows * width]

    def build(self, input_shape: Sequence[int | None]) -> None:
        G, R, N, M, H = self.heads, self.read_heads, self.rows, self.width, self.units
        if not self.controller.built:  # in a loaded model it is built already
            self.controller.build((input_shape[0], input_shape[-1] + R * M))
        self.parts = [G * M, G, G, G * (2 * self.shift + 1), G, (G - R) * M, (G - R) * M]  # k beta g s gamma e a
        self.head_kernel = self.add_weight((H, sum(self.parts)), "glorot_uniform", name="head_kernel")
        self.head_bias = self.add_weight((sum(self.parts),), "zeros", name="head_bias")
        self.read_kernel = self.add_weight((R * M, H), "glorot_uniform", name="read_kernel")
        self.first_w = self.add_weight((G, N), _on_the_first_row, name="first_w")
        self.first_r = self.add_weight((R * M,), keras.initializers.RandomUniform(-0.5, 0.5), name="first_r")
        self.built = True

    def call(
        self, sequence: keras.KerasTensor, states: Sequence[keras.KerasTensor], training: bool | None = False
    ) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
        y, after, _ = self.step(sequence, self.opened(states), training=training)
        return y, self.closed(after, states[-1].dtype)

    def opened(self, states: list) -> list:
        """Returns states as `step` takes them: the controller's, h first, then r [B, R M], w [B, G, N], M [B, N, M]."""
        *states, r, w, memory = states
        r0, w0 = self._start()
        w, memory = ops.reshape(w, (-1, self.heads, self.rows)), ops.reshape(memory, (-1, self.rows, self.width))
        return [*states, in_float32(r) + r0, in_float32(w) + w0, in_float32(memory) + START]

    def closed(self, states: list, dtype: str) -> list:
        """Inverts `opened`."""
        *states, r, w, memory = states
        r0, w0 = self._start()
        w, memory = (ops.reshape(part, (-1, size)) for part, size in (
            (w - w0, self.state_size[-2]), (memory - START, self.state_size[-1])
        ))  # fmt: skip
        return [*states, *(ops.cast(part, dtype) for part in (r - r0, w, memory))]

    def _start(self):
        return ops.tanh(_exact(self.first_r)), ops.softmax(_exact(self.first_w))

    def step(
        self, x: keras.KerasTensor, states: list, real: keras.KerasTensor | None = None, training: bool | None = False
    ) -> tuple:
        """Computes one step, with states as `opened` returns them.

        Args:
            x: [B, D].
            states: list of tensors.
            real: [B, 1], 1 for a real step, 0 for padding, which keeps the states; None: all are real.
            training: whether there is dropout.

        Returns:
            (y [B, H], states after the step, a [B, G - R, M]).
        """
        (*inner, r, w, memory), R = states, self.read_heads
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        before = [*inner]
        if training and self.recurrent_dropout:
            before[0] = before[0] * self.get_recurrent_dropout_mask(before[0])
        h, after = unrounded(self.controller)(ops.concatenate([x, ops.cast(r, x.dtype)], axis=-1), before)
        h = ops.cast(h, x.dtype)
        after = [*(after if isinstance(after, list | tuple) else [after])]
        z = in_float32(ops.matmul(h, ops.cast(self.head_kernel, h.dtype))) + _exact(self.head_bias)
        w_new, e, a = self.addresses(z, w, memory)
        r_new = ops.reshape(ops.matmul(w_new[:, :R], memory), (-1, R * self.width))
        y = h + ops.matmul(ops.cast(r_new, h.dtype), ops.cast(self.read_kernel, h.dtype))
        writing = w_new[:, R:]
        if real is not None:
            after = [ops.where(real > 0, new, old) for new, old in zip(after, inner, strict=True)]
            r_new, w_new = ops.where(real > 0, r_new, r), ops.where(real[..., None] > 0, w_new, w)
            writing = writing * ops.cast(real, writing.dtype)[..., None]  # padding neither erases nor adds
        for head in range(self.write_heads):
            memory = erased(memory, writing[:, head], e[:, head])
        memory = memory + ops.matmul(ops.transpose(writing, (0, 2, 1)), a)
        return y, [*after, r_new, w_new, memory], a

    def addresses(self, z: keras.KerasTensor, w: keras.KerasTensor, memory: keras.KerasTensor) -> tuple:
        """Returns the new weights w' [B, G, N] of all heads, and e and a [B, G - R, M] of the writing heads.

        Args:
            z: h Wh + bh, [B, P].
            w: [B, G, N], the weights of the step before.
            memory: [B, N, M].
        """
        G, M, S = self.heads, self.width, self.shift
        ends = [sum(self.parts[: i + 1]) for i in range(len(self.parts) - 1)]
        k, beta, g, s, gamma, e, a = ops.split(ops.clip(z, -CLIP, CLIP), ends, axis=-1)
        k, s = ops.tanh(ops.reshape(k, (-1, G, M))), ops.softmax(ops.reshape(s, (-1, G, 2 * S + 1)))
        beta, g, gamma = ops.softplus(beta)[..., None], ops.sigmoid(g)[..., None], 1 + ops.softplus(gamma)[..., None]
        wc = ops.softmax(beta * similarity(k, memory))
        wg = w + g * (wc - w)
        wt = sum(s[..., j : j + 1] * ops.roll(wg, j - S, axis=-1) for j in range(2 * S + 1))
        # The weights of a given state need not be positive.
        w = ops.softmax(gamma * ops.log(ops.relu(wt) + TINY))
        e, a = (ops.reshape(part, (-1, self.write_heads, M)) for part in (ops.sigmoid(e), ops.tanh(a)))
        return w, e, a

    def get_config(self) -> dict:
        own = ("rows", "width", "read_heads", "write_heads", "shift", "dropout", "recurrent_dropout", "seed")
        config = {**keras.layers.Layer.get_config(self), **{name: getattr(self, name) for name in own}}
        return {**config, "controller": keras.saving.serialize_keras_object(self.controller)}

    @classmethod
    def from_config(cls, config: dict) -> "NTMCell":
        return cls(**{**config, "controller": keras.saving.deserialize_keras_object(config["controller"])})


def _on_the_first_row(shape, dtype=None):
    """Returns [G, N] whose softmax is nearly 1 at the first row."""
    return FOCUS * ops.one_hot(ops.zeros(shape[0], "int32"), shape[1], dtype=dtype)


def _exact(weight):
    """Returns the tensor of a weight in 32 bits."""
    return in_float32(ops.convert_to_tensor(weight))


def similarity(k: keras.KerasTensor, memory: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the cosine [B, G, N] of each key k [B, G, M] and row of a memory [B, N, M]; with its own gradient."""

    @ops.custom_gradient
    def run(k, memory):
        length_k = ops.sqrt(ops.sum(ops.square(k), -1) + TINY)[..., None]  # [B, G, 1]
        length = ops.sqrt(ops.sum(ops.square(memory), -1) + TINY)[:, None]  # [B, 1, N]
        scale = 1 / (length_k * length)
        K = ops.matmul(k, ops.transpose(memory, (0, 2, 1))) * scale

        def gradient(*args, upstream=None):
            (dK,) = args if upstream is None else (upstream,)
            dKK, scaled = dK * K, dK * scale
            dk = ops.matmul(scaled, memory) - k * (ops.sum(dKK, -1, keepdims=True) / ops.square(length_k))
            own = (ops.sum(dKK, 1, keepdims=True) / ops.square(length))[:, 0, :, None]  # [B, N, 1]
            return dk, ops.matmul(ops.transpose(scaled, (0, 2, 1)), k) - own * memory

        return K, gradient

    return run(k, memory)


def erased(memory: keras.KerasTensor, w: keras.KerasTensor, e: keras.KerasTensor) -> keras.KerasTensor:
    """Returns M(i) (1 - w(i) e) for a memory [B, N, M], w [B, N] and e [B, M]; with its own gradient."""

    @ops.custom_gradient
    def run(memory, w, e):
        def kept():  # computed twice, because storing it for each step takes longer
            return 1 - w[:, :, None] * e[:, None]  # [B, N, M]

        def gradient(*args, upstream=None):
            (d,) = args if upstream is None else (upstream,)
            product = d * memory
            dw = -ops.matmul(product, e[:, :, None])[..., 0]
            de = -ops.matmul(w[:, None], product)[:, 0]
            return d * kept(), dw, de

        return memory * kept(), gradient

    return run(memory, w, e)


@keras.saving.register_keras_serializable("seqzoo")
class NTM(OneStep, keras.layers.RNN):
    """Keras's recurrent layer around `NTMCell`.

    Its own loop, `scan`, keeps all states in 32 bits, and a padded step writes nothing.
    """

    def inner_loop(
        self,
        sequences: keras.KerasTensor,
        initial_state: list[keras.KerasTensor],
        mask: keras.KerasTensor | None,
        training: bool | None = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, Sequence[keras.KerasTensor]]:
        if self.unroll or (not training and sequences.shape[1] == 1):
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        dtype = sequences.dtype
        mask = ops.ones_like(sequences[..., 0]) if mask is None else mask
        x, m = ops.transpose(sequences, (1, 0, 2)), ops.cast(ops.transpose(mask), dtype)[..., None]  # [T, B, ...]
        if self.go_backwards:
            x, m = ops.flip(x, 0), ops.flip(m, 0)
        y = ops.zeros_like(initial_state[0], dtype=dtype)

        def step(carry, row):
            (y, *states), (x, m) = carry, row
            new, states, _ = self.cell.step(x, states, m, training)
            y = ops.where(m > 0, new, y)
            return [y, *states], y

        (y, *states), ys = scan(step, [y, *self.cell.opened(initial_state)], (x, m), like=y)
        ys = ops.transpose(ys * m if self.zero_output_for_mask else ys, (1, 0, 2))  # [B, T, H]
        return y, ys, self.cell.closed(states, initial_state[-1].dtype)


def trace(layer: NTM, x: np.ndarray) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Traces the heads of a built layer while it reads one sequence x [T, D].

    Returns:
        {"write": [(a [T, M], w [T, N]) of each writing head], "read": [(r [T, M], w [T, N]) of each reading head]}.
    """
    cell, rows = layer.cell, []
    R, M = cell.read_heads, cell.width
    states = cell.opened([in_float32(state) for state in cell.get_initial_state(1)])
    for step in x:
        _, states, a = cell.step(ops.convert_to_tensor(step[None], cell.compute_dtype), states)
        rows.append([ops.convert_to_numpy(part)[0] for part in (a, states[-3], states[-2])])
    a, r, w = map(np.stack, zip(*rows, strict=True))  # [T, G - R, M], [T, R M], [T, G, N]
    r = r.reshape(len(x), R, M)
    return {
        "write": [(a[:, head], w[:, R + head]) for head in range(cell.write_heads)],
        "read": [(r[:, head], w[:, head]) for head in range(R)],
    }


@RNNS.register("ntm", gates="g e", states="h c r w M", parameters="4 (D + H + 49) + 368 / H", given_states=2)
def ntm(
    units: int,
    rows: int = 128,
    width: int = 20,
    read_heads: int = 1,
    write_heads: int = 1,
    shift: int = 1,
    controller: str = "lstm",
    **kwargs,
) -> keras.layers.Layer:
    """Neural Turing Machine (Graves et al., 2014): an LSTM, or another controller, with a memory of 128 x 20."""
    memory = {"rows": rows, "width": width, "read_heads": read_heads, "write_heads": write_heads, "shift": shift}

    def cell(units, dropout=0.0, recurrent_dropout=0.0, seed=None, dtype=None, **kwargs):
        own = {"dropout": dropout, "recurrent_dropout": recurrent_dropout, "seed": seed, "dtype": dtype}
        return NTMCell(RNNS[controller](units, dtype=dtype, **kwargs).cell, **memory, **own)

    return from_cell(cell, units, NTM, **kwargs)
