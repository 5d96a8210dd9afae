"""Scheduled sampling: in training, a decoder sometimes reads its own prediction instead of the right token."""

import math

import keras
from keras import ops

from seqzoo.backend.gradients import scan
from seqzoo.decoding.sampling import choose
from seqzoo.models.seq2seq import Seq2SeqDecoder

SAMPLING_SCHEDULES = ("linear", "exponential", "inverse_sigmoid")


class Scheduled(keras.Model):
    """An encoder-decoder trained on inputs that it partly sampled itself. Made by `scheduled`.

    Each input token after the begin mark is the correct one with probability e_i at training step i; else it is sampled
    from the model's distribution at the step before, which has read the mixed tokens before it::

        linear             e_i = max(e, 1 - i / n)             after n steps all are sampled
        exponential        e_i = max(e, k^i)                   after n steps half are, k = 2^(-1 / n)
        inverse_sigmoid    e_i = max(e, k / (k + exp(i / k)))  after n steps half are, n = k log k

    As in the paper, sampled tokens have no gradient. So they are sampled first, step by step and without dropout; then
    all steps are trained at once on the mixed tokens. This works with every kind of decoder, and the slow part runs
    forward only. The inverse sigmoid falls slowly at first.

    Source: Bengio et al., 2015, Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, section 2.4.

    It is saved as the plain model. Checkpoints also keep the number of steps so far.
    """

    def sample(self, schedule: str, steps: float, least: float = 0.0, seed: int | None = None) -> "Scheduled":
        if schedule not in SAMPLING_SCHEDULES:
            raise ValueError(f"schedule should be one of {', '.join(SAMPLING_SCHEDULES)}. Received: {schedule!r}")
        if steps <= 0 or not 0 <= least <= 1:
            raise ValueError(f"steps should be above 0, least from 0 to 1. Received: {steps}, {least}")
        self.schedule, self.length, self.least = schedule, steps, least
        self.steps = self.add_weight((), "zeros", dtype="int32", trainable=False, name="sampling_steps")
        self.noise = keras.random.SeedGenerator(seed)  # part of the model's state, so that a checkpoint keeps it
        self.decoder = Seq2SeqDecoder(self)
        return self

    def call(
        self,
        inputs: dict[str, keras.KerasTensor],
        training: bool | None = None,
        mask: dict[str, keras.KerasTensor | None] | None = None,
    ) -> keras.KerasTensor:
        if training:
            mixed = self.mixed(inputs, share_sampled(self.schedule, self.steps, self.length, self.least))
            self.steps.assign_add(1)
            inputs = {**inputs, "target": mixed}
        return super().call(inputs, training=training)

    def mixed(self, inputs: dict, share: keras.KerasTensor) -> keras.KerasTensor:
        """Returns `inputs["target"]` [B, T] with some tokens after the begin mark replaced by the model's samples."""
        right = ops.convert_to_tensor(inputs["target"], "int32")
        # All random numbers are drawn here, at once: [0] decides whether to sample, [1] which token.
        u = keras.random.uniform((2, *ops.shape(right)), seed=self.noise)
        fixed, state = self.decoder.start(inputs)

        def step(carry, row):
            """Reads a step's ids and returns the next step's; `row` holds that step's right ids and random numbers."""
            (ids, *state), (right, mine, u) = carry, row
            distribution, state = self.decoder.step(ids, fixed, state)
            own = ops.logical_and(mine < share, right > 0)
            sampled = choose(ops.stop_gradient(distribution.logits), u)
            ids = ops.where(own, sampled, right)
            return [ids, *state], ids

        rows = [ops.transpose(part[:, 1:]) for part in (right, u[0], u[1])]  # [T - 1, B]
        _, ids = scan(step, [right[:, 0], *state], rows, like=right[:, 0])  # [T - 1, B]
        return ops.concatenate([right[:, :1], ops.transpose(ids)], axis=1)


def share_sampled(schedule: str, step: keras.Variable | int, length: float, least: float = 0.0) -> keras.KerasTensor:
    """Returns 1 - e_i: the share of the input tokens that the model samples at training step i, see `Scheduled`."""
    i, n = ops.cast(step, "float32"), float(length)
    if schedule == "linear":
        right = 1 - i / n
    elif schedule == "exponential":
        right = ops.exp(-math.log(2) * i / n)
    else:
        k = _rate(n)
        right = ops.sigmoid(math.log(k) - i / k)  # k / (k + exp(i / k)), without overflow
    return 1 - ops.maximum(right, least)


def _rate(n: float) -> float:
    """Returns the k with k log k = n, where k / (k + exp(n / k)) is a half."""
    k = math.e + n
    for _ in range(50):  # Newton's method; the function is convex
        k -= (k * math.log(k) - n) / (math.log(k) + 1)
    return k


def scheduled(
    model: keras.Model,
    schedule: str = "inverse_sigmoid",
    steps: float = 10_000,
    least: float = 0.0,
    seed: int | None = None,
) -> Scheduled:
    """Makes a `seq2seq` model train with scheduled sampling, see `Scheduled`.

    Args:
        schedule: "linear", "exponential" or "inverse_sigmoid".
        steps: n, training steps until none (linear) or half (the others) of the tokens are the right ones.
        least: e, the minimum share of right tokens.
        seed: seed of the sampling.
    """
    return Scheduled(model.input, model.output, name=model.name).sample(schedule, steps, least, seed)
