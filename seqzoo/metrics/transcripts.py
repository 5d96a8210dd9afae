"""Error rates of transcripts in words, characters and phones, by jiwer."""

from collections.abc import Sequence

from seqzoo.extras import check_installed


def word_scores(transcripts: Sequence[str], references: Sequence[str]) -> dict:
    """Word and character error rate, in percent.

    Args:
        transcripts: the recognised texts.
        references: the spoken texts, one each. Words are separated by blanks.

    Returns:
        ``{"wer", "cer", "insertions", "deletions", "substitutions"}``: edits a word or character of the references; the
        last three count words and sum to the word error rate.

    Raises:
        ValueError: the numbers of transcripts and references differ, or are 0; or jiwer is not installed.
    """
    jiwer = _checked(transcripts, references)
    return {
        **_rates("wer", jiwer.process_words([*references], [*transcripts])),
        "cer": _rates("cer", jiwer.process_characters([*references], [*transcripts]))["cer"],
    }


def phone_scores(transcripts: Sequence[str], references: Sequence[str]) -> dict:
    """Word and phone error rate of pronunciations, in percent.

    Args:
        transcripts, references: phones separated by blanks, one word each.

    Returns:
        ``{"wer", "per", "insertions", "deletions", "substitutions"}``: the share of words with any error, and edits a
        phone of the references; the last three sum to the phone error rate.

    Raises:
        ValueError: see `word_scores`.

    Source: Gorman et al., 2020, The SIGMORPHON 2020 Shared Task on Multilingual Grapheme-to-Phoneme Conversion.
    """
    jiwer = _checked(transcripts, references)
    wrong = sum(a.split() != b.split() for a, b in zip(transcripts, references, strict=True))
    return {
        "wer": 100 * wrong / len(references),
        **_rates("per", jiwer.process_words([*references], [*transcripts])),
    }


def _checked(transcripts, references):
    """Returns jiwer after checking that it is installed and that there is something to score."""
    check_installed("jiwer", "Error rates")
    if len(transcripts) != len(references) or not references:
        raise ValueError(f"There are {len(transcripts)} transcripts for {len(references)} references.")
    import jiwer

    return jiwer


def _rates(name, measured):
    """Returns {name: error rate, "insertions" ...} from jiwer's counts."""
    units = max(measured.hits + measured.substitutions + measured.deletions, 1)  # of the references
    parts = {part: 100 * getattr(measured, part) / units for part in ("insertions", "deletions", "substitutions")}
    return {name: sum(parts.values()), **parts}
