import itertools

import numpy as np
import pytest

from seqzoo.text import spans

# One sentence with a span of three, two spans of one type that touch, and a span of one after another type.
SCHEMES = {
    "IOB1": "I-PER I-PER I-PER O I-LOC I-LOC B-LOC I-ORG",
    "BIO": "B-PER I-PER I-PER O B-LOC I-LOC B-LOC B-ORG",
    "BIOES": "B-PER I-PER E-PER O B-LOC E-LOC S-LOC S-ORG",
    "BILOU": "B-PER I-PER L-PER O B-LOC L-LOC U-LOC U-ORG",
}
SPANS = [(0, 3, "PER"), (4, 6, "LOC"), (6, 7, "LOC"), (7, 8, "ORG")]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_gives_the_same_spans(scheme):
    tags = SCHEMES[scheme].split()
    assert spans.spans(tags) == SPANS
    assert spans.to_bio(tags) == SCHEMES["BIO"].split()
    assert spans.to_bioes(tags) == SCHEMES["BIOES"].split()


@pytest.mark.parametrize(
    ("tags", "bio"),
    [
        ("", ""),
        ("I-A E-A E-A", "B-A I-A B-A"),
        ("S-A I-A I-A", "B-A B-A I-A"),
        ("U-A L-A O L-A", "B-A B-A O B-A"),
        ("B-A I-B E-B I-A", "B-A B-B I-B B-A"),
        ("B-A S-A B-A", "B-A B-A B-A"),
        ("B-WORK-OF-ART I-WORK-OF-ART I-WORK", "B-WORK-OF-ART I-WORK-OF-ART B-WORK"),
    ],
)
def test_malformed_sequences_open_spans_as_in_conlleval(tags, bio):
    assert spans.to_bio(tags.split()) == bio.split()


def test_spans_in_bio_equal_those_of_seqeval():
    from seqeval.metrics.sequence_labeling import get_entities

    for tags in itertools.product(["O", "B-X", "I-X", "B-Y", "I-Y"], repeat=5):
        assert spans.spans(tags) == [(start, end + 1, kind) for kind, start, end in get_entities(list(tags))]


@pytest.mark.parametrize("tag", ["NN", "B", "B-", "-PER", "X-PER", "o", "", "O-PER"])
def test_a_malformed_span_tag_is_named(tag):
    with pytest.raises(ValueError, match=f"not a span tag: {tag!r}"):
        spans.to_bio(["O", tag])


@pytest.mark.parametrize(
    ("prefixes", "convert"), [("BI", spans.to_bio), ("BIES", spans.to_bioes), ("BILU", spans.to_bioes)]
)
def test_allowed_sequences_are_exactly_those_unchanged_by_conversion(prefixes, convert):
    tags = ["O"] + [f"{prefix}-{kind}" for prefix in prefixes for kind in ("X", "Y-Z")]
    start, transitions, end = spans.allowed(tags)
    to_bioes_names = {"L": "E", "U": "S"} if "U" in prefixes else {}
    for path in itertools.product(range(len(tags)), repeat=4):
        possible = start[path[0]] and all(transitions[a, b] for a, b in itertools.pairwise(path)) and end[path[-1]]
        named = [to_bioes_names.get(tags[k][0], tags[k][0]) + tags[k][1:] for k in path]
        assert possible == (convert(named) == named), named


def test_everything_is_allowed_between_parts_of_speech():
    start, transitions, end = spans.allowed(["NOUN", "VERB", "O"])
    assert np.all(start) and np.all(end) and transitions.shape == (3, 3) and np.all(transitions)
