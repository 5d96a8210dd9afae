"""Text generation: samples ids in blocks and joins them into texts, which end at a mark or at a given string."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.decoding.sampling import kept_sampler
from seqzoo.text.codec import Codec

if TYPE_CHECKING:
    from seqzoo.models.language_model import LanguageModelDecoder

BLOCK = 64  # tokens drawn at once; each block is searched for the end


def sample_texts(
    decoder: "LanguageModelDecoder",
    codec: Codec,
    prime: str = "",
    length: int = 500,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    stop: str = "",
    seed: int = 0,
    write: Callable[[str], object] = lambda piece: None,
) -> Iterator[dict]:
    """Samples texts from a language model, side by side.

    Args:
        decoder: models.LanguageModelDecoder.
        codec: text.codec.Codec.
        prime: text to continue, at the beginning of a line; "": the beginning of a document.
        length: maximum number of tokens.
        samples: number of texts.
        temperature, top_k, top_p: see `sampling.Sampler`.
        stop: string that ends a text and is not part of it; "": only the end of a document does.
        seed: seed of the noise.
        write: called with the prime and with each piece of the first text as it is drawn.

    Yields:
        ``{"sample", "prime", "text", "ended_by", "unknown_in_prime"}``: the number from 1, the continuation, "end",
        "stop" or "length", and the tokens of the prime that the vocabulary lacks.
    """
    ids, unknown = codec.encode(prime)
    ids = [codec.newline, *ids] if ids else [codec.end]
    sampler = kept_sampler(decoder, stop=(codec.end,), temperature=temperature, top_k=top_k, top_p=top_p)
    drawn = sampler.start({"tokens": np.array([ids[:-1]], "int32")}, np.array(ids[-1:])).repeat(samples)
    rng = np.random.default_rng(seed)
    texts = [_Text(codec, ids[-1:] if prime else [], stop) for _ in range(samples)]
    written = 0
    write(prime)
    for first in range(0, length, BLOCK):
        block, drawn = sampler.draw(drawn, rng.random((BLOCK, samples)))  # always of one size, to trace only once
        for text, row in zip(texts, block[:, : length - first], strict=True):
            text.add(row)
        drawn = drawn._replace(done=np.array(drawn.done) | [bool(text.ended_by) for text in texts])
        write(texts[0].text[written : texts[0].safe])
        written = max(written, texts[0].safe)
        if all(text.ended_by for text in texts):
            break
    write(texts[0].text[written:])
    for number, text in enumerate(texts, 1):
        yield {
            "sample": number,
            "prime": prime,
            "text": text.text,
            "ended_by": text.ended_by or "length",
            "unknown_in_prime": unknown,
        }


class _Text:
    """A text that grows as tokens are drawn.

    Args:
        codec: text.codec.Codec.
        last: a list with the id before the next token.
        stop: string that ends the text.

    Attributes:
        text: the text added so far.
        ended_by: "end", "stop", or "" while it grows.
    """

    def __init__(self, codec, last: list[int], stop: str):
        self.codec, self.last, self.stop = codec, last, stop
        self.text = self.ended_by = ""

    def add(self, ids):
        """Adds ids; those after the end, and padding, are ignored."""
        if self.ended_by:
            return
        ids = self.last + [int(i) for i in ids if i]
        start = max(0, len(self.text) - len(self.stop))
        self.text += self.codec.decode(ids)[len(self.codec.decode(self.last)) :]
        self.ended_by = "end" if self.codec.end in ids[len(self.last) :] else ""
        self.last = ids[-1:]
        if self.stop and (position := self.text.find(self.stop, start)) >= 0:
            self.text, self.ended_by = self.text[:position], "stop"

    @property
    def safe(self) -> int:
        """Returns how many characters can no longer be part of the stop string."""
        return len(self.text) if self.ended_by else max(0, len(self.text) - max(len(self.stop) - 1, 0))
