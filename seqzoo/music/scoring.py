"""Scoring: how likely music is under a generator, in one key or averaged over several, and under an n-gram model."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.music.conditions import Conditions
from seqzoo.music.encodings import END, Encoding
from seqzoo.music.pieces import Piece, transpose, without_ahead
from seqzoo.text.ngrams import KneserNey

if TYPE_CHECKING:
    from seqzoo.data import Batches
    from seqzoo.models import GeneratorDecoder


NGRAM_TOKENS = 5_000_000  # the n-gram model learns from at most this many


def totals(
    decoder: "GeneratorDecoder", feed: "Batches", encoding: Encoding, conditions: Conditions, keys: int = 1
) -> tuple[float, int, int]:
    """Scores a split without conditions and without a melody ahead.

    Args:
        decoder: models.GeneratorDecoder; if it bars the end mark, scores ignore that pieces may end.
        feed: Batches of `pieces.arrays`.
        encoding, conditions: of the model.
        keys: see `log_probabilities`.

    Returns:
        (-log p of all notes, number of steps, number of notes with the ends of sets), without end marks.
    """

    def run(inputs, labels, weights):
        inputs = conditions.hide(without_ahead(inputs))
        scores = log_probabilities(decoder, inputs, labels, encoding, conditions, keys)
        if "tokens" in inputs:
            weights = weights * (labels[..., :1] != END)  # [B, T, S]
            notes = weights.sum(axis=(1, 2))
        else:
            notes = (weights * np.minimum(labels.sum(axis=-1) + 1, encoding.slots)).sum(axis=1)  # + 1: the end of a set
            weights = weights[..., None]  # [B, T, 1]
        nats = -(scores * weights).sum(axis=(1, 2), dtype="float64")
        return {"totals": np.stack([nats, weights[..., 0].sum(axis=1), notes], axis=1)}

    nats, steps, notes = sum(row["totals"] for _, row in feed.outputs(run) if row is not None)
    return float(nats), int(steps), int(notes)


def log_probabilities(
    decoder: "GeneratorDecoder",
    inputs: dict,
    labels: np.ndarray,
    encoding: Encoding,
    conditions: Conditions,
    keys: int = 1,
) -> np.ndarray:
    """Returns log p of each note of a batch, given those before it, averaged as probabilities over several keys.

    Args:
        decoder: models.GeneratorDecoder.
        inputs, labels: see `pieces.transpose`.
        encoding, conditions: of the model.
        keys: number of keys, the original one in the middle; keys in which a piece has no room are left out.

    Returns:
        [B, T, S]; for output "independent" [B, T, 1], of whole steps.
    """
    # For each piece by itself: the others in its batch must not affect its choice of keys.
    low, high = np.transpose([encoding.transpose_range(rows) for rows in inputs.get("tokens", inputs["before"])])
    total, count = -np.inf, np.zeros((len(low), 1, 1))
    for semitones in range(-(keys // 2), keys - keys // 2):
        fits = (low <= semitones) & (semitones <= high)
        if not fits.any():
            continue
        own = {name: value[fits] for name, value in inputs.items()}
        found = decoder.score(*transpose(own, labels[fits], semitones, encoding, conditions))
        scores = np.full((len(fits), *found.shape[1:]), -np.inf)
        scores[fits] = found
        total = np.logaddexp(total, scores)
        count[fits] += 1
    return total - np.log(count)


def ngram_nats(train: Iterable[Piece], valid: Iterable[Piece], encoding: Encoding, order: int, keys: range) -> float:
    """Returns the nats a step of pieces under Kneser-Ney counts of the notes of other pieces.

    Args:
        train, valid: pieces to count, and to score without their end marks.
        encoding: of the pieces.
        order: length of the n-grams, in notes.
        keys: semitones by which each piece of `train` is transposed, and counted again.
    """
    counted, left = [], NGRAM_TOKENS
    for piece in train:
        low, high = encoding.transpose_range(piece.rows)
        for semitones in (semitones for semitones in keys if low <= semitones <= high):
            counted.append(_notes(encoding.transpose(piece.rows, semitones), encoding))
            left -= len(counted[-1])
        if left < 0:
            break
    model, nats, steps = KneserNey(np.concatenate(counted), order, len(encoding.vocabulary)), 0.0, 0
    for piece in valid:
        rows = piece.rows[piece.rows[:, 0] != END]
        # It follows the end of another piece, as do all but the first of train.
        ids = np.concatenate([[END], _notes(rows, encoding)])
        nats, steps = nats - float(model.log_probabilities(ids)[1:].sum()), steps + len(rows)
    return nats / steps


def _notes(rows, encoding):
    """Returns the predicted ids of rows in one sequence."""
    return rows[encoding.mask(rows)]
