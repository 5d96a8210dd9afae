"""Random letters and their reversal: an encoder-decoder without attention forgets them, one with attention does not."""

import random
import string
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

SHORTEST, LONGEST = 5, 20


@DATASETS.register("reversed")
@generated(dict(train=20_000, valid=500, test=500), {"source": str, "target": str}, instead="parallel")
def reversed(seed: int, split: str, size: int) -> Iterator[dict]:
    """Random letters, 5 to 20 of them, with their reversal as the translation; needs no download.

    Args:
        seed: decides the letters.
        split, size: the split and its number of examples.

    Yields:
        ``{"source": str, "target": str}``.
    """
    rng = random.Random(f"{seed}-{split}")  # even of 5 letters there are 26^5 texts: splits share almost none
    for _ in range(size):
        text = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(SHORTEST, LONGEST)))
        yield {"source": text, "target": text[::-1]}
