"""Pairs of sentences that mean the same, or the same with two roles exchanged.

"The dog chased the cat" says what "the cat was chased by the dog" says, and not what "the dog was chased by the cat"
says. Both answers are made of the same words, so counting words cannot tell them apart: who does what to whom has to be
read from their order. Each pair has a twin, the same random choices with the other label:

    paraphrase        the second sentence tells the event of the first one in another way: active or passive, one of the
                      two stressed ("it was the cat that the dog chased"), a synonym of the verb, or its converse ("the
                      baker sold the boat to the nurse", "the nurse bought the boat from the baker")
    not_paraphrase    the same sentence, but the two have exchanged their roles, or only their adjectives ("the old dog
                      chased the young cat", "the old cat was chased by the young dog")

An event is in one split only, whoever has which role in it.
"""

import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

NOUNS = """dog cat horse goat fox monkey nurse baker farmer doctor teacher painter singer pilot lawyer sailor queen
judge boy girl""".split()
ADJECTIVES = "old young tall small happy tired clever famous".split()
# Verbs that mean the same; past tense and participle are one form.
VERBS = [
    line.split()
    for line in """chased pursued
followed trailed
noticed spotted
helped assisted
praised commended
pushed shoved
watched observed
scolded rebuked
frightened scared
found discovered
greeted welcomed
admired respected""".split("\n")
]
# What A did to B, and what B did to A in the same event.
CONVERSES = [
    ("sold the boat to", "bought the boat from"),
    ("lent the ladder to", "borrowed the ladder from"),
    ("taught chess to", "learned chess from"),
    ("won the match against", "lost the match to"),
    ("is older than", "is younger than"),
    ("sat behind", "sat in front of"),
    ("lives above", "lives below"),
    ("arrived before", "arrived after"),
]
ACTIVE = ["{a} {v} {b}", "it was {a} that {v} {b}", "{a} was the one that {v} {b}", "the one that {v} {b} was {a}"]
STRESSED = ["it was {b} that {a} {v}", "{b} was the one that {a} {v}", "the one that {a} {v} was {b}"]
PASSIVE = [
    "{b} was {v} by {a}", "it was {b} that was {v} by {a}", "it was by {a} that {b} was {v}",
    "the one that was {v} by {a} was {b}",
]  # fmt: skip
OPENINGS = ["", "", "", "they say that ", "it is true that ", "yesterday I heard that "]
SHARES = {"train": 8, "valid": 1, "test": 1}  # of all events, of each split


def sentence(rng: random.Random, event: tuple, roles: tuple[str, str]) -> str:
    """Returns a sentence about an event.

    Args:
        rng: chooses how it is told, whatever the roles.
        event: a line of `VERBS` or of `CONVERSES`.
        roles: who did it, and to whom.
    """
    a, b = roles
    opening, verb = rng.choice(OPENINGS), rng.randrange(len(event))
    if event in CONVERSES:
        a, b = (b, a) if verb else (a, b)
        form = rng.choice(ACTIVE)
    else:
        form = rng.choice(rng.choice([ACTIVE, STRESSED, PASSIVE, PASSIVE]))
    text = opening + form.format(a=a, b=b, v=event[verb])
    return f"{text[0].upper()}{text[1:]}."


def sample_pair(rng: random.Random, same: bool, split: str) -> tuple[str, str]:
    """Returns a random pair; no choice depends on `same`, so the same `rng` and the other label give its twin."""
    event, nouns = None, []
    while event is None or split_by_key(f"{event[0]} {' '.join(sorted(nouns))}", SHARES) != split:
        event, nouns = rng.choice(VERBS + CONVERSES), rng.sample(NOUNS, 2)
    adjectives, exchanged = ["", ""], (nouns[::-1], ["", ""])
    if rng.random() < 0.5:
        adjectives = rng.sample(ADJECTIVES, 2)
        exchanged = rng.choice([(nouns[::-1], adjectives[::-1]), (nouns[::-1], adjectives), (nouns, adjectives[::-1])])
    first = sentence(rng, event, named(nouns, adjectives))
    return first, sentence(rng, event, named(nouns, adjectives) if same else named(*exchanged))


def named(nouns: list[str], adjectives: list[str]) -> list[str]:
    """Nouns with an article and an adjective, which may be empty."""
    return [" ".join(filter(None, ["the", *pair])) for pair in zip(adjectives, nouns, strict=True)]


@DATASETS.register("paraphrases")
@generated(dict(train=8000, valid=500, test=500), {"first": str, "second": str, "label": str}, instead="pairs")
def paraphrases(seed: int, split: str, size: int) -> Iterator[dict]:
    """Pairs of sentences in the same words, paraphrases or with exchanged roles; needs no download.

    The pairs of a split differ, and their labels are balanced.

    Args:
        seed: decides the pairs.
        split, size: the split and its number of examples.

    Yields:
        ``{"first": str, "second": str, "label": "paraphrase" or "not_paraphrase"}``.
    """
    rng, same, seen = random.Random(f"{seed}-{split}"), True, {("", "")}
    for number in range(size):
        same = not same if number % 2 else rng.random() < 0.5  # every second one balances the one before
        pair = "", ""
        while pair in seen or pair[0] == pair[1]:
            pair = sample_pair(rng, same, split)
        seen.add(pair)
        yield {"first": pair[0], "second": pair[1], "label": "paraphrase" if same else "not_paraphrase"}
