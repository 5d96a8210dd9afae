"""Pretrained word vectors from text files: GloVe, word2vec, fastText's `.vec`, each also gzipped."""

import collections
import math
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqzoo.text.lines import decode_lines, encoding_advice, open_bytes, shorten
from seqzoo.text.normalization import normalize


def read_vectors(
    path: str | os.PathLike, encoding: str = "utf-8", dropped: collections.Counter | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Reads a file of word vectors line by line.

    A line is a word and its D numbers, separated by single spaces or tabs. A first line of two whole numbers is the
    header of word2vec and fastText, the number of words and D; without it, as in GloVe, the numbers at the end of the
    first line determine D. The numbers are counted from the right, so a word may contain spaces and numbers, like
    `. . .` in `glove.840B`. Blank lines are skipped.

    Args:
        path: a text file, gzipped if its name ends in `.gz`.
        encoding: of the file.
        dropped: counts the dropped lines: {reason: number of lines}. Dropped are lines with a number that is not
            finite, with an empty word, or with a word that is not in `encoding`. Lines that the header promises but a
            truncated file lacks also count.

    Yields:
        (word, vector), vector: [D], float32.

    Raises:
        ValueError: with file and line: a line is malformed in another way, damaged gzip data, UTF-16 that is read as
            UTF-8; or there are no vectors.
    """
    dropped = collections.Counter() if dropped is None else dropped
    dim = promised = None
    read = lost = 0
    with open_bytes(path) as file:
        # Words that are not in the encoding are kept as surrogates until their lines are dropped.
        for number, line in decode_lines(file, path, encoding, errors="surrogateescape", allow_nul=True):
            if number == 1 and (line.startswith("\udcff\udcfe") or line.startswith("\udcfe\udcff") or "\0" in line):
                head = line.encode("utf-8", "surrogateescape")
                raise ValueError(f"{path}:1: not {encoding.upper()}. {encoding_advice(head, nul=True)}")
            row = line.rstrip(" \t")
            if not row:
                continue
            if not (read or lost):
                fields = row.replace("\t", " ").split(" ")
                if dim is None and len(fields) == 2 and all(_whole_number.fullmatch(field) for field in fields):
                    promised, dim = map(int, fields)
                    continue
                numbers = _numbers_at_end(fields)
                if dim is None:
                    dim = max(1, numbers)
                elif numbers > dim:
                    start = shorten(line)
                    raise ValueError(
                        f"{path}:{number}: the first line says {dim} numbers a word, this line has {numbers}: {start}"
                    )
            word, *values = (row.replace("\t", " ") if "\t" in row else row).rsplit(" ", dim)
            try:
                with np.errstate(over="ignore"):  # 1e99 is infinite in float32, and dropped
                    vector = np.array([float(value) for value in values], "float32")
            except ValueError:
                vector = ()
            if len(vector) != dim:
                raise ValueError(f"{path}:{number}: expected a word and {dim} numbers. Received: {shorten(line)}")
            if reason := _fault(word, vector):
                dropped[reason] += 1
                lost += 1
                continue
            read += 1
            yield word, vector
    if not read:
        raise ValueError(f"{path} holds no vectors.")
    if promised and promised > read + lost:
        dropped["that the first line promises and the file lacks"] += promised - read - lost


_whole_number = re.compile("[0-9]{1,18}")
_not_finite = re.compile(r" [+-]?(nan|inf|infinity)$", re.IGNORECASE)


def _numbers_at_end(fields):
    """Counts the fields at the end of a line that are numbers; the first field is the word."""
    count = 0
    for field in reversed(fields[1:]):
        try:
            float(field)
        except ValueError:
            break
        count += 1
    return count


def _fault(word, vector):
    """Returns why a word and its vector cannot be used, or ""."""
    # "is nan 1 2" with D = 2 is taken for a vector that is one number too long, and not for the word "is nan".
    if not np.isfinite(vector).all() or _not_finite.search(word):
        return "with a number that is not finite"
    if not word.strip(" "):
        return "without a word"
    try:
        word.encode()
    except UnicodeEncodeError:
        return "with a word in another encoding"
    return ""


class Vectors(NamedTuple):
    """Vectors of V training words and X extra words, from `load_vectors`.

    extra: the X words of the file that are not in training, in the order of the file.
    matrix: [V + X, D], float32; the rows of the training words, then those of `extra`.
    coverage: numbers of training words found in their `exact` form, found in `lower` case, and `missing`;
        `missing_types`, the share of words that are missing, and with counts `missing_tokens`, their share of the
        running text; `dropped`, {reason: lines of the file that were not used}.
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
    encoding: str = "utf-8",
    unicode: str = "nfc",
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
        encoding: of the file.
        unicode: form of `words`, to which the words of the file are brought, see `text.normalization`.

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
    dropped = collections.Counter()
    for word, vector in read_vectors(path, encoding, dropped):
        word = normalize(word, unicode)
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
        "dropped": dict(dropped),
    }
    if counts is not None:
        tokens = sum(counts.get(word, 0) for word in counted)
        coverage["missing_tokens"] = sum(counts.get(word, 0) for word in missing) / max(1, tokens)
    return Vectors(list(extra), matrix, coverage)
