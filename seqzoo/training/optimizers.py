"""Optimizers: those of Keras, with clipping, weight averaging and gradient accumulation for recurrent networks."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from seqzoo.backend.distribution import sum_over_devices
from seqzoo.config import Config


class LazyAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2015) that updates only the embedding rows that occur in a batch.

    Adam moves every row of a table at each step, also those with a gradient of 0: with 400,000 rows this takes longer
    than the network. TensorFlow returns the gradient of a lookup as sparse rows (``tf.IndexedSlices``); for these, only
    the rows and their moments are updated. Dense gradients, and all gradients on other backends, are updated by Adam.

    It must not be compiled by XLA (``jit_compile``), under which ``tf.unique`` returns wrong rows.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not _is_rows(gradient):
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        gradient = _summed(gradient)  # a word that occurs twice has two rows
        rows, g = gradient.indices, gradient.values
        lr = ops.cast(learning_rate, g.dtype)
        t = ops.cast(self.iterations + 1, g.dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index].value, self._velocities[index].value
        m_rows = self.beta_1 * tf.gather(m, rows) + (1 - self.beta_1) * g
        v_rows = self.beta_2 * tf.gather(v, rows) + (1 - self.beta_2) * g * g
        alpha = lr * ops.sqrt(1 - ops.power(self.beta_2, t)) / (1 - ops.power(self.beta_1, t))
        m.scatter_update(tf.IndexedSlices(m_rows, rows))
        v.scatter_update(tf.IndexedSlices(v_rows, rows))
        variable = variable if isinstance(variable, tf.Variable) else variable.value  # Keras passes either
        variable.scatter_sub(tf.IndexedSlices(alpha * m_rows / (ops.sqrt(v_rows) + self.epsilon), rows))


def _is_rows(gradient):
    """Whether a gradient consists of sparse rows."""
    return hasattr(gradient, "indices") and hasattr(gradient, "values")


def _summed(gradient):
    """Sums duplicate rows of a sparse gradient; returns other gradients unchanged."""
    if not _is_rows(gradient):
        return gradient
    import tensorflow as tf

    rows, positions = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _mapped(function, gradient):
    """Applies `function` to the values of a gradient. None, the gradient of an unused weight, stays None."""
    if gradient is None:
        return None
    if _is_rows(gradient):
        return type(gradient)(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


class _Sum:
    """Sums the gradients of a variable over batches, in variables of its optimizer. TensorFlow only.

    Of sparse gradients, only the rows that occurred are summed and returned.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, variable: keras.Variable):
        self.total = optimizer.add_variable_from_reference(variable, name="accumulated")
        self.touched = optimizer.add_variable(
            variable.shape[:1], dtype="bool", name="touched"
        )  # which rows have a gradient

    def add(self, gradient: Any) -> None:
        if not _is_rows(gradient):
            self.total.assign_add(gradient)
            return
        import tensorflow as tf

        rows = gradient.indices
        self.total.value.scatter_add(gradient)
        self.touched.value.scatter_update(tf.IndexedSlices(tf.ones_like(rows, "bool"), rows))

    def mean(self, gradient: Any, count: int) -> Any:
        """The mean over `count` batches, sparse if `gradient`, the last one, is; resets the sum."""
        import tensorflow as tf

        if not _is_rows(gradient):
            mean = self.total.value / count
            self.total.assign(tf.zeros_like(mean))
            return mean
        rows = tf.where(self.touched.value)[:, 0]
        mean = tf.gather(self.total.value, rows) / count
        self.total.value.scatter_update(tf.IndexedSlices(tf.zeros_like(mean), rows))
        self.touched.value.scatter_update(tf.IndexedSlices(tf.zeros_like(rows, "bool"), rows))
        return tf.IndexedSlices(mean, rows, gradient.dense_shape)


class _Stabilized:
    """Mixin for optimizers: gradient accumulation, clipping, and a moving average of the weights.

    With `accumulate`, each step uses the mean gradient of that many batches; batches left over at the end of an epoch
    are kept in optimizer variables for the next. Clipping, averaging and the update happen once a step, and only the
    rows of a table that occurred are summed. Keras's own `gradient_accumulation_steps` counts batches instead of steps
    for the learning rate, makes sparse rows dense, and would come after the clipping of each batch.

    Gradients are clipped by value and then by global norm (Pascanu et al., 2013). The average starts at the initial
    weights and its decay warms up, min(average, (1 + t) / (10 + t)), so that early weights are soon forgotten.
    """

    def stabilize(self, clip_norm: float, clip_value: float, average: float, accumulate: int) -> "_Stabilized":
        self.clip_norm, self.clip_value_at, self.average = clip_norm, clip_value, average
        self.accumulate = accumulate
        self.averages = []
        return self

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        if self.average:
            self.averages = [self.add_variable_from_reference(v, name="average") for v in variables]
            for average, variable in zip(self.averages, variables, strict=True):
                average.assign(ops.copy(variable))  # JAX donates the arrays: they must not be shared
        if self.accumulate > 1:
            self.batches = self.add_variable((), dtype="int32", name="accumulated_batches")
            self.sums = [_Sum(self, variable) for variable in variables]

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars  # Keras would sum over devices here, after clipping

    def apply(self, grads: list, trainable_variables: list | None = None) -> None:
        if self.accumulate == 1:
            self.step(grads, trainable_variables)
            return
        variables = trainable_variables or self._trainable_variables
        sums = [(self.sums[self._get_variable_index(v)], g) for v, g in zip(variables, grads, strict=True)]
        for total, g in sums:
            if g is not None:
                total.add(g)
        self.batches.assign_add(1)

        def step():
            self.step([g if g is None else total.mean(g, self.accumulate) for total, g in sums], variables)
            self.batches.assign(0)

        ops.cond(self.batches >= self.accumulate, step, lambda: None)

    def step(self, grads: list, trainable_variables: list | None) -> None:
        grads = [_summed(g) for g in sum_over_devices(grads)]
        if self.clip_value_at:
            grads = [_mapped(lambda g: ops.clip(g, -self.clip_value_at, self.clip_value_at), g) for g in grads]
        if self.clip_norm:
            values = [g.values if _is_rows(g) else g for g in grads if g is not None]
            norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in values))
            scale = self.clip_norm / ops.maximum(norm, self.clip_norm)
            grads = [_mapped(lambda g: g * ops.cast(scale, g.dtype), g) for g in grads]
        super().apply(grads, trainable_variables)
        if self.average:
            t = ops.cast(self.iterations, "float32")
            decay = ops.minimum(self.average, (1 + t) / (10 + t))
            for average, variable in zip(self.averages, self._trainable_variables, strict=True):
                average.assign(average + ops.cast(1 - decay, variable.dtype) * (variable - average))


