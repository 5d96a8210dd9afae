"""Scores of replies: exact replies, whole dialogues, BLEU, and the slots of the dialogue act that they express."""

import collections
import itertools
from collections.abc import Iterable, Sequence

from seqzoo.metrics.translation import sacrebleu_metric
from seqzoo.text.placeholders import PLACEHOLDER
from seqzoo.text.turns import ACT


def reply_scores(
    histories: Sequence[str],
    replies: Sequence[str],
    references: Sequence[str],
    dialogues: Sequence[int],
    tokenize: str = "13a",
) -> dict:
    """Computes all applicable scores of replies.

    If each history is a dialogue act, ``<act> ...``, BLEU uses all sentences of equal acts as references, and there is
    a slot error. If no dialogue has several replies, there is no score of whole dialogues.

    Args:
        histories: the dialogue before each reply, see `text.turns`.
        replies, references: the texts.
        dialogues: the number of each reply's dialogue.
        tokenize: see `reply_bleu`.

    Returns:
        ``{"accuracy", "dialogues", "bleu", "bleu_signature", "slot_error"}``.
    """
    alike = collections.defaultdict(dict)  # an ordered set of references
    acts = all(history.startswith(ACT) for history in histories)
    keys = [history if acts else number for number, history in enumerate(histories)]
    for key, reference in zip(keys, references, strict=True):
        alike[key][reference] = None
    scores = exact_scores(replies, references, dialogues)
    if len({*dialogues}) == len(dialogues):
        del scores["dialogues"]
    scores |= reply_bleu(replies, [[*alike[key]] for key in keys], tokenize)
    error = slot_error(histories, replies) if acts else None
    return scores if error is None else {**scores, "slot_error": error}


def exact_scores(replies: Sequence[str], references: Sequence[str], dialogues: Sequence[int]) -> dict:
    """``{"accuracy", "dialogues"}``: percentages of right replies, and of dialogues with only right replies.

    Args:
        replies, references: the texts.
        dialogues: the number of each reply's dialogue.
    """
    right = [reply == reference for reply, reference in zip(replies, references, strict=True)]
    wrong = {dialogue for dialogue, is_right in zip(dialogues, right, strict=True) if not is_right}
    count = len({*dialogues})
    return {"accuracy": 100 * sum(right) / len(right), "dialogues": 100 * (count - len(wrong)) / count}


def reply_bleu(replies: Sequence[str], references: Sequence[Sequence[str]], tokenize: str = "13a") -> dict:
    """``{"bleu", "bleu_signature"}``: sacreBLEU's corpus BLEU of replies, 0 to 100, and how to report it.

    Args:
        replies: the texts.
        references: the references of each, one or more.
        tokenize: sacreBLEU's tokenizer: "13a", "char", or "none" for words with blanks between them.

    Raises:
        ValueError: sacreBLEU is not installed.
    """
    metric = sacrebleu_metric("BLEU", tokenize=tokenize, force=True)  # else it warns about tokenized texts
    streams = [*map(list, itertools.zip_longest(*references))]  # None for replies with fewer references
    return {"bleu": metric.corpus_score(replies, streams).score, "bleu_signature": str(metric.get_signature())}


def slot_errors(act: str, reply: str) -> int:
    """Counts missing and excess slots of a reply, given its act; both are texts with placeholders."""
    wanted, said = (collections.Counter(PLACEHOLDER.findall(text)) for text in (act, reply))
    return (wanted - said).total() + (said - wanted).total()


def slot_error(acts: Sequence[str], replies: Iterable[str]) -> float | None:
    """The slot error rate in percent: missing and excess slots of replies, relative to all slots of their acts.

    Returns:
        The rate; None: no act has a slot.

    Source: Wen et al., 2015, Semantically Conditioned LSTM-based Natural Language Generation, section 3.3.
    """
    wrong = sum(slot_errors(act, reply) for act, reply in zip(acts, replies, strict=True))
    total = sum(len(PLACEHOLDER.findall(act)) for act in acts)
    return 100 * wrong / total if total else None
