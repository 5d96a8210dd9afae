"""Logs of tickets and what became of them: a small summarization task whose names have to be copied.

    08:15 Mirano Kel opened ticket 48213 about a printer
    08:31 Mirano Kel assigned it to Suda Brenti
    09:02 Suda Brenti asked Olva Tarno for a log
    09:40 Suda Brenti closed it

    ticket 48213 about a printer, opened by Mirano Kel, closed by Suda Brenti

A model has to follow through the lines who closed the ticket or has it at the end. The persons are invented, and no
name or surname of one split is in another: a model that can't copy words from the log can't name anybody in valid.
"""

import random
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

ONSETS = "b br d dr f g gr h j k kl l m n p r s st t tr v z".split()
VOWELS = "a e i o u".split()
CODAS = ["", "", "l", "n", "r", "s", "m"]
THINGS = "printer router screen keyboard camera phone scanner server door lamp heater projector".split()
FAVOURS = ["a log", "a photo", "the model", "a date", "the key", "a spare part", "advice"]
SHARES = {"train": 8, "valid": 1, "test": 1}  # of all names, of each split


def name(rng: random.Random, split: str) -> str:
    """Returns an invented name of two or three syllables that is in no other split, of any seed."""
    found = ""
    while not found or split_by_key(found, SHARES) != split:
        syllables = [rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(rng.choice((2, 2, 3)))]
        found = ("".join(syllables) + rng.choice(CODAS)).capitalize()
    return found


def log(rng: random.Random, split: str) -> tuple[list[str], str]:
    """Returns the lines of a random log without their times, and its summary."""
    people = [f"{name(rng, split)} {name(rng, split)}" for _ in range(rng.choice((3, 4)))]
    opener = holder = people[0]
    number, thing, closed = rng.randrange(10_000, 100_000), rng.choice(THINGS), False
    lines = [f"{opener} opened ticket {number} about a {thing}"]
    for _ in range(rng.randrange(2, 6)):
        other = rng.choice([person for person in people if person != holder])
        event = rng.choice(
            ("reopened", "note") if closed else ("assigned", "took", "asked", "note", "closed", "closed")
        )
        lines.append(
            {
                "assigned": f"{holder} assigned it to {other}",
                "took": f"{other} took it over from {holder}",
                "asked": f"{holder} asked {other} for {rng.choice(FAVOURS)}",
                "note": f"{other} added a note",
                "closed": f"{holder} closed it",
                "reopened": f"{other} reopened it",
            }[event]
        )
        closed = event == "closed" or (closed and event == "note")
        holder = other if event in ("assigned", "took", "reopened") else holder
    end = f"closed by {holder}" if closed else f"now with {holder}"
    return lines, f"ticket {number} about a {thing}, opened by {opener}, {end}"


@DATASETS.register("event_logs")
@generated(dict(train=4000, valid=500, test=500), {"text": str, "summary": str}, instead="jsonl")
def event_logs(seed: int, split: str, size: int) -> Iterator[dict]:
    """Logs of tickets with names that training does not have, and what became of them; needs no download.

    Args:
        seed: decides the logs.
        split, size: the split and its number of examples.

    Yields:
        ``{"text": str, "summary": str}``; a text has a line for each event.
    """
    rng = random.Random(f"{seed}-{split}")
    for _ in range(size):
        lines, summary = log(rng, split)
        minute, stamped = rng.randrange(6 * 60, 12 * 60), []
        for line in lines:
            stamped.append(f"{minute // 60:02}:{minute % 60:02} {line}")
            minute += rng.randrange(3, 60)
        yield {"text": "\n".join(stamped), "summary": summary}