class _WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 to `schedule` over the first `steps`."""

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, steps: int):
        self.schedule, self.steps = schedule, steps

    def __call__(self, step):
        return self.schedule(step) * ops.minimum(1.0, (ops.cast(step, "float32") + 1) / self.steps)

    def get_config(self):
        return {"schedule": self.schedule, "steps": self.steps}


class _Constant(keras.optimizers.schedules.LearningRateSchedule):
    """The same learning rate at every step."""

    def __init__(self, learning_rate: float):
        self.learning_rate = learning_rate

    def __call__(self, step):
        return ops.cast(self.learning_rate, "float32")

    def get_config(self):
        return {"learning_rate": self.learning_rate}


def schedule(config: Config, batches: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning-rate schedule of a config.

    Args:
        config: has the options of the group Training.
        batches: number of batches in an epoch; `accumulate` of them make a step.
    """
    steps = batches / config.accumulate
    decay_steps = max(1, round(config.decay_epochs * steps))
    rate = config.learning_rate
    schedules = keras.optimizers.schedules
    falling = {
        "constant": lambda: _Constant(rate),
        "exponential": lambda: schedules.ExponentialDecay(rate, decay_steps, config.decay_rate, staircase=True),
        "inverse_time": lambda: schedules.InverseTimeDecay(rate, decay_steps, config.decay_rate),
        "cosine": lambda: schedules.CosineDecay(rate, max(1, config.epochs * batches // config.accumulate)),
    }[config.schedule]()
    return _WarmUp(falling, math.ceil(config.warmup * steps)) if config.warmup else falling


def optimizer(config: Config, batches: int) -> keras.optimizers.Optimizer:
    """A Keras optimizer with the schedule, clipping, averaging and accumulation of a config.

    Args:
        config: has the options of the group Training.
        batches: number of batches in an epoch.

    Returns:
        The optimizer; its attribute `averages` holds the averaged weights, in the order of the trainable ones. For
        float16 it is the `inner_optimizer` of a `keras.optimizers.LossScaleOptimizer`, which skips batches whose
        gradients overflow.

    Raises:
        ValueError: accumulation on a backend other than TensorFlow, or over more batches than an epoch has.
    """
    if config.accumulate > 1 and keras.backend.backend() != "tensorflow":
        raise ValueError(f"--accumulate needs TensorFlow. Received: backend {keras.backend.backend()}")
    if config.accumulate > batches:
        raise ValueError(
            f"--accumulate should be at most {batches}, the batches of an epoch, or some epochs make no step. "
            f"Received: {config.accumulate}"
        )
    classes = {name.lower(): thing for name, thing in vars(keras.optimizers).items() if isinstance(thing, type)}
    base = LazyAdam if config.optimizer == "adam" else classes[config.optimizer]
    # Keras's AdamW decays by 0.004 by default; here 0 means 0.
    kwargs = {"weight_decay": config.weight_decay} if config.weight_decay or config.optimizer == "adamw" else {}
    made = type(base.__name__, (_Stabilized, base), {})(learning_rate=schedule(config, batches), **kwargs)
    made.stabilize(config.clip_norm, config.clip_value, config.average, config.accumulate)
    return keras.optimizers.LossScaleOptimizer(made) if config.precision == "mixed_float16" else made


class averaged:
    """Context in which the trainable weights of a model are replaced by their moving averages, if there are any."""

    def __init__(self, model: keras.Model):
        self.model = model

    def __enter__(self):
        averages = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer).averages
        self.own = [np.array(v) for v in self.model.trainable_variables] if averages else []
        for variable, average in zip(self.model.trainable_variables, averages, strict=bool(averages)):
            variable.assign(ops.copy(average))

    def __exit__(self, *error):
        for variable, own in zip(self.model.trainable_variables, self.own, strict=bool(self.own)):
            variable.assign(own)
