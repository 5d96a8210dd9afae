"""Attention: how much each target step attends to each position of an encoded source."""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.layers.weight_drop import with_kernel
from seqzoo.rnns import RNNS
from seqzoo.rnns.loop import at_least_float32

SCORES = ("additive", "concat", "convolutional", "dot", "general", "location")
TANH_SCORES = ("additive", "concat", "convolutional")  # the scores of the form v^T tanh(...)
LOCAL = ("", "monotonic", "predictive")


def keys(encoded: keras.KerasTensor, score: str, units: int) -> keras.KerasTensor:
    """Computes the keys that queries are compared with, once a sequence: [B, S, E] -> [B, S, A].

    Args:
        encoded: [B, S, E].
        score: name in SCORES.
        units: A; for "general" the width of the queries. "dot" and "location" have no matrix: `encoded` is returned.
    """
    if score in ("dot", "location"):
        return encoded
    return keras.layers.Dense(units, use_bias=False, name="keys")(encoded)


@keras.saving.register_keras_serializable("seqzoo")
class Attention(keras.layers.Layer):
    """Computes weights a_t over the positions s of a source, and a context vector c_t, for each step t of a target.

        c_t = sum_s a_t(s) h_s              a_t = softmax_s score(t, s), exactly 0 at padding

    With q_t the decoder's state, h_s the encoded source and k_s = U h_s the keys, the score is one of

        dot             q_t . h_s
        general         q_t . k_s
        additive        v . tanh(W q_t + k_s + b)
        concat          the same: W' [q; h] of Luong et al. is W q + U h
        location        (W q_t)_s, for the first `longest` positions; later ones are ignored
        convolutional   v . tanh(W q_t + k_s + V f_s + b)       f = F * a_{t-1}, a convolution over the positions

    With `coverage` the sum of the weights so far, m_t(s) = sum_{i<t} a_i(s), is added inside the tanh: ... + w m_t(s).

    With `local` only the positions from p_t - D to p_t + D are read:

        monotonic       p_t = min(t, S - 1)                                 t and s count from 0, S is the true length
        predictive      p_t = (S - 1) sigmoid(v_p . tanh(W_p q_t))          score - (s - p_t)^2 / (2 (D / 2)^2)

    Sources: Bahdanau et al., 2015, Neural Machine Translation by Jointly Learning to Align and Translate, appendix
    A.1.2 (additive; without b); Luong et al., 2015, Effective Approaches to Attention-based Neural Machine
    Translation, equations 7 to 10, where the weights are multiplied by the Gaussian and then sum to less than 1: here
    it is part of the score; Chorowski et al., 2015, Attention-Based Models for Speech Recognition, equations 8 and 9;
    Tu et al., 2016, Modeling Coverage for Neural Machine Translation; See et al., 2017, Get To The Point, equation 11.

    Args:
        score: name in SCORES.
        local: "", "monotonic" or "predictive"; window: D.
        coverage: whether to add m_t, which needs a score with a tanh.
        longest: number of positions that "location" has weights for.
        filters, width: of the convolution F; the width is odd, so that it reaches as far left as right.

    Inputs: q [B, T, H]; h [B, S, E]; the source's mask [B, S]; keys [B, S, A] (see `keys`, None: h); for "monotonic"
    the index of the first step [B, 1], integers (None: 0); for "convolutional" and coverage a_{t-1} and m_t, both
    [B, S], with T = 1. Outputs: c [B, T, E], a [B, T, S].

    Raises:
        ValueError: an unknown name; coverage with a score without tanh; an even width; widths that do not match.
    """

    def __init__(
        self,
        score: str = "additive",
        local: str = "",
        window: int = 10,
        coverage: bool = False,
        longest: int = 100,
        filters: int = 10,
        width: int = 5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if score not in SCORES:
            raise ValueError(f"attention should be one of {', '.join(SCORES)}. Received: {score!r}")
        if local not in LOCAL:
            raise ValueError(f"local should be '', monotonic or predictive. Received: {local!r}")
        if coverage and score not in TANH_SCORES:
            raise ValueError(f"coverage needs a score with a tanh: {', '.join(TANH_SCORES)}. Received: {score!r}")
        if local and window < 1:  # a predicted centre may lie between two positions
            raise ValueError(f"window should be at least 1. Received: {window}")
        if width % 2 == 0:
            raise ValueError(f"width should be odd. Received: {width}")
        self.score, self.local, self.window, self.coverage = score, local, window, coverage
        self.longest, self.filters, self.width = longest, filters, width
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    @property
    def looks_back(self) -> bool:
        """Whether a step needs the weights of earlier steps, so that the steps can't be computed at once."""
        return self.coverage or self.score == "convolutional"

    def build(
        self,
        query_shape: Sequence[int | None],
        encoded_shape: Sequence[int | None],
        keys_shape: Sequence[int | None] | None = None,
    ) -> None:
        H, A = query_shape[-1], (keys_shape or encoded_shape)[-1]
        if self.score in ("dot", "general") and A != H:
            raise ValueError(
                f"The score {self.score!r} needs keys as wide as the decoder's state. Received: widths {A} and {H}"
            )
        if self.score in TANH_SCORES:
            self.W = self.add_weight((H, A), "glorot_uniform", name="W")
            self.b = self.add_weight((A,), "zeros", name="b")
            self.v = self.add_weight((A, 1), "glorot_uniform", name="v")
        if self.score == "location":
            self.W = self.add_weight((H, self.longest), "glorot_uniform", name="W")
        if self.score == "convolutional":
            self.F = self.add_weight((self.width, 1, self.filters), "glorot_uniform", name="F")
            self.V = self.add_weight((self.filters, A), "glorot_uniform", name="V")
        if self.coverage:
            self.w = self.add_weight((A,), "glorot_uniform", name="w")
        if self.local == "predictive":
            self.W_p = self.add_weight((H, H), "glorot_uniform", name="W_p")
            self.v_p = self.add_weight((H, 1), "glorot_uniform", name="v_p")

    def call(
        self,
        query: keras.KerasTensor,
        encoded: keras.KerasTensor,
        source_mask: keras.KerasTensor,
        keys: keras.KerasTensor | None = None,
        position: keras.KerasTensor | None = None,
        previous: keras.KerasTensor | None = None,
        covered: keras.KerasTensor | None = None,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        scores = self._scores(query, encoded if keys is None else keys, previous, covered)  # [B, T, S]
        scores = ops.cast(scores, "float32")
        real = ops.cast(source_mask, "bool")[:, None]  # [B, 1, S]
        positions = ops.arange(ops.shape(encoded)[1], dtype="int32")  # [S]
        if self.score == "location":
            real = ops.logical_and(real, positions < self.longest)
        if self.local:
            last = ops.sum(ops.cast(real, "float32"), axis=-1) - 1  # [B, 1]
            distance = ops.cast(positions, "float32") - self._centre(query, last, position)[..., None]  # [B, T, S]
            real = ops.logical_and(real, ops.abs(distance) <= self.window)
            if self.local == "predictive":
                scores = scores - ops.square(distance) / (2 * (self.window / 2) ** 2)
        weights = ops.softmax(ops.where(real, scores, -1e9), axis=-1)
        weights = ops.cast(ops.where(real, weights, 0.0), self.compute_dtype)  # [B, T, S]
        return ops.matmul(weights, encoded), weights

    def _scores(self, query, keys, previous, covered):
        if self.score in ("dot", "general"):
            return ops.matmul(query, ops.transpose(keys, (0, 2, 1)))
        z = ops.matmul(query, self.W)  # [B, T, A], of location [B, T, longest]
        if self.score == "location":
            S = ops.shape(keys)[1]
            return ops.pad(z, ((0, 0), (0, 0), (0, S)))[:, :, :S]  # JAX can not pad by a dynamic width
        z = (z + self.b)[:, :, None] + keys[:, None]  # [B, T, S, A]
        if self.score == "convolutional":
            f = ops.conv(previous[..., None], self.F, padding="same")  # [B, S, filters]
            z = z + ops.matmul(f, self.V)[:, None]
        if self.coverage:
            z = z + covered[:, None, :, None] * self.w
        return ops.matmul(ops.tanh(z), self.v)[..., 0]

    def _centre(self, query, last, position):
        """Returns p [B, T], the centre of the window, in float32; `last` [B, 1] is the last real position."""
        if self.local == "predictive":
            z = ops.matmul(ops.tanh(ops.matmul(query, self.W_p)), self.v_p)[..., 0]
            return last * ops.sigmoid(ops.cast(z, "float32"))
        steps = ops.arange(ops.shape(query)[1], dtype="int32")[None]  # [1, T]
        steps = steps if position is None else steps + ops.cast(position, steps.dtype)
        return ops.minimum(ops.cast(steps, "float32"), last)

    def compute_output_spec(
        self,
        query: keras.KerasTensor,
        encoded: keras.KerasTensor,
        source_mask: keras.KerasTensor,
        keys: keras.KerasTensor | None = None,
        position: keras.KerasTensor | None = None,
        previous: keras.KerasTensor | None = None,
        covered: keras.KerasTensor | None = None,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        B, T, _ = query.shape
        _, S, E = encoded.shape
        return tuple(keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in ((B, T, E), (B, T, S)))

    def compute_mask(self, *args, **kwargs) -> None:
        return None

    def get_config(self) -> dict:
        names = ("score", "local", "window", "coverage", "longest", "filters", "width")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("seqzoo")
class FeedingRNN(keras.layers.Layer):
    """Runs recurrent cells and attention in one loop, for decoders whose steps depend on the previous attention.

        h_t = cells([x_t; h~_{t-1}])               [x_t] alone without `input_feeding`
        c_t, a_t = attention(h_t, a_{t-1}, sum_{i<t} a_i)
        h~_t = tanh(W [c_t; h_t])

    The cells come from a registered layer and are stacked as in `layers.stack.stack`, with the same options.

    Source: Luong et al., 2015, equation 5 and section 3.3 (input feeding).

    Args:
        rnn, units, layers: name in RNNS of a layer that reads forward, H, number.
        dim: width D of h~.
        input_feeding: whether h~ is part of the next step's input.
        attention: arguments of `Attention`, a dict.
        dropout, variational, recurrent_dropout, weight_drop, residual, layer_norm, activation: of `stack`; dropout
            masks are drawn before the loop.

    Inputs: x [B, T, X]; the state before, see `first`; h [B, S, E], the source's mask [B, S] and keys [B, S, A], as in
    `Attention`; mask [B, T]. Outputs: h~ [B, T, D]; a [B, T, S]; list of the state after the last real step, in float32
    even if the layer computes in 16 bits.
    """

    def __init__(
        self,
        rnn: str,
        units: int,
        layers: int,
        dim: int,
        input_feeding: bool = True,
        attention: dict | None = None,
        dropout: float = 0.0,
        variational: bool = True,
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
        residual: bool = False,
        layer_norm: bool = False,
        activation: str = "tanh",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "rnn": rnn, "units": units, "layers": layers, "dim": dim, "input_feeding": input_feeding,
            "attention": dict(attention or {}), "dropout": dropout, "variational": variational,
            "recurrent_dropout": recurrent_dropout, "weight_drop": weight_drop, "residual": residual,
            "layer_norm": layer_norm, "activation": activation,
        }  # fmt: skip
        self.units, self.dim, self.input_feeding, self.residual = units, dim, input_feeding, residual
        self.dropout, self.variational, self.weight_drop = dropout, variational, weight_drop
        policy = {"dtype": self.dtype_policy}
        made = [
            RNNS[rnn](units, activation=activation, recurrent_dropout=recurrent_dropout, **policy)
            for _ in range(layers)
        ]
        self.cells, self.steps = [layer.cell for layer in made], [layer.one_step for layer in made]
        self.norms = [keras.layers.LayerNormalization(**policy) if layer_norm else None for _ in range(layers)]
        self.attention = Attention(**self.settings["attention"], **policy)
        self.attend = keras.layers.Dense(dim, "tanh", use_bias=False, name="attend", **policy)
        self.noise = keras.random.SeedGenerator()
        self.supports_masking = True

    @property
    def input_dtype(self) -> str:
        """The dtype of the state, at least float32. Keras casts all inputs to it; `call` casts the others back."""
        return at_least_float32(self.compute_dtype)

    def build(
        self,
        x_shape: Sequence[int | None],
        state_shape: Sequence[Sequence[int | None]] | None = None,
        encoded_shape: Sequence[int | None] | None = None,
        keys_shape: Sequence[int | None] | None = None,
    ) -> None:
        width = x_shape[-1] + self.dim * self.input_feeding
        for cell, norm in zip(self.cells, self.norms, strict=True):
            cell.build((None, width))
            width = self.units
            if norm:
                norm.build((None, width))
            if self.weight_drop and not hasattr(with_kernel(cell), "recurrent_kernel"):
                raise ValueError(f"{type(cell).__name__} has no recurrent kernel to drop weights of.")
        self.attention.build((None, None, width), encoded_shape, keys_shape)
        self.attend.build((None, None, encoded_shape[-1] + width))

    @staticmethod
    def first(states: list[keras.KerasTensor], encoded: keras.KerasTensor, dim: int) -> list[keras.KerasTensor]:
        """Returns the initial state: the cells' states, h~ [B, D], a and the sum of all a [B, S], t [B, 1]."""
        nothing = ops.zeros_like(encoded[..., 0])  # [B, S]
        start = ops.zeros_like(encoded[:, 0, :1])  # [B, 1]
        return [*states, ops.tile(start, (1, dim)), nothing, nothing, ops.cast(start, "int32")]

    def call(
        self,
        x: keras.KerasTensor,
        state: list[keras.KerasTensor],
        encoded: keras.KerasTensor,
        source_mask: keras.KerasTensor,
        keys: keras.KerasTensor | None = None,
        mask: keras.KerasTensor | None = None,
        training: bool = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, list[keras.KerasTensor]]:
        H, X = self.units, x.shape[-1]
        T = ops.shape(x)[1]
        x, encoded = ops.cast(x, self.compute_dtype), ops.cast(encoded, self.compute_dtype)
        keys = keys if keys is None else ops.cast(keys, self.compute_dtype)
        m = ops.ones_like(x[..., :1]) if mask is None else ops.cast(mask, x.dtype)[..., None]
        parts = [x, m]
        if training and self.dropout:
            shape = (ops.shape(x)[0], 1 if self.variational else T, H)
            for _ in self.cells[1:]:
                kept = keras.random.dropout(ops.ones(shape, x.dtype), self.dropout, seed=self.noise)
                parts.append(kept + ops.zeros_like(m))  # [B, T, H]

        def step(carry, row):
            """Returns the carry after a step; row [B, ...]: x_t, whether it is real, and each layer's dropout mask."""
            *states, attended, previous, covered, t = carry
            x, real, kept = row[:, :X], row[:, X : X + 1], row[:, X + 1 :]
            if self.input_feeding:
                x = ops.concatenate([x, ops.cast(attended, x.dtype)], axis=-1)
            after, left = [], list(states)
            for number, (one_step, norm) in enumerate(zip(self.steps, self.norms, strict=True)):
                if number and training and self.dropout:
                    x = x * kept[:, (number - 1) * H : number * H]
                count = len(states) // len(self.cells)
                y, new = one_step(x, [left.pop(0) for _ in range(count)], training=training)
                after += new
                if self.residual and y.shape[-1] == x.shape[-1]:
                    y = y + x
                x = norm(y) if norm else y
            context, weights = self.attention(
                x[:, None], encoded, source_mask, keys=keys, position=t, previous=previous, covered=covered
            )
            attended = self.attend(ops.concatenate([context[:, 0], x], axis=-1))
            after += [attended, weights[:, 0], ops.add(covered, weights[:, 0]), t + 1]
            after = [ops.where(real > 0, ops.cast(new, old.dtype), old) for new, old in zip(after, carry, strict=True)]
            return after, after

        rows = ops.concatenate(parts, axis=-1)
        kernels = self._drop(state) if training else None
        try:
            if x.shape[1] == 1:
                state, _ = step(list(state), rows[:, 0])
                attended, weights = state[-4][:, None], state[-3][:, None]
            else:
                state, all_states = scan(step, list(state), ops.transpose(rows, (1, 0, 2)))
                attended, weights = (ops.transpose(all_states[i], (1, 0, 2)) for i in (-4, -3))
        finally:
            if training:
                self._put_back(kernels)
        return ops.cast(attended, self.compute_dtype), ops.cast(weights, self.compute_dtype), list(state)

    def _drop(self, state):
        """Draws the dropout masks of states and drops weights of recurrent kernels; returns the original kernels."""
        kernels = []
        for cell in self.cells:
            cell.get_recurrent_dropout_mask(state[0])
            if self.weight_drop:
                cell = with_kernel(cell)
                kernels.append(cell.recurrent_kernel)
                dropped = keras.random.dropout(
                    ops.convert_to_tensor(cell.recurrent_kernel), self.weight_drop, seed=self.noise
                )
                # Bypasses __setattr__, which would track the tensor as a new weight of the layer.
                vars(cell)["recurrent_kernel"] = dropped
        return kernels

    def _put_back(self, kernels):
        for cell in self.cells:
            cell.reset_recurrent_dropout_mask()
        for cell, kernel in zip(self.cells, kernels, strict=bool(kernels)):
            vars(with_kernel(cell))["recurrent_kernel"] = kernel

    def compute_output_spec(
        self,
        x: keras.KerasTensor,
        state: list[keras.KerasTensor],
        encoded: keras.KerasTensor,
        source_mask: keras.KerasTensor,
        keys: keras.KerasTensor | None = None,
        mask: keras.KerasTensor | None = None,
        training: bool = False,
    ) -> tuple[keras.KerasTensor, keras.KerasTensor, list[keras.KerasTensor]]:
        B, T, _ = x.shape
        shapes = ((B, T, self.dim), (B, T, encoded.shape[1]))
        attended, weights = (keras.KerasTensor(shape, dtype=self.compute_dtype) for shape in shapes)
        return attended, weights, [keras.KerasTensor(part.shape, dtype=part.dtype) for part in state]

    def compute_mask(self, *args, **kwargs) -> None:
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}
