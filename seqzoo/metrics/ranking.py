"""Scores of rankings in which one item is right: hit rate, NDCG and reciprocal rank of the first k.

They are computed from the rank of the right item among all candidates, never among a sample of them, which can reverse
the order of two methods (Krichene & Rendle, 2020, On Sampled Metrics for Item Recommendation).
"""

import numpy as np

CUTOFFS = (5, 10, 20)
GAINS = {  # the gain of a right item at rank r
    "hr": np.ones_like,  # with one right item also the recall
    "ndcg": lambda rank: 1 / np.log2(rank + 1),  # the best order has it first, so that the ideal is 1
    "mrr": lambda rank: 1 / rank,
}


def rank_scores(higher: np.ndarray, equal: np.ndarray) -> dict[str, float]:
    """HR, NDCG and MRR of the first 5, 10 and 20, in percent: {"hr_5": ..., "mrr_20": ...}.

    Items with equal scores could be in any order, so the gain of the right item is its mean over their ranks.

    Args:
        higher: [N], how many candidates have a higher score than the right item; infinite if it is not a candidate.
        equal: [N], how many others have the same score.

    Returns:
        The means over N; {} if there are no examples.
    """
    if not len(higher):
        return {}
    scores = {}
    for cutoff in CUTOFFS:
        first, last = (np.minimum(rank, cutoff).astype(int) for rank in (higher, higher + equal + 1))
        for name, gain in GAINS.items():
            total = np.cumsum(np.append(0.0, gain(np.arange(1.0, cutoff + 1))))  # of the first 0, 1, 2 ... ranks
            scores[f"{name}_{cutoff}"] = float(100 * np.mean((total[last] - total[first]) / (equal + 1)))
    return {name: scores[name] for gain in GAINS for name in (f"{gain}_{cutoff}" for cutoff in CUTOFFS)}


def rank_of(
    scores: np.ndarray, right: int | np.integer, barred: np.ndarray
) -> tuple[float | np.integer, int | np.integer]:
    """Returns (higher, equal) of the right item, see `rank_scores`.

    Args:
        scores: [V], of all items.
        right: the index of the right one.
        barred: indices that are not candidates. If the right one is among them, `higher` is infinite.
    """
    if right in barred:
        return np.inf, 0
    target, excluded = scores[right], scores[barred]
    higher = np.count_nonzero(scores > target) - np.count_nonzero(excluded > target)
    equal = np.count_nonzero(scores == target) - np.count_nonzero(excluded == target) - 1
    return higher, equal
