"""Keras optimizers with clipping, weight averaging and gradient accumulation for recurrent networks."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from seqzoo.backend.distribution import sum_over_devices
from seqzoo.backend.rows import lookup
from seqzoo.config import Config

if TYPE_CHECKING:
    import tensorflow as tf


ROWS = 1 << 16  # of a table, whose averages are computed at once


class LazyAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba, 2015) that updates only the rows of a table that a batch looked up.

    Adam moves every row of a table at each step, even rows with a gradient of 0: with 400,000 rows this takes longer
    than the network. TensorFlow returns the gradient of a lookup, such as of embeddings or of the negatives of a
    sampled softmax, as sparse rows (``tf.IndexedSlices``); only these rows and their moments are updated. Dense
    gradients are applied by TensorFlow's own kernel, in one pass over the memory instead of Keras's ten or so. On other
    backends, Keras's Adam does everything.

    Do not compile it with XLA (``jit_compile``), under which ``tf.unique`` returns wrong rows.
    """

    def update_step(
        self,
        gradient: "keras.KerasTensor | tf.IndexedSlices",
        variable: "keras.Variable | tf.Variable",
        learning_rate: keras.KerasTensor,
    ) -> None:
        if keras.backend.backend() != "tensorflow":
            return super().update_step(gradient, variable, learning_rate)
        import tensorflow as tf

        lr = ops.cast(learning_rate, gradient.dtype)
        t = ops.cast(self.iterations + 1, gradient.dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index].value, self._velocities[index].value
        variable = variable if isinstance(variable, tf.Variable) else variable.value  # Keras passes either
        if not _is_rows(gradient):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, beta1_power=ops.power(self.beta_1, t),
                beta2_power=ops.power(self.beta_2, t), lr=lr, beta1=self.beta_1, beta2=self.beta_2,
                epsilon=self.epsilon, grad=gradient,
            )  # fmt: skip
            return
        gradient = _summed(gradient)  # a word that occurs twice has two rows
        rows, g = gradient.indices, gradient.values
        m_rows = self.beta_1 * tf.gather(m, rows) + (1 - self.beta_1) * g
        v_rows = self.beta_2 * tf.gather(v, rows) + (1 - self.beta_2) * g * g
        alpha = lr * ops.sqrt(1 - ops.power(self.beta_2, t)) / (1 - ops.power(self.beta_1, t))
        m.scatter_update(tf.IndexedSlices(m_rows, rows))
        v.scatter_update(tf.IndexedSlices(v_rows, rows))
        variable.scatter_sub(tf.IndexedSlices(alpha * m_rows / (ops.sqrt(v_rows) + self.epsilon), rows))


def _is_rows(gradient):
    """Returns whether a gradient consists of sparse rows."""
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

    For sparse gradients, only the rows that occurred are summed and returned.
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
        """Returns the mean over `count` batches, sparse if the last `gradient` is; resets the sum."""
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


