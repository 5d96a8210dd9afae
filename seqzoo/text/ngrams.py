"""N-gram language models from counts, as baselines for neural language models."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

_END = np.iinfo(np.int64).max  # above every key
_FALLBACK = (0.5, 1.0, 1.5)  # discounts


class NGrams:
    """Counts of the n-grams of a sequence of ids, which `KneserNey` and `AddK` turn into probabilities.

    An n-gram is represented by its rank among the n-grams of its length that were seen. The key of an n-gram is
    `rank of the ids before the last one * size + last id`. In the sorted keys of a length the continuations of a
    context are thus adjacent, and a search among them gives the rank. The last key, and so the last rank, stands for
    everything unseen.

    A model keeps 12 bytes for each distinct n-gram of each length, and 8 (`AddK`) or 16 bytes (`KneserNey`) for each
    that can be a context. Learning and scoring temporarily take up to 70 bytes more for each id.

    Args:
        ids: 1-D array of integers, from 1 to size - 1, because 0 is padding.
        order: length of the longest n-grams, so a probability depends on `order - 1` ids.
        size: size of the vocabulary, padding included.

    Raises:
        ValueError: the order is below 1, there are no ids, or one is out of range.
    """

    _interpolated = True  # with the next lower order; otherwise with the uniform distribution

    def __init__(self, ids: np.ndarray, order: int, size: int):
        if order < 1:
            raise ValueError(f"The order of n-grams should be at least 1, not {order}.")
        self.order, self.size = order, size
        ids = self._checked(ids)
        if not len(ids):
            raise ValueError("No ids to learn from: the array is empty.")
        # Index 0 is the empty n-gram, which precedes each id and follows the last.
        self._keys, self._counts = [np.array([0, _END])], [None]
        ranks = np.zeros(len(ids) + 1, np.int64)
        for n in range(1, order + 1):
            keys, ranks, counts = np.unique(ranks[:-1] * size + ids[n - 1 :], return_inverse=True, return_counts=True)
            self._keys.append(np.append(keys, _END))
            self._counts.append(np.append(counts, 0).astype(np.int32))

    def _checked(self, ids):
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"The ids should be an array of 1 dimension, not {ids.ndim}.")
        if not len(ids):
            return ids.astype(np.int64)
        if ids.dtype.kind not in "iu":
            raise ValueError(f"The ids should be integers, not {ids.dtype}.")
        for id_ in (ids.min(), ids.max()):
            if not 1 <= id_ < self.size:
                raise ValueError(
                    f"The ids of a vocabulary of size {self.size} should be from 1 to {self.size - 1}, not {id_}."
                )
        return ids.astype(np.int64, copy=False)

    def _find(self, n, contexts, ids):
        """Returns the ranks of the n-grams that extend the contexts, given by rank, by one id."""
        keys = self._keys[n]
        wanted = contexts * self.size + ids
        ranks = np.searchsorted(keys, wanted)
        return np.where(keys[ranks] == wanted, ranks, len(keys) - 1)

    def _sums(self, n, values):
        """Returns the sums of the values of the n-grams of each context."""
        return np.bincount(self._keys[n][:-1] // self.size, values, minlength=len(self._keys[n - 1]))

    def _terms(self, n, ranks, contexts):
        """Returns the probability of the n-grams themselves, and the weight of the distribution mixed with them."""
        raise NotImplementedError

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Returns the natural logarithm of the probability of each id, given the ids before it in the array.

        Args:
            ids: 1-D array of integers; its first `order - 1` ids have shorter contexts.

        Returns:
            Float64 array as long as `ids`.

        Raises:
            ValueError: an id is out of range.
        """
        ids = self._checked(ids)
        uniform = 1 / (self.size - 1)
        probabilities = np.full(len(ids), uniform)
        ranks = np.zeros(len(ids) + 1, np.int64)
        for n in range(1, min(self.order, len(ids)) + 1):
            contexts = ranks[:-1]
            ranks = self._find(n, contexts, ids[n - 1 :])
            share, rest = self._terms(n, ranks, contexts)
            probabilities[n - 1 :] = share + rest * (probabilities[n - 1 :] if self._interpolated else uniform)
        return np.log(probabilities)

    def distribution(self, context: np.ndarray | list[int]) -> np.ndarray:
        """Returns the probability of each id to be the next one.

        Args:
            context: 1-D array or list of ids, of which the last `order - 1` count; it may be empty.

        Returns:
            Float64 array of length `size`, above 0 for each id and 0 for padding, which sums to 1 up to rounding.

        Raises:
            ValueError: an id is out of range.
        """
        context = self._checked(context)
        context = context[max(0, len(context) - self.order + 1) :]
        uniform = np.full(self.size, 1 / (self.size - 1))
        uniform[0] = 0
        probabilities = uniform
        for n in range(1, len(context) + 2):
            rank = np.int64(0)
            for m, id_ in enumerate(context[len(context) - n + 1 :], start=1):
                rank = self._find(m, rank, id_)
            start, end = np.searchsorted(self._keys[n], [rank * self.size, (rank + 1) * self.size])
            share, rest = self._terms(n, slice(start, end), rank)
            probabilities = rest * (probabilities if self._interpolated else uniform)
            probabilities[self._keys[n][start:end] % self.size] += share
        return probabilities


