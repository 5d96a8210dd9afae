"""Genes: DNA in which every base is coding or not, which nothing near it tells.

A gene opens with the start codon ATG outside of another and closes with the first stop codon in its frame: TAA, TAG or
TGA at a multiple of three bases from the start. Stop codons in the two other frames close nothing, so a reader has to
count the bases modulo 3 from a start that may be hundreds of bases back. Between genes one frame, by chance, has no
stop codon either, and there is no ATG but those that open: a stretch without starts and in-frame stops looks the same
inside and outside.
"""

import functools
import itertools
import os
import random

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.splits import generated_splits

START, STOPS = "ATG", ("TAA", "TAG", "TGA")
CODING, OTHER = "coding", "noncoding"
LENGTH = 300  # bases of a sequence
CODONS = (5, 60)  # of a gene between start and stop, or of what lies between two genes


@DATASETS.register("genes")
def genes(
    data_dir: str | os.PathLike | None = None,
    name: str | None = None,
    columns: dict | None = None,
    seed: int = 0,
    sizes: dict[str, int] | None = None,
) -> dict[str, Examples]:
    """Generated DNA whose bases are coding or not, by counting modulo 3 over hundreds of bases; needs no download.

    Args:
        data_dir, name, columns: arguments of readers, not used because nothing is read.
        seed: decides the sequences.
        sizes: {split: number of sequences}. Default: 1,500, 200 and 200.

    Returns:
        {"train", "valid", "test"}: Examples of ``{"text": 300 bases, "tags": ["coding" or "noncoding", ...]}``.
    """
    return generated_splits(
        "genes",
        functools.partial(_sequences, seed),
        default_sizes=dict(train=1500, valid=200, test=200),
        sizes=sizes,
        features={"text": str, "tags": list},
        given={"data_dir": data_dir, "name": name, "columns": columns},
        instead="fasta",
    )


def _sequences(seed, split, size):
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        text = sequence(rng, LENGTH)
        yield {"text": text, "tags": tags(text)}


def sequence(rng: random.Random, length: int) -> str:
    """Random bases with genes among them, which `tags` finds."""
    bases = []
    for coding in itertools.cycle((False, True)):
        bases += START if coding else ""
        _extend(bases, 3 * rng.randint(*CODONS) + (0 if coding else rng.randrange(3)), rng)
        bases += rng.choice(STOPS) if coding else ""
        if len(bases) >= length:
            return "".join(bases[:length])


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
    """The tag of each base: coding from a start codon outside of a gene to the first stop codon in its frame."""
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
        found += [CODING] * (end - position)
        position = end
    return found
