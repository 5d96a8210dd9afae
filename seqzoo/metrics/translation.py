"""Scores of translations, by sacreBLEU."""

import itertools
from collections.abc import Sequence

from seqzoo.extras import check_installed
from seqzoo.metrics.measure import Measure

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
        references: one or several of each.
        tokenize: sacreBLEU's tokenizer for BLEU: "13a", "char", ...
        lowercase: whether to ignore case.

    Returns:
        ``{"bleu", "chrf", "exact", "bleu_signature", "chrf_signature"}``: scores from 0 to 100, the percentage of
        translations equal to a reference, and the signatures to report the scores with, str.

    Raises:
        ValueError: the numbers of translations and references differ, or are 0; or sacreBLEU is not installed.

    Sources: Papineni et al., 2002; Popović, 2015; Post, 2018, A Call for Clarity in Reporting BLEU Scores.
    """
    check_installed("sacrebleu", "BLEU")
    from sacrebleu.metrics import BLEU, CHRF

    if len(translations) != len(references) or not references:
        raise ValueError(f"There are {len(translations)} translations of {len(references)} references.")
    references = [[given] if isinstance(given, str) else [*given] for given in references]
    streams = [
        *itertools.zip_longest(*references)
    ]  # the first reference of all, the second ones, None where there is none
    scores = {}
    for name, metric in (("bleu", BLEU(lowercase=lowercase, tokenize=tokenize)), ("chrf", CHRF(lowercase=lowercase))):
        scores[name] = metric.corpus_score(translations, streams).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    fold = str.lower if lowercase else str
    same = sum(fold(text) in map(fold, given) for text, given in zip(translations, references, strict=True))
    return {**scores, "exact": 100 * same / len(references)}
