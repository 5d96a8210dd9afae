"""Scores of pairs: how well similarities follow gold ones, whether pairs are paraphrases, and which text is found."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.metrics.counts import percent

if TYPE_CHECKING:
    from scipy import sparse


BLOCK = 1024  # queries whose similarities to all candidates are held at a time
CUTS = (1, 5, 10)  # of `retrieval_scores`


def correlation_scores(gold: Sequence[float], predicted: Sequence[float]) -> dict:
    """Pearson's and Spearman's correlation, by SciPy, times 100 as in GLUE, and the mean squared error.

    A correlation with constant values is undefined and counts as 0.

    Returns:
        ``{"pearson", "spearman", "mse"}``.
    """
    from scipy.stats import pearsonr, spearmanr

    gold, predicted = np.asarray(gold, "float64"), np.asarray(predicted, "float64")
    scores = {"pearson": 0.0, "spearman": 0.0, "mse": float(np.mean((gold - predicted) ** 2))}
    if len(gold) > 1:
        with warnings.catch_warnings():  # about constant values
            warnings.simplefilter("ignore")
            for name, function in (("pearson", pearsonr), ("spearman", spearmanr)):
                scores[name] = 100 * float(np.nan_to_num(function(gold, predicted)[0]))
    return scores


def yes_no_scores(gold: Sequence[str], predicted: Sequence[str], yes: str) -> dict:
    """Accuracy of labels, and precision, recall and F1 of one of them, by scikit-learn.

    Returns:
        ``{"accuracy", "precision", "recall", "f1"}``, percentages.
    """
    from sklearn.metrics import precision_recall_fscore_support

    found = [[label == yes for label in labels] for labels in (gold, predicted)]
    rates = precision_recall_fscore_support(*found, average="binary", zero_division=0)[:3]
    scores = {name: 100 * float(rate) for name, rate in zip(("precision", "recall", "f1"), rates, strict=True)}
    return {"accuracy": percent(sum(a == b for a, b in zip(gold, predicted, strict=True)), len(gold)), **scores}


def ranks(
    first: "np.ndarray | sparse.csr_matrix", second: "np.ndarray | sparse.csr_matrix", ids: Sequence[int]
) -> np.ndarray:
    """Returns the rank of the right text among all others, from 1, for each query.

    Candidates with equal ids count once; half of those that are as similar as the right one are taken to come before
    it.

    Args:
        first: vectors [N, H] of the queries, an array or a sparse matrix of SciPy.
        second: vectors [N, H] of the texts that belong to them.
        ids: identify the second texts.

    Returns:
        [N] floats.
    """
    from scipy.sparse import issparse

    _, kept, own = np.unique(np.asarray(ids), return_index=True, return_inverse=True)
    candidates = second[kept].T
    found = []
    for start in range(0, first.shape[0], BLOCK):
        similarity = first[start : start + BLOCK] @ candidates  # [Q, candidates]
        similarity = similarity.toarray() if issparse(similarity) else np.asarray(similarity)
        right = similarity[np.arange(len(similarity)), own[start : start + BLOCK]][:, None]
        before, equal = (similarity > right).sum(1), (similarity == right).sum(1) - 1
        found.append(1 + before + equal / 2)
    return np.concatenate(found)


def retrieval_scores(ranks: Sequence[float]) -> dict:
    """Returns the share of queries whose text is among the first 1, 5 and 10, and the mean reciprocal rank.

    Returns:
        ``{"recall_at_1", "recall_at_5", "recall_at_10", "mrr"}``, all times 100.
    """
    ranks = np.asarray(ranks, "float64")
    recalls = {f"recall_at_{k}": percent(int((ranks <= k).sum()), len(ranks)) for k in CUTS}
    return {**recalls, "mrr": 100 * float(np.mean(1 / ranks))}
