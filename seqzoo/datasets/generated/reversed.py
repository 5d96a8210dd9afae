"""Random letters and the same from the end: what an encoder-decoder without attention forgets and one with it reads."""

import functools
import random
import string

from seqzoo.datasets import DATASETS, generated

SHORTEST, LONGEST = 5, 20


@DATASETS.register("reversed")
def reversed(data_dir=None, name=None, columns=None, seed=0, sizes=None):
    """Random letters, 5 to 20 of them, with the same letters from the end as the translation; needs no download.

    Args:
        data_dir, name, columns: what other readers take; nothing is read here, so they are of no use.
        seed: other seeds give other letters.
        sizes: {split: number of pairs}. Default: 20,000, 500 and 500.

    Returns:
        {"train", "valid", "test"}: Examples of ``{"source": str, "target": str}``.
    """
    return generated(
        "reversed",
        functools.partial(_pairs, seed),
        usual=dict(train=20_000, valid=500, test=500),
        sizes=sizes,
        features={"source": str, "target": str},
        given={"data_dir": data_dir, "name": name, "columns": columns},
        instead="parallel",
    )


def _pairs(seed, split, size):
    rng = random.Random(f"{seed}-{split}")  # the shortest has 26^5 forms: splits share next to nothing
    for _ in range(size):
        text = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(SHORTEST, LONGEST)))
        yield {"source": text, "target": text[::-1]}
