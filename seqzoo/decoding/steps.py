"""The step protocol: the interface of a model for sampling, beam search, ensembles and forced scoring."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import keras
import numpy as np
from keras import ops

from seqzoo.layers import mixture

NONE = np.float32(-1e9)  # the log probability of a missing or forbidden hypothesis, whose sums stay finite


class Categorical(NamedTuple):
    """The distribution of the next id of N sequences.

    logits: [N, V], not normalised. attention: [N, S], the weights over the source for this step, or None.
    """

    logits: Any
    attention: Any = None


class Mixture(NamedTuple):
    """The distribution of the next vector of N sequences: K Gaussians over D dimensions, see `layers.mixture`.

    logits: [N, K], of the components, not normalised. mean, log_sigma: [N, K, D].
    """

    logits: Any
    mean: Any
    log_sigma: Any

    @classmethod
    def of(cls, parameters: keras.KerasTensor) -> "Mixture":
        """Returns the mixture with the parameters [N, K, 1 + 2 D] from `layers.mixture.MixtureDensity`."""
        return cls(*mixture.split(ops.cast(parameters, "float32")))

    def log_density(self, values: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the log density [N] of given vectors [N, D], in nats."""
        return mixture.log_density(values, *self)

    def expected(self) -> keras.KerasTensor:
        """Returns the mean [N, D]."""
        return ops.sum(ops.exp(ops.log_softmax(self.logits, axis=-1))[..., None] * self.mean, axis=-2)

    def tempered(self, temperature: keras.KerasTensor | float) -> "Mixture":
        """Takes pi^(1 / temperature), and variances times temperature, at least 1e-12 (Ha & Eck, 2018)."""
        temperature = ops.maximum(ops.cast(temperature, "float32"), 1e-12)
        below = self.logits - ops.max(self.logits, axis=-1, keepdims=True)  # 0 for the likeliest component
        return Mixture(below / temperature, self.mean, self.log_sigma + 0.5 * ops.log(temperature))


@runtime_checkable
class StepDecoder(Protocol):
    """The interface of stepwise decoding: each step reads the last value of N sequences and predicts the next one.

    `models.LanguageModelDecoder`, `models.Seq2SeqDecoder` and `models.GeneratorDecoder` are such decoders, and
    `decoding.Ensemble` combines several. Their values are ids, and a step gives a `Categorical`. The values of
    `models.VectorDecoder` are vectors of D numbers, and a step gives a `Mixture`.

    Attributes:
        begin: the id, or vector [D], that is read before the first value; it is not part of the sequence.

    A decoder may have an attribute `signature`, which describes the results of `start` as keras.KerasTensor objects
    with None for unknown dimensions: TensorFlow then traces sampling and beam search once, not for each new shape.

    A decoder whose steps are of several kinds in turn, such as the slots of a chord, may have an attribute `cycle`, the
    number of steps after which the kinds repeat. Its `step` takes the position in the cycle as `index` if Python knows
    it. This is an optimization: with None, the step reads the position from the state.
    """

    begin: int | np.ndarray

    def start(self, inputs: dict) -> tuple[list, list]:
        """Reads the inputs that are known before decoding.

        Returns:
            (fixed, state): lists (or lists of lists) of tensors [N, ...], whose rows can be repeated and reordered.
            `fixed` is only read while decoding, such as an encoded source; `state` changes with each step.
        """

    def step(self, values: keras.KerasTensor, fixed: list, state: list) -> tuple[Categorical | Mixture, list]:
        """Returns the distribution of the value after `values` [N] or [N, D], and the new state; in a compiled loop."""

    def score(self, inputs: dict, values: np.ndarray) -> np.ndarray:
        """Returns the natural log P(value_t | values before t, inputs) of given values [B, T] or [B, T, D].

        The scores are [B, T]; for vectors they are log densities.

        Values are padded with 0 on the right; the scores of padding are meaningless.
        """


def opened(decoder: object, arguments: tuple) -> tuple | None:
    """Returns the signature of a decoder's function of (*arguments, fixed, state), for `compiled`, or None."""
    return (*arguments, *decoder.signature) if hasattr(decoder, "signature") else None


def check_ids(decoder: StepDecoder, what: str) -> None:
    """Raises a ValueError if a decoder's values are vectors: a search that compares all next values needs ids."""
    if np.ndim(decoder.begin):
        raise ValueError(
            f"{what} needs a model of ids. Received: {type(decoder).__name__}, whose values are vectors of "
            f"{len(decoder.begin)} numbers: use decoding.Sampler, with temperature=0 or mean=True for one answer."
        )


def barred(logits: keras.KerasTensor, banned: tuple[int, ...]) -> keras.KerasTensor:
    """Lowers the logits [..., V] of banned ids by 1e9; V may be known only at run time."""
    ids = ops.arange(ops.shape(logits)[-1], dtype="int32")
    never = ops.any(ops.equal(ids[:, None], np.array(banned, "int32")), axis=-1)
    return logits + ops.where(never, NONE, np.float32(0.0))


def shifted(values: keras.KerasTensor, begin: int) -> keras.KerasTensor:
    """Returns the inputs for predicting the values [B, T]: `begin`, then all values but the last; 0 at padding."""
    values = ops.cast(values, "int32")
    first = ops.full_like(values[:, :1], begin)
    return ops.where(values > 0, ops.concatenate([first, values[:, :-1]], axis=1), 0)


def cast_like(tensors: list, inputs: list) -> list:
    """Casts tensors to the dtypes of a model's inputs, as a loop that feeds outputs back requires."""
    return [ops.cast(tensor, like.dtype) for tensor, like in zip(tensors, inputs, strict=True)]
