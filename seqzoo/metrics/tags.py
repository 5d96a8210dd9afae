"""Scores of tagged sentences: exact spans, single tags. Sentences are lists of tags."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence

from seqzoo.metrics import counts
from seqzoo.text.spans import split_tag

Sentences = Sequence[Sequence[str]]


def span_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Precision, recall and F1 of exact spans, as conlleval counts them.

    A predicted span is correct if its first token, last token and type all are. Spans are read by seqeval in its
    default mode: a span starts at B, or at I after O or after another type, so a lone ``I-PER`` is a span too. For B, I
    and O this is what the Perl script conlleval does; it does not know S (a span of its own), and knows E (the end of a
    span) only in part: it takes a B after an E of the same type as the same span.

    Args:
        gold: a list of tags such as ``B-PER``, ``I-PER``, ``O`` for each sentence.
        predicted: the tags that the model gave the same sentences.

    Returns:
        ``{"precision", "recall", "f1", "support", "accuracy", "classes"}``: micro averages over all spans, the number
        of gold spans, the accuracy of single tags, and ``{type: {"precision", "recall", "f1", "support"}}``. With
        neither gold nor predicted spans, all of them are 0.

    Raises:
        ValueError: the numbers of gold and predicted tags of a sentence differ, or a tag is not BIO or BIOES.

    Source: E. F. Tjong Kim Sang and S. Buchholz, Introduction to the CoNLL-2000 Shared Task (2000), and its conlleval.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    check_lengths(gold, predicted)
    for tag in {tag for sentences in (gold, predicted) for tags in sentences for tag in tags}:
        if split_tag(tag)[0] in "LU":
            raise ValueError(f"Spans are scored in BIO or BIOES, not {tag!r}: convert with seqzoo.text.spans.to_bio.")
    # Counted here, since seqeval's scores per class lack the number of predicted spans, which the micro average needs;
    # asking seqeval for it as well would read all spans twice.
    gold_spans = set(get_entities([list(tags) for tags in gold]))
    predicted_spans = set(get_entities([list(tags) for tags in predicted]))
    found, correct, support = (
        Counter(kind for kind, _, _ in chosen) for chosen in (predicted_spans, gold_spans & predicted_spans, gold_spans)
    )
    tokens = sum(map(len, gold))
    equal = sum(a == b for tags in zip(gold, predicted, strict=True) for a, b in zip(*tags, strict=True))
    return {
        **counts.scores(correct.total(), found.total(), support.total()),
        "accuracy": counts.percent(equal, tokens),
        "classes": counts.classes(correct, found, support),
    }


def accuracy_scores(
    gold: Sentences, predicted: Sentences, tokens: Sentences, known: Container[str] | Callable[[str], bool]
) -> dict:
    """Accuracy of tags, also of words seen in training and of unseen words.

    Args:
        gold: a list of tags for each sentence.
        predicted: the tags that the model gave the same sentences.
        tokens: the words of the same sentences.
        known: the set of training words, or a function word -> bool.

    Returns:
        ``{"accuracy", "known_accuracy", "unknown_accuracy", "sentence_accuracy"}``, the last one the share of sentences
        without any error, and ``{"known_count", "unknown_count"}``, the numbers of known and unknown words.

    Raises:
        ValueError: the numbers of words, gold tags and predicted tags of a sentence differ.
    """
    check_lengths(gold, predicted)
    check_lengths(gold, tokens, "words")
    is_known = known if callable(known) else known.__contains__
    count = Counter()
    correct = Counter()
    sentences = 0
    for gold_tags, predicted_tags, words in zip(gold, predicted, tokens, strict=True):
        sentences += list(gold_tags) == list(predicted_tags)
        for gold_tag, predicted_tag, word in zip(gold_tags, predicted_tags, words, strict=True):
            group = bool(is_known(word))
            count[group] += 1
            correct[group] += gold_tag == predicted_tag
    return {
        "accuracy": counts.percent(correct.total(), count.total()),
        "known_accuracy": counts.percent(correct[True], count[True]),
        "unknown_accuracy": counts.percent(correct[False], count[False]),
        "sentence_accuracy": counts.percent(sentences, len(gold)),
        "known_count": count[True],
        "unknown_count": count[False],
    }


def marks_spans(tags: Iterable[str]) -> bool:
    """Whether all of these tags mark spans (``O``, ``B-PER``), unlike parts of speech."""
    try:
        return all(map(split_tag, tags))
    except ValueError:
        return False


def check_lengths(gold: Sentences, other: Sentences, what: str = "predicted tags"):
    """Raises a ValueError unless each sentence has as many gold tags as `other` has items for it."""
    if len(gold) != len(other):
        raise ValueError(f"There are {len(gold)} sentences of gold tags and {len(other)} of {what}.")
    for i, (a, b) in enumerate(zip(gold, other, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"Sentence {i} (counted from 0) has {len(a)} gold tags and {len(b)} {what}.")