class KneserNey(NGrams):
    """Interpolated Kneser-Ney smoothing with three discounts for each length of n-grams ("modified").

    `p(w|h) = (c(hw) - D(c(hw))) / c(h) + rest(h) p(w|h')`, where h' is h without its first id, c(h) is the sum of c(hw)
    over w, and rest(h) is the mass freed by the discounts. Below the highest order c(hw) is the number of different ids
    seen before hw. The lowest order is mixed with the uniform distribution over `size - 1` ids.

    The discounts are 0.5, 1 and 1.5 for a length whose counts do not determine any: a small text or vocabulary.

    Sources: R. Kneser and H. Ney, Improved Backing-off for M-gram Language Modeling (1995); S. F. Chen and J. Goodman,
    An Empirical Study of Smoothing Techniques for Language Modeling (1999), for the three discounts.

    Args:
        ids: 1-D array of integers, from 1 to size - 1.
        order: length of the longest n-grams.
        size: size of the vocabulary, padding included.

    Attributes:
        discounts: D1, D2 and D3+ of each length, the shortest first.

    Raises:
        ValueError: the order is below 1, there are no ids, or one is out of range.

    Example::

        model = KneserNey(train_ids, 5, len(vocabulary))
        np.exp(-model.log_probabilities(valid_ids).mean())  # perplexity
    """

    def __init__(self, ids: np.ndarray, order: int, size: int):
        super().__init__(ids, order, size)
        suffixes = np.zeros(len(self._keys[1]) - 1, np.int64)  # rank of an n-gram without its first id
        for n in range(2, order + 1):
            contexts, last = np.divmod(self._keys[n][:-1], size)
            suffixes = self._find(n - 1, suffixes[contexts], last)
            self._counts[n - 1] = np.bincount(suffixes, minlength=len(self._keys[n - 1])).astype(np.int32)
        self.discounts = []
        self._totals, self._rests = [None], [None]
        for n in range(1, order + 1):
            counts = self._counts[n][:-1]
            self.discounts.append(_discounts(np.bincount(np.minimum(counts, 5), minlength=6)))
            totals = self._sums(n, counts)
            # A count is 0 where the n-gram was seen only at the very start. If a context has no other continuations,
            # or none at all, the lower order takes the whole mass.
            rests = np.ones(len(totals))
            np.divide(self._sums(n, self._discount(n, counts)), totals, out=rests, where=totals > 0)
            self._totals.append(np.maximum(totals, 1))
            self._rests.append(rests)

    def _discount(self, n, counts):
        return np.array((0.0, *self.discounts[n - 1]))[np.minimum(counts, 3)]

    def _terms(self, n, ranks, contexts):
        counts = self._counts[n][ranks]
        return (counts - self._discount(n, counts)) / self._totals[n][contexts], self._rests[n][contexts]


