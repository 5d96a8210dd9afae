"""Baselines without a network: the scores a model has to beat."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from seqzoo.text.tokenizer import split_sentences, tokenize


def lookup_baseline(train_pairs: Iterable[tuple[list, list]]) -> Callable[[list], list]:
    """Tags each word with its most frequent tag in training.

    An unseen word gets the most frequent tag of all, which is ``O`` where the tags mark spans.

    Args:
        train_pairs: iterable of (tokens, tags), one pair a sentence.

    Returns:
        A function from the tokens of a sentence to their tags.

    Raises:
        ValueError: the training sentences have no words, or a sentence has more or fewer tags than tokens.

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


def commonest_baseline(pairs: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """Gives a question its most frequent answer in training, and an unseen one the most frequent answer of all.

    Args:
        pairs: iterable of (question, answer). Of equally frequent answers the first one counts.

    Returns:
        A function from a question to its answer.
    """
    counts, total = defaultdict(Counter), Counter()
    for question, answer in pairs:
        counts[question][answer] += 1
        total[answer] += 1
    return lambda question: counts.get(question, total).most_common(1)[0][0]


def window_baseline(
    train_pairs: Iterable[tuple[str, list]], reach: int = 12, size: int = 1, smoothing: float = 1.0
) -> Callable[[str], list]:
    """Tags each letter of a text by the letters around it: naive Bayes over the letters at each distance.

    Args:
        train_pairs: iterable of (letters, tags), one pair a text. Only counts are kept.
        reach: number of letters to read on each side.
        size: number of letters at a distance that count together, as an n-gram.
        smoothing: added to each count; above 0.

    Returns:
        A function from a text to the tags of its letters.

    Raises:
        ValueError: there are no letters to learn from.

    Source: the first method of J. Garnier, D. J. Osguthorpe and B. Robson, Analysis of the Accuracy and Implications of
    Simple Methods for Predicting the Secondary Structure of Globular Proteins (1978).
    """
    width, kinds = 2 * reach + 1, 27**size  # A to Z, and 0 beyond the ends of a text
    names, counts = {}, np.zeros((0, width, kinds))  # [K, W, N]

    def windows(text):
        codes = np.frombuffer(text.upper().encode("latin-1", "replace"), "uint8").astype(int) - 64
        codes = np.pad(np.where((codes > 0) & (codes < 27), codes, 0), (reach, reach + size - 1))
        words = sum(27**i * codes[i : len(codes) - size + 1 + i] for i in range(size))
        return np.lib.stride_tricks.sliding_window_view(words, width)  # [T, W]

    for text, tags in train_pairs:
        own = np.array([names.setdefault(tag, len(names)) for tag in tags], int)
        if len(names) > len(counts):
            counts = np.concatenate([counts, np.zeros((len(names) - len(counts), width, kinds))])
        if text:
            np.add.at(counts.reshape(-1), (own[:, None] * width + np.arange(width)) * kinds + windows(text), 1.0)
    if not counts.sum():
        raise ValueError("No letters to learn from: there are no training examples.")
    priors = np.log(counts[:, 0].sum(axis=1) / counts[:, 0].sum())  # [K]
    likely = np.log((counts + smoothing) / (counts + smoothing).sum(axis=2, keepdims=True))
    found = [*names]

    def tag(text):
        if not text:
            return []
        scores = priors + likely[:, np.arange(width), windows(text)].sum(axis=2).T  # [T, K]
        return [found[i] for i in scores.argmax(axis=1)]

    return tag


def naive_bayes_baseline(train_pairs: Iterable[tuple[list, str]], smoothing: float = 1.0) -> Callable[[list], str]:
    """Classifies a text by its words: multinomial naive Bayes that counts each word once per text.

    Words unseen in training are ignored; a text with no other words gets the most frequent label. Of equally likely
    labels, the one seen first wins.

    Args:
        train_pairs: iterable of (tokens, label), one pair a text. Only their counts are kept.
        smoothing: added to the count of each word in each class; above 0.

    Returns:
        A function from the tokens of a text to its label.

    Raises:
        ValueError: there are no training texts, or `smoothing` is not above 0.

    Sources: A. McCallum and K. Nigam, A Comparison of Event Models for Naive Bayes Text Classification (1998); S. Wang
    and C. D. Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification (2012), for the counts of
    0 and 1.

    Example::

        classify = naive_bayes_baseline([(["a", "fine", "film"], "positive"), (["a", "bore"], "negative")])
        classify(["fine", "acting"])  # "positive"
    """
    if not smoothing > 0:
        raise ValueError(f"The smoothing of naive Bayes should be above 0, not {smoothing}.")
    texts = Counter()
    counts = defaultdict(Counter)
    for tokens, label in train_pairs:
        texts[label] += 1
        counts[label].update(set(tokens))
    if not texts:
        raise ValueError("No texts to learn from: there are no training examples.")
    vocabulary = set().union(*counts.values())
    priors = {label: math.log(count / texts.total()) for label, count in texts.items()}
    # Most words are absent from most classes, so a word is stored as its gain over a word that the class lacks.
    absent = {
        label: math.log(smoothing / (words.total() + smoothing * len(vocabulary))) if vocabulary else 0.0
        for label, words in counts.items()
    }
    gains = {
        label: {word: math.log((smoothing + count) / smoothing) for word, count in words.items()}
        for label, words in counts.items()
    }

    def classify(tokens):
        words = vocabulary.intersection(tokens)
        # fsum, because the order of a set, and so the last digits of a plain sum, changes from run to run.
        return max(
            priors,
            key=lambda label: math.fsum(
                [priors[label], len(words) * absent[label], *(gains[label].get(word, 0.0) for word in words)]
            ),
        )

    return classify


def tfidf(token_lists: Iterable[list[str]]) -> Callable[[list[str]], dict[str, float]]:
    """Learns tf-idf weights for bags of words, in which rare words weigh more.

    The weight of a word is its count times 1 + log((1 + N) / (1 + n)), where n of N training texts have that word.

    Args:
        token_lists: the training texts; only counts are kept.

    Returns:
        A function from the tokens of a text to {token: weight}, of length 1.

    Source: K. Spärck Jones, A Statistical Interpretation of Term Specificity and Its Application in Retrieval (1972).
    """
    counts, size = Counter(), 0
    for size, tokens in enumerate(token_lists, 1):  # noqa: B007, the last one is the number of texts
        counts.update(set(tokens))

    def vector(tokens):
        weights = {word: n * (1 + math.log((1 + size) / (1 + counts[word]))) for word, n in Counter(tokens).items()}
        length = math.sqrt(math.fsum(weight**2 for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items()}

    return vector


def overlap_baseline(pairs: Iterable[tuple[dict, dict, float]]) -> Callable[[dict, dict], float]:
    """Guesses how similar two texts are by the words that they share: a line fitted to the cosines of their bags.

    Args:
        pairs: (bag, bag, similarity from 0 to 1) of the training pairs, the bags as of `tfidf`.

    Returns:
        A function from two bags to a similarity from 0 to 1: by least squares; for similarities of 0 and 1 it is above
        1 / 2 where 1 is the better guess.
    """

    def cosine(a, b):
        return math.fsum(weight * b.get(word, 0.0) for word, weight in a.items())

    x, y = np.array([(cosine(a, b), value) for a, b, value in pairs]).T
    slope = float(np.mean((x - x.mean()) * (y - y.mean())) / max(x.var(), 1e-12))
    return lambda a, b: min(max(float(y.mean()) + slope * (cosine(a, b) - float(x.mean())), 0.0), 1.0)


def first_sentence(text: str) -> str:
    """Returns the first sentence of a text, or its first line if that ends earlier: the baseline of summaries."""
    line = text.strip().split("\n")[0]
    sentence = next(iter(split_sentences(tokenize(line), line)), [("", 0, 0)])
    return line[: sentence[-1][2]]
