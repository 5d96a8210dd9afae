"""Scores of tagged sentences, as lists of tags: exact spans, single tags, confusion matrix, frequent errors."""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

import numpy as np

from seqzoo.metrics.bootstrap import REMEMBERED
from seqzoo.metrics.counts import percent, scores_by_class, scores_of_counts
from seqzoo.text.spans import spans, split_tag

Sentences = Sequence[Sequence[str]]


def span_scores(gold: Sentences, predicted: Sentences) -> dict:
    """Precision, recall and F1 of exact spans, as conlleval counts them.

    A predicted span is correct if its first token, last token and type all are. Spans are read by seqeval in its
    default mode: a span starts at B, or at I after O or after another type, so a lone ``I-PER`` is a span too. For B, I
    and O this is what the Perl script conlleval does; it does not know S (a single-token span), and knows E (the end of
    a span) only in part: it takes a B after an E of the same type as the same span.

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
    check_lengths(gold, predicted)
    correct, found, support = Counter(), Counter(), Counter()
    for tags in zip(gold, predicted, strict=True):
        gold_spans, predicted_spans = (_read_spans(tuple(own)) for own in tags)
        support.update(kind for kind, _, _ in gold_spans)
        found.update(kind for kind, _, _ in predicted_spans)
        correct.update(kind for kind, _, _ in gold_spans & predicted_spans)
    tokens = sum(map(len, gold))
    equal = sum(a == b for tags in zip(gold, predicted, strict=True) for a, b in zip(*tags, strict=True))
    return {
        **scores_of_counts(correct.total(), found.total(), support.total()),
        "accuracy": percent(equal, tokens),
        "classes": scores_by_class(correct, found, support),
    }


@functools.lru_cache(REMEMBERED)
def _read_spans(tags: tuple[str, ...]) -> frozenset[tuple[str, int, int]]:
    """Returns the spans of a sentence, (type, first, last), as seqeval reads them."""
    from seqeval.metrics.sequence_labeling import get_entities

    for tag in {*tags}:
        if split_tag(tag)[0] in "LU":
            raise ValueError(f"Spans are scored in BIO or BIOES, not {tag!r}: convert with seqzoo.text.spans.to_bio.")
    return frozenset(get_entities([*tags]))


def accuracy_scores(
    gold: Sentences, predicted: Sentences, tokens: Sentences, known: Container[str] | Callable[[str], bool]
) -> dict:
    """Accuracy of tags, also separately for words seen in training and for unseen words.

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
        "accuracy": percent(correct.total(), count.total()),
        "known_accuracy": percent(correct[True], count[True]),
        "unknown_accuracy": percent(correct[False], count[False]),
        "sentence_accuracy": percent(sentences, len(gold)),
        "known_count": count[True],
        "unknown_count": count[False],
    }


def confusion(gold: Sentences, predicted: Sentences) -> tuple[list[str], np.ndarray]:
    """Counts how often each gold tag got each predicted tag.

    Span tags are counted by token and without their prefix: ``B-PER`` and ``I-PER`` are both ``PER``. A text with one
    label is a sentence with one tag.

    Args:
        gold: a list of tags for each sentence.
        predicted: the tags that the model gave the same sentences.

    Returns:
        ``(labels, counts)``: the labels, the most frequent gold label first, and integers ``counts[gold, predicted]``.

    Raises:
        ValueError: the numbers of gold and predicted tags of a sentence differ.
    """
    check_lengths(gold, predicted)
    pairs = Counter(pair for tags in zip(gold, predicted, strict=True) for pair in zip(*tags, strict=True))
    if marks_spans({tag for pair in pairs for tag in pair}):
        by_type = Counter()
        for (gold_tag, predicted_tag), count in pairs.items():
            by_type[split_tag(gold_tag)[1] or "O", split_tag(predicted_tag)[1] or "O"] += count
        pairs = by_type
    support = Counter()
    for (gold_tag, predicted_tag), count in pairs.items():
        support[gold_tag] += count
        support[predicted_tag] += 0
    labels = sorted(support, key=lambda label: (-support[label], label))
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for (gold_tag, predicted_tag), count in pairs.items():
        counts[index[gold_tag], index[predicted_tag]] = count
    return labels, counts


