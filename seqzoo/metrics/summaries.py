"""Scores of summaries: ROUGE, by rouge-score, with bootstrap intervals."""

import importlib.metadata
import re
from collections.abc import Sequence

import numpy as np

from seqzoo.extras import check_installed

KINDS = {"rouge1": "rouge1", "rouge2": "rouge2", "rougel": "rougeL"}  # score: its name in rouge-score
RESAMPLES = 1000
COUNTED = {  # what is counted: its pattern in lower-case text; None: rouge-score's own, with Porter's stems
    "english": None, "words": r"\w+", "characters": r"\S",
}  # fmt: skip


class Splitter:
    """Splits texts for rouge-score: all matches of a pattern in the lower-cased text."""

    def __init__(self, pattern: str):
        self.pattern = pattern

    def tokenize(self, text: str) -> list[str]:
        return re.findall(self.pattern, text.lower())


def rouge_scores(summaries: Sequence[str], references: Sequence[Sequence[str]], counted: str = "english") -> dict:
    """F1 of ROUGE-1, -2 and -L of summaries, exact matches, and 95% intervals of all four.

    Of several references of a text, the one with the highest F1 counts, for each score.

    Args:
        summaries: the texts.
        references: one or more of each.
        counted: "english": words of a-z and digits, reduced to Porter's stems, as published numbers of English count;
            "words" of any script, as they are; or "characters". Case is ignored.

    Returns:
        ``{"rouge1", "rouge2", "rougel", "exact", "95%_intervals", "rouge_signature"}``: scores from 0 to 100; the
        percentage of summaries equal to a reference; ``{"low": {score: number}, "high": ...}``, percentiles of
        `RESAMPLES` bootstrap samples of the texts; and the protocol to report the scores with, str.

    Raises:
        ValueError: the numbers of summaries and references differ, or are 0; or rouge-score is not installed.

    Sources: Lin, 2004, ROUGE: A Package for Automatic Evaluation of Summaries; Koehn, 2004, Statistical Significance
    Tests for Machine Translation Evaluation, for the intervals.
    """
    check_installed("rouge_score", "ROUGE")
    from rouge_score.rouge_scorer import RougeScorer

    if len(summaries) != len(references) or not references:
        raise ValueError(f"There are {len(summaries)} summaries of {len(references)} texts.")
    pattern = COUNTED[counted]
    scorer = RougeScorer([*KINDS.values()], use_stemmer=True, tokenizer=Splitter(pattern) if pattern else None)
    rows = []
    for summary, own in zip(summaries, references, strict=True):
        found = scorer.score_multi(own, summary)
        rows.append([*(found[kind].fmeasure for kind in KINDS.values()), summary in own])
    rows = 100 * np.array(rows, float)  # [N, scores]
    names, rng = (*KINDS, "exact"), np.random.default_rng(0)
    samples = [rows[rng.integers(len(rows), size=len(rows))].mean(axis=0) for _ in range(RESAMPLES)]
    bounds = zip(("low", "high"), np.percentile(samples, (2.5, 97.5), axis=0), strict=True)
    what = "Porter's stems" if counted == "english" else counted
    most = max(map(len, references))
    of = f"the best of {most} references" if most > 1 else "one reference"
    return {
        **dict(zip(names, rows.mean(axis=0).tolist(), strict=True)),
        "95%_intervals": {bound: dict(zip(names, values.tolist(), strict=True)) for bound, values in bounds},
        "rouge_signature": f"F1, {what}, {of}, rouge-score {importlib.metadata.version('rouge-score')}",
    }
