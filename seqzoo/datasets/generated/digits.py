"""Handwritten digits as sequences, row by row and pixel by pixel; and pictures of digits for other datasets."""

import functools
import itertools
import random
from collections.abc import Iterator

import numpy as np

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

FEATURES = {"frames": np.ndarray, "label": str}
SHARES = {"train": (0, 1397), "valid": (1397, 1597), "test": (1597, 1797)}  # the pictures of each split
SIZES = {split: end - first for split, (first, end) in SHARES.items()}


@DATASETS.register("digit_lines")
@generated(SIZES, FEATURES, instead="clips")
def digit_lines(seed: int, split: str, size: int) -> Iterator[dict]:
    """Pictures of a handwritten digit, read row by row: 8 frames of 8 pixels; the digits of scikit-learn.

    Args:
        seed: not used; there is one set of digits.
        split, size: the split and its number of examples.

    Yields:
        ``{"frames": array [8, 8], "label": str}``, values from 0 to 1.
    """
    for picture, label in itertools.islice(zip(*digits(split), strict=True), size):
        yield {"frames": (picture / 16).astype("float32"), "label": str(label)}


@DATASETS.register("digit_pixels")
@generated(SIZES, FEATURES, instead="clips")
def digit_pixels(seed: int, split: str, size: int) -> Iterator[dict]:
    """Pictures of a handwritten digit, read pixel by pixel: 64 frames of 1 pixel (Le et al., 2015, section 4.2, MNIST).

    Args:
        seed: not used; there is one set of digits.
        split, size: the split and its number of examples.

    Yields:
        ``{"frames": array [64, 1], "label": str}``, values from 0 to 1.
    """
    for example in digit_lines(sizes={split: size})[split]:
        yield {**example, "frames": example["frames"].reshape(-1, 1)}


@functools.cache
def digits(split: str, shuffled: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Returns the handwritten digits of scikit-learn, of 8 by 8 pixels.

    Args:
        split: "train", "valid" or "test".
        shuffled: divide them at random; as they come, digits of one hand are together.

    Returns:
        (pictures [N, 8, 8] of whole numbers from 0 to 16, the digits [N]).
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    order = [*range(len(data.target))]
    if shuffled:
        random.Random(0).shuffle(order)
    own = order[slice(*SHARES[split])]
    return data.images[own].astype("int64"), data.target[own]
