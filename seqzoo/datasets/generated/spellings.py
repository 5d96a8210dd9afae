"""Invented words and how they are said: a small grapheme-to-phoneme task that needs no files.

    cage        k eɪ dʒ         c and g are soft before e and i; a final e is silent and makes the vowel before it long
    gossip      g ɒ s ɪ p       of a double consonant one is heard; alone between vowels s would be z
    quaxing     k w æ k s ɪ ŋ g

A letter has up to four sounds, which the letters around it decide, so a table of letters is wrong in most words.
"""

import random
import re
from collections.abc import Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

VOWELS = "aeiou"
SHORT = dict(zip(VOWELS, ["æ", "ɛ", "ɪ", "ɒ", "ʌ"], strict=True))
LONG = dict(zip(VOWELS, ["eɪ", "iː", "aɪ", "oʊ", "uː"], strict=True))
PAIRS = {
    "ch": "tʃ", "sh": "ʃ", "th": "θ", "ph": "f", "ck": "k", "qu": "k w", "ee": "iː", "oo": "uː", "ai": "eɪ", "oa": "oʊ",
}  # fmt: skip
ONSETS = "b bl br c ch cl cr d dr f fl g gl gr h j k l m n p ph pl pr qu r s sh sl st t th tr v w z".split()
NUCLEI = "a a a e e e i i i o o o u u ee oo ai oa".split()
CODAS = "b ck d ff g l ll m n nd ng nk p pp r rr s ss sh st t tt th x".split()
SHARES = {"train": 90, "valid": 5, "test": 5}


@DATASETS.register("spellings")
@generated(dict(train=3000, valid=500, test=500), {"source": str, "target": str}, instead="parallel")
def spellings(seed: int, split: str, size: int) -> Iterator[dict]:
    """Invented words of one to three syllables and their phones, see the module; needs no download.

    Args:
        seed: decides the words; no word is in two splits, of any seeds.
        split, size: the split and its number of examples.

    Yields:
        ``{"source": str, "target": str}``, phones separated by blanks.
    """
    rng, seen = random.Random(f"{seed}-{split}"), set()
    while len(seen) < size:
        syllables = [rng.choice(ONSETS) + rng.choice(NUCLEI) for _ in range(rng.choice((1, 2, 2, 3)))]
        word = "".join(syllables) + rng.choice(["", *CODAS]) + rng.choice(["", "", "e", "ing"])
        if word not in seen and split_by_key(word, SHARES) == split:
            seen.add(word)
            yield {"source": word, "target": " ".join(phones(word))}


def phones(word: str) -> list[str]:
    """Returns the phones of a word in lower case."""
    found, position = [], 0
    while position < len(word):
        letter, rest = word[position], word[position + 1 :]
        position += 1
        if sounds := PAIRS.get(letter + rest[:1]):
            position += 1
        elif rest[:1] == letter or (letter == "e" and not rest and re.search(f"[{VOWELS}]", word[:-1])):
            sounds = ""
        elif letter in VOWELS:
            sounds = (LONG if re.fullmatch(f"[^{VOWELS}]e", rest) else SHORT)[letter]
        elif letter in "cg":
            soft = rest[:1] in ("e", "i")
            sounds = {"c": "ks", "g": ("g", "dʒ")}[letter][soft]
        elif letter == "s" and word[position - 2 : position - 1] in tuple(VOWELS) and rest[:1] in tuple(VOWELS):
            sounds = "z"
        elif letter == "n" and rest[:1] in ("g", "k"):
            sounds = "ŋ"
        else:
            sounds = {"x": "k s", "j": "dʒ"}.get(letter, letter)
        found += sounds.split()
    return found
