"""Scores of translations, by sacreBLEU."""

import functools
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqzoo.extras import check_installed
from seqzoo.metrics.bootstrap import REMEMBERED
from seqzoo.metrics.measure import Measure

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF


MEASURES = {  # of tasks that are scored by `translation_scores`, greedily and by beam search
    "bleu": Measure("BLEU", "max"),
    "chrf": Measure("chrF", "max"),
    "exact": Measure("exact", "max", "%"),
    "loss": Measure("loss", "min", "nats"),
    "perplexity": Measure("PPL", "min"),
    "beam_bleu": Measure("beam BLEU", "max"),
    "beam_chrf": Measure("beam chrF", "max"),
    "beam_exact": Measure("beam exact", "max", "%"),
}


def translation_scores(
    translations: Sequence[str],
    references: Sequence[str | Sequence[str]],
    tokenize: str = "13a",
    lowercase: bool = False,
) -> dict:
    """BLEU, chrF and exact matches of translations, or of other texts with references.

    Args:
        translations: the texts.
        references: one or several for each.
        tokenize: sacreBLEU's tokenizer for BLEU: "13a", "char", ...
        lowercase: whether to ignore case.

    Returns:
        ``{"bleu", "chrf", "exact", "bleu_signature", "chrf_signature"}``: scores from 0 to 100, the percentage of
        translations equal to a reference, and the signatures to report the scores with, str.

    Raises:
        ValueError: the numbers of translations and references differ, or are 0; or sacreBLEU is not installed.

    Sources: Papineni et al., 2002; Popović, 2015; Post, 2018, A Call for Clarity in Reporting BLEU Scores.
    """
    if len(translations) != len(references) or not references:
        raise ValueError(f"There are {len(translations)} translations for {len(references)} references.")
    references = [[given] if isinstance(given, str) else [*given] for given in references]
    streams = [*itertools.zip_longest(*references)]  # all first references, all second ones ..., None if there is none
    scores = {}
    for name, options in (("bleu", {"tokenize": tokenize}), ("chrf", {})):
        metric = sacrebleu_metric(name.upper(), lowercase=lowercase, **options)
        scores[name] = metric.corpus_score(translations, streams).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    fold = str.lower if lowercase else str
    same = sum(fold(text) in map(fold, given) for text, given in zip(translations, references, strict=True))
    return {**scores, "exact": 100 * same / len(references)}


@functools.cache
def sacrebleu_metric(name: str, **options) -> "BLEU | CHRF":
    """Returns a metric of sacreBLEU, "BLEU" or "CHRF", that remembers the n-gram counts of texts it has seen.

    Counting takes nearly all of its time, and resamples repeat the same texts.

    Args:
        name: its name in `sacrebleu.metrics`.
        **options: of the metric.

    Raises:
        ValueError: sacreBLEU is not installed.
    """
    check_installed("sacrebleu", "BLEU")
    from sacrebleu import metrics

    counts = {}  # {(text, *references): its counts}

    class Remembering(getattr(metrics, name)):
        def _extract_corpus_statistics(self, hypotheses, references):
            rows = [*zip(hypotheses, *references, strict=True)]
            if len(counts) > REMEMBERED:
                counts.clear()
            if unknown := [row for row in dict.fromkeys(rows) if row not in counts]:
                texts, *streams = zip(*unknown, strict=True)
                counts.update(zip(unknown, super()._extract_corpus_statistics(texts, streams), strict=True))
            numbers = {len(row) - 1 - row.count(None) for row in rows}
            self.num_refs = numbers.pop() if len(numbers) == 1 else -1  # as in signatures
            return [counts[row] for row in rows]

    return Remembering(**options)
