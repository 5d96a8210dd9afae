"""Scores of tagged sentences, and the errors behind them: functions of lists of tags, sentence by sentence.

Every percentage is a float from 0 to 100. A share of nothing (the precision of no predicted span, the accuracy on no
unknown word) is 0, and the count beside it says so.
"""

from collections import Counter, defaultdict

from seqzoo.spans import spans, split_tag


def span_scores(gold, predicted):
    """Precision, recall and F1 of exact spans, as conlleval counts them.

    A predicted span counts if its first token, last token and type are all right. Spans are read by seqeval in its
    default mode: a span starts at B, or at I after O or after another type, so a lone ``I-PER`` is a span too. For
    B, I and O this is what the Perl script conlleval does; S is a span of its own and E ends one, which the script
    does not know (S) or knows in part (it takes a B after an E of the same type as the same span).

    Args:
        gold: list of sentences, each a list of tags such as ``B-PER``, ``I-PER``, ``O``.
        predicted: the same sentences as the model tagged them.

    Returns:
        ``{"precision", "recall", "f1", "support", "accuracy", "classes"}``: micro averages over all spans, the number
        of gold spans, the accuracy of single tags, and ``{type: {"precision", "recall", "f1", "support"}}``. With
        neither gold nor predicted spans all of them are 0: nothing was found, and nothing was there to be found.

    Raises:
        ValueError: a sentence has not as many predicted tags as gold tags, or a tag is not one of BIO or BIOES.

    Source: E. F. Tjong Kim Sang and S. Buchholz, Introduction to the CoNLL-2000 Shared Task (2000), and its conlleval.
    """
    from seqeval.metrics.sequence_labeling import get_entities

    _check_lengths(gold, predicted)
    for tag in {tag for sentences in (gold, predicted) for tags in sentences for tag in tags}:
        if split_tag(tag)[0] in "LU":
            raise ValueError(f"Spans are scored in BIO or BIOES, not {tag!r}: convert with seqzoo.spans.to_bio.")
    # The counts are taken here: seqeval's own scores per class do not give the number of predicted spans, which the
    # micro average needs, and asking it once more would read all spans a second time.
    gold_spans = set(get_entities([list(tags) for tags in gold]))
    predicted_spans = set(get_entities([list(tags) for tags in predicted]))
    found, correct, support = (
        Counter(kind for kind, _, _ in chosen) for chosen in (predicted_spans, gold_spans & predicted_spans, gold_spans)
    )
    tokens = sum(map(len, gold))
    equal = sum(a == b for tags in zip(gold, predicted, strict=True) for a, b in zip(*tags, strict=True))
    return {
        **_scores(correct.total(), found.total(), support.total()),
        "accuracy": _percent(equal, tokens),
        "classes": {
            kind: _scores(correct[kind], found[kind], support[kind]) for kind in sorted(found.keys() | support.keys())
        },
    }


def accuracy_scores(gold, predicted, tokens, known):
    """Accuracy of tags, on words seen in training and on words that were not.

    Args:
        gold: list of sentences, each a list of tags.
        predicted: the same sentences as the model tagged them.
        tokens: the words of the same sentences.
        known: the set of the training words, or a function word -> bool.

    Returns:
        ``{"accuracy", "known_accuracy", "unknown_accuracy", "sentence_accuracy"}``, the last one the share of sentences
        without any error, and ``{"known_count", "unknown_count"}``, the numbers of words behind two of them.

    Raises:
        ValueError: a sentence has not as many words or predicted tags as gold tags.
    """
    _check_lengths(gold, predicted)
    _check_lengths(gold, tokens, "words")
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
        "accuracy": _percent(correct.total(), count.total()),
        "known_accuracy": _percent(correct[True], count[True]),
        "unknown_accuracy": _percent(correct[False], count[False]),
        "sentence_accuracy": _percent(sentences, len(gold)),
        "known_count": count[True],
        "unknown_count": count[False],
    }


def confusion(gold, predicted):
    """How often each gold tag got each predicted tag.

    Span tags are counted by token and without their prefix: ``B-PER`` and ``I-PER`` are both ``PER``.

    Args:
        gold: list of sentences, each a list of tags.
        predicted: the same sentences as the model tagged them.

    Returns:
        ``(labels, counts)``: the labels, the most frequent gold label first, and a NumPy array
        ``counts[gold, predicted]`` of integers.

    Raises:
        ValueError: a sentence has not as many predicted tags as gold tags.
    """
    import numpy as np

    _check_lengths(gold, predicted)
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
    place = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for (gold_tag, predicted_tag), count in pairs.items():
        counts[place[gold_tag], place[predicted_tag]] = count
    return labels, counts


def common_errors(tokens, gold, predicted, limit=50):
    """The most frequent errors, each with sentences that show it.

    Args:
        tokens: list of sentences, each a list of words.
        gold: their tags.
        predicted: their tags as the model gave them.
        limit: how many errors to return at most.

    Returns:
        A list of dicts, the most frequent error first. ``kind`` is ``"tag"`` for tags that mark no spans. For spans it
        is ``"type"`` (right tokens, wrong type), ``"boundary"`` (right type, overlapping tokens), ``"boundary and
        type"`` (overlapping, both wrong), ``"missed"`` or ``"spurious"``. ``gold`` and ``predicted`` are the tag or
        type, None where there is no span. ``text`` is the word or the span, ``"Gold Text -> Text Found"`` where the
        boundary is wrong. ``count`` is how often; ``examples`` are up to 3 different sentences with the place in
        ``[[ ]]``.

    Raises:
        ValueError: a sentence has not as many words or predicted tags as gold tags.
    """
    _check_lengths(gold, predicted)
    _check_lengths(gold, tokens, "words")
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


def marks_spans(tags):
    """Whether all of these tags mark spans (``O``, ``B-PER``), unlike parts of speech."""
    try:
        return all(map(split_tag, tags))
    except ValueError:
        return False


def _tag_errors(words, gold_tags, predicted_tags):
    """Yields ((kind, gold, predicted, text), start, end) for each wrong tag of one sentence."""
    for i, (gold_tag, predicted_tag) in enumerate(zip(gold_tags, predicted_tags, strict=True)):
        if gold_tag != predicted_tag:
            yield ("tag", gold_tag, predicted_tag, words[i]), i, i + 1


def _span_errors(words, gold_tags, predicted_tags):
    """Yields ((kind, gold, predicted, text), start, end) for each wrong span of one sentence."""
    gold_spans, predicted_spans = set(spans(gold_tags)), set(spans(predicted_tags))
    missed, spurious = sorted(gold_spans - predicted_spans), sorted(predicted_spans - gold_spans)
    overlaps = [
        (min(a[1], b[1]) - max(a[0], b[0]), a[2] == b[2], a, b)
        for a in missed
        for b in spurious
        if a[0] < b[1] and b[0] < a[1]
    ]
    # A span is one half of one error at most: the longest overlap first, then the pair of the same type.
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


def _percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def _scores(correct, found, support):
    return {
        "precision": _percent(correct, found),
        "recall": _percent(correct, support),
        "f1": _percent(2 * correct, found + support),  # 2PR / (P + R), without its two divisions by zero
        "support": support,
    }


def _check_lengths(gold, other, what="predicted tags"):
    if len(gold) != len(other):
        raise ValueError(f"There are {len(gold)} sentences of gold tags and {len(other)} of {what}.")
    for i, (a, b) in enumerate(zip(gold, other, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"Sentence {i} (counted from 0) has {len(a)} gold tags and {len(b)} {what}.")
