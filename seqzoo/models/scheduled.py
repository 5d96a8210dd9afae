"""Scheduled sampling: in training, a decoder now and then reads what it said itself instead of what was right."""

import math

import keras
from keras import ops

from seqzoo.models.seq2seq import Translator

SCHEDULES = ("linear", "exponential", "inverse_sigmoid")


class Scheduled(keras.Model):
    """An encoder-decoder that is trained on inputs of which some are drawn by itself. Made by `scheduled`.

    Each input token behind the begin mark is the right one with probability e_i at training step i, else one that is
    drawn from the model's distribution at the step before, which has read the mixed tokens before it::

        linear             e_i = max(e, 1 - i / n)             nothing is right any more after n steps
        exponential        e_i = max(e, k^i)                   half of it after n steps, k = 2^(-1 / n)
        inverse_sigmoid    e_i = max(e, k / (k + exp(i / k)))  half of it after n steps, n = k log k; slow at first

    What is drawn has no gradient, in the paper too. So it is drawn first, step by step and without dropout; then all
    steps are trained at once on the mixed tokens. That serves every kind of decoder, and the slow part is forward only.

    Source: Bengio et al., 2015, Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks, section 2.4.

    What is saved is the plain model; the number of steps so far is one of this model's variables.
    """

    def sample(self, schedule, steps, least=0.0, seed=None):
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule should be one of {', '.join(SCHEDULES)}. Received: {schedule!r}")
        if steps <= 0 or not 0 <= least <= 1:
            raise ValueError(f"steps should be above 0, least from 0 to 1. Received: {steps}, {least}")
        self.schedule, self.length, self.least = schedule, steps, least
        self.steps = self.add_weight((), "zeros", dtype="int32", trainable=False, name="sampling_steps")
        self.noise = keras.random.SeedGenerator(seed)  # a part of the model's state, which a checkpoint keeps
        self.translator = Translator(self)
        return self

    def call(self, inputs, training=None, mask=None):
        if training:
            drawn = self.mixed(inputs, share_drawn(self.schedule, self.steps, self.length, self.least))
            self.steps.assign_add(1)
            inputs = {**inputs, "target": drawn}
        return super().call(inputs, training=training)

    def mixed(self, inputs, share):
        """`inputs["target"]` [B, T] with that share of the tokens behind the begin mark drawn by the model."""
        right = ops.convert_to_tensor(inputs["target"], "int32")
        # All that is drawn at random is drawn here, at once: 0 decides whose token it is, 1 which token is drawn.
        u = keras.random.uniform((2, *ops.shape(right)), seed=self.noise)
        fixed, state = self.translator.start(inputs["source"])

        def step(carry, t):
            """Reads the ids of a step; gives those of the next one, t."""
            ids, *state = carry
            logits, state, _ = self.translator(ids, fixed, state)
            own = ops.logical_and(u[0, :, t] < share, right[:, t] > 0)
            carry = [ops.where(own, draw(ops.stop_gradient(logits), u[1, :, t]), right[:, t]), *state]
            return carry, carry

        places = ops.arange(1, ops.shape(right)[1])
        _, (ids, *_) = ops.scan(step, [right[:, 0], *state], places)  # [T - 1, B]
        return ops.concatenate([right[:, :1], ops.transpose(ids)], axis=1)


def share_drawn(schedule, step, length, least=0.0):
    """1 - e_i: the share of the input tokens that the model draws itself at training step i, see `Scheduled`."""
    i, n = ops.cast(step, "float32"), float(length)
    if schedule == "linear":
        right = 1 - i / n
    elif schedule == "exponential":
        right = ops.exp(-math.log(2) * i / n)
    else:
        k = _rate(n)
        right = ops.sigmoid(math.log(k) - i / k)  # k / (k + exp(i / k)), without overflow
    return 1 - ops.maximum(right, least)


def _rate(n):
    """The k with k log k = n, where k / (k + exp(n / k)) is a half."""
    k = math.e + n
    for _ in range(50):  # Newton's method; the function is convex
        k -= (k * math.log(k) - n) / (math.log(k) + 1)
    return k


def draw(logits, u):
    """The ids [B] that noise u [B] from 0 to 1 draws from logits [B, V]; never padding, whose probability is 0."""
    reached = ops.cumsum(ops.softmax(ops.cast(logits, "float32")), axis=-1)
    place = ops.sum(ops.cast(reached <= u[:, None] * reached[:, -1:], "int32"), axis=-1)
    return ops.minimum(place, logits.shape[-1] - 1)  # u next to 1 may round to the sum itself


def scheduled(model, schedule="inverse_sigmoid", steps=10_000, least=0.0, seed=None):
    """`model`, of `seq2seq`, as one that is trained with scheduled sampling, see `Scheduled`.

    Args:
        schedule: "linear", "exponential" or "inverse_sigmoid".
        steps: n, of training, until none (linear) or half (the others) of the tokens are the right ones.
        least: share of right tokens that is kept.
        seed: of what is drawn.
    """
    return Scheduled(model.input, model.output, name=model.name).sample(schedule, steps, least, seed)
