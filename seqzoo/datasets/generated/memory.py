"""Sequences that need memory: copy, repeat copy, associative recall, parity, modulo 3, adding and others.

A network reads `frames` [T, D] and answers at their last A steps: `answer` [A, K]. Its `kind` says what a row of it is:

    bits      K bits, each by itself
    classes   one of K, one-hot
    numbers   K numbers

Sequences of train have random lengths up to the given one, those of valid one to six times that length, so that a
network has to generalise beyond its training; or all have the given length (`fixed`).
"""

import json
import random
from collections.abc import Callable, Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

FEATURES = {"frames": np.ndarray, "answer": np.ndarray, "length": int, "kind": str}
SIZES = {"train": 3200, "valid": 384}
TIMES = 6  # the longest sequences of valid are this many times as long as those of train
LONGEST = 1000  # what --length can be
BITS, ITEM, ITEM_BITS = 8, 3, 6  # of a vector to copy; vectors of an item to recall, bits of one
MOST_VECTORS = 10  # of a sequence that is copied repeatedly
SYMBOLS, COPIED = 8, 10  # of the delayed copy: size of the alphabet, symbols to copy
ORDERS = ("XX", "XY", "YX", "YY")  # what temporal order answers


def remembered(kind: str, length: int = 20, shortest: int = 1, fixed: bool = False) -> Callable:
    """Decorator that makes a dataset of a function (rng, length) -> (frames, answer), which it keeps as `draw`.

    The dataset has the arguments of other generated ones, and `length`: the longest in train, or that of all.

    Args:
        kind: of the answer, see above.
        length: the default length.
        shortest: the smallest length.
        fixed: whether all sequences have the given length.
    """
    usual = length

    def decorate(function):
        def draw(rng: random.Random, length: int) -> dict:
            frames, answer = function(rng, length)
            frames, answer = np.asarray(frames, "float32"), np.asarray(answer, "float32")
            return {"frames": frames, "answer": answer, "length": length, "kind": kind}

        def read(data_dir=None, name=None, columns=None, seed=0, sizes=None, length=0):
            longest = length or usual
            if not shortest <= longest <= LONGEST:
                raise ValueError(
                    f"--length of {read.__name__} should be from {shortest} to {LONGEST}. Received: {length}"
                )

            def examples(seed: int, split: str, size: int) -> Iterator[dict]:
                rng = random.Random(f"{seed}-{split}")
                for number in range(size):
                    if fixed:
                        own = longest
                    elif split == "train":
                        own = rng.randint(shortest, longest)
                    else:
                        own = longest * (1 + number % TIMES)
                    yield draw(rng, own)

            examples.__name__ = read.__name__
            return generated(SIZES, FEATURES, instead="")(examples)(data_dir, name, columns, seed, sizes)

        read.__name__ = read.__qualname__ = function.__name__
        read.__doc__, read.__module__ = function.__doc__, function.__module__
        read.draw, read.shortest, read.usual = draw, shortest, usual
        return read

    return decorate


@DATASETS.register("copy", memory=True)
@remembered("bits")
def copy(rng: random.Random, length: int) -> tuple:
    """Copy: vectors of 8 bits and a mark; the answer is the vectors (Graves et al., 2014)."""
    vectors = _bits(rng, length, BITS)
    frames = np.zeros((2 * length + 1, BITS + 1))
    frames[:length, :BITS], frames[length, BITS] = vectors, 1
    return frames, vectors


@DATASETS.register("repeat_copy", memory=True)
@remembered("bits")
def repeat_copy(rng: random.Random, length: int) -> tuple:
    """Repeat copy: up to 10 vectors and how often to write them, `length` vectors in all (Graves et al., 2014)."""
    count = rng.randint(1, min(MOST_VECTORS, length))
    times, vectors = length // count, _bits(rng, count, BITS)
    frames = np.zeros((count + 1 + count * times + 1, BITS + 1))
    frames[:count, :BITS], frames[count, BITS] = vectors, times / 10
    answer = np.zeros((count * times + 1, BITS + 1))
    answer[:-1, :BITS], answer[-1, BITS] = np.tile(vectors, (times, 1)), 1  # a mark at the end: it has to count
    return frames, answer


