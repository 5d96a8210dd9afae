"""Text in stock TensorFlow ops: turns strings into a model's inputs, and its ids into strings, inside a graph.

Look-ups, casing and spelling match Python exactly, because their character classes are made from Python's own. The
tokenizer may differ: TensorFlow's regular expressions (RE2) have no look-around, so `mark_words` replaces look-around
by several passes that mark tokens. `export.check` measures on real text how often both agree.
"""

import functools
import itertools
import sys
from collections.abc import Callable

import tensorflow as tf

from seqzoo.inputs import Words
from seqzoo.text import spans, tokenizer
from seqzoo.text.casing import CASES
from seqzoo.text.codec import MARKS, Codec
from seqzoo.text.subwords import KINDS
from seqzoo.text.vocabulary import Vocabulary

# Marks inside a text while it is split: START and END of a run of word characters, OPEN and CLOSE of a finished token,
# and the borders of pieces. If a text contains such a mark, another control character replaces it.
START, END, OPEN, CLOSE, CUT, OWN_SPACE = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"
RESERVED, SUBSTITUTE = f"[{START}-{OWN_SPACE}]", "\x0e"

SPACE = r"\s\x{b}\x{1c}-\x{1f}\x{85}\p{Z}"  # the inside of a class: Python's \s
WORD = r"\pL\pN_"  # Python's \w
MARK = r"\pM\p{Cf}\x{1f3fb}-\x{1f3ff}"  # characters that belong to the one before; the last are skin tones
QUOTE = "['‘’]"


class WordArrays(tf.Module):
    """Maps tokens [B, T] to the arrays of `inputs.Words.encoder`: ids, spelling and casing. "" is padding.

    Args:
        words: the vocabularies of a run.
    """

    def __init__(self, words: Words):
        super().__init__()
        self._lowercase, self._casing, self._longest = words.lowercase, words.casing, words.max_word_length
        self._words = open_table(words.words)
        self._characters = None if words.characters is None else open_table(words.characters)

    def __call__(self, tokens) -> dict:
        tokens = tf.convert_to_tensor(tokens)
        forms = tf.strings.lower(tokens, encoding="utf-8") if self._lowercase else tokens
        arrays = {"tokens": tf.where(tokens == "", 0, self._words.lookup(forms))}
        if self._characters is not None:
            arrays["characters"] = self._spelled(tokens)
        if self._casing:
            arrays["casing"] = casing(tokens)
        return arrays

    def _spelled(self, tokens):
        head = self._longest // 2
        tail = self._longest - head
        tokens_flat = tf.reshape(tokens, [-1])
        length = tf.strings.length(tokens_flat, unit="UTF8_CHAR")
        first = tf.strings.substr(tokens_flat, 0, head, unit="UTF8_CHAR")
        last = tf.strings.substr(
            tokens_flat, tf.maximum(length - tail, 0), tf.fill(tf.shape(length), tail), unit="UTF8_CHAR"
        )
        read = tf.where(length > self._longest, tf.strings.join([first, last]), tokens_flat)
        characters = tf.strings.unicode_split(read, "UTF-8")
        ids = characters.with_flat_values(self._characters.lookup(characters.flat_values)).to_tensor(0)  # [B*T, W]
        width = tf.shape(ids)[1]
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - width, 0)]])  # if all is padding
        return tf.reshape(ids, tf.concat([tf.shape(tokens), [tf.shape(ids)[1]]], 0))


def table(tokens: list[str], ids: list[int]) -> tf.lookup.StaticHashTable:
    """Returns a look-up table from tokens to ids; other tokens get the unknown token's id, 1."""
    keys, values = tf.constant(tokens, tf.string, [len(tokens)]), tf.constant(ids, tf.int32, [len(ids)])
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), 1)


def open_table(vocabulary: Vocabulary) -> tf.lookup.StaticHashTable:
    """Returns the `table` of a vocabulary with padding and an unknown token."""
    return table(vocabulary.tokens[2:], [*range(2, len(vocabulary))])


@functools.cache
def characters_of(predicate: Callable[[str], bool]) -> str:
    """Returns the inside of an RE2 class of exactly the characters with a property, by Python's Unicode data."""
    codes = (code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000 and predicate(chr(code)))
    ranges = []
    for _, group in itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        group = [code for _, code in group]
        ranges.append(rf"\x{{{group[0]:x}}}-\x{{{group[-1]:x}}}")
    return "".join(ranges)


