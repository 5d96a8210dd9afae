"""Pretrained word vectors from text files: GloVe, word2vec, fastText's `.vec`, each also gzipped."""

import gzip
import math
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


def read_vectors(path: str | os.PathLike) -> Iterator[tuple[str, np.ndarray]]:
    """Reads a file of word vectors line by line.

    A line is a word and its D numbers, separated by single spaces. A first line of two whole numbers is the header of
    word2vec and fastText, the number of words and D; without it, as in GloVe, the first line determines D. The numbers
    are counted from the right, so a word may contain spaces, like `. . .` in `glove.840B`, except the first word of a
    file without a header.

    Args:
        path: a text file in UTF-8, gzipped if its name ends in `.gz`.

    Yields:
        (word, vector), vector: [D], float32.

    Raises:
        ValueError: a line is malformed, or there are no vectors.
    """
    path = pathlib.Path(path)
    dim = vector = None
    # Read as bytes: lines end with "\n" only, while text mode knows ten other line ends that occur within words.
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if dim is None:
                fields = line.split()
                if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                    dim = int(fields[1])
                    continue
                dim = max(1, len(fields) - 1)
            word, *values = line.rstrip().rsplit(b" ", dim)
            try:
                vector = np.array([float(value) for value in values], "float32")
                # A word with a space that ends in a number means one number too many.
                valid = word and len(vector) == dim and np.isfinite(vector).all() and not _ends_in_number(word)
                word = word.decode()
            except ValueError:
                valid = False
            if not valid:
                start = line[:60].decode(errors="replace")
                raise ValueError(f"{path}:{number}: expected a word and {dim} numbers. Received: {start!r}")
            yield word, vector
    if vector is None:
        raise ValueError(f"{path} holds no vectors.")


def _ends_in_number(word):
    if b" " not in word:
        return False
    try:
        float(word.rsplit(b" ", 1)[1])
    except ValueError:
        return False
    return True


class Vectors(NamedTuple):
    """Vectors of V training words and X extra words, from `load_vectors`.

    extra: the X words that the file has and training does not, in the order of the file.
    matrix: [V + X, D], float32; the rows of the training words, then those of `extra`.
    coverage: numbers of training words found in their `exact` form, found in `lower` case, and `missing`;
        `missing_types`, the share of words that are missing, and with counts `missing_tokens`, their share of the
        running text.
    """

    extra: list
    matrix: np.ndarray
    coverage: dict


def load_vectors(
    path: str | os.PathLike,
    words: list[str],
    counts: dict[str, int] | None = None,
    limit: int | None = None,
    reserved: int = 2,
    seed: int = 0,
) -> Vectors:
    """Loads vectors for the words of a vocabulary, and extra words.

    A training word takes the vector of its exact form, else that of its lower-case form, else random numbers within
    +-sqrt(3 / D), as in `WordEmbedding`. Of duplicate words in a file the first is used.

    Args:
        path: a file for `read_vectors`.
        words: the training vocabulary in the order of its ids: `Vocabulary(...).tokens`.
        counts: {word: its count in training}, for the share of running text that is missing.
        limit: maximum number of extra words. Such files begin with the most frequent words. Default: all.
        reserved: the number of special words at the start (padding, unknown), which the coverage ignores.
        seed: seed of the random numbers.

    Example::

        training = Vocabulary(tokens)
        extra, matrix, coverage = load_vectors("glove.6B.100d.txt.gz", training.tokens, limit=100_000)
        vocabulary = Vocabulary([*tokens, *extra])
        embedding = WordEmbedding(*matrix.shape, trainable_rows=len(training), vectors=matrix)
    """
    rows = {word: row for row, word in enumerate(words)}
    if len(rows) != len(words):
        raise ValueError("words should be unique. Some appear twice.")
    cased = {}  # lower-case form -> the training words that fall back to it
    for word in rows:
        if word != word.lower():
            cased.setdefault(word.lower(), []).append(word)

    exact, lower, extra = {}, {}, {}  # word -> vector
    for word, vector in read_vectors(path):
        if word in rows:
            exact.setdefault(word, vector)
        elif word in extra or limit is None or len(extra) < limit:
            extra.setdefault(word, vector)
        for form in cased.get(word, ()):
            lower.setdefault(form, vector)

    found = lower | exact
    dim = len(vector)
    bound = math.sqrt(3 / dim)
    matrix = np.empty((len(words) + len(extra), dim), "float32")
    matrix[: len(words)] = np.random.default_rng(seed).uniform(-bound, bound, (len(words), dim))
    for word, vector in found.items():
        matrix[rows[word]] = vector
    for row, vector in enumerate(extra.values(), len(words)):
        matrix[row] = vector

    counted = words[reserved:]
    missing = [word for word in counted if word not in found]
    coverage = {
        "exact": sum(word in exact for word in counted),
        "lower": sum(word in lower and word not in exact for word in counted),
        "missing": len(missing),
        "missing_types": len(missing) / max(1, len(counted)),
    }
    if counts is not None:
        tokens = sum(counts.get(word, 0) for word in counted)
        coverage["missing_tokens"] = sum(counts.get(word, 0) for word in missing) / max(1, tokens)
    return Vectors(list(extra), matrix, coverage)
