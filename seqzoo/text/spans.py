"""Tag schemes of labelled spans: conversion of any scheme to BIO or BIOES, and the transitions each allows.

A scheme encodes spans, such as the names in a sentence, as one tag a token: ``O`` outside, else a prefix and a type.

    scheme          prefixes                                       a span of 1, 2, 3 tokens     source
    IOB1            I; B only after an adjacent span of its type    I        I I       I I I      [1]
    BIO (IOB2)      B opens every span                              B        B I       B I I      [2]
    BIOES (IOBES)   and E closes it, S is a span of one             S        B E       B I E      [2]
    BILOU           the same, with L for E and U for S              U        B L       B I L      [3]

[1] Ramshaw & Marcus (1995), Text Chunking using Transformation-Based Learning. https://aclanthology.org/W95-0107
[2] Tjong Kim Sang & Veenstra (1999), Representing Text Chunks. https://aclanthology.org/E99-1023 (BIO as IOB2; closing
    tags as IOE). BIOES is IOB2 and IOE2 combined, with S for a tag that opens and closes.
[3] Ratinov & Roth (2009), Design Challenges and Misconceptions in Named Entity Recognition.
    https://aclanthology.org/W09-1119
"""

import functools

import numpy as np

_OPENING = frozenset("BSU")  # always the first tag of a span
_CLOSING = frozenset("ESLU")  # always the last
_PREFIXES = frozenset("BIESLU")


@functools.cache
def split_tag(tag: str) -> tuple[str, str]:
    """Splits a tag into prefix and type: ``"B-WORK-OF-ART"`` -> ``("B", "WORK-OF-ART")``, ``"O"`` -> ``("O", "")``.

    Raises:
        ValueError: the tag is malformed; it is named.
    """
    prefix, _, type_ = tag.partition("-")
    if tag == "O" or (prefix in _PREFIXES and type_):
        return prefix, type_
    raise ValueError(f"not a span tag: {tag!r}. Expected 'O', or one of B-, I-, E-, S-, L-, U- and a type: 'B-PER'")


def spans(tags: list[str]) -> list[tuple[int, int, str]]:
    """Returns the spans of one sentence, in any scheme.

    A span opens at B, S or U; and at I, E or L where there is no span of that type to continue: after O, after
    another type, after E, L, S or U. This is conlleval's reading (Tjong Kim Sang & Buchholz, 2000), extended to L and
    U, so a malformed sequence, as a model may predict it, has spans too.

    Args:
        tags: list of tags.

    Returns:
        List of (start, end, type) in order, `end` exclusive.

    Raises:
        ValueError: a tag is not a span tag.

    Example::

        spans(["I-PER", "I-PER", "O", "U-LOC"]) == [(0, 2, "PER"), (3, 4, "LOC")]
    """
    found = []
    before = ("O", "")
    for position, tag in enumerate(tags):
        prefix, type_ = split_tag(tag)
        if prefix != "O":
            if prefix in _OPENING or type_ != before[1] or before[0] in _CLOSING:
                found.append((position, position + 1, type_))
            else:
                found[-1] = (found[-1][0], position + 1, type_)
        before = prefix, type_
    return found


def to_bio(tags: list[str]) -> list[str]:
    """Converts the tags of one sentence to BIO (IOB2), from any scheme: ``["S-PER", "O"]`` -> ``["B-PER", "O"]``.

    Tags in BIO are unchanged.

    Args:
        tags: list of tags, read as `spans` reads them.

    Raises:
        ValueError: a tag is not a span tag.
    """
    bio = ["O"] * len(tags)
    for start, end, type_ in spans(tags):
        bio[start:end] = [f"B-{type_}"] + [f"I-{type_}"] * (end - start - 1)
    return bio


def to_bioes(tags: list[str]) -> list[str]:
    """Converts the tags of one sentence to BIOES, from BIO or any other scheme: ``["B-PER"]`` -> ``["S-PER"]``.

    Args:
        tags: list of tags, read as `spans` reads them.

    Raises:
        ValueError: a tag is not a span tag.
    """
    bioes = ["O"] * len(tags)
    for start, end, type_ in spans(tags):
        if end - start == 1:
            bioes[start] = f"S-{type_}"
        else:
            bioes[start:end] = [f"B-{type_}"] + [f"I-{type_}"] * (end - start - 2) + [f"E-{type_}"]
    return bioes


def tags_of_offsets(tokens: list[tuple[str, int, int]], entities: list[tuple[int, int, str]]) -> list[str]:
    """Returns the BIO tags of tokens, given the entities in their text.

    Args:
        tokens: (token, start, end), as `text.tokenizer.tokenize` returns them.
        entities: (start, end, type) in the same text. A token that is partly in an entity belongs to it.

    Raises:
        ValueError: an entity has no token, or two share one.
    """
    tags = ["O"] * len(tokens)
    for start, end, type_ in entities:
        inside = [i for i, (_, first, last) in enumerate(tokens) if first < end and start < last]
        if not inside:
            raise ValueError(f"no word from {start} to {end} for the {type_}")
        if any(tags[i] != "O" for i in inside):
            raise ValueError(f"the {type_} from {start} to {end} shares a word with another entity")
        for i in inside:
            tags[i] = f"{'B' if i == inside[0] else 'I'}-{type_}"
    return tags


def allowed(tags: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns which tags may begin a sentence, follow each other, and end it: the hard constraints of a CRF.

    In BIO, I needs B or I of its type before it. Where the list has closing tags (BIOES, BILOU), an open span must
    also continue: B and I need I, E or L of their type after them. The allowed sequences are exactly those that
    `to_bio` or `to_bioes` leave unchanged. IOB1 allows everything that BIO forbids: convert it first.

    Args:
        tags: list of K tag names: ``["O", "B-PER", "I-PER"]``. If one is not a span tag, as in parts of speech,
            everything is allowed.

    Returns:
        Boolean arrays (start [K], transitions [K, K] indexed [from, to], end [K]).
    """
    try:
        pairs = [split_tag(tag) for tag in tags]
    except ValueError:
        return np.ones(len(tags), bool), np.ones((len(tags), len(tags)), bool), np.ones(len(tags), bool)
    closes = any(prefix in _CLOSING for prefix, _ in pairs)
    continues = np.array([prefix in "IEL" for prefix, _ in pairs], bool)  # needs an open span before it
    is_open = np.array([prefix in "BI" for prefix, _ in pairs], bool)  # may continue
    types = np.array([type_ for _, type_ in pairs])
    goes_on = is_open[:, None] & continues & (types[:, None] == types)
    if closes:
        return ~continues, goes_on | (~is_open[:, None] & ~continues), ~is_open
    return ~continues, goes_on | ~continues, np.ones(len(tags), bool)
