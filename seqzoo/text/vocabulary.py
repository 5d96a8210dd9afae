"""Vocabulary: tokens <-> ids."""

import collections
import json
import pathlib

PADDING, UNKNOWN = "<pad>", "<unk>"


class Vocabulary:
    """Tokens <-> ids, in a fixed order. Id 0 is padding and id 1 is the unknown token.

    A closed vocabulary (`unknown=False`: tags, labels) has neither: its ids start at 0, padding is told by weights.

    Args:
        tokens: the tokens in the order of their ids, the two special ones not among them.
        unknown: whether there are padding and an unknown token.

    Raises:
        ValueError: a token twice.
    """

    suffix = ".json"  # of its file

    def __init__(self, tokens, unknown=True):
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

    def encode(self, tokens):
        """Ids of tokens.

        Raises:
            ValueError: a token is not in a closed vocabulary.
        """
        if self.unknown:
            # A text that holds the padding mark itself must not make a hole in a sentence.
            return [max(1, self._ids.get(token, 1)) for token in tokens]
        for token in tokens:
            if token not in self._ids:
                raise ValueError(f"Unknown label {token!r}. Known: {', '.join(self.tokens)}.")
        return [self._ids[token] for token in tokens]

    def decode(self, ids):
        """Tokens of ids."""
        return [self.tokens[number] for number in ids]

    def save(self, path):
        """Writes the vocabulary as JSON."""
        values = {"unknown": self.unknown, "tokens": self.tokens[2 if self.unknown else 0 :]}
        pathlib.Path(path).write_text(json.dumps(values, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote."""
        return cls(**json.loads(pathlib.Path(path).read_text("utf-8")))
