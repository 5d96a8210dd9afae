"""Data: examples become padded, weighted batches (`Batches`), or windows of one long text (`Streams`)."""

from typing import TYPE_CHECKING, Protocol

from seqzoo.data.batches import Batches, Skip
from seqzoo.data.streams import Streams

if TYPE_CHECKING:
    import tensorflow as tf


__all__ = ["Batches", "Feed", "Skip", "Streams"]


class Feed(Protocol):
    """The interface of a split for training, which `Batches` and `Streams` implement.

    Attributes:
        tokens: real time steps of an epoch. steps: batches of an epoch. padding: fraction of time steps that are
            padding. summary: sizes of the split, as readable text. fixed_rows: rows of each batch, None if they vary.
        static_shapes: whether batches have few shapes; static_flag: the option for such shapes.
    """

    tokens: int
    steps: int
    padding: float
    summary: str
    fixed_rows: int | None
    static_shapes: bool
    static_flag: str

    def epoch(self, number: int) -> "tf.data.Dataset":
        """Returns a tf.data.Dataset of (inputs, labels[, weights]) that depends only on the epoch's number."""

    def decisions(self) -> float:
        """Returns how many labels an epoch trains on, each counted by its weight."""
