"""Duplicates: how many validation examples are also in train, word for word or nearly so."""

import math
from collections.abc import Callable, Iterable

import numpy as np

LENGTH = 5  # tokens of an n-gram; shorter examples, which are often equal by chance, are not compared
SIMILAR = 0.8  # Jaccard similarity of the n-grams of near-duplicates
LONGEST = 2000  # characters of an example that are compared
CHARACTERS = {"valid": 5_000_000, "train": 50_000_000}  # maximum characters to read, which bounds memory and time
COMMON = 10  # n-grams in more validation examples than this are boilerplate, and do not show near-duplicates

# Powers of an odd number and of its inverse: the hash of a string is a polynomial in it, modulo 2 ** 64.
_BASE = 0x9E3779B97F4A7C15
_powers, _inverses = (np.cumprod(np.full(LONGEST + 1, base, "uint64")) for base in (_BASE, pow(_BASE, -1, 2**64)))


def duplicates(train: Iterable[dict], valid: Iterable[dict], content: Callable[[dict], str]) -> str:
    """Counts the validation examples that are also in train, ignoring case and digits.

    Two examples are near-duplicates if their sets of 5-grams have a Jaccard similarity of 0.8 or more. Sorted by their
    hashes, two such sets share one of the first fifth of their 5-grams, so only those are looked up in an index (prefix
    filtering: Chaudhuri et al., 2006, https://doi.org/10.1109/ICDE.2006.9). The texts of train are not kept.

    Args:
        train, valid: the examples; each is read once, in part if it is large.
        content: function example -> its tokens, separated by single blanks.

    Returns:
        ``"12 of 500 valid examples are also in train, 3 more nearly (ignoring case and digits)"``; "" if valid has
        nothing to compare.
    """
    limits = []

    def texts(examples, split):
        left = CHARACTERS[split]
        for number, example in enumerate(examples):
            text = content(example)
            left -= len(text)
            if left < 0:
                limits.append(f"the first {number:,} of {split}")
                return
            if text.count(" ", 0, LONGEST) >= LENGTH - 1:
                yield _sketch(text)

    counts, ngrams, index = {}, {}, {}  # counts, n-grams of digests; digests of n-grams
    for digest, grams in texts(valid, "valid"):
        counts[digest] = counts.get(digest, 0) + 1
        if digest not in ngrams:
            ngrams[digest] = grams
            for gram in _first(grams):
                index.setdefault(gram, []).append(digest)
    if not counts:
        return ""
    index = {gram: digests for gram, digests in index.items() if len(digests) <= COMMON}
    exact, near = set(), set()
    for digest, grams in texts(train, "train"):
        if digest in counts:
            exact.add(digest)
        candidates = {other for gram in _first(grams) for other in index.get(gram, ())}
        near.update(other for other in candidates - near if _similar(grams, ngrams[other]))
    also, nearly = (sum(counts[digest] for digest in found) for found in (exact, near - exact))
    text = f"{also:,} of {sum(counts.values()):,} valid examples are also in train"
    text += f", {nearly:,} more nearly" if nearly else ""
    notes = ["ignoring case and digits"] if also or nearly else []
    notes += [f"compared: {' and '.join(limits)}"] if limits else []
    return text + (f" ({'; '.join(notes)})" if notes else "")


def _sketch(text):
    """Returns (digest, sorted hashes of the n-grams) of a text."""
    codes = np.frombuffer(text[:LONGEST].lower()[:LONGEST].encode("utf-32-le", "surrogatepass"), "uint32")
    codes = np.where((codes >= ord("0")) & (codes <= ord("9")), ord("0"), codes).astype("uint64")
    hashes = np.zeros(len(codes) + 1, "uint64")  # of the text up to each character
    np.cumsum(codes * _powers[: len(codes)], out=hashes[1:])
    ends = np.append(np.flatnonzero(codes == ord(" ")), len(codes))
    starts = np.append(0, ends[:-1] + 1)[: len(ends) - LENGTH + 1]
    grams = (hashes[ends[LENGTH - 1 :]] - hashes[starts]) * _inverses[starts]
    grams ^= grams >> np.uint64(29)
    grams *= np.uint64(_BASE)
    grams.sort()
    return (len(text), int(hashes[-1])), grams[np.append(True, grams[1:] != grams[:-1])]


def _first(grams):
    """Returns the first n-grams; any similar set shares one of them among its own first n-grams."""
    return grams[: len(grams) - math.ceil(SIMILAR * len(grams)) + 1].tolist()


def _similar(grams, others):
    if min(len(grams), len(others)) < SIMILAR * max(len(grams), len(others)):
        return False
    shared = len(np.intersect1d(grams, others, assume_unique=True))
    return shared >= SIMILAR * (len(grams) + len(others) - shared)
