"""Scores: notes in time, on and off a grid."""

import collections
import dataclasses
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

SIXTEENTH = Fraction(1, 4)


@dataclasses.dataclass(frozen=True, order=True)
class Note:
    """A note.

    Args:
        start, length: in quarter notes; anything that `fractions.Fraction` accepts.
        pitch: MIDI number, 0..127; 60 is middle C.
        voice: 0 is the first, the soprano of a chorale.
        velocity: how hard the note is struck, 1..127.

    Raises:
        ValueError: names the field that is out of range.
    """

    start: Fraction
    length: Fraction
    pitch: int
    voice: int = 0
    velocity: int = 80

    def __post_init__(self):
        for field in ("start", "length"):
            time = getattr(self, field)
            object.__setattr__(self, field, Fraction(time.item() if isinstance(time, np.generic) else time))
        for field in ("pitch", "voice", "velocity"):
            object.__setattr__(self, field, int(getattr(self, field)))
        for field, valid, expected in (
            ("start", self.start >= 0, "0 or more"),
            ("length", self.length > 0, "more than 0"),
            ("pitch", 0 <= self.pitch <= 127, "0..127"),
            ("voice", self.voice >= 0, "0 or more"),
            ("velocity", 1 <= self.velocity <= 127, "1..127"),
        ):
            if not valid:
                raise ValueError(f"A note's {field} should be {expected}. Received: {field} {getattr(self, field)}")

    @property
    def end(self) -> Fraction:
        return self.start + self.length


@dataclasses.dataclass
class Score:
    """A piece.

    Args:
        notes: iterable of Note; kept as a list, sorted by start, length, pitch.
        tempo: quarter notes per minute.
        metre: (numerator, denominator).
        name: title of the piece.
        drums: whether pitches are the percussion instruments of General MIDI.
    """

    notes: list
    tempo: float = 100.0
    metre: tuple = (4, 4)
    name: str = ""
    drums: bool = False

    def __post_init__(self):
        self.notes, self.metre = sorted(self.notes), tuple(self.metre)

    @property
    def length(self) -> Fraction:
        """Quarter notes up to the end of the last note."""
        return max((note.end for note in self.notes), default=Fraction(0))

    @property
    def voices(self) -> int:
        """Number of voices, including empty ones before the last."""
        return max((note.voice for note in self.notes), default=-1) + 1


def transpose(score: Score, semitones: int) -> Score:
    """Returns the score transposed up by `semitones`, down if negative.

    Raises:
        ValueError: a pitch would leave 0..127.
    """
    return dataclasses.replace(
        score, notes=[dataclasses.replace(note, pitch=note.pitch + semitones) for note in score.notes]
    )


def cut(score: Score, quarters: float) -> Score:
    """Returns the first `quarters` quarter notes of a score; longer notes are cut there."""
    end = Fraction(quarters)
    notes = [note for note in score.notes if note.start < end]
    return dataclasses.replace(
        score, notes=[dataclasses.replace(note, length=min(note.length, end - note.start)) for note in notes]
    )


def quantize(score: Score, step: Fraction | float = SIXTEENTH, merge: bool = False) -> Score:
    """Returns the score with all notes on a grid, as it comes back from a representation and its inverse.

    Starts and ends move to the nearest step, halves up; shorter notes last one step. Within a voice a pitch sounds
    once at a time: a note that begins while its pitch sounds cuts the earlier note and lasts until both would have
    ended; two that begin together become one.

    Args:
        score: Score.
        step: of the grid, in quarter notes.
        merge: merge all voices into one, as frames and events do.
    """
    step = parse_step(step)
    return dataclasses.replace(score, notes=from_grid(to_grid(score.notes, step, merge), step).notes)


def to_grid(notes: Iterable[Note], step: Fraction | float, merge: bool = False) -> list[tuple]:
    """Returns notes in whole steps, see `quantize`: a sorted list of (start, end, pitch, voice, velocity)."""
    step, by_key = parse_step(step), collections.defaultdict(list)
    for note in notes:
        start = _nearest(note.start, step)
        end = max(start + 1, _nearest(note.end, step))
        voice = 0 if merge else note.voice
        by_key[note.pitch, voice].append((start, end, note.velocity))
    rows = []
    for (pitch, voice), same in by_key.items():
        separated = []
        for start, end, velocity in sorted(same):
            if separated and start < separated[-1][1]:
                earlier_start, earlier_end, earlier_velocity = separated.pop()
                end = max(end, earlier_end)
                if earlier_start < start:
                    separated.append((earlier_start, start, earlier_velocity))
                else:
                    velocity = max(velocity, earlier_velocity)
            separated.append((start, end, velocity))
        rows += [(start, end, pitch, voice, velocity) for start, end, velocity in separated]
    return sorted(rows)


def from_grid(rows: Iterable[tuple], step: Fraction | float, **attributes) -> Score:
    """Returns the Score of (start, end, pitch), optionally with voice and velocity, in whole steps.

    Args:
        rows: iterable of tuples, as `to_grid` returns them.
        step: of the grid, in quarter notes.
        attributes: tempo, metre, name of the Score.
    """
    step = parse_step(step)
    return Score([Note(start * step, (end - start) * step, *rest) for start, end, *rest in rows], **attributes)


def boundaries(rows: Iterable[tuple]) -> list[tuple]:
    """Returns the (time, begins, pitch, velocity) at which notes of a grid begin and end, in order.

    At the same time ends come first (`begins` is 0, as is their velocity), both from low to high.
    """
    edges = []
    for start, end, pitch, _, velocity in rows:
        edges += [(start, 1, pitch, velocity), (end, 0, pitch, 0)]
    return sorted(edges)


def parse_step(step: Fraction | float) -> Fraction:
    """Returns a step as an exact fraction of a quarter note; the float 1/12 means that twelfth, not its binary value.

    Raises:
        ValueError: the step is not positive.
    """
    step = Fraction(step).limit_denominator(100_000)
    if step <= 0:
        raise ValueError(f"A step should be a positive fraction of a quarter note. Received: step {step}")
    return step


def parse_metre(text: str | tuple) -> tuple:
    """Returns (numerator, denominator) of "3/4" or "3+2/8"; a pair is returned as it is.

    Raises:
        ValueError: the text is not a metre.
    """
    if not isinstance(text, str):
        return tuple(text)
    try:
        beats, kind = text.split("/")
        metre = sum(map(int, beats.split("+"))), int(kind)
    except ValueError:
        metre = 0, 0
    if min(metre) < 1 or metre[1] & (metre[1] - 1):
        raise ValueError(f"A metre should be like 4/4 or 6/8. Received: {text!r}")
    return metre


def _nearest(time, step):
    """Returns the whole number of steps nearest to a time, halves up; integers are many times as fast as fractions."""
    whole = time.denominator * step.numerator
    return (2 * time.numerator * step.denominator + whole) // (2 * whole)
