r"""Splits raw text into tokens and sentences, with the offsets of each token in the text.

The conventions are those of the Penn Treebank and of the corpora that taggers are trained on: punctuation is separate,
clitics are tokens (``do n't``, ``John 's``), and hyphenated words, numbers, dates, addresses and abbreviations stay
whole. Unlike in the Treebank no character is changed, quotes included.

Why not a library: NLTK's Treebank tokenizer needs text that is already split into sentences and separates only the last
full stop, sacremoses gives no offsets, spaCy brings a pipeline, SoMaJo is under the GPL, and the pre-tokenizers of
subword libraries split at every full stop and hyphen. One regular expression is enough here, and the invariant is
simple to test: every character that is not space is in exactly one token.

It knows English. Other scripts with spaces between words are split into words and punctuation; Chinese, Japanese and
Thai into the runs between punctuation marks, or into characters where the training data were, see `Tokenization`.

Source: R. MacIntyre, Treebank tokenization (1995), the ``tokenizer.sed`` of the Penn Treebank.
"""

import collections
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from seqzoo.assets import Asset
from seqzoo.text.normalization import normalized

if TYPE_CHECKING:
    from seqzoo.text.subwords import Subwords


# Abbreviations that keep their full stop; those of single letters (U.S., e.g., p.m.) are a pattern below. Words that
# more often end a sentence are left out: no, may, sun, fig.
_TITLES = "Mr Mrs Ms Dr Prof St Gen Sen Rep Gov Lt Col Sgt Capt Cmdr Adm Maj Rev Hon Pres Messrs Mme Mlle Jr Sr"
_FIRMS = "Inc Corp Co Cos Ltd Bros Assn Dept Univ Mfg Intl"
_MONTHS = "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec"
_OTHERS = "Ave Blvd Rd Mt Ft vs etc approx al cf Vol"
_ABBREVIATIONS = "|".join(
    sorted({form for word in f"{_TITLES} {_FIRMS} {_MONTHS} {_OTHERS}".split() for form in (word, word.upper())})
)

_MARK = "\u0300"  # stands for every combining mark, variation selector and format character except the joiner
_JOINER = "\u200d"  # zero width joiner: inside words in some scripts, between the parts of an emoji
_EMOJI = "\u2600"
_FLAG = "\U0001f1e6"  # a regional indicator: two of them are a flag

_W = rf"\w[\w{_MARK}{_JOINER}]*"
_END = rf"(?![\w{_MARK}{_JOINER}])"
_LETTER = r"[^\W\d_]"
# A clitic belongs to the word before it; after an opening quote or bracket the apostrophe opens a quotation.
_CLITIC = rf"(?<![\"'(\[{{<])'(?i:s|re|ve|ll|d|m){_END}"
_INITIALS = rf"(?:{_LETTER}\.)+{_LETTER}{_END}\.?"  # U.S., U.S.A, e.g.
_NUMBER = rf"\d+(?:[.,:]\d+)+[\w{_MARK}{_JOINER}]*"
_PART = rf"(?:{_INITIALS}|{_NUMBER}|{_W})"
_PATTERN = re.compile(
    rf"""
      (?:(?i:https?|ftp)://|www\.)(?:\([^\s()<>"]*\)|[^\s()<>"])*(?:\([^\s()<>"]*\)|[^\s()<>"'.,;:!?\]}}…])
    | [\w.+-]{{1,64}}@\w[\w-]*(?:\.\w[\w-]*)+                      # e-mail
    | {_FLAG}{_FLAG}
    | {_EMOJI}{_MARK}*(?:{_JOINER}{_EMOJI}{_MARK}*)*               # emoji with skin tones, families
    | (?:{_ABBREVIATIONS}|Ph\.D){_END}\.
    | [Nn]os?\.(?=\s*\d)                                           # No. 5
    | (?!I)[A-Z]\.(?=\s+[A-Z][\w.])                                # an initial: J. Smith
    | [A-Z]{{1,3}}\$                                                # US$ 5
    | (?i:can)(?=(?i:not){_END})                                   # can not
    | (?i:n't){_END}
    | {_CLITIC}
    | '\d\ds?{_END}                                                # '90s
    | (?<![\w)])(?:[+-]\.?|\.)\d(?:[\d.,:]*\d)?{_END}              # -5, +3.1, .5
    | \w[\w{_MARK}{_JOINER}]*?(?=(?i:n't){_END})                   # do n't
    | {_PART}(?:(?!{_CLITIC})(?:[-'&/]|\.(?=[a-z\d])){_PART})*    # words with hyphens: U.S.-based, AT&T, index.html
    | \.{{2,}} | -{{2,}} | '' | ``
    | \S{_MARK}*                                                   # punctuation, each alone
    """,
    re.VERBOSE,
)

_TERMINALS = frozenset([".", "!", "?", "…", "。", "！", "？", "．", "।", "॥", "؟", "۔", "։", "።"])
_CLOSERS = frozenset(["'", '"', "''", "’", "”", "»", ")", "]", "}", "›", "」", "』", "）"])


class _Shapes(dict):
    """Code point -> the character that stands for its category in the pattern; filled on demand.

    Python's regular expressions know letters and digits, not marks or emoji. Each character is replaced by exactly one,
    so that offsets stay the same.
    """

    def __missing__(self, code):
        character = chr(code)
        category = unicodedata.category(character)
        if character in "‘’":
            shape = "'"
        elif character == _JOINER:
            shape = _JOINER
        elif category[0] == "M" or category == "Cf" or 0x1F3FB <= code <= 0x1F3FF:  # the last are skin tones
            shape = _MARK
        elif 0x1F1E6 <= code <= 0x1F1FF:
            shape = _FLAG
        elif category == "So":
            shape = _EMOJI
        else:
            shape = character
        self[code] = shape
        return shape