def casing(tokens: tf.Tensor) -> tf.Tensor:
    """Returns the casing of tokens, in any shape, as numbers: `text.casing.casing`."""
    letter, digit, lower, upper = map(characters_of, (str.isalpha, str.isdigit, str.islower, str.isupper))
    title, changing = characters_of(_is_title), characters_of(_has_cases)

    def has(characters):
        return tf.strings.regex_full_match(tokens, f"(?s:.*)[{characters}](?s:.*)")

    digits = has(digit)
    cases = [
        ("padding", tokens == ""),
        ("digit", digits & has(letter)),
        ("numeric", digits),
        ("lower", has(lower) & ~has(upper + title)),
        ("upper", has(upper) & ~has(lower + title)),
        ("initial", tf.strings.regex_full_match(tokens, f"[{upper}][^{upper}]*")),
        ("mixed", has(changing)),
    ]
    found = tf.fill(tf.shape(tokens), CASES.index("other"))
    for name, holds in reversed(cases):
        found = tf.where(holds, CASES.index(name), found)
    return found


def _is_title(character):
    return character.istitle() and not character.isupper()


def _has_cases(character):
    return character.lower() != character.upper()


def names(tokens: list[str]) -> Callable:
    """Returns the function from ids to tokens."""
    return lambda ids: tf.gather(tf.constant(tokens), ids)


def bio_names(tags: list[str]) -> Callable:
    """Returns the function from ids [B, T] of tags in any scheme to tags in BIO: `text.spans.to_bio`."""
    parts = [spans.split_tag(tag) for tag in tags]
    outside = tf.constant([prefix == "O" for prefix, _ in parts])
    opens = tf.constant([prefix in "BSU" for prefix, _ in parts])
    closes = tf.constant([prefix in "ESLU" for prefix, _ in parts])
    kinds = tf.constant([kind for _, kind in parts])

    def convert(ids):
        def before(x, first):
            return tf.concat([tf.fill([tf.shape(ids)[0], 1], first), tf.gather(x, ids)[:, :-1]], 1)

        kind = tf.gather(kinds, ids)
        begins = tf.gather(opens, ids) | (kind != before(kinds, "")) | before(closes, False)
        tag = tf.strings.join([tf.where(begins, "B-", "I-"), kind])
        return tf.where(tf.gather(outside, ids), "O", tag)

    return convert


def both_ends(tokens: tf.Tensor, most: int) -> tf.Tensor:
    """Cuts rows of tokens [B, T] to the first and last tokens, `most` in total; 0 keeps all."""
    if not most:
        return tokens
    head = most // 2
    length = tf.reduce_sum(tf.cast(tokens != "", tf.int32), 1, keepdims=True)  # [B, 1]
    position = tf.range(tf.minimum(most, tf.shape(tokens)[1]))[None]
    return tf.gather(
        tokens, tf.where((length > most) & (position >= head), position + length - most, position), batch_dims=1
    )


# --- Codecs ---------------------------------------------------------------------------------------


