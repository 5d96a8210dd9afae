"""The most frequent errors of a tagger."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from seqzoo.metrics.tags import Sentences, check_lengths, marks_spans
from seqzoo.text.spans import spans


def common_errors(tokens: Sentences, gold: Sentences, predicted: Sentences, limit: int = 50) -> list[dict]:
    """The most frequent errors, each with example sentences.

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
