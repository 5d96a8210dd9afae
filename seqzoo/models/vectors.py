"""Models of vectors of numbers: `generator` and `language_model` for steps that are vectors, not ids."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.data.windows import before
from seqzoo.decoding.steps import Mixture, cast_like
from seqzoo.inputs import frames
from seqzoo.layers import mixture
from seqzoo.layers.stack import drop, first_states, stack, state_sizes


def check_width(width: int, **given) -> None:
    """Raises a ValueError unless a model is for either ids or vectors; `given` are options for models of ids only."""
    (_, tokens), *others = given.items()
    if bool(tokens) == bool(width):
        raise ValueError(
            "Give either tokens, the size of a vocabulary, or width, the width of vectors of numbers. "
            f"Received: tokens={tokens}, width={width}"
        )
    for name, value in others:
        if width and value:
            raise ValueError(f"{name} is for models of ids. Received: {name}={value!r}, width={width}")


def vector_model(
    width: int,
    components: int,
    mean: np.ndarray | Sequence[float] | float,
    std: np.ndarray | Sequence[float] | float,
    change: np.ndarray | Sequence[float] | float | None,
    conditions: dict[str, int],
    condition_dim: int,
    join: str,
    rnn: str,
    units: int,
    layers: int,
    dropout: float,
    input_dropout: float,
    variational: bool,
    name: str,
    **options,
) -> keras.Model:
    """A model of the density of the next vector, given the vectors before it and conditions::

        x_t = (frame_t - mean) / std       e_t = [x_t, (x_t - x_{t-1}) / change, c]
        h_t = RNN(e_1 ... e_t)             from s_0 = tanh(c W + b)
        p(frame_{t+1}) = a mixture of K Gaussians, see `layers.mixture`; means relative to frame_t, in units of change

    Without `change`: e_t = [x_t, c], and means relative to `mean`, in units of `std`.

    Args:
        width: D. components: K.
        mean, std: [D] arrays or numbers, usually those of the training frames; a std of 0 counts as 1.
        change: likewise, the standard deviation of the change from frame to frame; None: frames don't change smoothly.
        conditions, condition_dim, join, rnn, units, layers, dropout, input_dropout, variational, options: see
            `generator`.
        name: of the model.

    Returns:
        keras.Model. Inputs: {"frames": [B, T, D], the frame before each step, the first of which is `mean`;
        "frames_length": [B]; and {name: [B]} for each condition}. Output: [B, T, K, 1 + 2 D], see `layers.mixture`.
    """
    if components < 1:
        raise ValueError(f"components should be at least 1. Received: {components}")
    mean, std = (np.broadcast_to(value, (width,)).astype("float32") for value in (mean, std))
    std = np.where(std == 0, 1, std).astype("float32")
    sizes = state_sizes(rnn, units, layers)

    # Computed in advance: the first state, and a vector that is an input of each step.
    known, each, first = {}, [], []
    if conditions:
        known = {condition: keras.Input((), dtype="int32", name=condition) for condition in conditions}
        embedded = [
            keras.layers.Embedding(count, condition_dim, name=f"{condition}_embedding")(known[condition])
            for condition, count in conditions.items()
        ]
        c = keras.layers.Concatenate()(embedded) if len(embedded) > 1 else embedded[0]
        first = first_states([c] * len(sizes), rnn, units, layers, "first")
        first, each = ([] if join == "step" else first), ([] if join == "state" else [c])
        conditioner = keras.Model(known, [*each, *first], name="conditioner")

    # Computed step by step.
    inputs, x, real = frames(width, mean, std)
    state = [keras.Input((size,), name=f"state{i}") for i, size in enumerate(sizes)]
    given = [keras.Input(part.shape[1:], name="each") for part in each]
    read, origin, scale, past, last = [x], ops.zeros_like(x), np.ones(width), [], []
    if change is not None:
        # Constant numbers would give a tiny scale, and so an arbitrarily high density.
        scale = np.maximum(np.broadcast_to(change, (width,)) / std, 1e-3)
        past = [keras.Input((width,), name=f"state{len(sizes)}")]
        x, *last = mixture.Changes(scale, name="changes")(x, real, *past)
        read, origin = [x], x[..., :width]
    read = [drop(part, input_dropout, variational) for part in read]
    read += [ops.ones_like(x[..., :1]) * part[:, None] for part in given]
    hidden, after = stack(
        keras.layers.Concatenate()(read) if len(read) > 1 else read[0], real, rnn=rnn, units=units, layers=layers,
        dropout=dropout, variational=variational, last_dropout=False, initial_state=state, **options,
    )  # fmt: skip
    parameters = mixture.MixtureDensity(components, scale * std, name="mixture")(
        drop(hidden, dropout, variational), origin * std + mean
    )
    reader = keras.Model([inputs, given, [*state, *past]], [parameters, *after, *last], name="reader")

    outer = {key: keras.Input(part.shape[1:], dtype=part.dtype, name=key) for key, part in {**inputs, **known}.items()}
    made = conditioner({key: outer[key] for key in known}) if conditions else []
    made = made if isinstance(made, list) else [made]
    zero = ops.zeros_like(ops.cast(outer["frames_length"], "float32"))[:, None]  # [B, 1]
    begun = made[len(each) :] or [ops.tile(zero, (1, size)) for size in sizes]
    begun += [ops.tile(zero, (1, width)) for _ in past]
    out = reader([{key: outer[key] for key in inputs}, made[: len(each)], begun])[0]
    return keras.Model(outer, out, name=name)


class VectorDecoder:
    """Decodes a model of vectors and scores given vectors; implements the step protocol (`decoding.steps`).

    Args:
        model: from `generator` or `language_model` with a `width`; the weights are shared with it.

    Attributes:
        begin: [D], the mean, which is read before the first vector.
    """

    def __init__(self, model: keras.Model):
        self.model, self.reader = model, model.get_layer("reader")
        self.known = [name for name in model.input if name not in ("frames", "frames_length")]
        self.conditioner = model.get_layer("conditioner") if self.known else None
        frames, self._given, self._states = self.reader.input
        self._frames = dict(frames)
        self.begin = np.asarray(self.reader.get_layer("frames_normalization").mean, "float32").reshape(-1)
        self.signature = [*self._given], [*self._states]
        conditions = {name: model.input[name] for name in self.known}
        self._begin = compiled(self.begun, (model.input["frames_length"], conditions))
        self._read = compiled(self.read, (self._frames["frames"], self._frames["frames_length"], *self.signature))
        self._score = compiled(self._scored, (dict(model.input), model.input["frames"]))

    def start(self, inputs: dict) -> tuple[list, list]:
        """Reads the context before the first vector to decode.

        Args:
            inputs: {name: [B]} of each condition; the frames to read, "frames" [B, P, D], padded on the right, the
                first of which should be `begin`, and "frames_length" [B]: see `data.windows.before`. Without frames and
                conditions, "rows", B.
        """
        frames = inputs.get("frames")
        rows = inputs["rows"] if "rows" in inputs else len(inputs[self.known[0]] if frames is None else frames)
        conditions = {name: ops.convert_to_tensor(inputs[name], "int32") for name in self.known}
        fixed, state = self._begin(ops.zeros((rows,), "int32"), conditions)
        if frames is not None:
            lengths = inputs.get("frames_length", np.full(rows, frames.shape[1]))
            given = ops.convert_to_tensor(frames, "float32"), ops.convert_to_tensor(lengths, "int32")
            _, state = self._read(*given, fixed, state)
        return fixed, state

    def begun(self, rows: keras.KerasTensor, conditions: dict) -> tuple[list, list]:
        """Returns (fixed, state) before the first vector; of rows [B] only the shape is used."""
        zero = ops.cast(ops.zeros_like(rows), "float32")[:, None]
        made = self.conditioner(conditions, training=False) if self.known else []
        made = made if isinstance(made, list) else [made]
        fixed, first = made[: len(self._given)], made[len(self._given) :]
        zeros = [ops.tile(zero, (1, part.shape[-1])) for part in self._states]
        return cast_like(fixed, self._given), cast_like([*first, *zeros[len(first) :]], self._states)

    def read(self, frames: keras.KerasTensor, lengths: keras.KerasTensor, fixed: list, state: list) -> tuple:
        """Reads frames [B, T, D]; returns (parameters [B, T, K, 1 + 2 D] of the vector after each, the next state)."""
        out, *after = self.reader([{"frames": frames, "frames_length": lengths}, fixed, state], training=False)
        return out, cast_like(after, self._states)

    def step(self, values: keras.KerasTensor, fixed: list, state: list) -> tuple[Mixture, list]:
        ones = ops.ones_like(values[:, 0], dtype="int32")
        parameters, state = self.read(values[:, None], ones, fixed, state)
        return Mixture.of(parameters[:, 0]), state

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns log densities [B, T] of the vectors [B, T, D] of whole sequences.

        Args:
            inputs: {name: [B]} of each condition, and "frames_length" [B]; without it all have length T.
            values: right-padded.
        """
        values = np.asarray(values, "float32")
        if not values.size:
            return np.zeros(values.shape[:2], "float32")
        lengths = inputs.get("frames_length", np.full(len(values), values.shape[1]))
        given = {**inputs, "frames": before(values, self.begin), "frames_length": lengths}
        given = {name: ops.convert_to_tensor(given[name], like.dtype) for name, like in self.model.input.items()}
        return np.asarray(self._score(given, ops.convert_to_tensor(values)))

    def _scored(self, inputs, values):
        return mixture.log_density(values, *mixture.split(self.model(inputs, training=False)))
