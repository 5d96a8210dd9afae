"""Handwritten digits that move over a small canvas: the label is the movement, which no single frame shows."""

import math
import random
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.digits import digits
from seqzoo.datasets.splits import generated

SIZE = 16  # rows and columns of a frame; a digit has 8
SHORTEST, LONGEST = 8, 14
OPPOSITE = {
    "right": "left", "down": "up", "down right": "up left", "up right": "down left", "clockwise": "anticlockwise",
}  # fmt: skip
STEPS = {"right": (0, 1), "down": (1, 0), "down right": (1, 1), "up right": (-1, 1)}  # rows and columns a frame


@DATASETS.register("moving_digits")
@generated(dict(train=1600, valid=300, test=300), {"frames": np.ndarray, "label": str}, instead="clips")
def moving_digits(seed: int, split: str, size: int) -> Iterator[dict]:
    """Handwritten digits that move over 16 by 16 pixels; the label is the movement; needs no download.

    Every clip comes forwards and backwards, under the opposite label, so that frames without their order do not tell
    which of the two it is. The digits are those of scikit-learn, with different pictures in each split.

    Args:
        seed: decides digits, paths and noise.
        split, size: the split and its number of examples.

    Yields:
        ``{"frames": array [T, 16, 16, 1], "label": str}``, values from 0 to 1.
    """
    (pictures, _), rng = digits(split, shuffled=False), random.Random(f"{seed}-{split}")
    for number in range(size):
        if number % 2 == 0:
            label = rng.choice(sorted(OPPOSITE))
            frames = _drawn(pictures[rng.randrange(len(pictures))], _path(label, rng), rng)
            yield {"frames": frames, "label": label}
        else:
            yield {"frames": np.ascontiguousarray(frames[::-1]), "label": OPPOSITE[label]}


def _path(label, rng):
    """Where the upper left corner of the digit is, in rows and columns."""
    length = rng.randint(SHORTEST, LONGEST)
    most = SIZE - 8
    if label == "clockwise":
        start, turn = rng.random() * 2 * math.pi, rng.uniform(1, 1.8) * math.pi / length
        centre = [rng.uniform(3, 5), rng.uniform(3, 5)]
        angles = [start + i * turn for i in range(length)]
        path = [(centre[0] + 3 * math.sin(a), centre[1] + 3 * math.cos(a)) for a in angles]  # rows grow downwards
    else:
        share = rng.uniform(0.5, 1) * most / (length - 1)  # of a pixel a frame
        steps = STEPS[label]
        room = most - share * (length - 1)  # for the start, on each side
        start = [rng.uniform(0, room) if step > 0 else most - rng.uniform(0, room) for step in steps]
        start = [rng.uniform(0, most) if step == 0 else at for at, step in zip(start, steps, strict=True)]
        path = [tuple(at + i * step * share for at, step in zip(start, steps, strict=True)) for i in range(length)]
    return [tuple(min(most, max(0, math.floor(at + 0.5))) for at in point) for point in path]


def _drawn(digit, path, rng):
    """Returns [T, 16, 16, 1]: the digit at each point, over noise."""
    noise = np.frombuffer(rng.randbytes(len(path) * SIZE * SIZE), "uint8").reshape(len(path), SIZE, SIZE)
    frames = (noise >> 6).astype("int64")  # 0 to 3
    for frame, (row, column) in zip(frames, path, strict=True):
        frame[row : row + 8, column : column + 8] += digit
    return (np.minimum(frames, 16) / 16).astype("float32")[..., None]
