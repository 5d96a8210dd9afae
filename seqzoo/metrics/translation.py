"""Scores of translations, by sacreBLEU."""

from collections.abc import Sequence

from seqzoo.extras import check_installed


def translation_scores(
    translations: Sequence[str], references: Sequence[str], tokenize: str = "13a", lowercase: bool = False
) -> dict:
    """BLEU, chrF and exact matches of translations with one reference each.

    Args:
        translations, references: the texts.
        tokenize: sacreBLEU's tokenizer for BLEU: "13a", "char", ...
        lowercase: whether to ignore case.

    Returns:
        ``{"bleu", "chrf", "exact", "bleu_signature", "chrf_signature"}``: scores from 0 to 100, the percentage of
        translations equal to their reference, and the signatures to report the scores with, str.

    Raises:
        ValueError: the numbers of translations and references differ, or are 0; or sacreBLEU is not installed.

    Sources: Papineni et al., 2002; Popović, 2015; Post, 2018, A Call for Clarity in Reporting BLEU Scores.
    """
    check_installed("sacrebleu", "BLEU")
    from sacrebleu.metrics import BLEU, CHRF

    if len(translations) != len(references) or not references:
        raise ValueError(f"There are {len(translations)} translations of {len(references)} references.")
    scores = {}
    for name, metric in (("bleu", BLEU(lowercase=lowercase, tokenize=tokenize)), ("chrf", CHRF(lowercase=lowercase))):
        scores[name] = metric.corpus_score(translations, [references]).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    texts = zip(translations, references, strict=True)
    same = sum((a.lower() == b.lower()) if lowercase else a == b for a, b in texts)
    return {**scores, "exact": 100 * same / len(references)}
