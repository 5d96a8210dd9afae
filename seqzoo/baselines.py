"""Baselines without a network: the scores a model has to beat."""

from collections import Counter, defaultdict


def lookup_baseline(train_pairs):
    """Tags each word with the tag it had most often in training.

    A word that was not seen gets the most frequent tag of all, which is ``O`` where the tags mark spans.

    Args:
        train_pairs: iterable of (tokens, tags), one pair a sentence.

    Returns:
        A function from the tokens of a sentence to their tags.

    Raises:
        ValueError: there is no word in the training sentences, or a sentence has not as many tags as tokens.

    Example::

        tag = lookup_baseline([(["We", "sleep", "well"], ["PRON", "VERB", "ADV"])])
        tag(["We", "sleep"])  # ["PRON", "VERB"]
    """
    counts = defaultdict(Counter)
    total = Counter()
    for tokens, tags in train_pairs:
        if len(tokens) != len(tags):
            raise ValueError(f"A sentence has {len(tokens)} tokens and {len(tags)} tags: {' '.join(tokens)!r}.")
        for token, tag in zip(tokens, tags, strict=True):
            counts[token][tag] += 1
            total[tag] += 1
    if not counts:
        raise ValueError("No words to learn from: the training sentences are empty.")
    best = {token: tags.most_common(1)[0][0] for token, tags in counts.items()}
    otherwise = total.most_common(1)[0][0]
    return lambda tokens: [best.get(token, otherwise) for token in tokens]
