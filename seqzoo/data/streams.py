"""Streams: one long text as parallel rows of windows, so that the state can be carried from window to window."""

import array
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.data.batches import is_static, untuned
from seqzoo.text.codec import spelled_bytes

if TYPE_CHECKING:
    import tensorflow as tf


BLOCK = 1 << 20  # ids encoded before they are written to the file


class Streams:
    """The token ids of a split in one sequence, and the windows that training and scoring read.

    Documents are joined by the end mark. One more end mark precedes the first document, so that its first token can be
    predicted. Every other id is predicted exactly once.

    Args:
        examples: iterable of {"text": piece, "end": whether its document ends here}; the default of "end" is True.
        codec: text.codec.Codec, which encodes the text.
        rows: B, number of equal parts of the text that training reads in parallel.
        window: T, time steps between two truncations of the gradient.
        varied: draw the length of each window at random (Merity et al., 2018, section 4.1): T plus a normal deviate
            with a standard deviation of 5 steps (T / 7 if that is less), and T / 2 in place of T one time in twenty.
            So no two epochs cut the text at the same positions. Merity et al. also scale the learning rate by the
            length, which is left out here. On JAX, where shapes must be few, the length is T or T / 2, with no deviate.
        seed: seed of the lengths.
        cache_tokens: maximum number of ids held in memory; more are kept in a temporary file, deleted with the process.
        reverse: read the text from its end to its beginning, so that each id is predicted from the ids after it.

    Attributes:
        tokens: number of predicted ids. characters, words: numbers in the text; words are separated by white space, and
            line ends count. unknown: number of unknown tokens. spelled: bytes needed to spell them, plus one each.
        steps: average number of windows in an epoch. padding: 0. fixed_rows: `rows`, the same in each batch.
        static_shapes: whether all windows have one length.

    Raises:
        ValueError: the text has fewer ids than rows.
    """

    padding, static_flag = 0.0, "--novary_window"

    def __init__(
        self,
        examples: Iterable,
        codec,
        rows: int = 32,
        window: int = 100,
        varied: bool = False,
        seed: int = 0,
        cache_tokens: int = 2_000_000,
        reverse: bool = False,
    ):
        self.reverse = reverse
        self.codec, self.rows, self.window, self.varied, self.seed = codec, rows, window, varied, seed
        self.fixed_rows, self.static_shapes = rows, not varied
        self.characters = self.words = self.unknown = self.spelled = 0
        self.type = np.dtype("uint16" if len(codec.tokens) <= 1 << 16 else "int32")
        self.file = tempfile.TemporaryFile(prefix="seqzoo-")
        self._write(examples)
        self.tokens = self.file.tell() // self.type.itemsize - 1
        self.length = self.tokens // rows  # of a row
        if self.tokens < 1 or self.length < 1:
            raise ValueError(
                f"{getattr(examples, 'source', 'The text')} has {max(self.tokens, 0)} tokens to predict, too few for "
                f"{rows} streams (--batch_size)."
            )
        self.ids = None
        if self.tokens < cache_tokens:
            self.file.seek(0)
            self.ids = np.frombuffer(self.file.read(), self.type).astype("int32")
            self.file.close()
        self.steps = round(self.length / self._mean_length()) or 1

    @property
    def summary(self) -> str:
        """Sizes of the split, as readable text."""
        unknown = f", {self.unknown / self.tokens:.2%} unknown" if self.unknown else ""
        return f"{self.characters:,} characters, {self.words:,} words, {self.tokens:,} tokens{unknown}"

    def _write(self, examples: Iterable):
        codec, pending = self.codec, array.array("i", [] if self.reverse else [self.codec.end])
        starts = True  # the next piece starts a document
        for example in examples:
            if starts and self.characters:
                pending.append(codec.end)
            ids, unknown = codec.encode(example["text"])
            pending.extend(ids)
            self.unknown += len(unknown)
            self.spelled += sum(map(spelled_bytes, unknown))
            self.characters += len(example["text"])
            self.words += len(example["text"].split()) + example["text"].count("\n")
            starts = example.get("end", True)
            if len(pending) > BLOCK:
                self.file.write(np.array(pending, self.type).tobytes())
                pending = array.array("i")
        pending.extend([codec.end] if self.reverse else [])  # the last token is predicted from the end mark
        self.file.write(np.array(pending, self.type).tobytes())

    def read(self, start: int, count: int) -> np.ndarray:
        """Returns up to `count` ids from `start` on, in reading order, int32; fewer at the end."""
        if self.reverse:
            end = max(0, self.tokens + 1 - start)
            return self._stored(max(0, end - count), min(count, end))[::-1]
        return self._stored(start, count)

    def _stored(self, start: int, count: int) -> np.ndarray:
        if self.ids is not None:
            return self.ids[start : start + count]
        self.file.flush()
        size = self.type.itemsize
        return np.frombuffer(os.pread(self.file.fileno(), count * size, start * size), self.type).astype("int32")

    def counts(self) -> np.ndarray:
        """Returns how often each id occurs among the predicted ids, [V]."""
        pieces = (self.read(start, BLOCK) for start in range(1, 1 + self.tokens, BLOCK))
        return sum(np.bincount(piece, minlength=len(self.codec.tokens)) for piece in pieces)

    def decisions(self) -> float:
        """Returns how many ids an epoch predicts in training."""
        return float(self.rows * self.length)

    def _mean_length(self) -> float:
        return 0.95 * self.window + 0.05 * self.window / 2 if self.varied else self.window

    def lengths(self, epoch: int) -> Iterator[int]:
        """Yields the lengths of the windows of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        left, static = self.length, is_static(False)
        while left:
            length = self.window
            if self.varied:
                length = self.window if rng.random() < 0.95 else self.window / 2
                least = min(5, max(1, self.window // 2))
                deviation = 0.0 if static else min(5.0, self.window / 7)
                length = max(least, round(rng.normal(length, deviation)))
            length = min(left, length)
            left -= length
            yield length

    def epoch(self, number: int) -> "tf.data.Dataset":
        """Returns a tf.data.Dataset of ({"tokens": [B, T], "start": [B]}, next tokens [B, T])."""
        import tensorflow as tf

        def generate():
            position = 0
            for length in self.lengths(number):
                ids = np.stack([self.read(row * self.length + position, length + 1) for row in range(self.rows)])
                yield {"tokens": ids[:, :-1], "start": np.full(self.rows, position == 0)}, ids[:, 1:]
                position += length

        window = None if self.varied or self.length % self.window else self.window
        tokens = tf.TensorSpec((self.rows, window), "int32")
        signature = ({"tokens": tokens, "start": tf.TensorSpec((self.rows,), "bool")}, tokens)
        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return untuned(dataset, sum(1 for _ in self.lengths(number)))

    def windows(self, rows: int = 1, context: int = 1000, length: int = 256) -> Iterator[tuple]:
        """Yields the text in windows for scoring, in which each id is predicted once.

        Args:
            rows: number of parts to read in parallel. One part is exact: the state is carried through the whole text.
            context: number of ids read, and not predicted, before each part but the first, to warm up the state.
            length: time steps in a window.

        Yields:
            (ids [B, T], next ids [B, T], counts [B, T]): `counts` is True where the next id is to be scored.
        """
        rows = max(1, min(rows, self.tokens // (2 * context + 1)))
        whole = -(-(self.tokens + (rows - 1) * context) // rows)  # steps of a part and its context
        begin = [row * (whole - context) for row in range(rows)]
        for position in range(0, whole, length):
            steps = min(length, whole - position)
            # End marks, not padding, fill up the last part, since cuDNN refuses a row with only padding.
            ids, counts = np.full((rows, steps + 1), self.codec.end, "int32"), np.zeros((rows, steps), bool)
            for row, start in enumerate(begin):
                read = self.read(start + position, steps + 1)
                ids[row, : len(read)] = read
                counts[row, : max(len(read) - 1, 0)] = True
                if row:
                    counts[row, : max(context - position, 0)] = False
            yield ids[:, :-1], ids[:, 1:], counts
