"""Batches: examples -> encoded arrays -> length buckets -> right-padded batches with explicit weights -> tf.data.

Batches are assembled in NumPy and passed to ``tf.data`` as a whole: one pass over CoNLL-2003 takes 0.4 CPU seconds,
against 4.1 with one element per example through ``from_generator`` and ``bucket_by_sequence_length``.
"""

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


# Number of examples to shuffle or sort by length at a time, if a split does not fit in memory.
WINDOW = 8192
OUTPUTS = 2048  # number of examples whose outputs are held to restore the order of the data
OUTPUT_STEPS = 4_000_000  # maximum time steps of these examples, as sequences of sound samples are long


class Skip(Exception):
    """Raised by an encoder to leave out an example.

    Args:
        reason: `Batches.summary` counts examples by reason.
        example: a description, such as the name of its file; the summary shows the first for each reason.
    """

    def __init__(self, reason: str, example: str = ""):
        super().__init__(reason)
        self.example = example


class Batches:
    """The batches of one split. The order of an epoch is a function of (seed, epoch) alone.

    Args:
        examples: an iterable of examples that can be iterated more than once.
        encode: function example -> (inputs, labels, weights). `inputs` is a dict of arrays; `labels` and `weights` are
            arrays, or dicts of arrays with one entry per output of the model. A weight of 0 marks labels that must not
            count; weights have the axis of their labels or are one number an example. A list of such triples makes
            several rows of one example. Raising `Skip` leaves out an example; so does an empty input axis.
        axes: {array name: axis name}: names the first axis of an array, such as ``{"tokens": "time", "tags": "time"}``;
            a tuple names several axes, as in ``{"image": (None, "width")}`` for a picture [height, width]. A single
            array of labels is called "labels". Arrays on the same axis have the same length within an example. Each
            axis is padded by itself; the longest one decides the bucket. An unnamed dimension (a class, the height of
            a picture) is padded to the largest in the batch and never decides a bucket.
        batch_size: maximum number of examples in a batch; 0: no limit.
        batch_tokens: maximum number of padded time steps in a batch, B times T; 0: no limit. A longer example forms a
            batch of its own.
        seed: seed of the order.
        static_shapes: pad to a few fixed lengths (powers of two from 8) and fill up each batch with rows of weight 0,
            so that XLA and TPUs compile a bounded number of shapes. Always on with JAX.
        cache_tokens: maximum number of time steps held in memory; large frames count by their kilobytes. A larger split
            is read and encoded again each epoch and shuffled within a window, so that it never has to fit in memory.
        augment: function (example, encoded, rng) -> encoded, applied to every example in each epoch, such as a random
            transposition of a piece; None: no augmentation.

    Attributes:
        size: number of encoded examples.
        tokens: number of real time steps, counted on each example's longest axis.
        steps: number of batches in an epoch.
        padding: fraction of time steps that are padding, in the order of the data; epochs differ slightly.
        skipped: {reason: number of examples left out}.
        fixed_rows: None, since batches differ in their number of rows. static_flag: the option for static shapes.

    Raises:
        ValueError: both limits are 0; or an array does not match `axes` or the arrays of the first example.
    """

    fixed_rows, static_flag = None, "--static_shapes"

    def __init__(
        self,
        examples: Iterable,
        encode: Callable,
        axes: dict[str, str | tuple],
        batch_size: int = 32,
        batch_tokens: int = 16384,
        seed: int = 0,
        static_shapes: bool = False,
        cache_tokens: int = 2_000_000,
        augment: Callable | None = None,
    ):
        if not batch_size and not batch_tokens:
            raise ValueError("--batch_size and --batch_tokens are both 0: a batch needs one limit.")
        self.examples, self.encode, self.augment = examples, encode, augment
        self.axes = {name: (axis,) if isinstance(axis, str) else axis for name, axis in axes.items()}
        self.batch_size, self.batch_tokens, self.seed = batch_size, batch_tokens, seed
        self.static_shapes = is_static(static_shapes)
        self.skipped, self._first_skipped = collections.Counter(), {}
        self._kinds = None  # {array name: (dtype, rank)} of the first example
        self._cache = self._cached(cache_tokens)
        self._survey()

    def _cached(self, limit: int) -> list | None:
        """Returns all examples and their arrays, or None if they exceed the limit."""
        cache, skipped = [], collections.Counter()
        for item in self._read(self.examples, skipped):
            cache.append(item)
            limit -= _size(item)
            if limit < 0:
                return None
        self.skipped = skipped
        return cache

    def _survey(self):
        items = self._read(self.examples, self.skipped) if self._cache is None else self._cache
        lengths = [length for _, _, length in items if length]
        self.size, self.tokens = len(lengths), sum(lengths)
        shapes = [(len(group), *self._shape(group)) for group in self._grouped((None, None, n) for n in lengths)]
        self.steps = len(shapes)
        padded = sum(rows * bound for _, rows, bound in shapes)
        self.padding = 1 - self.tokens / padded if padded else 0.0

    @property
    def summary(self) -> str:
        """Sizes of the split, and which examples were left out, as readable text."""
        first = {reason: f"; the first: {example}" for reason, example in self._first_skipped.items() if example}
        skipped = self.skipped.most_common(5)
        skipped = "".join(f", {count:,} left out ({reason}{first.get(reason, '')})" for reason, count in skipped)
        return f"{self.size:,} examples, {self.tokens:,} steps, {self.padding:.1%} padding{skipped}"

    def _items(self) -> Iterable:
        return self._read(self.examples) if self._cache is None else self._cache

    def _read(self, examples: Iterable, skipped: collections.Counter | None = None) -> Iterator[tuple]:
        """Yields (example, encoded arrays, length) of examples, in order; (example, None, None) if one is left out.

        `skipped` counts the reasons for leaving out examples.
        """
        for example in examples:
            reason = "empty"
            try:
                parts = self.encode(example)
            except Skip as skip:
                parts, reason = [None], str(skip)
                self._first_skipped.setdefault(reason, skip.example)
            for part in (parts or [None]) if isinstance(parts, list) else [parts]:
                length = part and self._length(part)
                if not length and skipped is not None:
                    skipped[reason] += 1
                yield (example, part, length) if length else (example, None, None)

    def _length(self, encoded: tuple) -> int:
        """Returns the length of the longest axis, 0 if an input axis is empty. Checks every array by name."""
        inputs, labels, weights = encoded
        labels, weights = _named(labels), _named(weights)
        arrays = {name: np.asarray(array) for name, array in [*inputs.items(), *labels.items()]}
        kinds = {name: (array.dtype, array.ndim) for name, array in arrays.items()}
        if self._kinds is None:
            self._kinds = kinds
            if self.axes and not self.axes.keys() & kinds.keys():
                raise ValueError(
                    f"No array is on a declared axis. Declared: {', '.join(self.axes)}. {_received(kinds)}"
                )
        if kinds != self._kinds:
            raise ValueError(
                f"The arrays of an example differ from the first one's: {_differences(kinds, self._kinds)}"
            )
        if weights.keys() != labels.keys():
            raise ValueError(f"Weights need the names of their labels, {', '.join(labels)}. {_received(weights)}")
        lengths, empty = {}, False
        for name, array in arrays.items():
            for axis, size in zip(self.axes.get(name, ()), array.shape, strict=False):
                other, expected = lengths.setdefault(axis, (name, size)) if axis else (name, size)
                if size != expected:
                    raise ValueError(
                        f"Array {name!r} should have as many steps on its axis {axis!r} as {other!r}, {expected}. "
                        f"Received: shape {array.shape}."
                    )
                empty = empty or (axis and not size and name in inputs)
        for name, weight in weights.items():
            if np.ndim(weight) and np.shape(weight)[0] != lengths.get(self.axes.get(name, ("",))[0], (name, -1))[1]:
                raise ValueError(
                    f"Weights of {name!r} should be one number, or one per step of its axis. "
                    f"Received: shape {np.shape(weight)}."
                )
        return 0 if empty else max((size for _, size in lengths.values()), default=1)

    def _bound(self, length: int) -> int:
        """Returns the bucket of a length: the largest length in the same batches."""
        if self.static_shapes:
            return max(8, 1 << (length - 1).bit_length())
        # A row is padded by at most an eighth. With eight buckets for each doubling of the length, few stay half full.
        step = max(1, (1 << (length.bit_length() - 1)) // 8)
        return -(-length // step) * step

    def _rows(self, bound: int) -> int:
        """Returns how many examples fill a batch of this bucket."""
        limits = [self.batch_size] if self.batch_size else []
        if self.batch_tokens:
            limits.append(max(1, self.batch_tokens // bound))
        return min(limits)

    def _grouped(self, items: Iterable) -> Iterator[list]:
        """Yields lists of items (anything, encoded, length), each of which becomes a batch."""
        buckets = {}
        for item in items:
            bound = self._bound(item[2])
            bucket = buckets.setdefault(bound, [])
            bucket.append(item)
            if len(bucket) == self._rows(bound):
                yield buckets.pop(bound)
        yield from buckets.values()

    def _shape(self, group: list) -> tuple[int, int]:
        """Returns rows and time steps [B, T] of the batch that a group becomes."""
        longest = max(length for _, _, length in group)
        if not self.static_shapes:
            return len(group), longest
        bound = self._bound(longest)
        return self._rows(bound), bound

    def _padded(self, group: list, rows: int = 0) -> tuple:
        """Returns (inputs, labels, weights) of one batch, with `rows` rows."""
        rows = rows or self._shape(group)[0]
        inputs, labels, weights = zip(*(encoded for _, encoded, _ in group), strict=True)

        def padded(columns, **options):
            arrays = {name: [row[name] for row in columns] for name in columns[0]}
            return {name: pad(own, rows, self._steps(name, own), **options) for name, own in arrays.items()}

        weights = padded([*map(_named, weights)], repeat=False, dtype="float32")
        batch = padded(inputs), padded([*map(_named, labels)]), weights
        return batch[0], _like(batch[1], labels[0]), _like(batch[2], labels[0])

    def _steps(self, name: str, arrays: list) -> tuple:
        """Returns the lengths to which the dimensions of an array are padded; 0: the largest in the batch."""
        if not self.static_shapes or not np.ndim(arrays[0]):
            return ()
        dimensions = enumerate(self.axes.get(name, ()))
        return tuple(self._bound(max(np.shape(x)[i] for x in arrays)) if axis else 0 for i, axis in dimensions)

    def _shuffled(self, epoch: int) -> Iterator[tuple]:
        """Yields the items in the order of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        if self._cache is not None:
            for number in rng.permutation(len(self._cache)):
                yield self._cache[number]
            return
        window = []  # of examples, which may be small though their arrays are large, such as paths of recordings
        for example in self.examples:
            if len(window) < WINDOW:
                window.append(example)
            else:
                position = rng.integers(WINDOW)
                yield from self._read([window[position]])
                window[position] = example
        for position in rng.permutation(len(window)):
            yield from self._read([window[position]])

    def _augmented(self, item: tuple, rng: np.random.Generator) -> tuple:
        example, encoded, _ = item
        encoded = self.augment(example, encoded, rng)
        return example, encoded, self._length(encoded)

    def epoch(self, number: int) -> "tf.data.Dataset":
        """Returns a tf.data.Dataset of shuffled (inputs, labels, weights); arrays are [B, T, ...], padded on the right.

        Raises:
            ValueError: no example is left.
        """
        import tensorflow as tf

        if not self.size:
            raise ValueError(f"No examples left: {self.summary}")

        def generate():
            rng = np.random.default_rng([self.seed, number, 1])
            for group in self._grouped(item for item in self._shuffled(number) if item[2]):
                rows, _ = self._shape(group)  # augmented examples may be longer
                yield self._padded([self._augmented(item, rng) for item in group] if self.augment else group, rows)

        first = self._padded([next(item for item in self._items() if item[2])])
        signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), first)
        return untuned(tf.data.Dataset.from_generator(generate, output_signature=signature), self.steps)

    def decisions(self) -> float:
        """Returns how many labels an epoch trains on: the sum of their weights over all examples."""
        weights = (weight for _, (_, _, weights) in self.encoded() for weight in _named(weights).values())
        return float(sum(np.sum(weight, dtype="float64") for weight in weights))

    def encoded(self) -> Iterator[tuple]:
        """Yields (example, (inputs, labels, weights)) of all examples that are not left out, in data order."""
        return ((example, encoded) for example, encoded, _ in self._items() if encoded is not None)

    def outputs(self, function: Callable) -> Iterator[tuple]:
        """Runs ``function(inputs, labels, weights)`` over all batches.

        Args:
            function: returns a dict of arrays whose first axis is the batch.

        Yields:
            (example, {name: row}) in the order of the data; a row still has its padding. The row of an example that was
            left out is None.
        """
        window, steps = [], 0

        def flush():
            rows = {}
            real = [((number, example), encoded, length) for number, (example, encoded, length) in enumerate(window)]
            for group in self._grouped(sorted((item for item in real if item[2]), key=lambda item: item[2])):
                batch = function(*self._padded(group))
                for row, ((number, _), _, _) in enumerate(group):
                    rows[number] = {name: array[row] for name, array in batch.items()}
            for number, (example, _, _) in enumerate(window):
                yield example, rows.get(number)
            window.clear()

        for item in self._items():
            window.append(item)
            steps += item[2] or 0
            if len(window) == min(WINDOW, OUTPUTS) or steps >= OUTPUT_STEPS:
                yield from flush()
                steps = 0
        yield from flush()


def chunks(items: Iterable, size: int) -> Iterator[list]:
    """Yields lists of at most `size` items of an iterable, without holding all of it.

    A list also ends if the next item is not available yet, according to a method `ready` of the iterator.
    """
    items, chunk = iter(items), []
    ready = getattr(items, "ready", lambda: True)
    for item in items:
        chunk.append(item)
        if len(chunk) == size or not ready():
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def is_static(static_shapes: bool) -> bool:
    """Returns whether shapes are static: on request, and always with JAX, which compiles each new shape."""
    import keras

    return static_shapes or keras.backend.backend() == "jax"


def untuned(dataset: "tf.data.Dataset", steps: int) -> "tf.data.Dataset":
    """Returns a tf.data.Dataset with a known number of steps, prefetched, and without autotuning.

    The autotuning thread sleeps 10 ms, then 20, 40 ... 20,480 ms, and the end of an epoch would wait for it.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(8).with_options(options)


def pad(arrays: list, rows: int, steps: tuple = (), repeat: bool = True, dtype: str | None = None) -> np.ndarray:
    """Stacks arrays of one rank, padded on the right with 0: dimension i to ``steps[i]``, or to the largest if 0.

    Rows beyond the last array repeat the first one (no row may be empty: cuDNN refuses empty rows), or stay 0.
    Without a `dtype` that of the first array is kept.
    """
    arrays = [np.asarray(array, dtype) for array in arrays]
    shape = [rows, *(max(array.shape[axis] for array in arrays) for axis in range(arrays[0].ndim))]
    for dimension, length in enumerate(steps, 1):
        shape[dimension] = length or shape[dimension]
    padded = np.zeros(shape, arrays[0].dtype)
    if repeat:
        arrays += [arrays[0]] * (rows - len(arrays))
    for row, array in enumerate(arrays):
        padded[(row, *map(slice, array.shape))] = array
    return padded


def _size(item: tuple) -> int:
    """Returns the size of an item in memory: time steps or kilobytes, whichever is more; for pictures, kilobytes."""
    _, encoded, length = item
    return max(length, sum(np.asarray(array).nbytes for array in encoded[0].values()) // 1024) if length else 0


def _received(arrays: dict) -> str:
    return f"Received: {', '.join(arrays)}."


def _differences(kinds: dict, first: dict) -> str:
    """Describes how arrays differ from those of the first example: names, types or ranks."""

    def shown(kind):
        return "{} of rank {}".format(*kind) if kind else "nothing"

    names = [name for name in {**first, **kinds} if kinds.get(name) != first.get(name)]
    return "; ".join(
        f"{name!r} should be {shown(first.get(name))}. Received: {shown(kinds.get(name))}" for name in names
    )


def _named(arrays) -> dict:
    return arrays if isinstance(arrays, dict) else {"labels": arrays}


def _like(arrays: dict, example):
    return arrays if isinstance(example, dict) else arrays["labels"]