def _subtract(variable, scale, x):
    """Computes variable -= scale * x, on TensorFlow in one pass over the memory."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.raw_ops.ResourceApplyGradientDescent(var=variable.value.handle, alpha=scale, delta=x)
    else:
        variable.assign(variable - scale * x)


class _Average:
    """The moving average a of a variable v: a <- d a + (1 - d) v, with a decay d of each step.

    If a step changes only some rows of a table, the averages of the others wait. While v stays the same, the steps from
    s to t amount to a <- v + d_s ... d_t (a - v), which is applied when the row changes again or its average is needed.

    Args:
        optimizer: holds the variables of the average.
        variable: v.
        decayed: -log of the product of all decays so far, a variable.
        lazy: whether a step changes only the rows of a table that are in a sparse gradient.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, variable: keras.Variable, decayed: keras.Variable, lazy: bool
    ):
        self.variable, self.decayed = variable, decayed
        self.average = optimizer.add_variable_from_reference(variable, name="average")
        self.average.assign(ops.copy(variable))  # JAX donates the arrays: they must not be shared
        self.seen = None
        if lazy and len(variable.shape):  # TensorFlow counts the shape of a scalar as true
            # `decayed` at the last step that a row's average has seen; below 0: it is up to date.
            never = keras.initializers.Constant(-1.0)
            self.seen = optimizer.add_variable(variable.shape[:1], never, "float32", name="seen")

    def catch_up(self, gradient: Any) -> None:
        """Before a step, brings the averages of the rows that it will change up to date."""
        if self.seen is not None and _is_rows(gradient):
            self._update(self.average, gradient.indices, self._rows(gradient.indices))

    def follow(self, gradient: Any, decay: Any) -> None:
        """Updates the average after a step with this decay."""
        keep = ops.cast(1 - decay, self.variable.dtype)
        if self.seen is None or not _is_rows(gradient):
            _subtract(self.average, keep, self.average - self.variable)
            return
        rows = gradient.indices
        a, v = lookup(self.average, rows), lookup(self.variable, rows)
        self._update(self.average, rows, a + keep * (v - a))
        self._update(self.seen, rows, ops.broadcast_to(self.decayed, ops.shape(rows)))

    def take(self) -> None:
        """Replaces the variable by its average."""
        if self.seen is None:
            self.variable.assign(ops.copy(self.average))
            return
        for begin in range(0, self.variable.shape[0], ROWS):
            rows = ops.arange(begin, min(begin + ROWS, self.variable.shape[0]))
            self._update(self.variable, rows, self._rows(rows))

    def _rows(self, rows):
        """Returns the averages of some rows after the last step."""
        a, v, seen = (lookup(x, rows) for x in (self.average, self.variable, self.seen))
        seen = ops.reshape(seen, (-1, *[1] * (len(v.shape) - 1)))
        return ops.where(seen < 0, a, v + ops.cast(ops.exp(seen - self.decayed), v.dtype) * (a - v))

    def _update(self, variable, rows, values):
        import tensorflow as tf

        variable = variable if isinstance(variable, tf.Variable) else variable.value  # Keras passes either
        variable.scatter_update(tf.IndexedSlices(values, rows))


