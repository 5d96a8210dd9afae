"""The Neural Turing Machine: a recurrent network that reads and writes a memory of its own."""

import keras
from keras import ops

from seqzoo.rnns import RNNS
from seqzoo.rnns.cells import from_cell, in_float32

START = 1e-6  # of every number of the memory (Collier & Beel, 2018)
CLIP = 20.0  # of what the controller says to the heads (Collier & Beel, 2018)
TINY = 1e-16  # keeps logarithms finite


@keras.saving.register_keras_serializable("seqzoo")
class NTMCell(keras.layers.SimpleRNNCell):
    """One step of a Neural Turing Machine: a controller, a memory M of N rows, heads that read and write it.

    Equations (Graves et al., 2014, arXiv 1410.5401, section 3; the sums over j, rows modulo N)::

        h, s = controller([x, r], s)                    any recurrent cell, or a feed-forward layer
        k, beta, g, s, gamma, e, a = parts of h Wh + bh, clipped to [-20, 20], then through
               tanh, softplus, sigmoid, softmax, 1 + softplus, sigmoid, tanh
        wc(i) = softmax_i(beta K[k, M(i)])              content: K[u, v] = u v / (|u| |v|)        (5, 6)
        wg = g wc + (1 - g) w                           interpolation with the weights before     (7)
        wt(i) = sum_j wg(j) s(i - j)                    shift by -S to S rows                     (8)
        w'(i) = wt(i)^gamma / sum_j wt(j)^gamma         sharpening                                (9)
        r' = sum_i w'(i) M(i)                           of a reading head                         (2)
        M'(i) = M(i) (1 - w'(i) e) + w'(i) a            of a writing head                         (3, 4)
        y = h + r' Wy

    Each head has its own k, beta, g, s and gamma, a writing head also e and a. All heads address the memory M from
    before the step. Several writing heads erase one after the other and then add.

    The start (Collier & Beel, 2018, arXiv 1807.08518): M(i) = 1e-6; w and r are learned. States hold the difference
    from it, so that zeros, with which every model begins, are the start.

    Shapes: x [B, D], y and h [B, H]; of R reading heads and all G heads with memory width M: r [B, R M], w [B, G N],
    the memory [B, N M]; Wh [H, G (M + 3 + 2S + 1) + 2 M (G - R)], Wy [R M, H], the learned start of w [G, N], of r
    [R M]. Addressing and memory are computed in float32.

    Args:
        controller: a recurrent cell of H units, such as ``RNNS["lstm"](100).cell``.
        rows, width: N and M, the size of the memory.
        read_heads, write_heads: R and G - R.
        shift: S, the most rows that a head moves in a step.
        dropout, recurrent_dropout, seed: dropout of x, and of the controller's output in its own recurrence.
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
        super().__init__(
            controller.units, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed, **kwargs
        )
        if 2 * shift + 1 > rows:
            raise ValueError(f"A shift by {shift} rows needs a memory of {2 * shift + 1} rows. Received: rows={rows}")
        self.controller, self.rows, self.width, self.shift = controller, rows, width, shift
        self.read_heads, self.write_heads, self.heads = read_heads, write_heads, read_heads + write_heads
        sizes = controller.state_size
        self.inner = [*(sizes if isinstance(sizes, list | tuple) else [sizes])]
        self.state_size = [*self.inner, read_heads * width, self.heads * rows, rows * width]

    def build(self, input_shape):
        G, R, N, M, H = self.heads, self.read_heads, self.rows, self.width, self.units
        self.controller.build((input_shape[0], input_shape[-1] + R * M))
        # k, beta, g, s, gamma of all heads; e, a of those that write
        self.parts = [G * M, G, G, G * (2 * self.shift + 1), G, self.write_heads * M, self.write_heads * M]
        self.head_kernel = self.add_weight((H, sum(self.parts)), "glorot_uniform", name="head_kernel")
        self.head_bias = self.add_weight((sum(self.parts),), "zeros", name="head_bias")
        self.read_kernel = self.add_weight((R * M, H), "glorot_uniform", name="read_kernel")
        self.first_weights = self.add_weight((G, N), "glorot_uniform", name="first_weights")
        self.first_read = self.add_weight((R * M,), keras.initializers.RandomUniform(-0.5, 0.5), name="first_read")
        self.built = True

    def call(self, sequence, states, training=False):
        x, (*states, r, w, memory) = sequence, states
        if training and self.dropout:
            x = x * self.get_dropout_mask(x)
        if training and self.recurrent_dropout:
            states[0] = states[0] * self.get_recurrent_dropout_mask(states[0])
        G, R, N, M = self.heads, self.read_heads, self.rows, self.width
        first_r, first_w = self.start()
        h, states = self.controller(ops.concatenate([x, r + ops.cast(first_r, r.dtype)], axis=-1), states)
        z = ops.matmul(h, self.head_kernel) + self.head_bias
        w = ops.reshape(in_float32(w), (-1, G, N)) + first_w
        memory = ops.reshape(in_float32(memory), (-1, N, M)) + START
        kind = memory.dtype
        w, erase, add = self.address(in_float32(z), w, memory)
        r = ops.reshape(ops.matmul(w[:, :R], memory), (-1, R * M))
        memory = written(memory, w[:, R:], erase, add)
        y = h + ops.matmul(ops.cast(r, h.dtype), self.read_kernel)
        after = [r - first_r, ops.reshape(w - first_w, (-1, G * N)), ops.reshape(memory - START, (-1, N * M))]
        states = [*(states if isinstance(states, list | tuple) else [states])]
        return y, [*states, *(ops.cast(part, h.dtype) for part in after)]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def start(self):
        """The learned r [R M] and w [G, N] before the first step, in float32."""
        r, w = (in_float32(ops.convert_to_tensor(part)) for part in (self.first_read, self.first_weights))
        return ops.tanh(r), ops.softmax(w)

    def address(self, z, w, memory):
        """The weights [B, G, N] of all heads, and what the writing ones erase and add, [B, G - R, M]."""
        G, M, S = self.heads, self.width, self.shift
        ends = [sum(self.parts[: i + 1]) for i in range(len(self.parts) - 1)]
        k, beta, g, s, gamma, e, a = ops.split(ops.clip(z, -CLIP, CLIP), ends, axis=-1)
        k = ops.tanh(ops.reshape(k, (-1, G, M)))
        s = ops.softmax(ops.reshape(s, (-1, G, 2 * S + 1)))
        beta, g, gamma = ops.softplus(beta)[..., None], ops.sigmoid(g)[..., None], 1 + ops.softplus(gamma)[..., None]
        lengths = ops.sqrt(ops.sum(ops.square(k), -1, keepdims=True) + TINY)
        norms = ops.sqrt(ops.sum(ops.square(memory), -1) + TINY)[:, None]  # [B, 1, N]
        K = ops.matmul(k, ops.transpose(memory, (0, 2, 1))) / (lengths * norms)
        wg = w + g * (ops.softmax(beta * K) - w)
        wt = sum(s[..., j : j + 1] * ops.roll(wg, j - S, axis=-1) for j in range(2 * S + 1))
        w = ops.softmax(gamma * ops.log(ops.relu(wt) + TINY))
        e, a = (ops.reshape(part, (-1, self.write_heads, M)) for part in (ops.sigmoid(e), ops.tanh(a)))
        return w, e, a

    def get_config(self):
        config = {"controller": keras.saving.serialize_keras_object(self.controller)}
        own = ("rows", "width", "read_heads", "write_heads", "shift", "dropout", "recurrent_dropout", "seed")
        return {**keras.layers.Layer.get_config(self), **config, **{name: getattr(self, name) for name in own}}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "controller": keras.saving.deserialize_keras_object(config["controller"])})


def written(memory, w, erase, add):
    """The memory [B, N, M] once heads with weights w [B, G, N] erased and added, both [B, G, M]."""
    for head in range(w.shape[1]):
        memory = memory - w[:, head, :, None] * (erase[:, head, None] * memory)
    return memory + ops.matmul(ops.transpose(w, (0, 2, 1)), add)


@RNNS.register("ntm", gates="g e", states="h c r w M", parallel=False)
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
    """Neural Turing Machine (Graves et al., 2014): a controller that reads and writes a memory of 128 x 20."""
    memory = {"rows": rows, "width": width, "read_heads": read_heads, "write_heads": write_heads, "shift": shift}

    def cell(units, dropout=0.0, recurrent_dropout=0.0, seed=None, dtype=None, **kwargs):
        own = {"dropout": dropout, "recurrent_dropout": recurrent_dropout, "seed": seed, "dtype": dtype}
        return NTMCell(RNNS[controller](units, dtype=dtype, **kwargs).cell, **memory, **own)

    return from_cell(cell, units, **kwargs)