@DATASETS.register("associative_recall", memory=True)
@remembered("bits", shortest=2 * ITEM)
def associative_recall(rng: random.Random, length: int) -> tuple:
    """Associative recall: items of 3 vectors, then one of them; the answer is the next one (Graves et al., 2014)."""
    count = length // ITEM
    items = [_bits(rng, ITEM, ITEM_BITS) for _ in range(count)]
    asked = rng.randrange(count - 1)
    frames = np.zeros(((count + 1) * (ITEM + 1) + 1 + ITEM, ITEM_BITS + 2))
    for number, item in enumerate([*items, items[asked]]):
        start = number * (ITEM + 1)
        frames[start, ITEM_BITS + (number == count)] = 1  # one mark before each item, another before the question
        frames[start + 1 : start + 1 + ITEM, :ITEM_BITS] = item
    frames[-ITEM - 1, ITEM_BITS + 1] = 1
    return frames, items[asked + 1]


@DATASETS.register("parity", memory=True)
@remembered("bits")
def parity(rng: random.Random, length: int) -> tuple:
    """Parity: whether a string of bits has an odd number of ones."""
    bits = [rng.getrandbits(1) for _ in range(length)]
    return np.eye(2)[bits], [[sum(bits) % 2]]


@DATASETS.register("modulo_3", memory=True)
@remembered("classes")
def modulo_3(rng: random.Random, length: int) -> tuple:
    """Modulo 3: the sum of digits from 0 to 2, modulo 3."""
    digits = [rng.randrange(3) for _ in range(length)]
    return np.eye(3)[digits], np.eye(3)[[sum(digits) % 3]]


@DATASETS.register("adding", memory=True)
@remembered("numbers", length=400, shortest=2, fixed=True)
def adding(rng: random.Random, length: int) -> tuple:
    """Adding: the sum of the two numbers that are marked, one in each half (Hochreiter & Schmidhuber, 1997)."""
    values, marks = np.array([rng.random() for _ in range(length)]), np.zeros(length)
    marks[[rng.randrange(length // 2), rng.randrange(length // 2, length)]] = 1
    return np.stack([values, marks], axis=-1), [[(values * marks).sum()]]


@DATASETS.register("temporal_order", memory=True)
@remembered("classes", length=100, shortest=10, fixed=True)
def temporal_order(rng: random.Random, length: int) -> tuple:
    """Temporal order: X or Y twice among other symbols, in which order? (Hochreiter & Schmidhuber, 1997)."""
    x = [rng.randrange(4) for _ in range(length)]  # a b c d, one-hot with X Y E B behind them; E is first, B is last
    x[0], x[-1] = 6, 7
    first, second = rng.getrandbits(1), rng.getrandbits(1)
    x[rng.randint(length // 10, length // 5)] = 4 + first
    x[rng.randint(length // 2, 6 * length // 10)] = 4 + second
    return np.eye(8)[x], np.eye(4)[[2 * first + second]]


@DATASETS.register("delayed_copy", memory=True)
@remembered("classes", length=30, fixed=True)
def delayed_copy(rng: random.Random, length: int) -> tuple:
    """Delayed copy: 10 symbols, to be written after `length` blanks (Arjovsky et al., 2016)."""
    blank, mark = SYMBOLS, SYMBOLS + 1
    x = [blank] * (length + 2 * COPIED)
    answer = [*x]
    x[:COPIED] = answer[-COPIED:] = [rng.randrange(SYMBOLS) for _ in range(COPIED)]
    x[length + COPIED - 1] = mark
    return np.eye(SYMBOLS + 2)[x], np.eye(SYMBOLS + 1)[answer]


def asked(reader: Callable, line: str, width: int) -> dict:
    """Returns the example of a line: a length, for which a random sequence is drawn, or a JSON list of frames.

    Args:
        reader: one of these datasets.
        line: the text; equal ones give the same sequence.
        width: D.

    Raises:
        ValueError: a length that the dataset can't draw, or anything but frames [T, D] of finite numbers.
    """
    if line.strip().isdecimal():
        if not reader.shortest <= int(line) <= LONGEST:
            raise ValueError(f"A length should be from {reader.shortest} to {LONGEST}. Received: {line.strip()[:20]}")
        return reader.draw(random.Random(line.strip()), int(line))
    try:
        frames = np.asarray(json.loads(line), "float32")
    except (ValueError, TypeError, OverflowError, RecursionError):
        frames = np.zeros(0)
    if frames.ndim != 2 or frames.shape[1] != width or not np.isfinite(frames).all():
        raise ValueError(
            f"A line should be a length, such as 20, or a JSON list of frames of {width} numbers each. Received: "
            f"{line[:100]!r}"
        )
    return {"frames": frames}


def _bits(rng, rows, columns):
    """Returns [rows, columns] random bits."""
    return np.array([[rng.getrandbits(1) for _ in range(columns)] for _ in range(rows)])
