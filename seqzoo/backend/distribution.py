"""Distribution: synchronous data-parallel training with tf.distribute. Each device gets some rows of every batch.

Gradients are summed over all devices before they are clipped and applied; the loss is the mean over the whole batch.
So the results depend on the number of devices only through rounding and dropout, which each device samples by itself.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from rich.console import Console


STRATEGIES = ("one", "auto", "mirrored", "multi_worker", "tpu")

NOTHING = {"batches": 0, "total": 0.0, "rows": 0}  # progress of an epoch: batches; sum and number of their losses


def distribute(strategy: str = "one", devices: int = 0) -> "Devices":
    """Picks the devices to train on.

    Args:
        strategy: "one": a single device; "mirrored": all GPUs of this machine; "multi_worker": the processes listed in
            the environment variable TF_CONFIG, each started with the same command; "tpu": the TPU that TensorFlow
            finds; "auto": the first available of tpu, multi_worker, mirrored and one.
        devices: number of GPUs for "mirrored"; 0: all. Without GPUs, the CPU is split into this many logical devices.

    Raises:
        ValueError: the requested devices are not available.
    """
    if devices and strategy != "mirrored":
        raise ValueError(f"--devices is for --strategy=mirrored. Received: --strategy={strategy}")
    if strategy == "one":
        return Devices()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"--strategy needs the TensorFlow backend. Received: {keras.backend.backend()}")
    import tensorflow as tf

    if strategy == "auto":
        strategy = _found()
    if strategy == "one":
        return Devices()
    if strategy == "multi_worker":
        workers, number = cluster(os.environ.get("TF_CONFIG", ""))
        try:
            return Devices(tf.distribute.MultiWorkerMirroredStrategy(), workers, number)
        except (RuntimeError, tf.errors.OpError) as error:
            raise ValueError(f"--strategy=multi_worker: {_first_line(error)}") from error
    if strategy == "tpu":
        if _found() != "tpu":  # the resolver would search the network for minutes
            raise ValueError(
                "--strategy=tpu: TensorFlow sees no TPU, and the environment variable TPU_NAME names none."
            )
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(os.environ.get("TPU_NAME", "local"))
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise ValueError(f"--strategy=tpu: the TPU cannot be reached. {_first_line(error)}") from error
        return Devices(tf.distribute.TPUStrategy(resolver), static=True)
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus < max(devices, 1) and not (devices and not gpus):
        wanted = f"--devices={devices}" if devices else "GPUs; without any, --devices=2 splits the CPU to try it"
        raise ValueError(f"--strategy=mirrored needs {wanted}. TensorFlow sees {gpus} GPUs.")
    if gpus:
        return Devices(tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(devices or gpus)]))
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [part] * devices)
    return Devices(tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]))


def _found() -> str:
    """Picks a strategy for the available hardware."""
    import tensorflow as tf

    if os.environ.get("TPU_NAME") or tf.config.list_physical_devices("TPU"):
        return "tpu"
    if os.environ.get("TF_CONFIG"):
        return "multi_worker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def cluster(text: str) -> tuple[int, int]:
    """Reads a TF_CONFIG: (number of workers, index of this one); index 0 is the chief.

    Raises:
        ValueError: TF_CONFIG is malformed.
    """
    example = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(text)
        kinds = {kind: len([*map(str.strip, hosts)]) for kind, hosts in config["cluster"].items()}
        kind, index = config["task"]["type"], config["task"]["index"]
        right = kinds.keys() <= {"chief", "worker"} and kinds.get("chief", 0) <= 1 and 0 <= index < kinds[kind]
    except (ValueError, LookupError, TypeError, AttributeError):
        right = False
    if not right:
        raise ValueError(
            f"--strategy=multi_worker needs the environment variable TF_CONFIG, like {example}. Received: {text!r}"
        )
    return sum(kinds.values()), index + (kind == "worker") * kinds.get("chief", 0)


def replicas() -> int:
    """Returns the number of devices that a batch is split among; 1 outside of a strategy."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_over_devices(gradients: list) -> list:
    """Sums each gradient over all devices; None stays None."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return gradients
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return gradients
    context = tf.distribute.get_replica_context()
    if isinstance(context.strategy, tf.distribute.TPUStrategy):  # sparse rows have no static shape
        gradients = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, [g for g in gradients if g is not None]))
    return [g if g is None else next(sums) for g in gradients]


class Devices:
    """The devices that a run trains on. Made by `distribute`.

    Args:
        strategy: tf.distribute.Strategy; None: one device, trained by Keras's own `fit`.
        workers: number of processes that run the same training together.
        number: index of this process; 0 is the chief.
        static: whether each new shape of a batch is compiled (TPU).

    Attributes:
        count: number of devices.
        is_chief: whether this process evaluates, writes files and prints.
    """

    def __init__(
        self, strategy: "tf.distribute.Strategy | None" = None, workers: int = 1, number: int = 0, static: bool = False
    ):
        self.strategy, self.workers, self.number, self.static = strategy, workers, number, static
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.is_chief = number == 0
        self._model = self._step = self._add = self._decisions = None
        self._losses = 0.0, 0  # sum of the losses of the epoch so far, each times its rows; and the rows

    def check(self, task: Any) -> None:
        """Raises a ValueError if the options of a task do not work on these devices."""
        config = task.config
        if config.batch_size and config.batch_size < self.count:
            raise ValueError(f"--batch_size={config.batch_size} is too few rows for {self.count} devices.")
        # Both apply a step conditionally, and TensorFlow allows no communication between devices within a condition.
        if self.strategy and (config.accumulate > 1 or config.precision == "mixed_float16"):
            raise ValueError("--accumulate and --precision=mixed_float16 are for one device, without --strategy.")
        if self.static and (obstacles := task.xla_obstacles()):
            raise ValueError(f"A TPU compiles with XLA, which {' and '.join(obstacles)} do not support.")

    def check_feed(self, feed: Any) -> None:
        """Raises a ValueError if batches do not fit these devices. `feed` is a `data.Feed`."""
        if feed.fixed_rows and feed.fixed_rows % self.count:
            raise ValueError(
                f"Streams are divided evenly among the devices: --batch_size={feed.fixed_rows} is not a multiple of "
                f"{self.count}."
            )
        if self.static and not feed.static_shapes:
            raise ValueError(f"A TPU compiles each new shape of a batch: give {feed.static_flag}.")

    def console(self, console: "Console") -> "Console":
        """Returns the rich Console to print on: `console` on the chief, a quiet one on other workers."""
        if self.is_chief:
            return console
        from rich.console import Console

        console.print(f"worker {self.number + 1} of {self.workers}: the first one shows the progress")
        return Console(quiet=True)

    def scope(self) -> contextlib.AbstractContextManager:
        """Context manager in which to create a model and its optimizer."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def loss(self, loss: "keras.Loss | dict[str, keras.Loss]") -> "keras.Loss | dict[str, keras.Loss]":
        """Returns the loss to compile with: a sum, because `split_batch` turns sums into means."""
        if self.strategy:
            for one in loss.values() if isinstance(loss, dict) else [loss]:
                one.reduction = "sum"
        return loss

    def weigh(self, model: "keras.Model", mean: float) -> None:
        """Weighs the gradient of each batch by its decisions over their `mean`, see `weighing.weigh_batches`."""
        from seqzoo.backend.weighing import weigh_batches

        if self.strategy:
            self._decisions = mean  # a device knows only its own part of a batch
        else:
            weigh_batches(model, mean)

    def fit(
        self,
        model: "keras.Model",
        dataset: "tf.data.Dataset",
        epoch: int,
        callbacks: "keras.callbacks.CallbackList",
        begun: dict | None = None,
    ) -> float:
        """Trains a model, created in `scope`, for one epoch; every worker reads every batch.

        Args:
            model: compiled.
            dataset: tf.data.Dataset of (inputs, labels[, weights]), batch-major.
            epoch: number of the epoch, from 0.
            callbacks: keras.callbacks.CallbackList, whose batch methods are called.
            begun: progress of the epoch: {"batches"}, which are not trained on again, and `losses` after them.

        Returns:
            The mean of the batches' losses, weighted by their rows as in Keras's `fit`.
        """
        begun = begun or NOTHING
        done = begun["batches"]
        if done and done == int(dataset.cardinality()):
            return begun["total"] / begun["rows"]
        dataset = dataset.skip(done) if done else dataset
        if self.strategy:
            self._losses = begun["total"], begun["rows"]
            return self._fit(model, dataset, callbacks, done)
        import keras

        def begin(epoch, logs=None):
            tracker = _loss_tracker(model)
            tracker.total.assign(begun["total"])
            tracker.count.assign(begun["rows"])

        of_batches = keras.callbacks.LambdaCallback(
            on_epoch_begin=begin,
            on_train_batch_begin=lambda batch, logs=None: callbacks.on_train_batch_begin(done + batch, logs),
            on_train_batch_end=lambda batch, logs=None: callbacks.on_train_batch_end(done + batch, logs),
        )
        fitted = model.fit(  # the dataset is shuffled already
            dataset, initial_epoch=epoch, epochs=epoch + 1, verbose=0, shuffle=False, callbacks=[of_batches]
        )
        return fitted.history["loss"][-1]

    def losses(self, model: "keras.Model") -> dict[str, float]:
        """Returns {"total": sum of the losses of the epoch so far, each times its rows; "rows": the rows}."""
        if self.strategy:
            total, rows = self._losses
        else:
            tracker = _loss_tracker(model)
            total, rows = float(tracker.total), float(tracker.count)
        return {"total": total, "rows": rows}

    def rows(self, variable: "keras.Variable") -> np.ndarray:
        """Returns the rows of a variable that differs between the devices of this worker."""
        return np.concatenate([np.asarray(copy) for copy in self._copies(variable)])

    def assign_rows(self, variable: "keras.Variable", rows: np.ndarray) -> None:
        """Gives each device its part of the rows."""
        copies = self._copies(variable)
        first = self.number * len(copies)
        for copy, part in zip(copies, np.split(rows, self.count)[first : first + len(copies)], strict=True):
            copy.assign(part)

    def _copies(self, variable):
        return variable.value.values if self.strategy else [variable]

    def _fit(self, model, dataset, callbacks, done) -> float:
        import tensorflow as tf

        from seqzoo.backend.weighing import decisions

        if self._model is not model:
            self._model, self._step = model, self._made(model)
        for number, batch in enumerate(dataset.as_numpy_iterator(), done):
            callbacks.on_train_batch_begin(number)
            factor = float(decisions(*batch[1:])) / self._decisions if self._decisions else 1.0
            parts = split_batch(batch, self.count, factor)
            if number == done and isinstance(parts[0][-1], dict):
                # With several losses Keras creates a variable to track each, which must not happen within the step.
                with self.strategy.scope():
                    model._symbolic_build(data_batch=parts[0][1:])
            mine = self.strategy.experimental_distribute_values_from_function(
                lambda context, parts=parts: tf.nest.map_structure(
                    tf.convert_to_tensor, parts[context.replica_id_in_sync_group]
                )
            )
            with _workers():
                # What is shown stays the mean of the batch; a batch without weights has factor 0 and loss 0.
                loss = float(self._step(mine)) / (factor or 1.0)
            (total, rows), count = self._losses, len(tf.nest.flatten(batch)[0])
            total, rows = self._losses = total + loss * count, rows + count
            callbacks.on_train_batch_end(number, {"loss": total / rows, "rows": rows})
        return total / rows

    def _made(self, model):
        """Returns a function that performs a training step on a split batch and returns the loss."""
        import tensorflow as tf

        seeds = [variable for variable in model.variables if variable.name == "seed_generator_state"]

        def spread():
            # Otherwise all devices would use the same dropout masks. A checkpoint keeps the seeds of the first device.
            number = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "int64")
            for seed in seeds:
                seed.assign(seed + tf.cast(tf.stack([number, 0]), seed.dtype))

        def train(share, inputs, labels, weights):
            variables = model.trainable_variables
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                loss = model.compute_loss(inputs, labels, outputs, weights, training=True)
                # Keras divides the losses that layers add, and only these, by the number of devices. With several
                # losses `share` is the same on every device, and these parts already add up to the whole penalty.
                if not isinstance(weights, dict):
                    loss += (1 - 1 / self.count) * sum(model.losses)
                loss *= share
                scaled = model.optimizer.scale_loss(loss)
            model.optimizer.apply(tape.gradient(scaled, variables), variables)
            return loss

        @tf.function(reduce_retracing=not self.static, autograph=False)
        def step(batch):
            return self.strategy.reduce("SUM", self.strategy.run(train, args=batch), axis=None)

        tf.function(lambda: self.strategy.run(spread))()
        return step

    def first(self, function: Callable[[], object]) -> None:
        """Calls `function` on the chief only, while the other workers wait.

        Raises:
            ValueError: it failed on the chief.
        """
        try:
            if self.is_chief:
                function()
        except BaseException:
            self.agree(0)
            raise
        if not self.agree(1):
            raise ValueError("The first worker has stopped; see its message.")

    def check_equal(self, numbers: Sequence[float], what: str) -> None:
        """Raises a ValueError on all workers if any worker's numbers differ from the chief's."""
        if self._sum(float(self.agree(numbers) != list(numbers))):
            raise ValueError(f"The workers differ in their {what}: here {', '.join(map(str, numbers))}.")

    def agree(self, value: float | Sequence[float]) -> float | list[float]:
        """Returns the chief's number, or list of numbers; the other workers wait for it."""
        return self._sum(np.multiply(value, float(self.is_chief))).tolist()

    def _sum(self, value):
        """Sums a value over all workers."""
        if self.workers == 1:
            return np.asarray(value, "float64")
        import tensorflow as tf

        if self._add is None:
            # Only the first device of each worker contributes.
            local = self.count // self.workers

            def mine(value):
                number = tf.distribute.get_replica_context().replica_id_in_sync_group
                return tf.where(number % local == 0, value, tf.zeros_like(value))

            self._add = tf.function(lambda v: self.strategy.reduce("SUM", self.strategy.run(mine, [v]), axis=None))
        with _workers():
            return self._add(tf.constant(value, "float64")).numpy()


