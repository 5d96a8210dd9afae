"""Genes: DNA with a coding or noncoding tag for every base, which its neighbours do not reveal.

A gene opens with the start codon ATG outside of another and closes with the first stop codon in its frame: TAA, TAG or
TGA at a multiple of three bases from the start. Stop codons in the two other frames close nothing, so a reader has to
count the bases modulo 3 from a start that may be hundreds of bases back. Between genes one frame, by chance, has no
stop codon either, and there is no ATG but those that open: a stretch without starts and in-frame stops looks the same
inside and outside.
"""

import itertools
import math
import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated

START, STOPS = "ATG", ("TAA", "TAG", "TGA")
OTHER, POSITIONS = "-", "123"  # tags: outside of genes; the position of a base in its codon
LENGTH = (60, 400)  # bases of a sequence, the logarithm drawn evenly: short ones are learned from first
CODONS = (2, 80)  # of a gene between start and stop, or of what lies between two genes; drawn in the same way


@DATASETS.register("genes")
@generated(dict(train=1500, valid=200, test=200), {"text": str, "tags": list}, instead="fasta")
def genes(seed: int, split: str, size: int) -> Iterator[dict]:
    """Generated DNA whose bases are tagged with their positions in codons, or as noncoding; needs no download.

    Args:
        seed: decides the sequences.
        split, size: the split and its number of examples.

    Yields:
        ``{"text": 60 to 400 bases, "tags": list}``, a tag for each base: "1", "2" or "3", its position
        in a codon of a gene, or "-".
    """
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        text = sequence(rng, _drawn(rng, LENGTH))
        yield {"text": text, "tags": tags(text)}


def sequence(rng: random.Random, length: int) -> str:
    """Random bases with genes among them, which `tags` finds."""
    bases = []
    for coding in itertools.cycle((False, True)):
        bases += START if coding else ""
        _extend(bases, 3 * _drawn(rng, CODONS) + (0 if coding else rng.randrange(3)), rng)
        bases += rng.choice(STOPS) if coding else ""
        if len(bases) >= length:
            return "".join(bases[:length])


def _drawn(rng, bounds):
    """Returns a whole number between two bounds, whose logarithm is drawn evenly."""
    return round(math.exp(rng.uniform(*map(math.log, bounds))))


def _extend(bases, count, rng):
    """Appends bases without a start codon, and without a stop codon in the frame that begins here."""
    begin = len(bases)
    while len(bases) < begin + count:
        bases.append(rng.choice("ACGT"))
        last = "".join(bases[-3:])
        whole = (len(bases) - begin) % 3 == 0
        if last == START or (whole and last in STOPS):
            bases.pop()


def tags(text: str) -> list[str]:
    """The tag of each base: a gene is from a start codon outside of another to the first stop codon in its frame."""
    found, position = [], 0
    while position < len(text):
        if text[position : position + 3] != START:
            found.append(OTHER)
            position += 1
            continue
        for end in range(position + 3, len(text) + 3, 3):
            if text[end : end + 3] in STOPS or end >= len(text):
                break
        end = min(end + 3, len(text))
        found += itertools.islice(itertools.cycle(POSITIONS), end - position)
        position = end
    return found
