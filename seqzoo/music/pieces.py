"""Pieces: examples of music as rows of ids, with their key, metre and style, in parts of bounded length."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from seqzoo.music.conditions import Conditions
from seqzoo.music.encodings import END, Encoding
from seqzoo.music.keys import find_key
from seqzoo.music.score import SIXTEENTH


class Piece(NamedTuple):
    """A piece, or a part of one.

    rows: [T, S] ids; the last row of a piece is the end mark. positions: [T], in the bar. key: (tonic, mode). metre:
    (numerator, denominator). style: "" if it has none.
    """

    rows: np.ndarray
    positions: np.ndarray
    key: tuple
    metre: tuple
    style: str


def pieces(example: dict, encoding: Encoding, longest: int) -> list[Piece]:
    """Returns an example of a music dataset as one or several pieces of at most `longest` steps.

    Raises:
        ValueError: the example cannot be encoded, or has no notes.
    """
    score, rows = encoding.score(example), encoding.encode(example)
    key = find_key(score)
    pickup = example.get("pickup", 0) * float(SIXTEENTH)
    positions = encoding.positions(len(rows), score.metre, pickup)
    # Parts of equal length: a short one, such as a lone end mark, would weigh as much in its batch as a long one.
    size = -(-len(rows) // -(-len(rows) // longest))
    parts = [slice(start, start + size) for start in range(0, len(rows), size)]
    return [Piece(rows[part], positions[part], key, score.metre, example.get("style", "")) for part in parts]


def all_pieces(examples: Iterable[dict], encoding: Encoding, longest: int) -> Iterator[Piece]:
    """Yields the pieces of all examples that can be encoded."""
    for example in examples:
        parts = []
        with contextlib.suppress(ValueError):
            parts = pieces(example, encoding, longest)
        yield from parts


def arrays(piece: Piece, encoding: Encoding, conditions: Conditions, ahead: bool, independent: bool = False) -> tuple:
    """Returns (inputs, labels, weights) of a completely known piece, for a `models.generator`.

    Args:
        piece: the piece.
        encoding, conditions: of the model. A style that no training piece has is unknown.
        ahead: whether the model has the input "ahead".
        independent: whether its output is "independent": labels are a piano roll then.
    """
    rows, (before, age) = piece.rows, encoding.inputs(piece.rows)
    inputs = {"before": before, "position": piece.positions}
    if encoding.name != "events":
        inputs["age"] = age
    if ahead:
        inputs["ahead"] = rows[:, 0]
    inputs |= conditions.inputs(piece.key, piece.metre, piece.style if piece.style in conditions.styles else "")
    if independent:
        return inputs, encoding.roll(rows), (rows[:, 0] != END).astype("float32")
    return {**inputs, "tokens": rows}, rows, encoding.mask(rows).astype("float32")


def without_ahead(inputs: dict) -> dict:
    """Returns the inputs of a piece or a batch in which no token is known in advance."""
    return {**inputs, "ahead": np.zeros_like(inputs["ahead"])} if "ahead" in inputs else inputs


def transpose(inputs: dict, labels: np.ndarray, semitones: int, encoding: Encoding, conditions: Conditions) -> tuple:
    """Returns (inputs, labels) of a piece or a batch, transposed up by `semitones`, for a `models.generator`.

    Args:
        inputs: of the generator, including "tokens" unless its output is "independent".
        labels: the tokens [..., T, S]; for output "independent" a piano roll [..., T, 128].
        semitones: within the `Encoding.transpose_range` of each piece.
    """
    names = [name for name in ("tokens", "before", "ahead") if name in inputs]
    inputs = conditions.transpose(inputs, semitones)
    inputs = {**inputs, **{name: encoding.transpose(inputs[name], semitones) for name in names}}
    return inputs, inputs["tokens"] if "tokens" in inputs else np.roll(labels, semitones, axis=-1)
