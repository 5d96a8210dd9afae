"""Distribution: one training on many devices, in TensorFlow's own way. Each device has some rows of every batch.

The devices are synchronous: a step's gradients are summed over all of them before they are clipped and applied, and the
loss is the mean over the whole batch. So a run's numbers do not depend on how many devices there are, but for rounding,
and but for dropout, which each device draws for itself.
"""

import contextlib
import json
import os
import re

import numpy as np

STRATEGIES = ("one", "auto", "mirrored", "multi_worker", "tpu")


def distribute(strategy="one", devices=0):
    """The Devices of a strategy.

    Args:
        strategy: "one": one device, without any of this; "mirrored": all GPUs of this machine; "multi_worker": the
            processes that the environment variable TF_CONFIG names, each started with the same command; "tpu": the TPU
            that TensorFlow finds; "auto": what there is of tpu, multi_worker, mirrored, one, in this order.
        devices: of "mirrored", how many; 0: all GPUs. Where there are no GPUs the CPU serves as so many devices.

    Raises:
        ValueError: what was asked for is not there.
    """
    if devices and strategy != "mirrored":
        raise ValueError(f"--devices is for --strategy=mirrored. Received: --strategy={strategy}")
    if strategy == "one":
        return Devices()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"--strategy is TensorFlow's. Received: Keras on the backend {keras.backend.backend()}")
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
        if _found() != "tpu":  # else the resolver would ask the network for minutes
            raise ValueError(
                "--strategy=tpu: TensorFlow sees no TPU, and the environment variable TPU_NAME names none."
            )
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(os.environ.get("TPU_NAME", "local"))
        except (ValueError, RuntimeError, tf.errors.OpError) as error:
            raise ValueError(f"--strategy=tpu: the TPU can't be reached. {_first_line(error)}") from error
        return Devices(tf.distribute.TPUStrategy(resolver), static=True)
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus < max(devices, 1) and not (devices and not gpus):
        wanted = f"--devices={devices}" if devices else "GPUs; to try it without, the CPU is taken as 2 by --devices=2"
        raise ValueError(f"--strategy=mirrored wants {wanted}. TensorFlow sees {gpus} GPUs.")
    if gpus:
        return Devices(tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(devices or gpus)]))
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [part] * devices)
    return Devices(tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]))


def _found():
    """The strategy for what there is."""
    import tensorflow as tf

    if os.environ.get("TPU_NAME") or tf.config.list_physical_devices("TPU"):
        return "tpu"
    if os.environ.get("TF_CONFIG"):
        return "multi_worker"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "one"