class _Stabilized:
    """Mixin for optimizers: gradient accumulation, clipping, a moving average of the weights, and rates of layers.

    With `accumulate`, each step uses the mean gradient of that many batches; batches left over at the end of an epoch
    are kept in optimizer variables for the next. Clipping, averaging and the update happen once a step, and only the
    rows of a table that occurred are summed, updated and averaged. Keras's own `gradient_accumulation_steps` counts
    batches instead of steps for the learning rate, makes sparse rows dense, and would come after the clipping of each
    batch.

    Gradients are clipped by value and then by global norm (Pascanu et al., 2013). The average starts at the initial
    weights and its decay warms up, min(average, (1 + t) / (10 + t)), so that early weights are soon forgotten.

    With `depths` a variable that lies d layers below the output learns at the learning rate times ``layer_decay ** d``,
    from step ``d * unfreeze_steps`` on (discriminative rates and gradual unfreezing: Howard & Ruder, 2018, ULMFiT,
    sections 3.2 and 3.3). The step is scaled, not the gradient, as the steps of Adam do not depend on the scale of
    gradients. A layer that is still frozen already gathers moments, and its gradients are clipped with the others.
    """

    depths, layer_decay, unfreeze_steps = None, 1.0, 0.0

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
            self.decayed = self.add_variable((), dtype="float32", name="decayed")
            lazy = isinstance(self, LazyAdam) and not self.weight_decay and keras.backend.backend() == "tensorflow"
            self.averages = [_Average(self, variable, self.decayed, lazy) for variable in variables]
        if self.accumulate > 1:
            self.batches = self.add_variable((), dtype="int32", name="accumulated_batches")
            self.sums = [_Sum(self, variable) for variable in variables]

    def differentiate(self, depths: list[int], layer_decay: float, unfreeze_steps: float) -> None:
        """Gives each variable its own rate; `depths` belong to the variables that the optimizer is built with."""
        self.depths, self.layer_decay, self.unfreeze_steps = depths, layer_decay, unfreeze_steps

    def _share(self, variable):
        """Returns the share of the learning rate that a variable has at this step."""
        depth = self.depths[self._get_variable_index(variable)]
        trained = self.iterations >= math.ceil(depth * self.unfreeze_steps)
        return self.layer_decay**depth * ops.cast(trained, "float32")

    def update_step(self, gradient, variable, learning_rate):
        if self.depths:
            learning_rate = ops.cast(learning_rate, "float32") * self._share(variable)
        return super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        if not (self.depths and self.weight_decay):
            super()._apply_weight_decay(variables)
            return
        whole = self.weight_decay
        for variable in variables:
            vars(self)["weight_decay"] = whole * self._share(variable)  # past Keras, which tracks attributes
            super()._apply_weight_decay([variable])
        vars(self)["weight_decay"] = whole

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars  # Keras would sum over devices here, after clipping

    def apply(self, grads: Sequence, trainable_variables: Sequence | None = None) -> None:
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

    def step(self, grads: Sequence, trainable_variables: Sequence | None) -> None:
        grads = [_summed(g) for g in sum_over_devices(grads)]
        if self.clip_value_at:
            grads = [_mapped(lambda g: ops.clip(g, -self.clip_value_at, self.clip_value_at), g) for g in grads]
        if self.clip_norm:
            values = [g.values if _is_rows(g) else g for g in grads if g is not None]
            norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(g, "float32"))) for g in values))
            scale = self.clip_norm / ops.maximum(norm, self.clip_norm)
            grads = [_mapped(lambda g: g * ops.cast(scale, g.dtype), g) for g in grads]
        if trainable_variables is not None:
            self.build(trainable_variables)
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        averages = [self.averages[self._get_variable_index(v)] for v in variables] if self.average else []
        for average, g in zip(averages, grads, strict=bool(averages)):
            average.catch_up(g)
        super().apply(grads, trainable_variables)
        if averages:
            t = ops.cast(self.iterations, "float32")
            decay = ops.minimum(self.average, (1 + t) / (10 + t))
            self.decayed.assign_sub(ops.log(decay))
            for average, g in zip(averages, grads, strict=True):
                average.follow(g, decay)


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
    """Returns the learning-rate schedule of a config.

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


def optimizer(config: Config, batches: int, depths: list[int] | None = None) -> keras.optimizers.Optimizer:
    """Returns a Keras optimizer with the schedule, clipping, averaging, accumulation and layer rates of a config.

    Args:
        config: has the options of the group Training.
        batches: number of batches in an epoch.
        depths: number of layers above each trainable variable, see `stacks.depths`; None: all learn at the same rate.

    Returns:
        The optimizer; see `averaged` for its averages. For float16, it is the `inner_optimizer` of a
        `keras.optimizers.LossScaleOptimizer`, which skips batches whose gradients overflow.

    Raises:
        ValueError: accumulation on another backend than TensorFlow, or over more batches than an epoch has.
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
    if depths:
        made.differentiate(depths, config.layer_decay, config.unfreeze_every * batches / config.accumulate)
    return keras.optimizers.LossScaleOptimizer(made) if config.precision == "mixed_float16" else made


class averaged:
    """Context manager that replaces the trainable weights of a model by their moving averages, if it has any."""

    def __init__(self, model: keras.Model):
        self.model = model

    def __enter__(self):
        averages = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer).averages
        self.own = [np.array(v) for v in self.model.trainable_variables] if averages else []
        for average in averages:
            average.take()

    def __exit__(self, *error):
        for variable, own in zip(self.model.trainable_variables, self.own, strict=bool(self.own)):
            variable.assign(own)
