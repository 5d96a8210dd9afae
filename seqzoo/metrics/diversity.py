"""How varied texts are: distinct n-grams, similarity to one another, repetition."""

import collections
import itertools
import math
import re
from collections.abc import Hashable, Iterable, Sequence

SIZES = (25, 50, 100, 200)  # words of a piece
PIECES = 24  # maximum number for a text, evenly spread
MEASURES = {
    "distinct_1": "distinct-1 (%)",
    "distinct_2": "distinct-2 (%)",
    "distinct_3": "distinct-3 (%)",
    "self_bleu": "self-BLEU",
    "longest_repetition": "longest repetition",
}


def words(text: str) -> list[str]:
    """Returns the words and punctuation marks of a text, in lower case."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def diversity(pieces: Sequence[Sequence[Hashable]]) -> dict[str, float]:
    """Measures how varied pieces of text are. All should be equally long, since each number depends on the length.

    Args:
        pieces: two or more sequences of words, or of ids of any kind.

    Returns:
        Means over the pieces. ``distinct_1``, ``distinct_2``, ``distinct_3``: the percentage of distinct n-grams in a
        piece (Li et al., 2016). ``self_bleu``: BLEU of a piece against another one, over all
        pairs, so that it does not grow with their number (Zhu et al., 2018, take all others as references at once).
        ``longest_repetition``: length of the longest n-gram that occurs twice in a piece.
    """
    found = {
        f"distinct_{n}": 100 * _mean(len({*_ngrams(piece, n)}) / max(1, len(piece) - n + 1) for piece in pieces)
        for n in (1, 2, 3)
    }
    counted = [[collections.Counter(_ngrams(piece, n)) for n in (1, 2, 3, 4)] for piece in pieces]
    found["self_bleu"] = _mean(itertools.starmap(_bleu, itertools.permutations(counted, 2)))
    found["longest_repetition"] = _mean(map(longest_repetition, pieces))
    return found


def longest_repetition(piece: Sequence[Hashable]) -> int:
    """Returns the length of the longest n-gram that occurs twice; the two may overlap."""
    low, high = 0, max(0, len(piece) - 1)
    while low < high:  # if n is possible, so is n - 1
        n = (low + high + 1) // 2
        low, high = (n, high) if len({*_ngrams(piece, n)}) < len(piece) - n + 1 else (low, n - 1)
    return low


def corpus_diversity(texts: Iterable[str]) -> dict[str, dict[str, float]]:
    """{size: `diversity`} of the first `size` words of texts, for each of `SIZES` that at least two texts reach."""
    split = [words(text) for text in texts]
    cut = {size: [text[:size] for text in split if len(text) >= size] for size in SIZES}
    return {str(size): diversity(pieces) for size, pieces in cut.items() if len(pieces) > 1}


def compared(samples: Sequence[str], corpus: dict[str, dict[str, float]]) -> dict:
    """Compares the diversity of samples and of a corpus, for pieces of the same size.

    Args:
        samples: texts.
        corpus: from `corpus_diversity`; {}: not known.

    Returns:
        ``{"words", "samples", "corpus"}``: the size of the pieces, the largest that half of the samples reach, and the
        `diversity` of both; {} if the samples are too few or too short.
    """
    found = corpus_diversity(samples)
    sizes = [size for size in found if 2 * sum(len(words(text)) >= int(size) for text in samples) >= len(samples)]
    if not sizes:
        return {}
    size = sizes[-1]
    return {"words": int(size), "samples": found[size], "corpus": corpus.get(size, {})}


def rows_of(diversities: dict[str, dict[str, float]]) -> list[list[str]]:
    """Rows of a table with the columns "" and `MEASURES`, from {name: result of `diversity`}."""
    return [[name, *(f"{found[key]:.1f}" for key in MEASURES)] for name, found in diversities.items() if found]


def table_of(found: dict) -> tuple[list[str], list[list[str]], str]:
    """Returns (columns, rows, caption) of a table of the result of `compared`."""
    rows = rows_of({"samples": found["samples"], "corpus": found["corpus"]})
    return ["", *MEASURES.values()], rows, f"means over pieces of {found['words']} words"


def _ngrams(piece, n):
    return zip(*(piece[start:] for start in range(n)), strict=False)


def _bleu(piece, other):
    """BLEU of a piece against one reference of its length, from their n-gram counts; smoothed as in sacreBLEU."""
    log, smoothing = 0.0, 1
    for counts, others in zip(piece, other, strict=True):
        matches = sum(min(count, others[gram]) for gram, count in counts.items())
        if not matches:
            smoothing *= 2
        log += math.log((matches or 1 / smoothing) / max(1, counts.total())) / len(piece)
    return 100 * math.exp(log)


def _mean(values):
    values = [*values]
    return sum(values) / len(values)
