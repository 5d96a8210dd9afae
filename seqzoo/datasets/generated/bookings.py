"""Bookings: dialogues in which a guest books a table and corrects earlier statements.

    <user> a table for four please
    <bot> which cuisine would you like?
    <user> french
    <bot> in which city?
    <user> no, italian
    <bot> italian then. in which city?
    <user> rome
    <bot> a table for four with italian food in rome. shall i book it?

The bot asks for what it does not know yet, in a fixed order, and repeats what has changed; before it books, it repeats
everything. So each reply follows from the history, and hardly any from the last turn alone: the answer to "no, italian"
is the next open question, or a summary of the dialogue. A final booking (cuisine, city and number of people together)
is in one split only.
"""

import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.dialogue.replies import FEATURES, replies
from seqzoo.datasets.splits import generated, split_by_key
from seqzoo.text.turns import BOT, USER

# In the order in which the bot asks.
VALUES = {
    "cuisine": "italian french indian thai greek korean spanish turkish mexican japanese polish lebanese".split(),
    "city": "rome paris london madrid berlin vienna oslo lisbon dublin prague athens warsaw".split(),
    "people": "two three four five six seven eight nine ten twelve".split(),
}
QUESTIONS = {
    "cuisine": "which cuisine would you like?",
    "city": "in which city?",
    "people": "for how many people?",
}
# How a guest gives a value when opening, when asked, and when correcting.
OPENING = {"cuisine": "with {} food", "city": "in {}", "people": "for {}"}
ANSWERS = {
    "cuisine": ["{}", "{} please", "i love {} food", "something {}"],
    "city": ["{}", "in {}", "{} please", "somewhere in {}"],
    "people": ["{}", "for {}", "we are {}", "a table for {}"],
}
CORRECTIONS = {"cuisine": ["{}", "{} food"], "city": ["{}", "in {}"], "people": ["{}", "for {}", "we are {}"]}
REGRETS = ["no, {}", "sorry, {}", "wait, {}", "{} instead", "make that {}"]
REQUESTS = ["i would like a table", "can you book a table", "a table", "hi, i need a table", "please book a table"]
AGREEMENTS = ["yes", "yes please", "that is right", "perfect"]
GREETINGS = ["hi", "hello", "good morning"]
THANKS = ["thanks", "thank you", "great"]
SHARES = {"train": 8, "valid": 1, "test": 1}  # of all bookings, of each split


def summary(booking: dict[str, str]) -> str:
    """Describes a booking in words: "a table for four with italian food in rome"."""
    return " ".join(["a table", *(OPENING[slot].format(booking[slot]) for slot in ("people", "cuisine", "city"))])


def sample_dialogue(rng: random.Random) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Draws a random dialogue; returns its turns and the final booking."""
    known, turns = {}, []

    def say(user, bot):
        turns.extend([(USER, user), (BOT, bot)])

    def other(slot):
        return rng.choice([value for value in VALUES[slot] if value != known.get(slot)])

    def next_reply(changed=""):
        missing = next((QUESTIONS[slot] for slot in VALUES if slot not in known), "")
        return f"{changed}{missing or f'{summary(known)}. shall i book it?'}"

    def correct():
        slot = rng.choice(list(known))
        known[slot] = other(slot)
        user = rng.choice(REGRETS).format(rng.choice(CORRECTIONS[slot]).format(known[slot]))
        say(user, next_reply(f"{known[slot]} then. "))

    if rng.random() < 0.3:
        say(rng.choice(GREETINGS), "hello, what can i do for you?")
    opening = rng.sample([*VALUES], rng.choice([0, 1, 1, 2]))
    known |= {slot: other(slot) for slot in opening}
    say(" ".join([rng.choice(REQUESTS), *(OPENING[slot].format(known[slot]) for slot in opening)]), next_reply())
    while True:
        if known and rng.random() < 0.3:
            correct()
        elif slot := next((slot for slot in VALUES if slot not in known), ""):
            known[slot] = other(slot)
            say(rng.choice(ANSWERS[slot]).format(known[slot]), next_reply())
        else:
            break
    say(rng.choice(AGREEMENTS), f"booked: {summary(known)}.")
    if rng.random() < 0.5:
        say(rng.choice(THANKS), "enjoy your meal!")
    return turns, known


@DATASETS.register("bookings")
@generated(dict(train=1500, valid=150, test=150), FEATURES, instead="dialogues")
def bookings(seed: int, split: str, size: int) -> Iterator[dict]:
    """Dialogues that book a table, with corrections that only the history can answer; needs no download.

    Args:
        seed: decides the dialogues.
        split, size: the split and its number of dialogues, each of several examples.

    Yields:
        ``{"history": str, "reply": str, "dialogue": int, "last": bool}``, see `dialogue.replies.replies`.
    """
    rng = random.Random(f"{seed}-{split}")
    for number in range(1, size + 1):
        booked = None
        while booked is None or split_by_key(" ".join(booked.values()), SHARES) != split:
            turns, booked = sample_dialogue(rng)
            booked = {slot: booked[slot] for slot in VALUES}
        yield from replies(turns, number)