def cluster(text):
    """(how many workers, the number of this one) of a TF_CONFIG; number 0 is the chief.

    Raises:
        ValueError: the text is no such thing.
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


def replicas():
    """How many devices share out a batch where this is called; 1 outside of a strategy."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def summed(gradients):
    """Gradients of a device's rows -> of all rows, the same on all devices; None stays None."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return gradients
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return gradients
    context = tf.distribute.get_replica_context()
    if isinstance(context.strategy, tf.distribute.TPUStrategy):  # a list of rows has no static shape
        gradients = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, [g for g in gradients if g is not None]))
    return [g if g is None else next(sums) for g in gradients]


class Devices:
    """The devices that a run trains on. Made by `distribute`.

    Args:
        strategy: tf.distribute.Strategy; None: one device, and Keras's own `fit` trains on it.
        workers: processes that run the same training side by side; number: of this one, 0 is the chief.
        static: whether the devices want few shapes of batches (TPU).

    Attributes:
        count: devices.
        is_chief: whether this process is the one that evaluates, writes files and talks.
    """

    def __init__(self, strategy=None, workers=1, number=0, static=False):
        self.strategy, self.workers, self.number, self.static = strategy, workers, number, static
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.is_chief = number == 0
        self._model = self._step = self._add = None

    def check(self, config):
        """Raises a ValueError if what a config says of batches does not go with these devices."""
        options = config.to_dict()
        size, streams = options.get("batch_size", 0), "window" in options
        if size and size < self.count:
            raise ValueError(f"--batch_size={size} is too few rows for {self.count} devices.")
        if streams and size % self.count:
            raise ValueError(
                f"Streams are shared out evenly: --batch_size={size} does not divide by {self.count} devices."
            )
        # TensorFlow allows no exchange between devices within a condition, and both make a step only now and then.
        if self.strategy and (options.get("accumulate", 1) > 1 or options.get("precision") == "mixed_float16"):
            raise ValueError("--accumulate and --precision=mixed_float16 are for one device, without --strategy.")
        if self.static and streams and options["vary_window"]:
            raise ValueError("A TPU compiles every length of a window by itself: give --novary_window.")
        if self.static and not streams and not options.get("static_shapes"):
            raise ValueError("A TPU compiles every shape of a batch by itself: give --static_shapes.")
        if self.static and (options.get("adversarial") or options.get("virtual_adversarial")):
            raise ValueError("--adversarial and --virtual_adversarial do not compile for a TPU.")

    def scope(self):
        """Context in which a model and its optimizer are made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def loss(self, loss):
        """The keras.losses.Loss to compile a model with that `fit` trains: a sum, as `shares` have made means of it."""
        if self.strategy:
            loss.reduction = "sum"
        return loss

    def fit(self, model, dataset, on_batch_end):
        """Trains a model, made in `scope`, on the batches of an epoch, which each worker reads.

        Args:
            dataset: tf.data.Dataset of (inputs, labels[, weights]), all with the row as first axis.
            on_batch_end: function (step, {"loss": mean so far}).

        Returns:
            The mean of the batches' losses, by their rows: as of Keras's `fit`.
        """
        import tensorflow as tf

        if self._model is not model:
            self._model, self._step = model, self._made(model)
        total = rows = 0
        for number, batch in enumerate(dataset.as_numpy_iterator()):
            parts = shares(batch, self.count)
            mine = self.strategy.experimental_distribute_values_from_function(
                lambda context, parts=parts: tf.nest.map_structure(
                    tf.convert_to_tensor, parts[context.replica_id_in_sync_group]
                )
            )
            with _workers():
                loss = float(self._step(mine))
            count = len(tf.nest.flatten(batch)[0])
            total, rows = total + loss * count, rows + count
            on_batch_end(number, {"loss": total / rows})
        return total / rows

    def _made(self, model):
        """The function of a batch that does a step on all devices and returns its loss."""
        import tensorflow as tf

        seeds = [variable for variable in model.variables if variable.name == "seed_generator_state"]

        def spread():
            # Else row 1 of all devices would have the same dropout. What a checkpoint keeps is the first device's.
            number = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "int64")
            for seed in seeds:
                seed.assign(seed + tf.cast(tf.stack([number, 0]), seed.dtype))

        def train(share, inputs, labels, weights):
            variables = model.trainable_variables
            with tf.GradientTape() as tape:
                outputs = model(inputs, training=True)
                loss = model.compute_loss(inputs, labels, outputs, weights, training=True)
                # What layers add to a loss, and of it nothing else, Keras has divided by the number of devices.
                loss = share * (loss + (1 - 1 / self.count) * sum(model.losses))
                scaled = model.optimizer.scale_loss(loss)
            model.optimizer.apply(tape.gradient(scaled, variables), variables)
            return loss

        @tf.function(reduce_retracing=not self.static, autograph=False)
        def step(batch):
            return self.strategy.reduce("SUM", self.strategy.run(train, args=batch), axis=None)

        tf.function(lambda: self.strategy.run(spread))()
        return step

    def first(self, function):
        """Calls `function` on the chief, while the other workers wait for it.

        Raises:
            ValueError: it failed there.
        """
        try:
            if self.is_chief:
                function()
        except BaseException:
            self.chiefs(0)
            raise
        if not self.chiefs(1):
            raise ValueError("The first worker has stopped; it says why.")

    def same(self, numbers, what):
        """Raises a ValueError on all workers if one of them has other numbers than the chief."""
        if self._sum(float(self.chiefs(numbers) != list(numbers))):
            raise ValueError(f"The workers differ in {what}: here {', '.join(map(str, numbers))}.")

    def chiefs(self, value):
        """The number, or list of numbers, that the chief has; the others wait for it."""
        return self._sum(np.multiply(value, float(self.is_chief))).tolist()

    def _sum(self, value):
        """The sum over all workers."""
        if self.workers == 1:
            return np.asarray(value, "float64")
        import tensorflow as tf

        if self._add is None:
            # Of a worker's devices only the first one adds something.
            local = self.count // self.workers

            def mine(value):
                number = tf.distribute.get_replica_context().replica_id_in_sync_group
                return tf.where(number % local == 0, value, tf.zeros_like(value))

            self._add = tf.function(lambda v: self.strategy.reduce("SUM", self.strategy.run(mine, [v]), axis=None))
        with _workers():
            return self._add(tf.constant(value, "float64")).numpy()


def shares(batch, count):
    """A batch, shared out among devices.

    The weights of each share sum to 1, and its factor says how much of the batch's weight it has. So the mean over the
    batch is the sum over the shares of factor times weighted sum of losses. Where the rows do not divide, the first one
    is repeated, with weight 0.

    Args:
        batch: (inputs, labels) or (inputs, labels, weights), NumPy arrays [B, ...].
        count: of devices.

    Returns:
        [(factor, inputs, labels, weights)], each of the same shapes.
    """
    inputs, labels, *weights = batch
    weights = weights[0] if weights else np.ones(labels.shape, "float32")
    size = -(-len(labels) // count)
    missing = size * count - len(labels)

    def filled(array):
        return np.concatenate([array, np.repeat(array[:1], missing, axis=0)]) if missing else array

    inputs, labels = {name: filled(array) for name, array in inputs.items()}, filled(labels)
    weights = np.concatenate([weights, np.zeros_like(weights[:1]).repeat(missing, axis=0)])
    whole = float(weights.sum(dtype="float64")) or 1.0
    parts = []
    for start in range(0, size * count, size):
        rows = slice(start, start + size)
        part = float(weights[rows].sum(dtype="float64"))
        own = {name: array[rows] for name, array in inputs.items()}
        parts.append((np.float32(part / whole), own, labels[rows], weights[rows] / np.float32(part or 1.0)))
    return parts


@contextlib.contextmanager
def _workers():
    """Context in which the loss of another worker is a ValueError that says what to do."""
    from tensorflow.errors import AbortedError, CancelledError, DeadlineExceededError, UnavailableError

    try:
        yield
    except (AbortedError, CancelledError, DeadlineExceededError, UnavailableError) as error:
        raise ValueError(
            f"Another worker has stopped: {_first_line(error)} "
            "The same command on every worker goes on from the last finished epoch."
        ) from error


def _first_line(error):
    """The first line of an error of TensorFlow, without the names of its functions."""
    line = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip().split("\n")[0]
    return (line or type(error).__name__).removesuffix(".") + "."
