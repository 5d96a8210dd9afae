"""Recommenders without a network: popularity, item-kNN, a first-order Markov chain, and their best mix.

Each is a function from a history, a list of ids, to a score of every id [V]. They are strong: many published networks
did not reach them (Ferrari Dacrema et al., 2019, Are We Really Making Much Progress?).
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from seqzoo.metrics.ranking import rank_of, rank_scores

Scorer = Callable[[Sequence[int]], np.ndarray]
EVENTS = 2_000_000  # at most, to learn from
LONGEST = 500  # the last items of a history that are counted together
TUNED = 2000  # histories that the weights of the mix are tuned on
WEIGHTS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # of popularity and item-kNN beside the Markov chain


def popularity(histories: Sequence[Sequence[int]], items: int) -> Scorer:
    """Returns how often each id occurs."""
    counts = np.bincount([i for history in histories for i in history], minlength=items).astype("float64")
    return lambda history: counts


def item_knn(histories: Sequence[Sequence[int]], items: int) -> Scorer:
    """Returns the sum of the cosine similarities of an id to those of the history: n_ij / sqrt(n_i n_j).

    n_ij is the number of histories with both. Source: Sarwar et al., 2001, Item-based Collaborative Filtering.
    """
    from scipy import sparse

    parts = [np.unique(history[-LONGEST:]) for history in histories]
    ends = np.cumsum([0, *map(len, parts)])
    columns = np.concatenate([np.zeros(0, int), *parts])  # there may be no histories
    users = sparse.csr_matrix((np.ones(ends[-1]), columns, ends), (len(parts), items))
    scale = sparse.diags(1 / np.sqrt(np.maximum(users.sum(0).A1, 1)))
    users = users @ scale
    similar = (users.T @ users).tocsr()
    similar.setdiag(0)
    return lambda history: _sum_of_rows(similar, set(history))


def markov(histories: Sequence[Sequence[int]], items: int) -> Scorer:
    """Returns the share of times that each id came right after the last one of the history."""
    from scipy import sparse

    pairs = np.array([pair for history in histories for pair in itertools.pairwise(history)], int).reshape(-1, 2)
    follows = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), (items, items))
    follows = (sparse.diags(1 / np.maximum(follows.sum(1).A1, 1)) @ follows).tocsr()
    return lambda history: _sum_of_rows(follows, history[-1:])


def _sum_of_rows(matrix, rows):
    found = np.zeros(matrix.shape[1])
    for row in rows:
        part = slice(*matrix.indptr[row : row + 2])
        found[matrix.indices[part]] += matrix.data[part]  # a row has each column once
    return found


def recommenders(histories: Sequence[Sequence[int]], items: int, repeats: bool = False) -> dict[str, Scorer]:
    """All recommenders, {name: function}, and "best mix", whose weights are tuned on the last items of these histories.

        score = Markov + a item-kNN + b popularity              each divided by its largest score

    a and b give the best NDCG@10 when the three have learned from the histories without their last items.

    Args:
        histories: of training, lists of ids.
        items: V, the number of ids.
        repeats: whether items of a history are candidates, too.
    """
    total = itertools.accumulate(map(len, histories))
    histories = [history for history, events in zip(histories, total, strict=True) if events <= EVENTS]
    methods = {"popularity": popularity, "item-kNN": item_knn, "Markov chain": markov}
    long = [history for history in histories if len(history) > 1]
    first = [method([history[:-1] for history in long], items) for method in methods.values()]
    apart = max(1, len(long) // TUNED)
    weights = _tuned(first, long[::apart][:TUNED], repeats)
    made = {name: method(histories, items) for name, method in methods.items()}
    return {**made, "best mix": lambda history: weights @ _scaled(made.values(), history)}


def _scaled(scorers, history):
    """Returns [3, V], the scores of each scorer divided by its largest."""
    scores = np.stack([score(history) for score in scorers])
    return scores / np.maximum(scores.max(1, keepdims=True), 1e-12)


def _tuned(scorers, histories, repeats):
    """Returns the weights of popularity, item-kNN and Markov chain that predict the last items of histories best."""
    choices = [np.array([b, a, 1.0]) for a in WEIGHTS for b in WEIGHTS]
    ranks = [[] for _ in choices]
    for *history, right in histories:
        scores, barred = _scaled(scorers, history), np.array([] if repeats else [*set(history)], int)
        for weights, found in zip(choices, ranks, strict=True):
            found.append(rank_of(weights @ scores, right, barred))
    merits = [rank_scores(*np.array(found, float).reshape(-1, 2).T).get("ndcg_10", 0.0) for found in ranks]
    return choices[int(np.argmax(merits))]
