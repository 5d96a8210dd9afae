"""Vocabulary: tokens <-> ids."""

import collections
from collections.abc import Iterable

from seqzoo.assets import Asset

PADDING, UNKNOWN = "<pad>", "<unk>"
UNKNOWN_ID = 1


class Vocabulary(Asset):
    """Tokens <-> ids, in a fixed order. Id 0 is padding and id 1 is the unknown token.

    A closed vocabulary (`unknown=False`: tags, labels) has neither: its ids start at 0, and padding is marked by
    weights.

    Args:
        tokens: the tokens in the order of their ids, without the two special ones.
        unknown: whether there are padding and an unknown token.

    Raises:
        ValueError: a duplicate token.
    """

    def __init__(self, tokens: Iterable[str], unknown: bool = True):
        self.tokens = [*((PADDING, UNKNOWN) if unknown else ()), *tokens]
        self.unknown = unknown
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            twice = collections.Counter(self.tokens).most_common(1)[0][0]
            raise ValueError(f"A vocabulary holds each token once. Received twice: {twice!r}")

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Returns the ids of tokens.

        Raises:
            ValueError: a token is not in a closed vocabulary.
        """
        if self.unknown:
            # A padding mark in the text itself must not be masked in the middle of a sentence.
            return [max(1, self._ids.get(token, 1)) for token in tokens]
        for token in tokens:
            if token not in self._ids:
                raise ValueError(f"Unknown label {token!r}. Known: {', '.join(self.tokens)}.")
        return [self._ids[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Returns the tokens of ids."""
        return [self.tokens[number] for number in ids]

    def to_dict(self) -> dict:
        return {"unknown": self.unknown, "tokens": self.tokens[2 if self.unknown else 0 :]}


def seen_once(counts: collections.Counter) -> str:
    """Returns advice if most training words were seen once, as in a language without blanks; else ""."""
    once = sum(count == 1 for count in counts.values())
    if once <= 0.8 * len(counts):
        return ""
    return f"{once:,} of {len(counts):,} words were seen once, so little is learned of them: try --tokenizer=characters"


def by_frequency(counter: collections.Counter) -> list[tuple[str, int]]:
    """Sorts (token, count) by falling count, ties by spelling: the same order in every process."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
