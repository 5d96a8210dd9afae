"""Pretrained word vectors from text files: GloVe, word2vec, fastText's `.vec`, each also gzipped."""

import gzip
import math
import pathlib
from typing import NamedTuple

import numpy as np


def read_vectors(path):
    """Reads a file of word vectors, a line at a time.

    A line is a word and its D numbers, separated by single spaces. A first line of two whole numbers is the header of
    word2vec and fastText, the number of words and D; without it, as in GloVe, the first word tells D. The numbers are
    counted from the right, so a word may hold spaces, as `. . .` does in `glove.840B`; only not the first of a file
    without a header.

    Args:
        path: a text file in UTF-8, gzipped if it is called `*.gz`.

    Yields:
        (word, vector), vector: [D], float32.

    Raises:
        ValueError: a line is malformed, or there is none.
    """
    path = pathlib.Path(path)
    dim = vector = None
    # Read as bytes: lines end with "\n" alone, where text knows ten other ends that occur within words.
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
                # A word with a space that ends in a number: one number too many
                fine = word and len(vector) == dim and np.isfinite(vector).all() and not _ends_in_number(word)
                word = word.decode()
            except ValueError:
                fine = False
            if not fine:
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
    """What `load_vectors` returns, V words of training and X others.

    extra: list of the X words that the file has and training has not, in the order of the file.
    matrix: [V + X, D], float32; the rows of the training words, then those of `extra`.
    coverage: numbers of training words found in their `exact` form, found in `lower` case, and `missing`;
        `missing_types`, the share of the words that is missing, and with counts `missing_tokens`, the share of the
        running text that these are.
    """

    extra: list
    matrix: np.ndarray
    coverage: dict


def load_vectors(path, words, counts=None, limit=None, reserved=2, seed=0):
    """Loads vectors for the words of a vocabulary, and with them more words.

    A training word takes the vector of its exact form, else that of its lower-case form, else random numbers within
    +-sqrt(3 / D), as in `WordEmbedding`. When a file has a word twice, the first counts.

    Args:
        path: a file as `read_vectors` reads it.
        words: the training vocabulary in the order of its ids: `Vocabulary(...).tokens`.
        counts: {word: how often training has it}, for the share of running text that is missing.
        limit: the largest number of extra words to keep. Such files begin with the most frequent words. Default: all.
        reserved: that many of the first words are not words (padding, unknown): the coverage leaves them out.
        seed: of the random numbers.

    Example::

        training = Vocabulary(tokens)
        extra, matrix, coverage = load_vectors("glove.6B.100d.txt.gz", training.tokens, limit=100_000)
        vocabulary = Vocabulary([*tokens, *extra])
        embedding = WordEmbedding(*matrix.shape, trainable_rows=len(training), vectors=matrix)
    """
    rows = {word: row for row, word in enumerate(words)}
    if len(rows) != len(words):
        raise ValueError("words should differ from one another. Some are there twice.")
    cased = {}  # lower-case form -> the training words that look for it
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
