"""Scoring with a language model: log probabilities of streams, of lines of text, and of pairs of sentences."""

import collections
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.data import Batches, Skip, Streams
from seqzoo.data.batches import chunks
from seqzoo.metrics.text import pair_scores
from seqzoo.text.codec import CHANGES, Codec

if TYPE_CHECKING:
    from seqzoo.models.language_model import LanguageModelDecoder

CHUNK = 256  # texts that are scored together
LOGITS = 4_000_000  # held at once to score a stream: 16 MB


def stream_nats(decoder: "LanguageModelDecoder", streams: Streams, rows: int = 1) -> float:
    """Sums -log p of all tokens of a text.

    Args:
        decoder: models.LanguageModelDecoder.
        streams: the text.
        rows: number of parts to read in parallel, more for a long text. With one part the score is exact, since the
            state is carried through the whole text.
    """
    if rows > 1:
        rows = max(rows, min(256, streams.tokens // 50_000))
    length = max(16, min(4096, LOGITS // decoder.held) // rows)
    nats, state = 0.0, None
    for ids, next_ids, counts in streams.windows(rows, length=length):
        state = state or decoder.initial_state(len(ids))
        scores, state = decoder.score_window(ids, next_ids, state)
        nats -= float(scores[counts].sum(dtype="float64"))
    return nats


def score_texts(
    decoder: "LanguageModelDecoder", codec: Codec, texts: Iterable[str], reverse: bool = False
) -> Iterator[dict]:
    """Scores lines of a document: reads the line end before each text, and also scores the line end after it.

    Args:
        decoder: models.LanguageModelDecoder that begins with the line end.
        codec: text.codec.Codec.
        texts: any number of texts; they are read in chunks.
        reverse: the model reads from right to left: first the line end after a text, and last the one before it.

    Yields:
        The result of `Codec.scored` for each text, in order. Unknown tokens also cost their spelling, see
        `metrics.text.text_scores`.
    """

    def encode(text):
        ids = codec.encode(text)[0]
        ids = np.array([*(ids[::-1] if reverse else ids), codec.newline], "int32")
        return {}, ids, np.ones(len(ids), "float32")

    def score(inputs, labels, weights):
        return {"ids": labels, "scores": decoder.score({}, labels)}

    batch_tokens = max(64, LOGITS // decoder.held)
    for chunk in chunks(texts, CHUNK):
        for text, row in Batches(chunk, encode, {"labels": "time"}, 64, batch_tokens).outputs(score):
            ids, scores = row["ids"], row["scores"]
            if reverse:
                within = np.count_nonzero(ids) - 1  # the tokens of the text
                ids, scores = (np.concatenate([x[:within][::-1], x[within:]]) for x in (ids, scores))
            yield codec.scored(text, ids, scores, spell=True)


def alternatives(lines: Iterable[str]) -> dict[int, str]:
    """Returns the texts to rank, {number from 1: text}: the lines or, of a single line, its parts between ' / '.

    Blank ones are left out, but counted.

    Raises:
        ValueError: there are fewer than two.
    """
    lines = [*lines]
    parts = lines[0].split(" / ") if len(lines) == 1 else lines
    texts = {number: text for number, text in enumerate(parts, 1) if text.strip()}
    if len(texts) < 2:
        received = [*texts.values()]
        raise ValueError(f"--rank needs at least two texts, on lines or separated by ' / '. Received: {received}")
    return texts


def ranked(answers: Iterable[dict]) -> list[dict]:
    """Sorts alternatives, the likeliest first, and adds to each its "share", its probability among the alternatives.

    Args:
        answers: dicts with ``"log_probability"``.
    """
    answers = sorted(answers, key=lambda answer: -answer["log_probability"])
    odds = [math.exp(answer["log_probability"] - answers[0]["log_probability"]) for answer in answers]
    return [{**answer, "share": odd / sum(odds)} for answer, odd in zip(answers, odds, strict=True)]


class Pairs:
    """Pairs of a good and a bad sentence; a language model should prefer the good one.

    Sentences are read in full, with a line end. If a pair has the position of a verb and tokens are words between
    spaces, both are read only up to the verb (Linzen et al., 2016). Pairs are left out if both sentences are the same
    to the model, or if they differ in an unknown word.

    Args:
        pairs: examples {"good", "bad", "group"}, and "position" if one word differs; iterable more than once.
        codec: text.codec.Codec.

    Attributes:
        steps: number of pairs. summary: the number as readable text.
    """

    def __init__(self, pairs: Iterable[dict], codec):
        self.pairs, self.codec = pairs, codec
        self.steps = sum(1 for _ in pairs)
        self.summary = f"{self.steps:,} pairs"

    def texts(self, pair: dict, match: bool) -> tuple[list[str], bool, collections.Counter]:
        """Returns (both sentences as they are read, whether they are complete, the changes of `Codec.matched`)."""
        whole = "position" not in pair or self.codec.units != "whitespace"
        texts, changes = [pair["good"], pair["bad"]], collections.Counter()
        if not whole:
            texts = [" ".join(text.split(" ")[: pair["position"] + 1]) for text in texts]
        if match:
            texts, found = zip(*(self.codec.matched(text, ends=whole) for text in texts), strict=True)
            changes = sum(found, changes)
        return [*texts], whole, changes

    def scores(self, decoder: "LanguageModelDecoder", match: bool = False) -> dict:
        """Counts how often the good sentence is likelier, see `metrics.text.pair_scores`.

        Args:
            decoder: models.LanguageModelDecoder that begins with the line end.
            match: whether to change capitals and final stops to match the vocabulary, see `Codec.matched`.

        Returns:
            The scores, ``same_support`` and ``unknown_support``: how many pairs were left out and why; with `match`
            also how often each change was made.

        Raises:
            ValueError: all pairs are left out.
        """
        same, unknown = "both sentences are the same", "they differ in an unknown word"

        def encode(pair):
            texts, whole, _ = self.texts(pair, match)
            (good, good_unknown), (bad, bad_unknown) = map(self.codec.encode, texts)
            if good == bad and good_unknown == bad_unknown:
                raise Skip(same)
            if good == bad or good.count(1) != bad.count(1) or sorted(good_unknown) != sorted(bad_unknown):
                raise Skip(unknown)
            end = [self.codec.newline] * whole
            inputs = {"good": np.array([*good, *end], "int32"), "bad": np.array([*bad, *end], "int32")}
            return inputs, np.array(0, "int32"), np.array(1, "float32")

        def totals(inputs, labels, weights):
            return {
                side: np.where(ids > 0, decoder.score({}, ids), 0).sum(axis=-1, dtype="float64")
                for side, ids in inputs.items()
            }

        batches = Batches(self.pairs, encode, {"good": "good", "bad": "bad"}, 64, 4096)
        if not batches.size:
            raise ValueError(f"No pairs left to score: {batches.summary}.")
        changes = collections.Counter(dict.fromkeys(CHANGES, 0) if match else {})
        rows = []
        for pair, row in batches.outputs(totals):
            changes.update(self.texts(pair, match)[2])
            if row is not None:
                rows.append((pair["group"], row["good"] > row["bad"]))
        left_out = {"same_support": batches.skipped[same], "unknown_support": batches.skipped[unknown]}
        return {**pair_scores(rows), **left_out, **changes}
