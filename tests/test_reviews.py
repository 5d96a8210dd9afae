"""The reviews dataset keeps its promises, and counting words is not enough for it."""

import collections
import functools
import itertools
import math
import random
import re

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.reviews import (
    GRAMMAR,
    RULES,
    TENSES,
    TOPIC_WORDS,
    WORDS,
    annotated,
    known,
    marked_review,
    sample_review,
    unmarked,
)


@functools.cache
def examples(split):
    return list(DATASETS["reviews"]()[split])


def words(text):
    return re.findall(r"[\w'-]+", text.lower())


def test_a_seed_decides_the_reviews():
    def first(seed):
        return list(itertools.islice(DATASETS["reviews"](seed=seed)["train"], 20))

    assert first(3) == first(3) != first(4)
    train = DATASETS["reviews"](seed=3, sizes={"train": 20})["train"]
    assert list(train) == list(train) == first(3)


def test_no_review_is_in_two_splits():
    sets = [{e["text"] for e in examples(split)} for split in ("train", "valid", "test")]
    assert [len(texts) for texts in sets] == [4000, 500, 500]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert not sets[0] & {e["text"] for e in DATASETS["reviews"](seed=7)["valid"]}


def test_labels_are_balanced_and_no_text_has_both():
    for split in ("train", "valid", "test"):
        labels = collections.Counter(e["label"] for e in examples(split))
        assert labels["positive"] == labels["negative"]
    labels = {}
    for seed in (1, 2):
        for e in DATASETS["reviews"](seed=seed, sizes={"train": 2000})["train"]:
            assert labels.setdefault(e["text"], e["label"]) == e["label"]


def test_a_mirrored_review_means_the_opposite_in_the_same_construction():
    pairs = [entry.split("/") for kind in (WORDS, *TOPIC_WORDS) for entry in sum(kind.values(), []) if "/" in entry]
    pairs = sorted({tuple(pair) for pair in pairs}, key=lambda pair: -len(pair[0]) - len(pair[1]))
    either = {side: f"{good}/{bad}" for good, bad in pairs for side in (good, bad)}
    polar = re.compile(rf"\ban? (?=\w)|\b(?:{'|'.join(sorted(either, key=len, reverse=True))})\b")
    for number in range(300):
        praise, blame = (sample_review(random.Random(number), sense) for sense in (1, -1))
        assert praise != blame
        # Apart from the words of opinion, and the article before them, the twins are the same.
        skeletons = {polar.sub("_", text) for text in (praise, blame)}
        assert len(skeletons) == 1, (praise, blame)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_reviews_are_natural_text(split):
    for text in (e["text"] for e in examples(split)):
        assert re.fullmatch(r"([A-Z][\w' -]*(, [\w' -]+)*\.( |$))+", text), text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|[A-Z]{2}|  |_|/", text), text
        assert 3 <= len(text.split()) <= 32, text


def test_the_words_that_decide_are_known_and_those_of_a_concession_are_apart():
    found = {review["text"]: review for review in annotated(0, "valid", 300)}
    assert [*found] == [e["text"] for e in itertools.islice(examples("valid"), 300)]

    def marked(text, kind):
        return [text[start:end] for start, end in found[text][kind]]

    text = "The film was hardly clever. True, the camerawork was by no means forgettable."
    assert marked(text, "decisive") == ["hardly", "clever"] and marked(text, "conceding") == [
        "True",
        "no",
        "forgettable",
    ]
    text = "Nobody can say that this film wasn't exciting."
    assert marked(text, "decisive") == ["Nobody", "say", "wasn't", "exciting"] and not marked(text, "conceding")
    assert all(review["decisive"] for review in found.values())


def test_the_words_that_decide_are_all_that_twins_do_not_share():
    for number in range(200):
        praise, blame = (marked_review(random.Random(number), sense, "train").split() for sense in (1, -1))
        assert all("!" in a or "?" in a for a, b in zip(praise, blame, strict=True) if a not in (b, "a", "an")), praise
        assert any("!" in a and a != b for a, b in zip(praise, blame, strict=True)), praise
        assert unmarked(" ".join(praise)) == sample_review(random.Random(number), 1)


def test_counting_words_is_not_enough():
    counts = {"positive": collections.Counter(), "negative": collections.Counter()}
    for e in examples("train"):
        counts[e["label"]].update(words(e["text"]))
    totals = {label: sum(count.values()) + 500 for label, count in counts.items()}

    def guess(text):
        return max(counts, key=lambda label: sum(math.log((counts[label][w] + 1) / totals[label]) for w in words(text)))

    for split in ("valid", "test"):
        assert sum(guess(e["text"]) == e["label"] for e in examples(split)) / 500 < 0.65


def test_training_shows_some_words_in_some_constructions_only():
    adjectives, contexts = WORDS["MILD"] + WORDS["STRONG"], [" ".join(items) for _, items in RULES["PRED"]]
    late = [word for word in adjectives if not all(known(word, context, "train") for context in contexts)]
    assert 0.15 < len(late) / len(adjectives) < 0.5
    assert all(known(word, context, "valid") for word in late for context in contexts)


def test_training_shows_nearly_all_words():
    train = {word for e in examples("train") for word in words(e["text"])}
    new = {word for split in ("valid", "test") for e in examples(split) for word in words(e["text"])} - train
    assert len(new) < 0.02 * len(train), new


def test_every_symbol_of_the_grammar_is_known():
    lists = {*RULES, *WORDS, *TENSES[0], *TOPIC_WORDS[0]}
    assert set(re.findall(r"[A-Z]{2,}", GRAMMAR)) <= lists
    for topic in TOPIC_WORDS:
        assert set(topic) == {"THING", "OLD", "PART", "OWN"}


@pytest.mark.parametrize("given", [{"data_dir": "x"}, {"name": "x"}, {"columns": "x"}, {"sizes": {"dev": 5}}])
def test_reviews_refuse_arguments_of_readers(given):
    with pytest.raises(ValueError, match="Received"):
        DATASETS["reviews"](**given)
