"""Batches for benchmarks: grouped by length or at random, in random order, and as NumPy arrays."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from seqzoo.data import Batches


class BenchmarkBatches(Batches):
    """seqzoo's batches, with what a fair comparison needs; for other arguments see `Batches`.

    Args:
        bucketed: group examples of similar length; False: random examples, padded to the longest of each batch.
        mixed: yield the batches in random order, so that the first few are representative of an epoch.
    """

    def __init__(
        self,
        examples: Iterable,
        encode: Callable,
        axes: dict[str, str],
        bucketed: bool = True,
        mixed: bool = False,
        **options,
    ):
        self.bucketed, self.mixed = bucketed, mixed
        super().__init__(examples, encode, axes, **options)

    def _bound(self, length):
        return super()._bound(length) if self.bucketed else 1  # one bucket for all

    def _grouped(self, items):
        groups = super()._grouped(items)
        if not self.mixed:
            yield from groups
            return
        groups = list(groups)
        for index in np.random.default_rng(self.seed).permutation(len(groups)):
            yield groups[index]

    def arrays(self, number: int) -> Iterator[tuple]:
        """(inputs, labels, weights) of each batch of an epoch; what `epoch` gives as a tf.data.Dataset."""
        for group in self._grouped(item for item in self._shuffled(number) if item[2]):
            yield self._padded(group)
