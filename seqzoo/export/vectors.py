"""Signatures of exported runs whose models predict vectors of numbers, one after another."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqzoo.data.windows import before
from seqzoo.decoding.continuation import continued
from seqzoo.decoding.sampling import Sampler
from seqzoo.export.generating import LENGTH
from seqzoo.export.signatures import Signature

if TYPE_CHECKING:
    from seqzoo.training.folder import Run


CHECKED = 8  # frames of a continuation that answers are compared on


def vectors(run: "Run", labels: list[str]) -> dict[str, Signature]:
    """Returns the signatures of a run whose predictor is a `models.VectorDecoder`: a step, and whole continuations.

    Args:
        run: the trained run.
        labels: the labels that samples can have, with ids from 1.
    """
    decoder = run.predictor
    D, begin = len(decoder.begin), decoder.begin
    sizes = {f"state{number}": part.shape[-1] for number, part in enumerate(decoder.signature[1])}
    states = {name: f"[B, {size}]" for name, size in sizes.items()}
    asked = {name: tf.TensorSpec([None], tf.int32, name) for name in decoder.known}
    first = (
        f"Begin with the state of `start` and the frame {np.round(begin[:3], 3).tolist()}{' ...' * (D > 3)}, the mean."
    )

    def named(fixed, state):
        parts = {f"fixed{number}": part for number, part in enumerate(fixed)}
        return parts | dict(zip(states, state, strict=True))

    def start(inputs):
        rows = tf.fill([inputs["rows"]], 0)
        return named(*decoder.begun(rows, {name: inputs[name] for name in decoder.known}))

    def step(inputs):
        fixed = [inputs[f"fixed{number}"] for number in range(len(decoder.signature[0]))]
        distribution, state = decoder.step(inputs["frame"], fixed, [inputs[name] for name in states])
        return {**distribution._asdict(), **named([], state)}

    def sample(inputs):
        frames, length = inputs["frames"], inputs["length"]  # [B, P, D]
        rows, known = tf.shape(frames)[0], tf.shape(frames)[1]
        fixed, state = decoder.begun(tf.fill([rows], 0), {name: inputs[name] for name in decoder.known})
        forced = tf.concat([tf.transpose(frames, [1, 0, 2]), tf.fill([length, rows, D], np.nan)], 0)
        noise = tf.random.stateless_uniform([known + length, rows, 1 + D], [inputs["seed"], 0])
        sampler = Sampler(_Tempered(decoder, inputs["temperature"]))
        origin, done = tf.tile(begin[None], [rows, 1]), tf.fill([rows], False)
        drawn, *_ = sampler.loop(1, origin, done, noise, forced, fixed, state)
        return {"frames": tf.transpose(drawn[known:], [1, 0, 2])}

    def given(example):
        """Returns ({name: [1]} of the conditions, the first half of an example)."""
        frames = np.asarray(example["frames"], "float32")[: 2 * CHECKED]
        return {name: np.ones(1, "int32") for name in decoder.known}, frames[: max(1, len(frames) // 2)]

    def start_case(example):
        known, _ = given(example)
        return {"rows": np.int32(1), **known}, _arrays(named(*decoder.start({"rows": 1, **known})))

    def step_case(example):
        known, frames = given(example)
        read = {"frames": before(frames, begin)[None], "frames_length": np.array([len(frames)])}
        fixed, state = decoder.start({**read, **known})
        distribution, after = decoder.step(tf.constant(frames[-1:]), fixed, state)
        inputs = {"frame": frames[-1:], **named(fixed, state)}
        return _arrays(inputs), _arrays({**distribution._asdict(), **named([], after)})

    def sample_case(example):
        known, frames = given(example)
        (found,) = continued(decoder, [frames], [{name: value[0] for name, value in known.items()}], CHECKED, "mode")
        choices = {"length": np.int32(CHECKED), "temperature": np.float32(0), "seed": np.int32(0)}
        return {"frames": frames[None], **known, **choices}, {"frames": found.frames[None]}

    state_specs = {name: tf.TensorSpec([None, size], tf.float32, name) for name, size in sizes.items()}
    fixed_sizes = {f"fixed{number}": part.shape[-1] for number, part in enumerate(decoder.signature[0])}
    fixed_specs = {name: tf.TensorSpec([None, size], tf.float32, name) for name, size in fixed_sizes.items()}
    chosen = {
        "temperature": tf.TensorSpec([], tf.float32, "temperature"),
        "seed": tf.TensorSpec([], tf.int32, "seed"),
    }
    said = f" `label` is 0, unknown, or the number of one of {', '.join(labels)}." if labels else ""
    return {
        "start": Signature(
            summary=f"The state before the first frame, for a number of sequences.{said}",
            specs={"rows": tf.TensorSpec([], tf.int32, "rows"), **asked},
            function=start,
            case=start_case,
            outputs={**{name: f"[B, {size}], for each step" for name, size in fixed_sizes.items()}, **states},
        ),
        "step": Signature(
            summary=f"Reads a frame: the mixture of Gaussians of the next one, and the state after it. {first}",
            specs={"frame": tf.TensorSpec([None, D], tf.float32, "frame"), **fixed_specs, **state_specs},
            function=step,
            case=step_case,
            outputs={
                "logits": "[B, K], of the components, not normalised",
                "mean": f"[B, K, {D}]",
                "log_sigma": f"[B, K, {D}]",
                **states,
            },
        ),
        "sample": Signature(
            summary="Continues first frames, or none, by `length` frames. `temperature` 0: the mean of the likeliest "
            f"component at each step. The same seed draws the same frames.{said}",
            specs={"frames": tf.TensorSpec([None, None, D], tf.float32, "frames"), **asked, **LENGTH, **chosen},
            function=sample,
            case=sample_case,
            outputs={"frames": f"[B, length, {D}]"},
        ),
    }


class _Tempered:
    """A decoder of vectors with a tensor as temperature, see `decoding.steps.Mixture.tempered`."""

    def __init__(self, decoder, temperature):
        self.decoder, self.temperature, self.begin = decoder, temperature, decoder.begin

    def step(self, values, fixed, state):
        distribution, state = self.decoder.step(values, fixed, state)
        return distribution.tempered(self.temperature), state


def _arrays(parts):
    return {name: np.asarray(part) for name, part in parts.items()}
