"""The grammar dataset keeps its promises, and a look-up is not enough for it."""

import collections
import functools
import itertools

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.grammar import CLOSED, RULES, TAGS, name_pools

POS = {*CLOSED.values(), *TAGS.values(), "PROPN", "PUNCT", "PART", "INTJ"}
# Words that only their context disambiguates.
AMBIGUOUS = (
    "book can watch present record light back left second that so to like before after had 's May Cook Will".split()
)


@functools.cache
def examples(split):
    return list(DATASETS["grammar"]()[split])


def spans(tags):
    """Returns {(start, end, kind)} of well-formed BIO tags; a stray I- opens no span."""
    found, start = set(), None
    for position, tag in enumerate([*tags, "O"]):
        if start is not None and tag[0] != "I":
            found.add((start, position, tags[start][2:]))
            start = None
        if tag[0] == "B":
            start = position
    return found


def surfaces(split):
    return {" ".join(e["tokens"][a:b]).lower() for e in examples(split) for a, b, _ in spans(e["ner"])}


def lookup(feature, default):
    """Returns the most frequent training tag of each word of the test split."""
    counts = collections.defaultdict(collections.Counter)
    for example in examples("train"):
        for word, tag in zip(example["tokens"], example[feature], strict=True):
            counts[word][tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    return [[best.get(word, default) for word in example["tokens"]] for example in examples("test")]


def test_a_seed_decides_the_sentences():
    def first(seed):
        return list(itertools.islice(DATASETS["grammar"](seed=seed)["train"], 20))

    assert first(3) == first(3) != first(4)
    train = DATASETS["grammar"](seed=3, sizes={"train": 20})["train"]
    assert list(train) == list(train) == first(3)


def test_tags_are_from_closed_sets_and_valid_bio():
    assert [len(examples(split)) for split in ("train", "valid", "test")] == [3000, 500, 500]
    for example in examples("train") + examples("valid") + examples("test"):
        assert set(example["pos"]) <= POS, example
        for before, tag in zip(["O", *example["ner"]], example["ner"], strict=False):
            assert tag == "O" or tag[:2] in ("B-", "I-") and tag[2:] in ("PER", "ORG", "LOC", "MISC"), example
            assert tag[0] != "I" or before[1:] == tag[1:], example


def test_every_alternative_of_every_rule_can_be_generated():
    pools = name_pools(0, "valid")
    for options in RULES.values():
        for _, _, items in options:
            assert items and sum(i[0] == "[" for i in items) == items.count("]"), items
            assert all(i[1:].partition("/")[0] in pools for i in items if i[0] == "@"), items


def test_names_of_valid_and_test_are_mostly_new():
    for split in ("valid", "test"):
        names = surfaces(split)
        assert len(names - surfaces("train")) / len(names) > 0.6
    own = [set(name_pools(0, split)["english"][1]) for split in ("train", "valid", "test")]
    assert all(own) and not (own[0] & own[1] or own[0] & own[2] or own[1] & own[2])


def test_no_sentence_has_two_readings():
    readings = {}
    for example in DATASETS["grammar"](seed=1, sizes={"train": 5000})["train"]:
        tokens = tuple(token.lower() for token in example["tokens"])
        tags = example["pos"], example["ner"]
        assert readings.setdefault(tokens, tags) == tags, tokens


def test_a_lookup_of_words_is_clearly_not_enough():
    pairs = [(spans(tags), spans(e["ner"])) for tags, e in zip(lookup("ner", "O"), examples("test"), strict=True)]
    found, gold = (sum(map(len, side)) for side in zip(*pairs, strict=True))
    assert 2 * sum(len(a & b) for a, b in pairs) / (found + gold) < 0.4
    for default in ("PROPN", "NOUN"):
        gold = [e["pos"] for e in examples("test")]
        pairs = zip(itertools.chain(*lookup("pos", default)), itertools.chain(*gold), strict=True)
        hits = [tag == right for tag, right in pairs]
        assert sum(hits) / len(hits) < 0.94


def test_ambiguous_words_have_several_tags():
    tags = collections.defaultdict(collections.Counter)
    for example in examples("train"):
        for token, tag in zip(example["tokens"], example["pos"], strict=True):
            tags[token.lower()][tag] += 1
    for word in AMBIGUOUS:
        assert sum(count >= 3 for count in tags[word.lower()].values()) >= 2, (word, tags[word.lower()])


def test_the_type_of_a_name_is_not_in_its_spelling():
    kinds = collections.defaultdict(set)
    for example in examples("train"):
        for start, end, kind in spans(example["ner"]):
            kinds[" ".join(example["tokens"][start:end])].add(kind)
    assert len(kinds["Washington"]) >= 3
    assert sum(len(kind) > 1 for kind in kinds.values()) > 200


def test_training_shows_what_a_short_sentence_about_people_needs():
    """README asks a trained run about "May met Ford in Paris.", whose names mean something else in other sentences."""
    tags, beside_met = collections.defaultdict(collections.Counter), collections.Counter()
    for example in examples("train"):
        tokens, ner = example["tokens"], example["ner"]
        assert tokens != "May met Ford in Paris .".split()
        for position, token in enumerate(tokens):
            tags[token][ner[position]] += 1
            if token == "met":
                beside_met.update([(ner[position - 1][2:], ner[position + 1])])
    for word, kinds in {"May": "B-PER O", "Ford": "B-PER B-ORG B-LOC", "Paris": "B-PER B-LOC"}.items():
        assert all(tags[word][kind] >= 3 for kind in kinds.split()), (word, tags[word])
    assert beside_met["PER", "B-PER"] > 10
    assert {before for before, _ in beside_met} == {"PER", ""} and {after for _, after in beside_met} == {"B-PER", "O"}


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="Received"):
        DATASETS["grammar"](sizes={"dev": 5})
