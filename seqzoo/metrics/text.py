"""Scores of language models: perplexity, bits, choices between two sentences."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from seqzoo.metrics.counts import percent
from seqzoo.text.codec import perplexity


class Counted(Protocol):
    """A text with the numbers of its tokens, characters and words, and of the bytes that spell its unknown tokens."""

    tokens: int
    characters: int
    words: int
    spelled: int


def text_scores(nats: float, text: Counted) -> dict:
    """Returns how well a text was predicted, in units that can be compared between tokenizers.

    The unknown token tells that a word or character is outside the vocabulary, but not which one it is; so the bits
    include the cost of spelling it, in bytes and an end mark of equal probability, log2(257) bits each.

    Args:
        nats: -log p summed over all tokens.
        text: `data.Streams`, or any object with the counts `tokens`, `characters`, `words`, `spelled`.

    Returns:
        ``{"loss", "perplexity", "bits_per_character", "bits_per_word"}``: the loss is in nats a token, the perplexity
        its exponential; words are separated by white space, and each line end counts as one.
    """
    loss = nats / text.tokens
    bits = nats / math.log(2) + text.spelled * math.log2(257)
    return {
        "loss": loss,
        "perplexity": perplexity(loss),
        "bits_per_character": bits / max(text.characters, 1),
        "bits_per_word": bits / max(text.words, 1),
    }


def pair_scores(rows: Sequence[tuple[str, bool]]) -> dict:
    """Accuracy of the choice between a good and a bad sentence, overall and by group.

    Args:
        rows: (group, whether the good sentence was more likely) for each pair.

    Returns:
        ``{"accuracy", "support", "classes"}``: the accuracy in percent, the number of pairs, and both by group,
        ``{group: {"accuracy", "support"}}``.

    Raises:
        ValueError: there are no pairs.
    """
    if not rows:
        raise ValueError("There are no pairs to score.")
    groups = defaultdict(list)
    for group, right in rows:
        groups[group].append(right)

    def scores(choices):
        return {"accuracy": percent(sum(choices), len(choices)), "support": len(choices)}

    return {
        **scores([right for _, right in rows]),
        "classes": {group: scores(choices) for group, choices in sorted(groups.items())},
    }
