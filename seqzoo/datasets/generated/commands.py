"""Commands to an assistant, with the slots of their words and their intent.

All names come from one pool: a person, a song, a town or a restaurant may be called Marlow, and only the words around
it, often those that follow, say which. Verbs such as "play" go with several intents ("play it to Marlow" sends, "play
Marlow" plays), or come at the end of a request ("Marlow and Ashby, can you put them on").

The notation of `TEMPLATES`: a line for each intent; alternatives are separated by |, {slot} is a value of that slot.
"""

import random
import re
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

TEMPLATES = {
    "play_music": "play {track} by {artist} | put on something by {artist} | play {artist} on the {device} | "
    "{track} please , in the {device} | i would like to hear {track} | {artist} and {artist} , can you put them on",
    "send": "send {track} to {person} | play it to {person} | tell {person} that i am at {restaurant} | "
    "{person} should hear {track} , send it | let {person} know {time} that we meet at {restaurant}",
    "route": "how do i get from {origin} to {destination} | take me to {destination} | "
    "i am in {origin} , bring me to {destination} | to {destination} from {origin} , please , {time} | "
    "{destination} is where i want to go | how far is it to {destination} from {origin}",
    "book_table": "book a table at {restaurant} for {number} {time} | "
    "we are {number} , is {restaurant} in {town} free | {restaurant} {time} , can you get us a table for {number} | "
    "reserve {restaurant} for {person} and {person}",
    "weather": "will it rain in {town} {time} | what is the weather like in {town} | "
    "{town} {time} , do i need a coat | how warm is it {time} in {town} and in {town}",
    "call": "call {person} | get me {person} on the phone | {person} , can you ring them {time} | "
    "phone {restaurant} and ask for {person}",
    "watch": "tickets for {film} {time} | where is {film} shown in {town} | {film} with {artist} , when is it on | "
    "i want to see {film} in {town} {time}",
    "remind": "remind me {time} to call {person} | do not let me forget {person} {time} | "
    "wake me {time} | remind {person} of {film}",
}
LEADS = ("", "", "", "please", "hey", "could you please", "now")
VALUES = {
    "device": "kitchen|bedroom|living room|car|garden",
    "number": "two|three|four|five|six|seven|eight|ten",
    "time": "today|tonight|tomorrow|on monday|on friday evening|at seven|at half past nine|next week|in an hour",
}
FIRST = "ash brad car dal ed fair green hart kings lang mar nor oak pem rad sel thorn un wake york".split()
SECOND = "by ton field ford ham ley low stead wick worth".split()
LINKS = ("", "", " and ", " of ", " the ")  # of names with two parts


@DATASETS.register("commands")
@generated(dict(train=3000, valid=400, test=400), {"tokens": list, "slots": list, "intent": str}, "rasa", aligned=True)
def commands(seed: int, split: str, size: int) -> Iterator[dict]:
    """Generated commands with their slots and intents; needs no download.

    Half of the names of `valid` and `test` are not in `train`.

    Args:
        seed: decides the commands.
        split, size: the split and its number of examples.

    Yields:
        ``{"tokens": list, "slots": list of BIO tags, "intent": str}``.
    """
    rng = random.Random(f"{seed}-{split}")
    names = [first + second for first in FIRST for second in SECOND]
    known = [name for name in names if split_by_key(name, {"train": 1, "unseen": 1}) == "train"]
    names = known if split == "train" else names
    for _ in range(size):
        intent = rng.choice([*TEMPLATES])
        lead = rng.choice(LEADS).split()
        tokens, slots = lead, ["O"] * len(lead)
        for word in rng.choice(TEMPLATES[intent].split(" | ")).split():
            slot = re.fullmatch(r"\{(\w+)\}", word)
            found = [word] if slot is None else _value(rng, slot[1], names)
            tokens = tokens + found
            slots = slots + (["O"] if slot is None else [f"{'I' if i else 'B'}-{slot[1]}" for i in range(len(found))])
        yield {"tokens": tokens, "slots": slots, "intent": intent}


def _value(rng, slot, names):
    """Returns the words of a value of a slot."""
    if slot in VALUES:
        return rng.choice(VALUES[slot].split("|")).split()
    link = rng.choice(LINKS)
    name = rng.choice(names)
    return f"{name}{link}{rng.choice(names)}".split() if link else [name]