def _discounts(numbers):
    """Returns D1, D2 and D3+ from the numbers n0, n1, n2, ... of n-grams with the counts 0, 1, 2, ...

    `Di = i - (i + 1) Y n(i+1) / n(i)`, where `Y = n1 / (n1 + 2 n2)`.
    """
    one, two, three, four = (int(number) for number in numbers[1:5])
    if not min(one, two, three, four):
        return _FALLBACK
    y = one / (one + 2 * two)
    found = (1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three)
    # A discount of 0 would leave no mass for unseen ids.
    return found if min(found) > 0 else _FALLBACK


class AddK(NGrams):
    """Adds k to each count: `p(w|h) = (c(hw) + k) / (c(h) + k (size - 1))`.

    Only n-grams of the highest order are used, and shorter ones where there is less context.

    Source: G. J. Lidstone, Note on the General Case of the Bayes-Laplace Formula for Inductive or A Posteriori
    Probabilities (1920).

    Args:
        ids: 1-D array of integers, from 1 to size - 1.
        order: length of the n-grams.
        size: size of the vocabulary, padding included.
        k: above 0; the attribute `k` may be changed later.

    Raises:
        ValueError: the order is below 1, there are no ids, one is out of range, or k is not above 0.
    """

    _interpolated = False

    def __init__(self, ids: np.ndarray, order: int, size: int, k: float = 1.0):
        if not k > 0:
            raise ValueError(f"k, which is added to the counts, should be above 0, not {k}.")
        super().__init__(ids, order, size)
        self.k = k
        self._totals = [None] + [self._sums(n, self._counts[n][:-1]) for n in range(1, order + 1)]

    def _terms(self, n, ranks, contexts):
        added = self.k * (self.size - 1)
        totals = self._totals[n][contexts] + added
        return self._counts[n][ranks] / totals, added / totals


def best_k(
    ids: np.ndarray,
    order: int,
    size: int,
    choices: Sequence[float] = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001),
    part: float = 0.1,
) -> float:
    """Picks the k of `AddK` that gives held-out ids at the end the highest probability, given counts of the rest.

    Args:
        ids: 1-D array of integers, at least 2; training data only.
        order: length of the n-grams.
        size: size of the vocabulary, padding included.
        choices: values of k to try; of equally good ones the first is taken.
        part: share of the ids that is held out, between 0 and 1.

    Returns:
        One of the choices.

    Raises:
        ValueError: fewer than 2 ids, no choices, an invalid part, or an error of `AddK`.
    """
    if len(ids) < 2 or not len(choices):
        raise ValueError(f"Picking k takes at least 2 ids and one choice, not {len(ids)} and {len(choices)}.")
    if not 0 < part < 1:
        raise ValueError(f"The share that is held out should be between 0 and 1, not {part}.")
    start = min(max(round(len(ids) * (1 - part)), 1), len(ids) - 1)
    before = min(order - 1, start)
    scores = {}
    model = AddK(ids[:start], order, size, min(choices))
    for k in choices:
        model.k = k
        scores[k] = model.log_probabilities(ids[start - before :])[before:].sum()
    return max(scores, key=scores.get)


def baselines(train: np.ndarray, text: np.ndarray, order: int, size: int) -> Iterator[tuple[str, float, float]]:
    """Scores a text by n-gram models with both kinds of smoothing.

    Args:
        train: 1-D array of ids to count.
        text: 1-D array of ids; the first one is only read.
        order: length of the n-grams.
        size: size of the vocabulary, padding included.

    Yields:
        (name, -log p of the text, seconds that it took).
    """
    learners = {
        f"{order}-gram Kneser-Ney": lambda: KneserNey(train, order, size),
        f"{order}-gram add-k": lambda: AddK(train, order, size, best_k(train, order, size)),
    }
    for name, learn in learners.items():
        start = time.perf_counter()
        nats = -float(learn().log_probabilities(text)[1:].sum())
        yield name, nats, time.perf_counter() - start