class CodecIds(tf.Module):
    """`text.codec.Codec` in stock TensorFlow ops: texts [B] -> tokens [B, T] -> ids, and back."""

    def __init__(self, codec: Codec):
        super().__init__()
        self.units, self.end = codec.units, codec.end
        self._tokens = codec.tokens
        ids = [i for i, token in enumerate(codec.tokens) if token not in MARKS]
        self._table = table([codec.tokens[i] for i in ids], ids)

    def split(self, texts: tf.Tensor) -> tf.Tensor:
        """Splits texts [B] into tokens [B, T], "" at padding."""
        texts = tf.strings.regex_replace(texts, RESERVED, SUBSTITUTE)
        if self.units == "characters":
            return tf.strings.unicode_split(texts, "UTF-8").to_tensor("")
        if self.units == "whitespace":
            marked = tf.strings.regex_replace(texts, rf"(\n|[^{SPACE}]+)", rf"{CUT}\1{CUT}")
        else:
            marked = tf.strings.regex_replace(mark_words(texts), f" {CUT}([^{CUT}])", rf"{CUT}{OWN_SPACE}\1")
            marked = tf.strings.regex_replace(marked, rf"(\n| +|[{SPACE}])", rf"{CUT}\1{CUT}")
            marked = tf.strings.regex_replace(marked, OWN_SPACE, " ")
        pieces = tf.strings.split(marked, CUT)
        left_out = f"[{SPACE}]*" if self.units == "whitespace" else ""
        dropped = tf.strings.regex_full_match(pieces.flat_values, left_out) & (pieces.flat_values != "\n")
        return tf.ragged.boolean_mask(pieces, pieces.with_flat_values(~dropped)).to_tensor("")

    def encode(self, tokens: tf.Tensor) -> tf.Tensor:
        """Returns the ids of tokens, 0 at padding."""
        return tf.where(tokens == "", 0, self._table.lookup(tokens))

    def texts(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the tokens [...] of ids, "" for padding and the end mark."""
        texts = tf.gather(tf.constant(self._tokens), ids)
        if self.units in KINDS:
            texts = tf.strings.regex_replace(texts, "▁", " ")
        return tf.where((ids == 0) | (ids == self.end), "", texts)

    def join(self, tokens: tf.Tensor) -> tf.Tensor:
        """Joins tokens [B, N] into texts [B]."""
        if self.units != "whitespace":
            return tf.strings.reduce_join(tokens, axis=-1)
        tokens = tf.ragged.boolean_mask(tokens, tokens != "")
        return tf.strings.regex_replace(tf.strings.reduce_join(tokens, axis=-1, separator=" "), " ?\n ?", "\n")


# --- Tokenizers -----------------------------------------------------------------------------------


def splitter(kind: str, single: tuple[str, ...] = (), markup: bool = False) -> Callable:
    """Returns the function texts [B] -> (tokens, starts, ends), [B, T] each, of a tokenizer, padded with "" and 0.

    Args:
        kind: "words", "whitespace" or "characters", as of `text.tokenizer.splitter`.
        single: the words that are split into characters, see `text.tokenizer.Tokenization`.
        markup: whether to leave out HTML tags.
    """

    def split(texts):
        texts = tf.strings.regex_replace(texts, RESERVED, SUBSTITUTE)
        if kind == "words":
            marked = mark_words(texts, markup)
            if single:
                part = r"\S" if "spaced" in single else f"[{tokenizer._UNSPACED}]"
                marked = tf.strings.regex_replace(marked, f"({part})", rf"{CUT}\1{CUT}")
        else:
            part = {"whitespace": f"[^{SPACE}]+", "characters": f"[{SPACE}]+|[^{SPACE}]"}[kind]
            marked = tf.strings.regex_replace(texts, f"({part})", rf"{CUT}\1{CUT}")
        pieces = tf.strings.split(marked, CUT)  # [B, (P)], which concatenate to the texts
        flat = pieces.flat_values
        lengths = tf.strings.length(flat, unit="UTF8_CHAR")
        ends = tf.cumsum(lengths)
        starts = ends - lengths
        begin = tf.repeat(tf.gather(tf.concat([starts, [0]], 0), pieces.row_starts()), pieces.row_lengths())
        starts, ends = (pieces.with_flat_values(x - tf.cast(begin, x.dtype)) for x in (starts, ends))
        left_out = rf"[{SPACE}]*" + (f"|{TAG}" if markup else "")
        kept = lengths > 0 if kind == "characters" else ~tf.strings.regex_full_match(flat, left_out)
        kept = pieces.with_flat_values(kept)
        if kind == "characters":
            pieces = tf.strings.regex_replace(pieces.flat_values, f"^[{SPACE}]+$", " ")
            pieces = starts.with_flat_values(pieces)
        return tuple(tf.ragged.boolean_mask(x, kept).to_tensor() for x in (pieces, starts, ends))

    return split


TAG = "</?[A-Za-z][^<>]{0,100}>"
_INSIDE = rf'[^{SPACE}()<>"]'
_URL = (
    rf"(?:(?i:https?|ftp)://|www\.)(?:\({_INSIDE}*\)|{_INSIDE})*"
    rf"(?:\({_INSIDE}*\)|[^{SPACE}()<>\"'‘’.,;:!?\]}}…])"
)
_EMAIL = rf"[{WORD}.+-]+@[{WORD}][{WORD}-]*(?:\.[{WORD}][{WORD}-]*)+"

_LETTER = rf"{START}\pL{END}"
_DIGITS = rf"{START}\p{{Nd}}+"


def _part(first):
    """Returns a part of a hyphenated word that begins with a character in `first`: initials, a number, a word."""
    initials = rf"{START}[{first}]{END}\.(?:{_LETTER}\.)*{_LETTER}\.?"
    number = rf"{_DIGITS}(?:{END}[.,:]{_DIGITS})+[^{END}]*{END}"
    return rf"(?:{initials}|{number}|{START}[{first}][^{END}]*{END})"


_PART = _part(WORD)
_TOKEN = "|".join(
    [
        f"{OPEN}[^{CLOSE}]*{CLOSE}",
        r"[\x{1f1e6}-\x{1f1ff}]{2}",  # flags
        rf"\p{{So}}(?:\x{{200d}}\p{{So}}|[{MARK}])*",  # emoji
        rf"{START}(?:{tokenizer._ABBREVIATIONS}){END}\.|{START}Ph{END}\.{START}D{END}\.",
        rf"{START}[A-Z]{{1,3}}{END}\$",
        rf"{QUOTE}{START}\p{{Nd}}{{2}}s?{END}",
        rf"{_PART}(?:(?:[-&/]|{QUOTE}){_PART}|\.{_part('a-z0-9')})*",
        rf"\.{{2,}}|-{{2,}}|{QUOTE}{{2}}|``",
        rf"[^{SPACE}{START}-{CLOSE}][{MARK}]*",
    ]
)
# (pattern, rewrite), in order. Instead of the look-around of `text.tokenizer`, context is matched and written back.
_PASSES = (
    # The START and END of each run of word characters, but not within finished tokens.
    (rf"([{WORD}][{WORD}{MARK}]*)|({OPEN}[^{CLOSE}]*{CLOSE})", rf"\2{START}\1{END}"),
    (START + END, ""),
    (rf"([nN]){END}({QUOTE}{START}[tT]{END})", rf"{END}{OPEN}\1\2{CLOSE}"),  # do n't
    (START + END, ""),
    (rf"{START}(?i:(can)(not)){END}", rf"{START}\1{END}{START}\2{END}"),  # can not
    (rf"(^|[^\"'‘’(\[{{<])({QUOTE}{START}(?i:s|re|ve|ll|d|m){END})", rf"\1{OPEN}\2{CLOSE}"),  # clitics
    (rf"({START}[Nn]os?{END}\.)([{SPACE}]*{START}\p{{Nd}})", rf"{OPEN}\1{CLOSE}\2"),  # No. 5
    *[  # initials: J. Smith; twice, since the match of one may contain the next
        (
            rf"(^|[^.&/'‘’{CLOSE}-])({START}[A-HJ-Z]{END}\.)([{SPACE}]+{OPEN}?{START}[A-Z](?:[{WORD}]|{END}\.))",
            rf"\1{OPEN}\2{CLOSE}\3",
        )
    ]
    * 2,
    (
        rf"(^|[^.){END}{CLOSE}-])((?:[+-]\.?|\.){_DIGITS}{END}(?:[.,:]+{_DIGITS}{END})*)",
        rf"\1{OPEN}\2{CLOSE}",
    ),  # -5, .5
    (rf"({_TOKEN})", rf"{CUT}\1{CUT}"),
    (f"[{START}-{CLOSE}]", ""),
)


def mark_words(texts: tf.Tensor, markup: bool = False) -> tf.Tensor:
    """Puts a `CUT` at both ends of each token of texts, as near to `text.tokenizer.tokenize` as RE2 allows.

    Args:
        texts: strings without reserved characters.
        markup: whether HTML tags are tokens.
    """
    whole = f"{TAG}|{_URL}|{_EMAIL}" if markup else f"{_URL}|{_EMAIL}"
    texts = tf.strings.regex_replace(texts, f"({whole})", rf"{OPEN}\1{CLOSE}")
    for pattern, rewrite in _PASSES:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    return texts
