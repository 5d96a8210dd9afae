"""An encoder-decoder as functions of tensors, which `to_litert` and `to_onnx` convert.

`greedy` decodes in a single function. Callers with their own search convert `start` and `step`.
"""

from collections.abc import Callable

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.decoding.steps import barred
from seqzoo.models import Seq2SeqDecoder


def greedy(decoder: Seq2SeqDecoder, end: int, steps: int, banned: tuple[int, ...] = (0, 1)) -> tuple[Callable, dict]:
    """Decodes greedily in a loop, taking the likeliest id in each step, like a `Beam` of width 1.

    Args:
        decoder: the decoder of an encoder-decoder.
        end: id that ends an answer.
        steps: N, maximum ids of an answer; the loop always makes this many steps, even after the end.
        banned: ids that are never chosen.

    Returns:
        (function, specs): {"source": [B, S]}, or the inputs of the front -> {"tokens": [B, N]}, 0 after the end.
    """

    def step(carry, _):
        ids, done, fixed, state = carry
        distribution, state = decoder.step(ids, fixed, state)
        best = ops.cast(ops.top_k(barred(distribution.logits, banned), 1)[1][:, 0], "int32")  # [B]
        # The ids alone do not show it: a target may begin with the end mark.
        done = ops.maximum(done, ops.cast(best == end, "int32"))  # [B]
        best = best * (1 - done)
        return (best, done, fixed, state), best

    def function(inputs):
        fixed, state = decoder.encode(inputs)
        zeros = ops.cast(ops.zeros_like(state[0][:, 0]), "int32")  # [B]
        carry = zeros + decoder.begin, zeros, fixed, state
        _, ids = scan(step, carry, ops.arange(steps, dtype="int32"), like=zeros)  # [N, B]
        return {"tokens": ops.transpose(ids)}

    return function, dict(decoder.inputs)


def start(decoder: Seq2SeqDecoder) -> tuple[Callable, dict]:
    """Computes what is needed once: {"source": [B, S]}, or the inputs of the front -> the tensors of the steps.

    Returns:
        (function, specs). The outputs are the inputs of `step` besides the tokens: "fixed0" ... and "state0" ...
    """

    def function(inputs):
        return _named(*decoder.encode(inputs))

    return function, dict(decoder.inputs)


def step(decoder: Seq2SeqDecoder) -> tuple[Callable, dict]:
    """Computes a step: {"tokens": [B]}, outputs of `start` -> {"logits": [B, V], "attention": [B, S], "state0": ...}.

    Returns:
        (function, specs). The tokens are the last decoded ones, at first `decoder.begin`.
    """
    fixed, state = decoder.signature

    def function(inputs):
        parts = [[inputs[f"{kind}{i}"] for i in range(len(parts))] for kind, parts in _kinds(fixed, state)]
        distribution, after = decoder.step(inputs["tokens"], *parts)
        attention = {} if distribution.attention is None else {"attention": distribution.attention}
        return {"logits": distribution.logits, **attention, **_named([], after)}

    return function, {"tokens": keras.KerasTensor([None], "int32"), **_named(fixed, state)}


def _kinds(fixed, state):
    return ("fixed", fixed), ("state", state)


def _named(fixed, state):
    return {f"{kind}{i}": part for kind, parts in _kinds(fixed, state) for i, part in enumerate(parts)}
