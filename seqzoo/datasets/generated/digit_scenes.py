"""Scenes of two handwritten digits, with captions; rows of digits, with their numbers."""

import functools
import random
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.digits import digits
from seqzoo.datasets.splits import generated
from seqzoo.pictures import Picture, Pixels

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FEATURES = {"picture": Picture, "captions": list}
SIZE = 24  # rows and columns of a scene; a digit has 8
ROW = (12, 64)  # rows and columns of a row of digits
MOST = 6  # digits of a row
HELD_OUT = {"valid": 3, "test": 7}  # second digit minus first digit, modulo 10


@DATASETS.register("digit_scenes")
@generated(dict(train=7000, valid=500, test=500), FEATURES, instead="captions")
def digit_scenes(seed: int, split: str, size: int) -> Iterator[dict]:
    """Two handwritten digits in a picture of 24 by 24: "a three above a seven"; needs no download.

    The caption begins with the upper digit or, of two side by side, with the left one. Pairs are held out: in valid the
    second digit is the first plus three (modulo ten), in test plus seven, and in train neither, though train has each
    digit in both places. Every other picture of train has one digit alone, "a three", from which the names are learned
    first. The digits are those of scikit-learn, with different pictures in each split.

    Args:
        seed: decides digits, their places and noise.
        split, size: the split and its number of examples.

    Yields:
        ``{"picture": Pixels, "captions": [str]}``.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        first = rng.randrange(10)
        steps = [HELD_OUT[split]] if split in HELD_OUT else [i for i in range(10) if i not in HELD_OUT.values()]
        second = (first + rng.choice(steps)) % 10
        relation, places = _placed(rng)
        caption = f"{_article(first)} {relation} {_article(second)}"
        if split == "train" and number % 2 == 0:
            places, caption = [(rng.randint(0, SIZE - 8), rng.randint(0, SIZE - 8))], _article(first)
        picture = _drawn((SIZE, SIZE), zip((first, second), places, strict=False), split, rng)
        yield {"picture": Pixels(f"scene {number + 1} of {split}", picture), "captions": [caption]}


@DATASETS.register("digit_rows")
@generated(dict(train=2000, valid=300, test=300), FEATURES, instead="captions")
def digit_rows(seed: int, split: str, size: int) -> Iterator[dict]:
    """Rows of one to six handwritten digits, and their numbers, "407"; needs no download.

    Args:
        seed: decides digits, their places and noise.
        split, size: the split and its number of examples.

    Yields:
        ``{"picture": Pixels, "captions": [str]}``.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        chosen, column, placed = [rng.randrange(10) for _ in range(rng.randint(1, MOST))], 0, []
        for digit in chosen:
            column += rng.randint(0, 2)
            placed.append((digit, (rng.randint(0, ROW[0] - 8), column)))
            column += 8
        picture = _drawn(ROW, placed, split, rng)
        yield {"picture": Pixels(f"row {number + 1} of {split}", picture), "captions": ["".join(map(str, chosen))]}


def _placed(rng):
    """Returns (a relation, [row and column of the upper left corner of each of two digits])."""
    relation = rng.choice(("above", "left of", "above and left of", "above and right of"))
    near, far = rng.randint(0, 5), rng.randint(0, 3)
    low, high = rng.randint(0, 3), rng.randint(11, 16)
    if relation == "above":
        rows, columns = (low, high), (near + 4, near + 4 + rng.randint(-3, 3))
    elif relation == "left of":
        rows, columns = (near + 4, near + 4 + rng.randint(-3, 3)), (low, high)
    else:
        rows, columns = (low, high), (far, rng.randint(12, 16))
    columns = columns[::-1] if relation == "above and right of" else columns
    return relation, [*zip(rows, columns, strict=True)]


def _article(digit):
    return f"{'an' if WORDS[digit] == 'eight' else 'a'} {WORDS[digit]}"


@functools.cache
def _pictures(split):
    """Returns {digit: its pictures, [N, 8, 8] integers from 0 to 16} of a split."""
    pictures, labels = digits(split)
    return {digit: pictures[labels == digit] for digit in range(10)}


def _drawn(shape, placed, split, rng):
    """Returns [I, W, 1] in uint8: digits at places, over noise."""
    noise = np.frombuffer(rng.randbytes(shape[0] * shape[1]), "uint8").reshape(shape)
    picture = (noise >> 7).astype("float64")  # 0 or 1
    for digit, (row, column) in placed:
        picture[row : row + 8, column : column + 8] += rng.choice(_pictures(split)[digit])
    return (np.minimum(picture, 16) * (255 / 16)).astype("uint8")[..., None]