def common_errors(tokens: Sentences, gold: Sentences, predicted: Sentences, limit: int = 50) -> list[dict]:
    """Returns the most frequent errors, each with example sentences.

    Args:
        tokens: a list of words for each sentence.
        gold: their tags.
        predicted: the tags that the model gave them.
        limit: the largest number of errors to return.

    Returns:
        A list of dicts, the most frequent error first. ``kind`` is ``"tag"`` for tags that mark no spans. For spans it
        is ``"type"`` (right tokens, wrong type), ``"boundary"`` (right type, overlapping tokens), ``"boundary and
        type"`` (overlapping, both wrong), ``"missed"`` or ``"spurious"``. ``gold`` and ``predicted`` are the tag or
        type, None where there is no span. ``text`` is the word or the span, ``"Gold Text -> Text Found"`` where the
        boundary is wrong. ``count`` is how often the error occurs; ``examples`` are up to 3 different sentences with
        the error in ``[[ ]]``.

    Raises:
        ValueError: the numbers of words, gold tags and predicted tags of a sentence differ.
    """
    check_lengths(gold, predicted)
    check_lengths(gold, tokens, "words")
    errors_of = _span_errors if marks_spans({tag for tags in [*gold, *predicted] for tag in tags}) else _tag_errors
    counts = Counter()
    examples = defaultdict(list)
    for words, gold_tags, predicted_tags in zip(tokens, gold, predicted, strict=True):
        for error, start, end in errors_of(words, gold_tags, predicted_tags):
            counts[error] += 1
            if len(examples[error]) < 3:
                example = " ".join([*words[:start], "[[", *words[start:end], "]]", *words[end:]])
                if example not in examples[error]:
                    examples[error].append(example)
    return [
        dict(zip(("kind", "gold", "predicted", "text"), error, strict=True), count=count, examples=examples[error])
        for error, count in counts.most_common(limit)
    ]


def marks_spans(tags: Iterable[str]) -> bool:
    """Returns whether all of these tags mark spans (``O``, ``B-PER``), unlike parts of speech."""
    try:
        return all(map(split_tag, tags))
    except ValueError:
        return False


def check_lengths(gold: Sentences, other: Sentences, what: str = "predicted tags") -> None:
    """Raises a ValueError unless each sentence has as many gold tags as `other` has items for it."""
    if len(gold) != len(other):
        raise ValueError(f"There are {len(gold)} sentences of gold tags and {len(other)} of {what}.")
    for i, (a, b) in enumerate(zip(gold, other, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"Sentence {i} (counted from 0) has {len(a)} gold tags and {len(b)} {what}.")


def _tag_errors(words: Sequence[str], gold_tags: Sequence[str], predicted_tags: Sequence[str]) -> Iterator[tuple]:
    """Yields ((kind, gold, predicted, text), start, end) for each wrong tag of a sentence."""
    for i, (gold_tag, predicted_tag) in enumerate(zip(gold_tags, predicted_tags, strict=True)):
        if gold_tag != predicted_tag:
            yield ("tag", gold_tag, predicted_tag, words[i]), i, i + 1


def _span_errors(words: Sequence[str], gold_tags: Sequence[str], predicted_tags: Sequence[str]) -> Iterator[tuple]:
    """Yields ((kind, gold, predicted, text), start, end) for each wrong span of a sentence."""
    gold_spans, predicted_spans = set(spans(gold_tags)), set(spans(predicted_tags))
    missed, spurious = sorted(gold_spans - predicted_spans), sorted(predicted_spans - gold_spans)
    overlaps = [
        (min(a[1], b[1]) - max(a[0], b[0]), a[2] == b[2], a, b)
        for a in missed
        for b in spurious
        if a[0] < b[1] and b[0] < a[1]
    ]
    # A span belongs to at most one error: pair the longest overlaps first, and equal ones of the same type first.
    for _, same_type, a, b in sorted(overlaps, key=lambda overlap: overlap[:2], reverse=True):
        if a in missed and b in spurious:
            missed.remove(a)
            spurious.remove(b)
            text = " ".join(words[a[0] : a[1]])
            if a[:2] == b[:2]:
                kind = "type"
            else:
                kind = "boundary" if same_type else "boundary and type"
                text += " -> " + " ".join(words[b[0] : b[1]])
            yield (kind, a[2], b[2], text), min(a[0], b[0]), max(a[1], b[1])
    for start, end, span_type in missed:
        yield ("missed", span_type, None, " ".join(words[start:end])), start, end
    for start, end, span_type in spurious:
        yield ("spurious", None, span_type, " ".join(words[start:end])), start, end
