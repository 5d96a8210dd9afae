"""The step protocol: what sampling, beam search, ensembles and forced scoring ask of a model."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from keras import ops


class Categorical(NamedTuple):
    """The distribution of the next id of N sequences.

    logits: [N, V], not normalised. attention: [N, S], the weights over the source that it was computed with, or None.
    """

    logits: Any
    attention: Any = None


@runtime_checkable
class StepDecoder(Protocol):
    """A model that is decoded step by step: each step reads the last value of N sequences and predicts the next one.

    `models.LanguageModelDecoder`, `models.Seq2SeqDecoder` and `models.GeneratorDecoder` are such decoders, and
    `decoding.Ensemble` makes one of several.

    Attributes:
        begin: the id that is read before the first value; it is not part of the sequence.

    A decoder may have an attribute `signature`, what `start` returns as keras.KerasTensor objects whose unknown
    dimensions are None: sampling and beam search are then traced once on TensorFlow, not for each new shape.

    A decoder whose steps differ in turn, such as the slots of a chord, may have an attribute `cycle`, the number of
    steps after which they repeat. Its `step` takes the number of a step in its cycle as `index`, where it is known in
    Python; it is an optimization, and None means that the state says it.
    """

    begin: int

    def start(self, inputs: dict) -> tuple[list, list]:
        """Reads what is known before decoding.

        Returns:
            (fixed, state): lists (or lists of lists) of tensors [N, ...], whose rows can be repeated and reordered.
            `fixed` is only read while decoding, such as an encoded source; `state` changes with each step.
        """

    def step(self, values, fixed: list, state: list) -> tuple[Categorical, list]:
        """The distribution of the next value and the new state, after the values [N]; inside a compiled loop."""

    def score(self, inputs: dict, values) -> np.ndarray:
        """Forced scoring: log P(value_t | values before t, inputs), natural, of given values [B, T]: [B, T].

        Values are padded with 0 on the right; the scores of padding mean nothing.
        """


def opened(decoder, arguments: tuple) -> tuple | None:
    """The signature of a function of (*arguments, fixed, state) of a decoder, for `compiled`; None: it has none."""
    return (*arguments, *decoder.signature) if hasattr(decoder, "signature") else None


def log_probabilities(logits, ids):
    """log softmax(logits)[id]: [B, T, V], [B, T] -> [B, T], in float32."""
    logits = ops.cast(logits, "float32")
    chosen = ops.take_along_axis(logits, ops.cast(ids, "int32")[..., None], axis=-1)[..., 0]
    return chosen - ops.logsumexp(logits, axis=-1)


def shifted(values, begin: int):
    """What a decoder reads to predict the values [B, T]: the id `begin`, then all but the last; 0 at padding."""
    values = ops.cast(values, "int32")
    first = ops.full_like(values[:, :1], begin)
    return ops.where(values > 0, ops.concatenate([first, values[:, :-1]], axis=1), 0)


def cast_like(tensors: list, inputs: list) -> list:
    """Casts tensors to the dtypes of a model's inputs: a loop that feeds outputs back needs them to agree."""
    return [ops.cast(tensor, like.dtype) for tensor, like in zip(tensors, inputs, strict=True)]
