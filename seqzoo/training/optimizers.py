"""Optimizers: Keras's own, with the remedies that recurrent networks need."""

import math

import keras
import numpy as np
from keras import ops

from seqzoo.backend.distribution import summed


class LazyAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2015) that updates only the rows of an embedding that a batch touched.

    Adam moves every row of a table at each step, also those whose gradient is 0: with 400,000 rows that takes longer
    than the network. TensorFlow gives the gradient of a lookup as rows (``tf.IndexedSlices``); for those only the rows
    named are updated, moments too. Dense gradients, and all gradients on other backends, are updated as by Adam.

    Not to be compiled by XLA (``jit_compile``), under which ``tf.unique`` gives it wrong rows.
    """

    def update_step(self, gradient, variable, learning_rate):
        if not _is_rows(gradient):
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        gradient = _summed(gradient)  # a word that comes twice has two rows
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
    """Whether a gradient is TensorFlow's list of rows."""
    return hasattr(gradient, "indices") and hasattr(gradient, "values")


def _summed(gradient):
    """A gradient in rows with each row named once, its parts summed; other gradients as they are."""
    if not _is_rows(gradient):
        return gradient
    import tensorflow as tf

    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _mapped(function, gradient):
    """`function` of a gradient's values; None, which a weight outside of the loss has, stays None."""
    if gradient is None:
        return None
    if _is_rows(gradient):
        return type(gradient)(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


class _Sum:
    """The sum of gradients of a variable, in variables of its optimizer; of gradients in rows, of the rows there are.

    On TensorFlow.
    """

    def __init__(self, optimizer, variable):
        self.total = optimizer.add_variable_from_reference(variable, name="accumulated")
        self.touched = optimizer.add_variable(variable.shape[:1], dtype="bool", name="touched")  # which rows have one

    def add(self, gradient):
        if not _is_rows(gradient):
            self.total.assign_add(gradient)
            return
        import tensorflow as tf

        rows = gradient.indices
        self.total.value.scatter_add(gradient)
        self.touched.value.scatter_update(tf.IndexedSlices(tf.ones_like(rows, "bool"), rows))

    def mean(self, gradient, count):
        """The sum over `count`, in rows if `gradient`, the last one of it, is; the sum begins anew."""
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


class _Remedies:
    """Mixin for an optimizer class: accumulated gradients, clipping, and a moving average of the weights.

    With `accumulate` each step is of the mean gradient of so many batches; those that an epoch's end leaves over wait
    for the next epoch, in variables of the optimizer. All but the sum is done once a step, and of a table only the rows
    that were read are summed up and handed on. Keras's `gradient_accumulation_steps` counts batches for the learning
    rate and makes these rows dense, and what is done here would be done before it, at each batch.

    Gradients are clipped by value and then by global norm (Pascanu et al., 2013). The average starts from the first
    weights and its decay warms up, min(average, (1 + t) / (10 + t)), so that early weights are soon forgotten.
    """

    def set_remedies(self, clip_norm, clip_value, average, accumulate):
        self.clip_norm, self.clip_value_at, self.average = clip_norm, clip_value, average
        self.accumulate = accumulate
        self.averages = []
        return self

    def build(self, variables):
        if self.built:  # as in Keras's own, again does nothing
            return
        super().build(variables)
        if self.average:
            self.averages = [self.add_variable_from_reference(v, name="average") for v in variables]
            for average, variable in zip(self.averages, variables, strict=True):
                average.assign(ops.copy(variable))  # JAX gives up the array of each: they may not share one
        if self.accumulate > 1:
            self.batches = self.add_variable((), dtype="int32", name="accumulated_batches")
            self.sums = [_Sum(self, variable) for variable in variables]

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars  # Keras sums over the devices here, where it is too late to clip

    def apply(self, grads, trainable_variables=None):
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

    def step(self, grads, trainable_variables):
        grads = [_summed(g) for g in summed(grads)]
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
    """A schedule that starts at 0 and rises in a line to `schedule` over the first `steps`."""

    def __init__(self, schedule, steps):
        self.schedule, self.steps = schedule, steps

    def __call__(self, step):
        return self.schedule(step) * ops.minimum(1.0, (ops.cast(step, "float32") + 1) / self.steps)

    def get_config(self):
        return {"schedule": self.schedule, "steps": self.steps}


class _Constant(keras.optimizers.schedules.LearningRateSchedule):
    """The same learning rate at every step."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def __call__(self, step):
        return ops.cast(self.learning_rate, "float32")

    def get_config(self):
        return {"learning_rate": self.learning_rate}


def schedule(config, batches):
    """The learning rate of each step.

    Args:
        config: options of group Training.
        batches: batches of one epoch, of which `accumulate` make a step.
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


def optimizer(config, batches):
    """A Keras optimizer with the schedule, clipping, averaging and accumulation of a config.

    Args:
        config: options of group Training.
        batches: batches of one epoch.

    Returns:
        The optimizer; its attribute `averages` holds the averaged weights, in the order of the trainable ones. For
        float16 it is the `inner_optimizer` of a `keras.optimizers.LossScaleOptimizer`, which skips batches whose
        gradients overflow: they are no part of a step.

    Raises:
        ValueError: gradients are to be accumulated on another backend than TensorFlow, or of more batches than there
            are.
    """
    if config.accumulate > 1 and keras.backend.backend() != "tensorflow":
        raise ValueError(f"--accumulate needs TensorFlow. Received: backend {keras.backend.backend()}")
    if config.accumulate > config.epochs * batches:
        raise ValueError(
            f"--accumulate should be at most {config.epochs * batches}, the batches of all epochs, or no step is made. "
            f"Received: {config.accumulate}"
        )
    classes = {name.lower(): thing for name, thing in vars(keras.optimizers).items() if isinstance(thing, type)}
    base = LazyAdam if config.optimizer == "adam" else classes[config.optimizer]
    # Keras's AdamW has a decay of its own, 0.004; here the config's 0 is 0.
    kwargs = {"weight_decay": config.weight_decay} if config.weight_decay or config.optimizer == "adamw" else {}
    made = type(base.__name__, (_Remedies, base), {})(learning_rate=schedule(config, batches), **kwargs)
    made.set_remedies(config.clip_norm, config.clip_value, config.average, config.accumulate)
    return keras.optimizers.LossScaleOptimizer(made) if config.precision == "mixed_float16" else made


class averaged:
    """Context in which a model's trainable weights are their moving averages (or as they are without averaging)."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        averages = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer).averages
        self.own = [np.array(v) for v in self.model.trainable_variables] if averages else []
        for variable, average in zip(self.model.trainable_variables, averages, strict=bool(averages)):
            variable.assign(ops.copy(average))

    def __exit__(self, *error):
        for variable, own in zip(self.model.trainable_variables, self.own, strict=bool(self.own)):
            variable.assign(own)