def split_batch(batch: tuple, count: int, factor: float = 1.0) -> list[tuple]:
    """Splits a batch among devices.

    The weights of each part sum to 1, and its share is that of the weights of the whole batch. With several losses,
    each part's weights are divided by the weights of the whole batch, and its share is 1. In both cases the mean over
    the batch is the sum over the parts of share times weighted sum of losses. If the number of rows is not a multiple
    of `count`, the first row is repeated with weight 0.

    Args:
        batch: (inputs, labels) or (inputs, labels, weights), NumPy arrays [B, ...] or dicts of them.
        count: number of devices.
        factor: multiplies all shares.

    Returns:
        [(share, inputs, labels, weights)], all of the same shapes.
    """
    inputs, labels, *weights = batch
    size = -(-len(next(iter(inputs.values()))) // count)
    weights = weights[0] if weights else _mapped(lambda array: np.ones(array.shape, "float32"), labels)

    def filled(array, fill):
        missing = size * count - len(array)
        return np.concatenate([array, fill(array[:1]).repeat(missing, axis=0)]) if missing else array

    inputs, labels = (_mapped(lambda array: filled(array, np.asarray), part) for part in (inputs, labels))
    weights = _mapped(lambda array: filled(array, np.zeros_like), weights)
    several = isinstance(weights, dict)
    wholes = _mapped(lambda array: float(array.sum(dtype="float64")) or 1.0, weights)
    parts = []
    for start in range(0, size * count, size):
        rows = slice(start, start + size)
        own = [_mapped(lambda array, rows=rows: array[rows], part) for part in (inputs, labels, weights)]
        if several:
            own[2] = {name: array / np.float32(wholes[name]) for name, array in own[2].items()}
            parts.append((np.float32(factor), *own))
        else:
            part = float(own[2].sum(dtype="float64"))
            own[2] = own[2] / np.float32(part or 1.0)
            parts.append((np.float32(factor * part / wholes), *own))
    return parts


def _mapped(function, arrays):
    if isinstance(arrays, dict):
        return {name: function(array) for name, array in arrays.items()}
    return function(arrays)


def _loss_tracker(model):
    """Returns the metric in which Keras's `fit` keeps the mean loss of an epoch."""
    return next(metric for metric in model.metrics if metric.name == "loss")


@contextlib.contextmanager
def _workers():
    """Context manager that turns the failure of another worker into a ValueError that says how to continue."""
    from tensorflow.errors import AbortedError, CancelledError, DeadlineExceededError, UnavailableError

    try:
        yield
    except (AbortedError, CancelledError, DeadlineExceededError, UnavailableError) as error:
        raise ValueError(
            f"Another worker has stopped: {_first_line(error)} "
            "The same command on every worker continues from the last checkpoint."
        ) from error


def _first_line(error):
    """Returns the first line of a TensorFlow error, without the names of graph nodes."""
    line = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip().split("\n")[0]
    return (line or type(error).__name__).removesuffix(".") + "."
