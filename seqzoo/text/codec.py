"""Codec: text <-> ids of a language model, for any kind of units."""

import collections
import itertools
import math
import re
from collections.abc import Container, Iterable

from seqzoo.assets import Asset
from seqzoo.text.normalization import align, normalize
from seqzoo.text.placeholders import PLACEHOLDER
from seqzoo.text.subwords import KINDS, Subwords
from seqzoo.text.tokenizer import tokenize
from seqzoo.text.turns import MARK
from seqzoo.text.vocabulary import PADDING, UNKNOWN, UNKNOWN_ID, Vocabulary, by_frequency, seen_once

END = "<end>"  # of a document
MARKS = (PADDING, UNKNOWN, END)
CHANGES = ("lower_cased_words", "dropped_stops", "spaced_stops")  # of `Codec.matched`
# Suffixes of the characters of a spelled word, and of its last character: "q" and "s" of an unknown "qs".
_MORE, _LAST = "\x00+", "\x00."


class Codec(Asset):
    """Text <-> ids.

    | units | what | exact |
    |---|---|---|
    | characters | each character | yes |
    | words | words and punctuation with the space before them; other whitespace by itself | yes |
    | whitespace | text between spaces, and line ends | except for the number of spaces |
    | bpe, unigram | learned subwords (see `subwords.Subwords`) | except for U+2581, which stands for a space |

    Marks of speakers, ``<user>``, and placeholders, ``[value_name]``, are words. Tokens outside the vocabulary become
    the unknown token, id 1. With `spell`, unknown words are spelled in characters (the mixed word/character model of Wu
    et al., 2016, section 4.2). These are separate tokens, with a mark on the last one of a word, so that a text of
    known characters has no unknown token.

    Texts are brought to a Unicode form first, so "exact" means up to that; offsets are in the original text.

    Args:
        units: one of the units above.
        vocabulary: Vocabulary, or Subwords.
        unicode: the form, see `text.normalization`.

    Attributes:
        tokens: the tokens in the order of their ids.
        end: id of the end mark.
        newline: id of the line end, or of the end mark where no text had lines (subwords always have it).
        summary: {name: readable text}.
    """

    def __init__(self, units: str, vocabulary: Vocabulary | Subwords, unicode: str = "nfc"):
        self.units, self.vocabulary, self.unicode, self.summary = units, vocabulary, unicode, {}
        self.tokens = vocabulary.tokens
        self.end = self.tokens.index(END)
        self.newline = self.tokens.index("\n") if "\n" in self.tokens else self.end
        # A word of the text that looks like a mark is not one.
        self._ids = {token: number for number, token in enumerate(self.tokens) if token not in MARKS}
        self.spell = any(token.endswith((_MORE, _LAST)) and token not in (_MORE, _LAST) for token in self.tokens)

    @classmethod
    def learn(
        cls,
        units: str,
        pieces: Iterable[str],
        size: int,
        min_count: int = 1,
        spell: bool = False,
        unicode: str = "nfc",
        without: Container[str] = (),
    ) -> "Codec":
        """Learns a vocabulary from text.

        Args:
            units: see the class.
            pieces: iterable of strings; one pass is made.
            size: maximum number of tokens, the most frequent ones; 0: all (of subwords: 8000).
            min_count: tokens with a smaller count are unknown.
            spell: for words: spell unknown ones; their characters are added to the `size` tokens.
            unicode: see the class.
            without: tokens that are unknown, whatever their count.
        """
        pieces = (normalize(piece, unicode) for piece in pieces)
        if units in KINDS:
            return cls(units, Subwords.learn(pieces, size or 8000, units, exact=True, marks=[END]), unicode)
        split, counts = _SPLIT[units], collections.Counter()
        for piece in pieces:
            counts.update(split(piece))
        known = [token for token, count in by_frequency(counts) if count >= min_count and token not in MARKS]
        known = [token for token in known if token not in without][: size or None]
        if spell and units != "characters":
            characters = {character for token in counts for character in token}
            known += [character + form for character in sorted(characters) for form in (_MORE, _LAST)]
        codec = cls(units, Vocabulary([END, *known]), unicode)
        if units != "characters" and (advice := seen_once(counts)):
            codec.summary["tokenizer"] = advice
        return codec

    def to_dict(self) -> dict:
        return {"units": self.units, "vocabulary": self.vocabulary.to_dict(), "unicode": self.unicode}

    @classmethod
    def from_dict(cls, values: dict) -> "Codec":
        kind = Subwords if values["units"] in KINDS else Vocabulary
        return cls(**{**values, "vocabulary": kind.from_dict(values["vocabulary"])})

    def encode(self, text: str) -> tuple[list[int], list[str]]:
        """Returns the ids of a text, and the texts of the unknown ones among them, in their order."""
        if self.units in KINDS:
            text = normalize(text, self.unicode)
            pieces = self.vocabulary.split(text)
            ids = self.vocabulary.encode([piece for piece, _, _ in pieces])
            return ids, [text[start:end] for i, (_, start, end) in zip(ids, pieces, strict=True) if i == UNKNOWN_ID]
        tokens = self.split(text)
        ids = self.ids(tokens)
        if UNKNOWN_ID not in ids:
            return ids, []
        unknown = (token for token, i in zip(tokens, ids, strict=True) if i == UNKNOWN_ID and token != UNKNOWN)
        return ids, [self._text(token) for token in unknown]

    def split(self, text: str) -> list[str]:
        """Returns the tokens of a text, one for each id that `encode` gives, known or not."""
        text = normalize(text, self.unicode)
        if self.units in KINDS:
            return [piece for piece, _, _ in self.vocabulary.split(text)]
        tokens = _SPLIT[self.units](text)
        return [part for token in tokens for part in self._spelled(token)] if self.spell else tokens

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """Returns the ids of tokens as `split` gives them."""
        if self.units in KINDS:
            return self.vocabulary.encode(tokens)
        return [*map(self._ids.get, tokens, itertools.repeat(UNKNOWN_ID))]

    def matched(self, text: str, ends: bool = True) -> tuple[str, collections.Counter]:
        """Returns a sentence with the capitals and the final stop of the vocabulary, and what was changed.

        A word with unknown tokens is lowercased if that leaves fewer of them. The final stop, one of ``.?!``, is
        dropped if the vocabulary lacks it; in `whitespace`, it is a separate token; in `words`, it gets a space before
        it if that form is more frequent.

        Args:
            text: the sentence, on one line.
            ends: whether the sentence is complete; otherwise it has no final stop.

        Returns:
            (text, counts of `CHANGES`).
        """
        changes = collections.Counter()

        def unknown(word):
            return len(self.encode(word)[1])

        body, stop = text.rstrip(), ""
        if ends and body[-1:] in tuple(".?!"):
            before, mark = body[:-1].rstrip(), body[-1]
            spaced = {"whitespace": (f" {mark}",), "words": (mark, f" {mark}")}.get(self.units, (mark,))
            known = [(self.encode(form)[0][-1], form) for form in spaced if not unknown(form)]  # frequent: a low id
            stop = min(known)[1] if known else ""
            changes["dropped_stops"] += not known
            changes["spaced_stops"] += bool(known) and before + stop != body
            body = before
        words = body.split(" ")
        for number, word in enumerate(words):
            space, lower = " " if number else "", word.lower()
            if word != lower and unknown(space + word) > unknown(space + lower):
                words[number] = lower
                changes["lower_cased_words"] += 1
        return " ".join(words) + stop, changes

    def words(self) -> dict[str, int]:
        """Returns {token: id}, the most frequent ones first, without marks and the characters of spelled words.

        With `words`, the space before a token is dropped; if two tokens are then the same word, the id of the more
        frequent one counts. Whitespace is not a word.
        """
        found = {}
        for token, i in self._ids.items():  # in the order of ids, which is that of frequency
            if self.units == "words":
                token = token.removeprefix(" ") or token
            spelled = self.spell and token.endswith((_MORE, _LAST))
            if not spelled and (self.units == "characters" or not token.isspace()):
                found.setdefault(token, i)
        return found

    def known(self, text: str) -> list[bool]:
        """Returns whether each id that `encode` gives is a known token."""
        return [i != UNKNOWN_ID for i in self.ids(self.split(text))]

    def _spelled(self, token):
        if token in self._ids or token == UNKNOWN:
            return [token]
        return [*(character + _MORE for character in token[:-1]), token[-1] + _LAST]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Returns (start, end) in the text of each id that `encode` gives."""
        text, origins = align(text, self.unicode)
        return [(origins[start], origins[end]) for start, end in self._offsets(text)]

    def _offsets(self, text):
        if self.units in KINDS:
            return [(start, end) for _, start, end in self.vocabulary.split(text)]
        found, end = [], 0
        for token in _SPLIT[self.units](text):
            start = text.index(token, end)
            end = start + len(token)
            spelled = self.spell and len(self._spelled(token)) > 1
            found += [(offset, offset + 1) for offset in range(start, end)] if spelled else [(start, end)]
        return found

    def scored(self, text: str, ids: Iterable[int], scores: Iterable[float], spell: bool = False) -> dict:
        """Returns a text with the log probabilities of its tokens, ready for JSON.

        Args:
            text: the text that was scored.
            ids: the ids of `encode(text)`, and the mark or line end that was scored after them; padding is ignored.
            scores: log P of each id, natural.
            spell: an unknown token costs its spelling, too, see `spelled_bytes`.

        Returns:
            ``{"text", "log_probability", "perplexity", "tokens"}``; ``tokens``: dicts of ``text, start, end,
            log_probability, known``, with offsets in the text; what was scored after the text is at its end.
        """
        tokens = []
        for (start, end), i, score in zip([*self.offsets(text), (len(text), len(text))], ids, scores, strict=False):
            token = {"text": text[start:end] if start < end else self.tokens[i], "start": start, "end": end}
            if spell and i == 1 and token["text"] != UNKNOWN:
                score -= spelled_bytes(token["text"]) * math.log(257)
            tokens.append({**token, "log_probability": round(float(score), 4), "known": bool(i != 1)})
        total = sum(token["log_probability"] for token in tokens)
        return {
            "text": text,
            "log_probability": round(total, 4),
            "perplexity": perplexity(-total / len(tokens)),
            "tokens": tokens,
        }

    def token_texts(self, ids: Iterable[int]) -> list[str]:
        """Returns the readable text of each id: "q" for a spelled character, the mark itself for a mark."""
        return self.readable(self.tokens[i] for i in ids)

    def readable(self, tokens: Iterable[str]) -> list[str]:
        """Returns the readable text of tokens, see `token_texts`."""
        return [self._text(token) or token for token in tokens]

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids; marks are dropped, except the unknown one."""
        return self.join([self.tokens[i] for i in ids if i and i != self.end])

    def _text(self, token):
        if self.units in KINDS:
            return token.replace("▁", " ")
        return token.removesuffix(_MORE).removesuffix(_LAST) if self.spell else token

    def join(self, tokens: Iterable[str]) -> str:
        """Returns the text of tokens as `split` gives them, which need not be known."""
        if self.units != "whitespace":
            return "".join(map(self._text, tokens))
        text, inside = "", True  # whether the next token follows without a space
        for token in tokens:
            text += ("" if inside or token == "\n" else " ") + self._text(token)
            inside = token == "\n" or (self.spell and token.endswith(_MORE))
        return text


