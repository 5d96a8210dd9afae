"""Streams: one long text as parallel rows of windows, for a state that is carried from window to window."""

import array
import os
import tempfile

import numpy as np

from seqzoo.data.batches import is_static

BLOCK = 1 << 20  # ids that are encoded before they are written out


class Streams:
    """The ids of a split, one after the other, and the windows that training and scoring read them in.

    Documents are joined by the end mark, and the first one has one before it, which the first token is predicted from.
    Every other id is predicted once.

    Args:
        examples: iterable of {"text": piece, "end": whether its document ends}.
        codec: codec.Codec, gives the ids.
        rows: streams that training reads at once, B: the text in so many equal parts.
        window: steps between two truncations of the gradient, T.
        varied: draw each window's length anew (Merity et al., 2018, section 4.1): T plus a normal deviate of 5 steps
            (of T / 7 where that is less), one time in twenty T / 2 in place of T. So no two epochs cut the text at the
            same places. They also scale the learning rate by the length; here it stays. Where shapes must be few, on
            JAX, T or T / 2 with no deviate.
        seed: of the lengths.
        cache_tokens: ids held in memory at most; more lie in a temporary file on disk that vanishes with the process.

    Attributes:
        tokens: ids that are predicted; characters, words: of the text, words being what has space around it and line
            ends; unknown: ids that are the unknown token; spelled: bytes of what they stand for, each with an end.
        steps: windows of an epoch, on average; padding: 0.

    Raises:
        ValueError: fewer ids than rows.
    """

    padding = 0.0

    def __init__(self, examples, codec, rows=32, window=100, varied=False, seed=0, cache_tokens=20_000_000):
        self.codec, self.rows, self.window, self.varied, self.seed = codec, rows, window, varied, seed
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

    def _write(self, examples):
        codec, pending = self.codec, array.array("i", [self.codec.end])
        begun = True  # nothing of this document was written
        for example in examples:
            if begun and self.characters:
                pending.append(codec.end)
            ids, unknown = codec.encode(example["text"])
            pending.extend(ids)
            self.unknown += len(unknown)
            self.spelled += sum(len(token.encode("utf-8", "replace")) + 1 for token in unknown)
            self.characters += len(example["text"])
            self.words += len(example["text"].split()) + example["text"].count("\n")
            begun = example["end"]
            if len(pending) > BLOCK:
                self.file.write(np.array(pending, self.type).tobytes())
                pending = array.array("i")
        self.file.write(np.array(pending, self.type).tobytes())

    def read(self, start, count):
        """The ids from `start` on, int32, fewer at the end."""
        if self.ids is not None:
            return self.ids[start : start + count]
        self.file.flush()
        size = self.type.itemsize
        return np.frombuffer(os.pread(self.file.fileno(), count * size, start * size), self.type).astype("int32")

    def _mean_length(self):
        return 0.95 * self.window + 0.05 * self.window / 2 if self.varied else self.window

    def lengths(self, epoch):
        """The lengths of the windows of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        left, few = self.length, is_static(False)
        while left:
            length = self.window
            if self.varied:
                length = self.window if rng.random() < 0.95 else self.window / 2
                least = min(5, max(1, self.window // 2))
                deviation = 0.0 if few else min(5.0, self.window / 7)
                length = max(least, round(rng.normal(length, deviation)))
            length = min(left, length)
            left -= length
            yield length

    def epoch(self, number):
        """A tf.data.Dataset of ({"tokens": [B, T], "start": [B]}, next tokens [B, T])."""
        import tensorflow as tf

        def generate():
            place = 0
            for length in self.lengths(number):
                ids = np.stack([self.read(row * self.length + place, length + 1) for row in range(self.rows)])
                yield {"tokens": ids[:, :-1], "start": np.full(self.rows, place == 0)}, ids[:, 1:]
                place += length

        steps = sum(1 for _ in self.lengths(number))
        window = None if self.varied or self.length % self.window else self.window
        tokens = tf.TensorSpec((self.rows, window), "int32")
        signature = ({"tokens": tokens, "start": tf.TensorSpec((self.rows,), "bool")}, tokens)
        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        tuning = tf.data.Options()
        tuning.autotune.enabled = False  # see pipeline.py
        return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(8).with_options(tuning)

    def windows(self, rows=1, context=1000, length=256):
        """The text in windows for scoring: each id is predicted once.

        Args:
            rows: parts that are read side by side. One is exact: the state is carried through all of the text.
            context: ids that are read, and not predicted, before each part but the first, to have a state.
            length: steps of a window.

        Yields:
            (ids [B, T], next ids [B, T], counts [B, T]): counts is True where the next id is to be scored.
        """
        rows = max(1, min(rows, self.tokens // (2 * context + 1)))
        whole = -(-(self.tokens + (rows - 1) * context) // rows)  # steps of a part with its context
        begin = [row * (whole - context) for row in range(rows)]
        for place in range(0, whole, length):
            steps = min(length, whole - place)
            # Behind the end of the last part stand end marks, not padding: cuDNN refuses a row of padding alone.
            ids, counts = np.full((rows, steps + 1), self.codec.end, "int32"), np.zeros((rows, steps), bool)
            for row, start in enumerate(begin):
                read = self.read(start + place, steps + 1)
                ids[row, : len(read)] = read
                counts[row, : max(len(read) - 1, 0)] = True
                if row:
                    counts[row, : max(context - place, 0)] = False
            yield ids[:, :-1], ids[:, 1:], counts
