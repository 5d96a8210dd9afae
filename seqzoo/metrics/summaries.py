"""Scores of summaries: ROUGE, by rouge-score, with bootstrap intervals."""

import functools
import importlib.metadata
import re
from collections.abc import Sequence

import numpy as np

from seqzoo.extras import check_installed
from seqzoo.metrics.bootstrap import REMEMBERED, interval, resamples

KINDS = {"rouge1": "rouge1", "rouge2": "rouge2", "rougel": "rougeL"}  # score: its name in rouge-score
SCORES = (*KINDS, "exact")
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
    """F1 of ROUGE-1, -2 and -L of summaries, and exact matches.

    If a text has several references, each score uses the one with the highest F1.

    Args:
        summaries: the texts.
        references: one or more for each text.
        counted: "english": words of a-z and digits, reduced to Porter's stems, as for published English scores;
            "words" of any script, as they are; or "characters". Case is ignored.

    Returns:
        ``{"rouge1", "rouge2", "rougel", "exact", "rouge_signature"}``: scores from 0 to 100; the percentage of
        summaries equal to a reference; and the protocol to report the scores with, str.

    Raises:
        ValueError: the numbers of summaries and references differ, or are 0; or rouge-score is not installed.

    Source: Lin, 2004, ROUGE: A Package for Automatic Evaluation of Summaries.
    """
    rows = _rows(summaries, references, counted)
    what = "Porter's stems" if counted == "english" else counted
    most = max(map(len, references))
    of = f"the best of {most} references" if most > 1 else "one reference"
    return {
        **dict(zip(SCORES, rows.mean(axis=0).tolist(), strict=True)),
        "rouge_signature": f"F1, {what}, {of}, rouge-score {importlib.metadata.version('rouge-score')}",
    }


def rouge_intervals(summaries: Sequence[str], references: Sequence[Sequence[str]], counted: str = "english") -> dict:
    """95% bootstrap intervals of the scores of `rouge_scores`: ``{"low": {score: number}, "high": ...}``."""
    rows = _rows(summaries, references, counted)
    bounds = interval(np.array([rows[chosen].mean(axis=0) for chosen in resamples(len(rows))]))
    return {
        end: dict(zip(SCORES, values.tolist(), strict=True))
        for end, values in zip(("low", "high"), bounds, strict=True)
    }


def _rows(summaries, references, counted):
    """Returns the scores of each summary, [N, scores]."""
    check_installed("rouge_score", "ROUGE")
    if len(summaries) != len(references) or not references:
        raise ValueError(f"There are {len(summaries)} summaries for {len(references)} texts.")
    pairs = zip(summaries, references, strict=True)
    return 100 * np.array([_row(summary, tuple(own), counted) for summary, own in pairs], float)


@functools.lru_cache(REMEMBERED)
def _row(summary, references, counted):
    """Returns the scores of a summary, from 0 to 1."""
    found = _scorer(counted).score_multi(references, summary)
    return *(found[kind].fmeasure for kind in KINDS.values()), summary in references


@functools.cache
def _scorer(counted):
    from rouge_score.rouge_scorer import RougeScorer

    pattern = COUNTED[counted]
    return RougeScorer([*KINDS.values()], use_stemmer=True, tokenizer=Splitter(pattern) if pattern else None)
