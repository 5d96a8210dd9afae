"""Data: examples become padded, weighted batches (`Batches`), or windows of one long text (`Streams`)."""

from typing import Protocol

from seqzoo.data.batches import Batches, Skip
from seqzoo.data.streams import Streams

__all__ = ["Batches", "Feed", "Skip", "Streams"]


class Feed(Protocol):
    """What training needs of a split: `Batches` and `Streams` provide it.

    Attributes:
        tokens: real time steps of an epoch. steps: batches of an epoch. padding: fraction of time steps that are
            padding. summary: sizes of the split, for people.
    """

    tokens: int
    steps: int
    padding: float
    summary: str

    def epoch(self, number: int):
        """A tf.data.Dataset of (inputs, labels[, weights]), the same for the same number."""
