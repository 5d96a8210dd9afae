"""Promoters: DNA with two boxes that make a promoter only in the right order and at the right distance.

The polymerase of bacteria binds to DNA at two short patterns, the -35 box TTGACA and the -10 box TATAAT, with about 17
bases between them. Here each sequence has both boxes once, with some letters replaced. In a promoter there are 16 to 18
bases between them; in other sequences the distance differs, or the -10 box comes first. So neither the words of a
sequence nor a window around one box gives the label away.

Source of the boxes and distances: Hawley & McClure, 1983, Compilation and analysis of E. coli promoter DNA sequences.
"""

import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

BOXES = "TTGACA", "TATAAT"  # at -35 and at -10 bases before the start of transcription
SPACER = range(16, 19)  # bases between the boxes of a promoter
OTHERS = [*range(4, 13), *range(23, 32)]  # of other sequences in the same order
MUTATED = 0.08  # share of the letters of boxes that are drawn anew
LENGTH = (60, 100)  # bases of a sequence


@DATASETS.register("promoters")
@generated(dict(train=3000, valid=500, test=500), {"text": str, "label": str}, instead="fasta")
def promoters(seed: int, split: str, size: int) -> Iterator[dict]:
    """Generated DNA with the two boxes of bacterial promoters, at the right distance or not; needs no download.

    Args:
        seed: decides the sequences.
        split, size: the split and its number of examples.

    Yields:
        ``{"text": 60 to 100 bases, "label": "promoter" or "other"}``, each label for half of the sequences.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(size):
        promoter = number % 2 == 0
        yield {"text": sequence(rng, promoter), "label": "promoter" if promoter else "other"}


def sequence(rng: random.Random, promoter: bool) -> str:
    """Random bases with both boxes among them."""
    swapped = not promoter and rng.random() < 0.5
    distance = rng.choice(SPACER if promoter or swapped else OTHERS)
    boxes = [_mutated(rng, box) for box in (reversed(BOXES) if swapped else BOXES)]
    site = boxes[0] + _bases(rng, distance) + boxes[1]
    length = rng.randint(*LENGTH)
    before = rng.randint(0, length - len(site))
    return _bases(rng, before) + site + _bases(rng, length - before - len(site))


def _mutated(rng, box):
    return "".join(rng.choice("ACGT") if rng.random() < MUTATED else base for base in box)


def _bases(rng, count):
    return "".join(rng.choice("ACGT") for _ in range(count))