_SHAPES = _Shapes()


def tokenize(text: str) -> list[tuple[str, int, int]]:
    """Splits text into tokens.

    Args:
        text: a string of any length, in any script.

    Returns:
        List of (token, start, end) in order, with ``text[start:end] == token``. Between two tokens there is only space.

    Example::

        tokenize("Don't!")  # [("Do", 0, 2), ("n't", 2, 5), ("!", 5, 6)]
    """
    return [(text[m.start() : m.end()], m.start(), m.end()) for m in _PATTERN.finditer(text.translate(_SHAPES))]


def split_sentences(tokens: list[tuple[str, int, int]], text: str) -> list[list[tuple[str, int, int]]]:
    """Groups tokens into sentences.

    A sentence ends after ``.``, ``!``, ``?`` or an ellipsis, and the closing quotes and brackets after it, unless the
    next token is in lower case; at a blank line; and at the end. The full stop of an abbreviation is part of its token
    and does not end a sentence.

    Args:
        tokens: the tokens of `text` from `tokenize`.
        text: the text, needed for its blank lines.

    Returns:
        List of sentences, each a list of (token, start, end); they concatenate to `tokens`.
    """
    sentences = []
    begin = 0
    ended = False  # whether this sentence has had its full stop
    for i, (token, start, _) in enumerate(tokens):
        gap = text[tokens[i - 1][2] : start] if i else ""
        closes = token in _CLOSERS and not gap
        if gap.count("\n") > 1 or (ended and not closes and _may_begin(tokens, i)):
            sentences.append(tokens[begin:i])
            begin = i
            ended = False
        ended = token in _TERMINALS or token.startswith("..") or (ended and closes)
    if tokens:
        sentences.append(tokens[begin:])
    return sentences


def _may_begin(tokens, i):
    """Returns whether a sentence may begin at token i: at a digit, or a letter not in lower case, after any marks."""
    for j in range(i, len(tokens)):
        token = tokens[j][0]
        if token in _TERMINALS:
            return False
        if token[0].isalnum():
            return not token[0].islower()
    return False


TOKENIZERS = ("words", "whitespace", "characters", "bpe", "unigram")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,100}>")


def splitter(
    kind: str, subwords: "Subwords | None" = None, form: str = "nfc"
) -> Callable[[str], list[tuple[str, int, int]]]:
    """Returns the function text -> list of (token, start, end) of one of TOKENIZERS.

    "words" is `tokenize` on text without its HTML tags; "whitespace" is for text that is already tokenized;
    "characters" takes each character, a run of spaces as one; "bpe" and "unigram" use `subwords`, a
    `seqzoo.text.subwords.Subwords`. Tokens are in a `form` of `seqzoo.text.normalization`; offsets are in the original
    text.
    """
    if kind in ("bpe", "unigram"):
        split = subwords.split
    elif kind == "words":  # tags become spaces, so that offsets stay the same

        def split(text):
            return tokenize(_MARKUP.sub(lambda tag: " " * len(tag[0]), text))
    elif kind == "whitespace":

        def split(text):
            return [(match[0], *match.span()) for match in re.finditer(r"\S+", text)]
    else:

        def split(text):
            return [(" " if m[0].isspace() else m[0], *m.span()) for m in re.finditer(r"\S|\s+", text)]

    return normalized(split, form)


# Letters of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_RUN = re.compile(f"(?P<unspaced>[{_UNSPACED}]+)|[^{_UNSPACED}]+")


class Tokenization(Asset):
    """Splits raw text for a model that was trained on tokens: into words, or characters if training had characters.

    Args:
        single: the words that are split into characters: "unspaced", words in scripts without spaces between words,
            such as Chinese; "spaced", all other words and numbers.

    Attributes:
        summary: {name: readable text}.
    """

    def __init__(self, single: Iterable[str] = ()):
        self.single = [*single]
        self.summary = {"raw text": "is split into single characters, as the training data are"} if single else {}

    @classmethod
    def learn(cls, counts: collections.Counter) -> "Tokenization":
        """Learns from {token: count} of a corpus: words are split if 95% of their tokens there are one character."""
        single, total = collections.Counter(), collections.Counter()
        for token, count in counts.items():
            kind = _kind(token)
            total[kind] += count
            single[kind] += count * (len(token) == 1)
        split = [kind for kind in ("unspaced", "spaced") if single[kind] > 0.95 * total[kind]]
        return cls(split if "unspaced" in split else [])  # one-letter words alone, as in a list of symbols, say little

    def split(self, text: str) -> list[tuple[str, int, int]]:
        """Splits a text into (token, start, end)."""
        tokens = tokenize(text)
        return [part for token in tokens for part in self._parts(*token)] if self.single else tokens

    def _parts(self, token, start, end):
        """Yields the characters of a token, or its runs of one kind if these are not split."""
        for run in _RUN.finditer(token):
            if _kind(run[0]) in self.single:
                yield from ((character, start + i, start + i + 1) for i, character in enumerate(run[0], run.start()))
            else:
                yield run[0], start + run.start(), start + run.end()

    def to_dict(self) -> dict:
        return {"single": self.single}


def _kind(token):
    """Returns the kind of a word, see `Tokenization`; "" for punctuation."""
    if any(run["unspaced"] for run in _RUN.finditer(token)):
        return "unspaced"
    return "spaced" if any(map(str.isalnum, token)) else ""