def perplexity(nats: float) -> float:
    """Returns the perplexity of a loss in nats a token, at most e^700, since spelling a long word can cost more."""
    return math.exp(min(nats, 700.0))


def spelled_bytes(token: str) -> int:
    """Counts the bytes that spell an unknown token, with an end mark. All 257 are equally likely: log 257 nats each."""
    return len(token.encode("utf-8", "replace")) + 1


def _words(text):
    """Splits a text into words and punctuation with the space before them, and other whitespace, without loss."""
    tokens, position = [], 0
    for token, start, end in _whole_marks(tokenize(text), text):
        space = text[position:start]
        own = " " if space.endswith(" ") else ""
        tokens += [*re.findall(r"\n| +|\s", space[: len(space) - len(own)]), own + token]
        position = end
    return tokens + re.findall(r"\n| +|\s", text[position:])


_MARKS = re.compile(f"{MARK.pattern}|{PLACEHOLDER.pattern}")


def _whole_marks(tokens, text):
    """Joins the pieces of speaker marks and placeholders among tokens (text, start, end)."""
    marks = {match.start(): match.end() for match in _MARKS.finditer(text)} if "<" in text or "[" in text else {}
    inside = 0
    for token, start, end in tokens:
        if start in marks:
            inside = marks[start]
            yield text[start:inside], start, inside
        elif start >= inside:
            yield token, start, end


_SPLIT = {
    "characters": list,
    "words": _words,
    "whitespace": lambda text: [m[0] for m in re.finditer(r"\n|[^\s]+", text)],
}
UNITS = (*_SPLIT, *KINDS)
