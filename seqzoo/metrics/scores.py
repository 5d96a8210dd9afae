"""Scores of tagged sentences and of classified texts, and the errors behind them: functions of lists of tags, sentence
by sentence, and of labels, text by text.

Every percentage is a float from 0 to 100. A share of nothing (the precision of no predicted span, the accuracy on no
unknown word) is 0, and the count beside it says so.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict

from seqzoo.text.spans import spans, split_tag


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
        "classes": _classes(correct, found, support),
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


def class_scores(gold, predicted):
    """Accuracy and macro F1 of texts that have one label each.

    Args:
        gold: list of labels, one a text.
        predicted: the labels that the model gave the same texts; None where it gave none, which is an error.

    Returns:
        ``{"accuracy", "macro_f1", "classes"}``: the share of right labels, the mean F1 of the classes, and ``{label:
        {"precision", "recall", "f1", "support"}}``. Classes are all labels that are in `gold` or in `predicted`.

    Raises:
        ValueError: there are not as many predicted labels as gold labels.
    """
    _check_number(gold, predicted)
    correct = Counter(a for a, b in zip(gold, predicted, strict=True) if a == b)
    found = Counter(label for label in predicted if label is not None)
    classes = _classes(correct, found, Counter(gold))
    return {"accuracy": _percent(correct.total(), len(gold)), "macro_f1": _mean_f1(classes), "classes": classes}


def label_set_scores(gold, predicted):
    """Scores of texts that have any number of labels each.

    Args:
        gold: list of sets of labels, one set a text.
        predicted: the sets that the model gave the same texts.

    Returns:
        ``{"precision", "recall", "f1", "macro_f1", "accuracy", "classes"}``: micro averages over all labels of all
        texts, the mean F1 of the classes, the share of texts whose set is exactly right (an empty one too), and
        ``{label: {"precision", "recall", "f1", "support"}}``. Classes are all labels that are in `gold` or in
        `predicted`.

    Raises:
        ValueError: there are not as many predicted sets as gold sets.
    """
    _check_number(gold, predicted)
    gold, predicted = [set(labels) for labels in gold], [set(labels) for labels in predicted]
    pairs = list(zip(gold, predicted, strict=True))
    correct = Counter(label for a, b in pairs for label in a & b)
    found, support = (Counter(label for labels in sets for label in labels) for sets in (predicted, gold))
    micro = _scores(correct.total(), found.total(), support.total())
    classes = _classes(correct, found, support)
    return {
        **{measure: micro[measure] for measure in ("precision", "recall", "f1")},
        "macro_f1": _mean_f1(classes),
        "accuracy": _percent(sum(a == b for a, b in pairs), len(pairs)),
        "classes": classes,
    }


def calibration(confidences, correct, bins=15):
    """How far the probabilities that a model gives its answers are from the shares of right answers.

    Args:
        confidences: a probability for each answer, from 0 to 1.
        correct: whether each answer is right.
        bins: number of bins of equal width that the answers are sorted into by their confidence. A confidence on an
            edge is in the bin below it, as in the paper; 0 is in the first bin.

    Returns:
        ``(error, bins)``: the expected calibration error, the mean distance of accuracy and confidence weighted by the
        answers in a bin, and for each bin that is not empty, the lowest first, ``{"confidence", "accuracy", "count"}``:
        the mean confidence, the accuracy and the number of its answers. All but the count are percentages.

    Raises:
        ValueError: there is no answer, a confidence is not between 0 and 1, `bins` is not positive, or there are not as
            many values of `correct` as confidences.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On Calibration of Modern Neural Networks (2017), eq. 3.
    """
    if bins < 1:
        raise ValueError(f"Answers can not be sorted into {bins} bins.")
    if len(confidences) != len(correct):
        raise ValueError(f"There are {len(confidences)} confidences and {len(correct)} values of correct.")
    if not len(confidences):
        raise ValueError("There is no answer whose confidence could be compared.")
    edges = [i / bins for i in range(1, bins + 1)]
    members = defaultdict(list)
    for confidence, right in zip(confidences, correct, strict=True):
        confidence = float(confidence)
        if not -1e-6 <= confidence <= 1 + 1e-6:  # the sum of a float32 softmax is 1 to about 7 digits; nan fails
            raise ValueError(f"A confidence is a probability from 0 to 1, not {confidence}.")
        confidence = min(max(confidence, 0.0), 1.0)
        members[bisect_left(edges, confidence)].append((confidence, bool(right)))
    filled = [
        {
            "confidence": _percent(math.fsum(confidence for confidence, _ in answers), len(answers)),
            "accuracy": _percent(sum(right for _, right in answers), len(answers)),
            "count": len(answers),
        }
        for _, answers in sorted(members.items())
    ]
    error = math.fsum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in filled) / len(confidences)
    return error, filled


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


def _classes(correct, found, support):
    """The scores of each class, from counters of them."""
    return {name: _scores(correct[name], found[name], support[name]) for name in sorted(found.keys() | support.keys())}


def _mean_f1(classes):
    return math.fsum(scores["f1"] for scores in classes.values()) / len(classes) if classes else 0.0


def _check_number(gold, predicted):
    if len(gold) != len(predicted):
        raise ValueError(f"There are {len(gold)} texts with gold labels and {len(predicted)} with predicted ones.")


def _check_lengths(gold, other, what="predicted tags"):
    if len(gold) != len(other):
        raise ValueError(f"There are {len(gold)} sentences of gold tags and {len(other)} of {what}.")
    for i, (a, b) in enumerate(zip(gold, other, strict=True)):
        if len(a) != len(b):
            raise ValueError(f"Sentence {i} (counted from 0) has {len(a)} gold tags and {len(b)} {what}.")


def text_scores(nats, text):
    """How well a text was predicted, comparable whatever its units are.

    An unknown token says that a word or character is one of those that the vocabulary does not have, and not which; so
    in the bits it costs its spelling too, in bytes and an end of equal probability, log2(257) bits each.

    Args:
        nats: -log p of all its tokens, summed.
        text: streams.Streams, or any object with `tokens`, `characters`, `words`, `spelled`.

    Returns:
        {"loss": nats a token, "perplexity": its exp, "bits_per_character", "bits_per_word"}; words are what has space
        around it, and line ends.
    """
    loss = nats / text.tokens
    bits = nats / math.log(2) + text.spelled * math.log2(257)
    return {
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "bits_per_character": bits / max(text.characters, 1),
        "bits_per_word": bits / max(text.words, 1),
    }


def translation_scores(translations, references, tokenize="13a", lowercase=False):
    """How near translations are to their references, one for each, by sacreBLEU.

    Args:
        translations, references: lists of str.
        tokenize: how BLEU takes texts apart: "13a", "char", or what else sacreBLEU has.
        lowercase: whether capitals count as small letters.

    Returns:
        {"bleu", "chrf": from 0 to 100; "exact": share that is the reference, in percent; "bleu_signature",
        "chrf_signature": str, what a score is to be reported with}

    Raises:
        ValueError: their numbers differ, or there are none.

    Sources: Papineni et al., 2002; Popović, 2015; Post, 2018, A Call for Clarity in Reporting BLEU Scores.
    """
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


def pair_scores(rows):
    """Accuracy, in percent, of the choice between two sentences, in all and by group.

    Args:
        rows: list of (group, whether the good one was likelier).

    Returns:
        {"accuracy", "support", and "GROUP_accuracy", "GROUP_support" of each group in the order of their names}.
    """
    groups = defaultdict(list)
    for group, right in rows:
        groups[group.replace(" ", "_")].append(right)
    scores = {"accuracy": 100 * sum(right for _, right in rows) / len(rows), "support": len(rows)}
    for group in sorted(groups):
        scores[f"{group}_accuracy"] = 100 * sum(groups[group]) / len(groups[group])
        scores[f"{group}_support"] = len(groups[group])
    return scores
