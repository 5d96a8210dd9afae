"""Pipeline: examples -> ids -> length buckets -> right-padded batches with explicit weights -> tf.data.

Batches are put together in NumPy and handed to ``tf.data`` whole: on CoNLL-2003 one pass costs 0.4 CPU seconds,
where an element an example through ``from_generator`` and ``bucket_by_sequence_length`` costs 4.1.
"""

import numpy as np

# Examples that are looked at together where not all of them are in memory: to shuffle, or to batch by length.
WINDOW = 8192


class Batches:
    """The batches of one split. An epoch's order is a function of (seed, epoch) and nothing else.

    Args:
        examples: an iterable of examples that can be iterated again.
        encode: function example -> (inputs, labels, weights): inputs a dict of integer arrays, the first axis of each
            the time, or single numbers; labels and weights arrays. Weight 0 marks what must not count.
        batch_size: examples in a batch at most; 0: no limit.
        batch_tokens: padded time steps in a batch at most, B times T; 0: no limit. A longer example goes alone.
        seed: seed of the order.
        static_shapes: pad to few fixed lengths (powers of two from 8) and fill each batch up with rows of weight 0, so
            that XLA and TPU compile a bounded number of shapes. Always so on JAX.
        cache_tokens: time steps that are held in memory at most. More than that are read and encoded anew each epoch
            and shuffled in a window, so that nothing need fit in memory.
        aligned: which arrays have the same time: "all"; "inputs", where labels and weights are of a whole example; or
            "none", as in translation, where each is padded by itself and the longest counts.
        vary: function (example, encoded, rng) -> encoded: what an epoch changes at random, such as the key of a piece;
            None: nothing.

    Attributes:
        size: examples; dropped: empty ones left out; steps: batches of an epoch; tokens: real time steps.
        padding: share of the time steps that are padding, in the order of the data; an epoch's differs by a hair.

    Raises:
        ValueError: no example is left, or both limits are 0.
    """

    def __init__(
        self,
        examples,
        encode,
        batch_size=32,
        batch_tokens=16384,
        seed=0,
        static_shapes=False,
        cache_tokens=2_000_000,
        aligned="all",
        vary=None,
    ):
        if not batch_size and not batch_tokens:
            raise ValueError("--batch_size and --batch_tokens are both 0: a batch needs one limit.")
        self.examples = examples
        self.encode = encode
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self.seed = seed
        self.static_shapes = is_static(static_shapes)
        self.aligned = aligned
        self.vary = vary
        self._cache = self._cached(cache_tokens)
        self._survey()

    def _cached(self, limit):
        """The pairs of all examples, or None if they are more than fit."""
        cache = []
        for example in self.examples:
            cache.append((example, self.encode(example)))
            limit -= _length(cache[-1][1])
            if limit < 0:
                return None
        return cache

    def _survey(self):
        lengths = np.fromiter((_length(encoded) for _, encoded in self._pairs()), "int64")
        self.size = int(np.count_nonzero(lengths))
        self.dropped = len(lengths) - self.size
        self.tokens = int(lengths.sum())
        if not self.size:
            raise ValueError(f"No examples left: {len(lengths)} were read, {self.dropped} of them empty.")
        items = ((None, int(length)) for length in lengths if length)
        shapes = [(len(group), *self._shape(group)) for group in self._grouped(items)]
        self.steps = len(shapes)
        self.padding = 1 - self.tokens / sum(rows * bound for _, rows, bound in shapes)

    def _pairs(self):
        """Pairs of an example and what `encode` made of it, in the order of the data."""
        if self._cache is not None:
            return self._cache
        return ((example, self.encode(example)) for example in self.examples)

    def _bound(self, length):
        """The bucket of a length: the longest length that shares its batches."""
        if self.static_shapes:
            return max(8, 1 << (length - 1).bit_length())
        # A row is padded by an eighth at most, and a doubling of the length has eight buckets: few are left half full.
        step = max(1, (1 << (length.bit_length() - 1)) // 8)
        return -(-length // step) * step

    def _rows(self, bound):
        """How many examples make a batch of this bucket full."""
        limits = [self.batch_size] if self.batch_size else []
        if self.batch_tokens:
            limits.append(max(1, self.batch_tokens // bound))
        return min(limits)

    def _grouped(self, items):
        """Lists of (anything, length) that make one batch each."""
        buckets = {}
        for item in items:
            bound = self._bound(item[1])
            bucket = buckets.setdefault(bound, [])
            bucket.append(item)
            if len(bucket) == self._rows(bound):
                yield buckets.pop(bound)
        yield from buckets.values()

    def _shape(self, group):
        """Rows and time steps [B, T] of the batch that a group becomes."""
        longest = max(length for _, length in group)
        if not self.static_shapes:
            return len(group), longest
        bound = self._bound(longest)
        return self._rows(bound), bound

    def _padded(self, group):
        """(inputs, labels, weights) of one batch, from a list of ((example, encoded), length)."""
        rows, bound = self._shape(group)
        inputs, labels, weights = zip(*(encoded for (_, encoded), _ in group), strict=True)

        def steps(arrays, aligned):
            if self.aligned in aligned:
                return bound
            own = self.aligned == "none" and self.static_shapes
            return self._bound(max(map(len, arrays))) if own else None

        arrays = {name: [row[name] for row in inputs] for name in inputs[0]}
        return (
            {name: pad(own, rows, steps(own, ("all", "inputs"))) for name, own in arrays.items()},
            pad(labels, rows, steps(labels, ("all",))),
            pad(weights, rows, steps(weights, ("all",)), repeat=False),
        )

    def _shuffled(self, epoch):
        """The pairs in the order of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        if self._cache is not None:
            for number in rng.permutation(len(self._cache)):
                yield self._cache[number]
            return
        window = []
        for pair in self._pairs():
            if len(window) < WINDOW:
                window.append(pair)
            else:
                place = rng.integers(WINDOW)
                yield window[place]
                window[place] = pair
        for place in rng.permutation(len(window)):
            yield window[place]

    def epoch(self, number):
        """A tf.data.Dataset of (inputs, labels, weights), shuffled; each array is [B, T, ...], padded right."""
        import tensorflow as tf

        def generate():
            rng = np.random.default_rng([self.seed, number, 1])
            items = ((pair, _length(pair[1])) for pair in self._shuffled(number))
            for group in self._grouped(item for item in items if item[1]):
                if self.vary:
                    varied = [(example, self.vary(example, encoded, rng)) for (example, encoded), _ in group]
                    group = [(pair, _length(pair[1])) for pair in varied]
                yield self._padded(group)

        one = next(pair for pair in self._pairs() if _length(pair[1]))
        first = self._padded([(one, _length(one[1]))])
        signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None] * array.ndim, array.dtype), first)
        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        # Without autotuning: its thread sleeps 10 ms, then 20, 40 ... 20,480 ms, and the end of an epoch waits for it.
        tuning = tf.data.Options()
        tuning.autotune.enabled = False
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(self.steps))
        return dataset.prefetch(8).with_options(tuning)

    def outputs(self, function):
        """Runs `function(inputs, labels, weights)` over all batches in the order of the data.

        Args:
            function: gives a dict of arrays with the batch as first axis.

        Yields:
            (example, {name: row}) for every example that is not empty; a row's time axis still has its padding.
        """
        window = []

        def flush():
            rows = {}
            window.sort(key=lambda item: item[1])
            for group in self._grouped(window):
                batch = function(*self._padded([(pair, length) for (_, pair), length in group]))
                for row, ((number, _), _) in enumerate(group):
                    rows[number] = {name: array[row] for name, array in batch.items()}
            for (number, (example, _)), _ in sorted(window, key=lambda item: item[0][0]):
                yield example, rows[number]
            window.clear()

        for number, pair in enumerate(self._pairs()):
            if length := _length(pair[1]):
                window.append(((number, pair), length))
            if len(window) == WINDOW:
                yield from flush()
        yield from flush()


def is_static(static_shapes):
    """Whether shapes are static: where that is asked for, and on JAX, which compiles each shape anew."""
    import keras

    return static_shapes or keras.backend.backend() == "jax"


def _length(encoded):
    """Time steps of an encoded example: of the longest of its inputs."""
    return max(len(array) for array in encoded[0].values() if np.ndim(array))


def pad(arrays, rows, bound, repeat=True):
    """Arrays of one rank as one array, padded right with 0 to `bound` steps and to the widest of the other axes.

    Without a `bound` the first axis is not the time: it too is as wide as the widest.

    Rows beyond the last array repeat the first one (no row is empty: cuDNN refuses empty rows), or stay 0.
    """
    arrays = [np.asarray(array) for array in arrays]
    shape = [rows]
    if arrays[0].ndim:
        shape += [max(array.shape[axis] for array in arrays) for axis in range(arrays[0].ndim)]
        shape[1] = bound or shape[1]
    padded = np.zeros(shape, arrays[0].dtype)
    if repeat:
        arrays += [arrays[0]] * (rows - len(arrays))
    for row, array in enumerate(arrays):
        padded[(row, *map(slice, array.shape))] = array
    return padded
