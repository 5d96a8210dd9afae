"""Subwords: pieces of words, learned from text, by the sentencepiece library."""

import base64
import functools
import io
import itertools
import os
import pathlib
import random
import re

from seqzoo.assets import Asset

KINDS = ("bpe", "unigram")
_LONE = re.compile("[\ud800-\udfff]")  # half a surrogate pair, which JSON can hold and UTF-8 can not

_WORD = re.compile("\n|▁*[^▁\n]+|▁+")  # what no merge goes beyond


class Subwords(Asset):
    """Splits text into the pieces of a vocabulary that was learned from text; spaces belong to the piece behind them.

    Sources: Sennrich et al., 2016, Neural Machine Translation of Rare Words with Subword Units (BPE); Kudo, 2018,
    Subword Regularization (unigram).

    Args:
        model: bytes of a sentencepiece model.

    Attributes:
        tokens: the pieces in the order of their ids.
    """

    suffix = ".model"

    def __init__(self, model):
        from sentencepiece import SentencePieceProcessor

        self.model = model
        self._processor = SentencePieceProcessor(model_proto=model)
        self.tokens = [self._processor.id_to_piece(number) for number in range(self._processor.get_piece_size())]

    @classmethod
    def learn(cls, texts, size, kind, lowercase=False, exact=False, marks=(), most=1_000_000):
        """Learns a vocabulary.

        Args:
            texts: iterable of strings, gone through once.
            size: pieces at most; a small text gives fewer.
            kind: "bpe" or "unigram".
            lowercase: take capitals for small letters.
            exact: change nothing, so that the pieces joined are the text, line ends and all; else texts are normalised
                (NFKC, each run of space one blank).
            marks: pieces that no text has.
            most: lines that are looked at, from the first on; the trainer holds them in memory.

        Raises:
            ValueError: the texts hold nothing to learn from, or the size is below the number of characters.
        """
        from sentencepiece import SentencePieceTrainer

        model = io.BytesIO()
        texts = (_LONE.sub("\ufffd", text) for text in texts)
        # Exactly those line ends are known; what else ends a line for Python, such as a form feed, is a character.
        lines = (line for text in texts for line in (text.split("\n") if exact else text.splitlines()) if line.strip())
        normal = "identity" if exact else "nmt_nfkc_cf" if lowercase else "nmt_nfkc"
        try:
            SentencePieceTrainer.train(
                sentence_iterator=itertools.islice(lines, most),
                model_writer=model,
                vocab_size=size,
                model_type=kind,
                hard_vocab_limit=False,
                normalization_rule_name=normal,
                remove_extra_whitespaces=not exact,
                add_dummy_prefix=not exact,
                user_defined_symbols=["\n"] if exact else [],
                # The trainer takes texts that look like its marks out, and their characters with them.
                required_chars="".join(sorted({*"<pad><unk>", *"".join(marks)})) if exact else "",
                control_symbols=list(marks),
                character_coverage=1.0 if exact else 0.9995,
                max_sentence_length=1 << 20,  # bytes; longer lines are left out
                num_threads=1,  # several give other pieces each time
                pad_id=0,
                unk_id=1,
                bos_id=-1,
                eos_id=-1,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise ValueError(f"No subwords could be learned, {kind} of size {size}: {error}") from error
        return cls(model.getvalue())

    def split(self, text):
        """List of (piece, start, end) of a text, places in characters; the piece has "▁" for a space.

        A piece has an empty place where it stands for no character of its own, such as the space before a text.
        """
        text = _LONE.sub("\ufffd", text)
        pieces = self._processor.encode(text, return_type="proto").pieces
        if text.isascii():
            return [(piece.piece, piece.begin, piece.end) for piece in pieces]
        # The library counts bytes.
        place = {start: i for i, start in enumerate(itertools.accumulate((len(c.encode()) for c in text), initial=0))}
        return [(piece.piece, place[piece.begin], place[piece.end]) for piece in pieces]

    def sample(self, text, dropout, rng):
        """Ids of another way to write a text in the pieces of a BPE model (BPE-dropout, Provilkov et al., 2020).

        Of the merges that are possible, the one learned first is made, again and again until there is none, but each
        is passed over with probability `dropout` every time. sentencepiece samples too, from a generator of its own
        that can not be begun anew, so that no epoch could be repeated.

        Args:
            text: of a model learned with `exact`.
            dropout: share of the merges left out; 0: the ids of `split`.
            rng: numpy.random.Generator.
        """
        draw = random.Random(int(rng.integers(1 << 62))).random
        ids = []
        for word in _WORD.findall(_LONE.sub("\ufffd", text).replace(" ", "▁")):
            symbols = [*word]
            while len(symbols) > 1:
                merges = (self._merges.get(a + b) for a, b in itertools.pairwise(symbols))
                possible = [(m, i) for i, m in enumerate(merges) if m is not None and draw() >= dropout]
                if not possible:
                    break
                _, place = min(possible)
                symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
            ids += map(self._processor.piece_to_id, symbols)
        # What is unknown in a row is one piece, as for `split`.
        return [i for number, i in enumerate(ids) if i != 1 or ids[number - 1 : number] != [1]]

    @functools.cached_property
    def _merges(self):
        """{piece: its rank}: the earlier learned, the lower."""
        numbers = range(len(self.tokens))
        kept = [n for n in numbers if not (self._processor.is_control(n) or self._processor.is_unknown(n))]
        return {self.tokens[n]: -self._processor.get_score(n) for n in kept}

    def encode(self, pieces):
        """Ids of pieces."""
        return [self._processor.piece_to_id(piece) for piece in pieces]

    def to_dict(self) -> dict:
        return {"model": base64.b64encode(self.model).decode("ascii")}

    @classmethod
    def from_dict(cls, values: dict) -> "Subwords":
        return cls(base64.b64decode(values["model"]))

    def save(self, path: str | os.PathLike) -> None:
        """Writes the sentencepiece model."""
        pathlib.Path(path).write_bytes(self.model)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Subwords":
        """Reads a sentencepiece model."""
        return cls(pathlib.Path(path).read_bytes())
