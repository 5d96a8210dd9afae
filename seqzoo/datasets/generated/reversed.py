"""Random letters and their reversal: an encoder-decoder without attention forgets them, one with attention does not."""

import functools
import os
import random
import string

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.splits import generated_splits

SHORTEST, LONGEST = 5, 20


@DATASETS.register("reversed")
def reversed(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    seed: int = 0,
    sizes: dict[str, int] | None = None,
) -> dict[str, Examples]:
    """Random letters, 5 to 20 of them, with their reversal as the translation; needs no download.

    Args:
        data_dir, name, columns: arguments of readers, not used because nothing is read.
        seed: decides the letters.
        sizes: {split: number of pairs}. Default: 20,000, 500 and 500.

    Returns:
        {"train", "valid", "test"}: Examples of ``{"source": str, "target": str}``.
    """
    return generated_splits(
        "reversed",
        functools.partial(_sample, seed),
        default_sizes=dict(train=20_000, valid=500, test=500),
        sizes=sizes,
        features={"source": str, "target": str},
        given={"data_dir": data_dir, "name": name, "columns": columns},
        instead="parallel",
    )


def _sample(seed, split, size):
    rng = random.Random(f"{seed}-{split}")  # even of 5 letters there are 26^5 texts: splits share almost none
    for _ in range(size):
        text = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(SHORTEST, LONGEST)))
        yield {"source": text, "target": text[::-1]}
