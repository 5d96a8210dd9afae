"""Copying: ids of the words of a source that a vocabulary lacks, so that an encoder-decoder can write them."""

from collections.abc import Iterable

from seqzoo.text.codec import Codec
from seqzoo.text.vocabulary import UNKNOWN_ID


def extended_source(tokens: list[str], target: Codec) -> list[int]:
    """Returns the ids that copying each token of a source writes: from the target's vocabulary, or new ids.

    The id of a token that is not among the target's V is V + the position of its first occurrence in the source.

    Source: See et al., 2017, Get To The Point: Summarization with Pointer-Generator Networks, section 2.2, where the
    own ids of a batch are numbered without gaps.
    """
    first: dict[str, int] = {}
    for position, token in enumerate(tokens):
        first.setdefault(token, len(target.tokens) + position)
    return [first[token] if i == UNKNOWN_ID else i for token, i in zip(tokens, target.ids(tokens), strict=True)]


def extended(target_tokens: list[str], target: Codec, tokens: list[str], copied: list[int]) -> list[int]:
    """Returns the ids of a target's tokens, with those of `extended_source` for tokens that the vocabulary lacks.

    A token that neither the vocabulary nor the source has is unknown.

    Args:
        target_tokens: the target.
        target: its codec.
        tokens: the source.
        copied: the `extended_source` of the source.
    """
    own, ids = dict(zip(tokens, copied, strict=True)), target.ids(target_tokens)
    return [own.get(token, i) if i == UNKNOWN_ID else i for token, i in zip(target_tokens, ids, strict=True)]


def copied_only(pairs: Iterable[tuple[list[str], list[str]]]) -> set[str]:
    """Returns the target tokens that are also in the source in all pairs, so that copying alone can write them.

    Args:
        pairs: tokens of sources and of their targets.
    """
    copied, written = set(), set()
    for source, target in pairs:
        target = set(target)
        copied |= target
        written |= target.difference(source)
    return copied - written
