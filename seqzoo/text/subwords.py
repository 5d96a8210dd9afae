"""Subwords: pieces of words, learned from text with the sentencepiece library."""

import base64
import functools
import io
import itertools
import os
import pathlib
import random
import re
from collections.abc import Iterable, Iterator

import numpy as np

from seqzoo.assets import Asset
from seqzoo.extras import check_installed

KINDS = ("bpe", "unigram")
CHARACTERS = 20_000_000  # maximum number to learn pieces from; more change little and take memory
_LONE = re.compile("[\ud800-\udfff]")  # half a surrogate pair, which JSON can hold and UTF-8 cannot

_WORD = re.compile("\n|▁*[^▁\n]+|▁+")  # no merge crosses its bounds


def _head(lines: Iterable[str]) -> Iterator[str]:
    """Yields lines until they have `CHARACTERS` together; always the first one."""
    characters = 0
    for line in lines:
        yield line
        characters += len(line)
        if characters >= CHARACTERS:
            return


class Subwords(Asset):
    """Splits text into the pieces of a learned vocabulary; a space belongs to the piece after it.

    Sources: Sennrich et al., 2016, Neural Machine Translation of Rare Words with Subword Units (BPE); Kudo, 2018,
    Subword Regularization (unigram).

    Args:
        model: bytes of a sentencepiece model.

    Attributes:
        tokens: the pieces in the order of their ids.
    """

    suffix = ".model"

    def __init__(self, model: bytes):
        check_installed("sentencepiece", "A vocabulary of subwords")
        from sentencepiece import SentencePieceProcessor

        self.model = model
        self._processor = SentencePieceProcessor(model_proto=model)
        self.tokens = [self._processor.id_to_piece(number) for number in range(self._processor.get_piece_size())]

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        size: int,
        kind: str,
        lowercase: bool = False,
        exact: bool = False,
        marks: Iterable[str] = (),
        most: int = 1_000_000,
    ) -> "Subwords":
        """Learns a vocabulary.

        Args:
            texts: iterable of strings; one pass is made.
            size: maximum number of pieces; a small text gives fewer.
            kind: "bpe" or "unigram".
            lowercase: fold capitals to lower case.
            exact: change nothing, so that the pieces concatenate to the text, line ends included; else texts are
                normalized (NFKC, each run of whitespace to one space).
            marks: pieces that no text contains.
            most: maximum number of lines, the first ones, up to `CHARACTERS`; the trainer holds them in memory.

        Raises:
            ValueError: the texts are empty, or the size is below the number of characters; or sentencepiece is not
                installed.
        """
        check_installed("sentencepiece", f"--tokenizer={kind}")
        from sentencepiece import SentencePieceTrainer

        model = io.BytesIO()
        texts = (_LONE.sub("\ufffd", text) for text in texts)
        # Only "\n" is a line end; all else that ends a line for Python, such as a form feed, is a character.
        lines = (line for text in texts for line in (text.split("\n") if exact else text.splitlines()) if line.strip())
        normal = "identity" if exact else "nmt_nfkc_cf" if lowercase else "nmt_nfkc"
        try:
            SentencePieceTrainer.train(
                sentence_iterator=_head(itertools.islice(lines, most)),
                model_writer=model,
                vocab_size=size,
                model_type=kind,
                hard_vocab_limit=False,
                normalization_rule_name=normal,
                remove_extra_whitespaces=not exact,
                add_dummy_prefix=not exact,
                user_defined_symbols=["\n"] if exact else [],
                # The trainer drops texts that look like its marks, and their characters with them.
                required_chars="".join(sorted({*"<pad><unk>", *"".join(marks)})) if exact else "",
                control_symbols=list(marks),
                character_coverage=1.0 if exact else 0.9995,
                max_sentence_length=1 << 20,  # bytes; longer lines are skipped
                num_threads=1,  # with several the pieces are not reproducible
                pad_id=0,
                unk_id=1,
                bos_id=-1,
                eos_id=-1,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise ValueError(f"No subwords could be learned, {kind} of size {size}: {error}") from error
        return cls(model.getvalue())

    def split(self, text: str) -> list[tuple[str, int, int]]:
        """Splits a text into (piece, start, end), offsets in characters; the piece has "▁" for a space.

        A piece without a character of its own, such as the space before a text, has start == end.
        """
        text = _LONE.sub("\ufffd", text)
        pieces = self._processor.encode(text, return_type="proto").pieces
        if text.isascii():
            return [(piece.piece, piece.begin, piece.end) for piece in pieces]
        # The library counts bytes.
        starts = itertools.accumulate((len(character.encode()) for character in text), initial=0)
        offset = {start: i for i, start in enumerate(starts)}
        return [(piece.piece, offset[piece.begin], offset[piece.end]) for piece in pieces]

    def sample(self, text: str, dropout: float, rng: np.random.Generator) -> list[int]:
        """Samples a segmentation of a text with a BPE model and returns its ids (BPE-dropout, Provilkov et al., 2020).

        The possible merge that was learned first is applied, until no merge is left, but each is skipped with
        probability `dropout` every time. sentencepiece samples too, but its generator cannot be seeded again, so
        that no epoch could be repeated.

        Args:
            text: the text; the model should be learned with `exact`.
            dropout: probability to skip a merge; 0: the ids of `split`.
            rng: random number generator.
        """
        uniform = random.Random(int(rng.integers(1 << 62))).random
        ids = []
        for word in _WORD.findall(_LONE.sub("\ufffd", text).replace(" ", "▁")):
            symbols = [*word]
            while len(symbols) > 1:
                merges = (self._merges.get(a + b) for a, b in itertools.pairwise(symbols))
                possible = [(m, i) for i, m in enumerate(merges) if m is not None and uniform() >= dropout]
                if not possible:
                    break
                _, first = min(possible)
                symbols[first : first + 2] = [symbols[first] + symbols[first + 1]]
            ids += map(self._processor.piece_to_id, symbols)
        # A run of unknown pieces is one piece, as in `split`.
        return [i for number, i in enumerate(ids) if i != 1 or ids[number - 1 : number] != [1]]

    @functools.cached_property
    def _merges(self):
        """Returns {piece: rank}; pieces that were learned earlier have lower ranks."""
        numbers = range(len(self.tokens))
        kept = [n for n in numbers if not (self._processor.is_control(n) or self._processor.is_unknown(n))]
        return {self.tokens[n]: -self._processor.get_score(n) for n in kept}

    def encode(self, pieces: Iterable[str]) -> list[int]:
        """Returns the ids of pieces."""
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
