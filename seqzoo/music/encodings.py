"""Encodings: music as the ids that a generator reads and writes, step by step, and back."""

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.assets import Asset
from seqzoo.music.events import EVENTS, from_events, parse_event, to_events
from seqzoo.music.frames import from_frames, to_frames
from seqzoo.music.score import SIXTEENTH, Score, parse_metre, quantize
from seqzoo.music.voices import NO_PITCH, from_voices, separate_voices, skyline, to_voices
from seqzoo.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from types import ModuleType

    import keras


ENCODINGS = ("voices", "frames", "melody", "events")
END, REST, HOLD, FIRST = 2, 3, 4, 5  # ids; FIRST is the id of pitch 0
PITCHES = 128
HELD = FIRST + PITCHES  # id of pitch 0, held
LONGEST_BAR = 96  # steps; later steps of a longer bar share the last position


class Encoding(Asset):
    """Encodes music as rows of ids [T, S], one row per step, and decodes it.

        voices   S voices, the highest first: a pitch where a note begins, hold, or rest
        frames   up to S pitches that sound, from high to low, each beginning or held; then rest, which ends a row
        melody   S = 1: as a single voice, the highest pitch that sounds
        events   S = 1: a row per event of `events.EVENTS`, with velocities

    A piece ends with a row of the end mark and rests. See `seqzoo.music` for the sources.

    Args:
        name: one of ENCODINGS.
        slots: S of voices and frames.
        steps_per_quarter: the grid.
        onsets: for frames: whether it is known where notes begin; if not, the vocabulary has no held pitches.
        drums: whether pitches are percussion instruments, which cannot be transposed.

    Attributes:
        vocabulary: Vocabulary of the ids.
        slots: S.
        sets: whether rows are sets of notes.
        pitch: [V] the pitch of each id, below 0 for none. See `layers.notes.NoteDecoder`.
        dropped, notes: number of notes that did not fit into their frames, and of all notes of frames, since the
            encoding was created.
    """

    def __init__(self, name: str, slots: int = 4, steps_per_quarter: int = 4, onsets: bool = True, drums: bool = False):
        self.name, self.steps_per_quarter, self.onsets, self.drums = name, steps_per_quarter, onsets, drums
        self.step = Fraction(1, steps_per_quarter)
        self.slots = slots if name in ("voices", "frames") else 1
        self.sets = name == "frames"
        if name == "events":
            tokens = ["end", *EVENTS]
            pitches = [number if kind in ("on", "off") else -1 for kind, number in map(parse_event, EVENTS)]
            self.pitch = np.array([-1, -1, -1, *pitches])
        else:
            pitches = [str(pitch) for pitch in range(PITCHES)]
            held = [f"held {pitch}" for pitch in pitches] if self.sets and onsets else []
            tokens = ["end", "rest", "hold", *pitches, *held]
            none = [-9, -9, -2, -1, -9] if self.sets else [-1] * FIRST
            self.pitch = np.array(none + [*range(PITCHES)] * (2 if held else 1))
        self.vocabulary = Vocabulary(tokens)
        self.dropped = self.notes = 0

    def to_dict(self) -> dict:
        return {name: getattr(self, name) for name in ("name", "slots", "steps_per_quarter", "onsets", "drums")}

    @property
    def summary(self) -> dict[str, str]:
        """Remarks for users, {subject: text}."""
        summary = {} if self.onsets else {"time": f"a frame is taken as 1/{self.steps_per_quarter} of a quarter note"}
        if self.dropped:
            share = self.dropped / self.notes
            summary["frames"] = f"{share:.2%} of the notes dropped: more than {self.slots} at once"
        return summary

    def barred(self) -> np.ndarray:
        """Returns [S, V] booleans: the ids that are never sampled in each slot."""
        barred = np.zeros((self.slots, len(self.vocabulary)), bool)
        barred[:, :2] = True
        barred[1:, END] = True
        if self.sets:
            barred[:, HOLD] = True
        return barred

    def score(self, example: dict) -> Score:
        """Returns the Score of an example of a music dataset, with the feature "score", "voices" or "frames"."""
        attributes = {"name": example.get("name", ""), "metre": parse_metre(example.get("metre", "4/4"))}
        if "score" in example:
            return example["score"]
        if "voices" in example:
            step = SIXTEENTH if "begins" in example else self.step
            return from_voices(example["voices"], example.get("begins"), step, **attributes)
        return from_frames(example["frames"], None, self.step, **attributes)

    def encode(self, example: dict) -> np.ndarray:
        """Returns the ids [T + 1, S] of an example, the end mark last.

        Raises:
            ValueError: more voices sound at once than there are slots.
        """
        if self.sets and not self.onsets:
            frames = example["frames"] if "frames" in example else to_frames(self.score(example), self.step)[0]
            rows = [self._set([(pitch, False) for pitch in frame]) for frame in frames]
        else:
            rows = self._rows(self.score(example))
        end = np.full((1, self.slots), REST)
        end[:, 0] = END
        return np.concatenate([np.array(rows, int).reshape(-1, self.slots), end]).astype("int32")

    def _rows(self, score):
        if self.name == "events":
            return self.vocabulary.encode(to_events(score, self.step, velocities=True))
        if self.sets:
            return [
                self._set([(pitch, pitch not in begins) for pitch in frame])
                for frame, begins in zip(*to_frames(score, self.step), strict=True)
            ]
        if self.name == "melody":
            pitches, onsets = skyline(score, self.step)
        else:
            score = separate_voices(quantize(score, self.step), self.slots)
            pitches, onsets = to_voices(score, self.step, self.slots)
        return np.where(onsets, FIRST + pitches, np.where(pitches < 0, REST, HOLD))

    def _set(self, notes):
        """Ids of (pitch, whether held), from high to low; if there are too many, the highest ones and the lowest."""
        self.notes += len(notes)
        if len(notes) > self.slots:
            self.dropped += len(notes) - self.slots
            notes = [*notes[: self.slots - 1], notes[-1]] if self.slots > 1 else notes[:1]
        ids = [(HELD if held else FIRST) + pitch for pitch, held in notes]
        return ids + [REST] * (self.slots - len(ids))

    def decode(self, rows: np.ndarray, **attributes) -> Score:
        """Returns the Score of rows of ids up to the first end mark.

        Args:
            rows: [T, S] ids.
            attributes: tempo, metre, name of the Score.
        """
        attributes["drums"] = self.drums
        rows = np.asarray(rows).reshape(-1, self.slots)
        if len(ends := np.flatnonzero(np.isin(rows[:, 0], (0, END)))):
            rows = rows[: ends[0]]
        if self.name == "events":
            return from_events([self.vocabulary.tokens[i] for i in rows[:, 0]], self.step, **attributes)
        if self.sets:
            frames = [[int(self.pitch[i]) for i in row if self.pitch[i] >= 0] for row in rows]
            onsets = [[i - FIRST for i in row.tolist() if FIRST <= i < HELD] for row in rows] if self.onsets else None
            return from_frames(frames, onsets, self.step, **attributes)
        before, _ = self.inputs(np.concatenate([rows, rows[:1]]))
        pitches = before[1:] - FIRST  # sounding after each row
        return from_voices(np.where(pitches >= 0, pitches, NO_PITCH), rows >= FIRST, self.step, **attributes)

    def chord(self, pitches: Iterable[int]) -> np.ndarray:
        """Returns rows [T, S] that begin with the given pitches; 0 is left open.

        Raises:
            ValueError: more pitches than fit into a row.
        """
        pitches = sorted(set(pitches), reverse=True)
        if self.name == "events":
            return np.array(self.vocabulary.encode([f"on{pitch}" for pitch in pitches])).reshape(-1, 1)
        if len(pitches) > self.slots:
            raise ValueError(f"A chord should have at most {self.slots} notes. Received: {len(pitches)} notes")
        return np.array([[FIRST + pitch for pitch in pitches] + [0] * (self.slots - len(pitches))])

    def melody(self, score: Score) -> np.ndarray:
        """Returns the first ids [T + 1] of the rows whose highest voice is a score's skyline, the end mark last."""
        pitches, onsets = (column[:, 0] for column in skyline(score, self.step))
        held = pitches + (HELD if self.onsets else FIRST) if self.sets else HOLD
        rest = 0 if self.sets else REST  # the other notes of a set may sound
        ids = np.where(pitches < 0, rest, np.where(onsets, FIRST + pitches, held))
        return np.append(ids, END).astype("int32")

    def advance(
        self,
        row: "np.ndarray | keras.KerasTensor",
        before: "np.ndarray | keras.KerasTensor",
        age: "np.ndarray | keras.KerasTensor",
        xp: "ModuleType" = np,
    ) -> "tuple[np.ndarray | keras.KerasTensor, np.ndarray | keras.KerasTensor]":
        """Returns the ids that sound after a row, and for how many steps they have: both [..., S].

        Args:
            row: [..., S] ids.
            before, age: [..., S], the ids that sounded before it and for how many steps, 0 at first.
            xp: numpy, or keras.ops inside a compiled loop.
        """
        if self.name == "events":
            return row, xp.zeros_like(row)
        if not self.sets:
            stays = xp.logical_or(row == HOLD, xp.logical_and(row == REST, before == REST))
            return xp.where(stays, before, row), xp.where(stays, age + 1, 0)
        sounding = xp.where(row >= HELD, row - PITCHES, row)
        held = row >= (HELD if self.onsets else FIRST)
        same = sounding[..., :, None] == before[..., None, :]
        older = xp.max(xp.where(same, age[..., None, :] + 1, 0), axis=-1)
        return sounding, xp.where(held, older, 0)

    def inputs(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns further inputs of a generator for rows [T, S]: the ids sounding before each, and their ages."""
        before, age = np.zeros_like(rows), np.zeros_like(rows)
        for t in range(len(rows) - 1):
            before[t + 1], age[t + 1] = self.advance(rows[t], before[t], age[t])
        return before, age

    def positions(self, steps: int, metre: tuple = (4, 4), pickup: float = 0) -> np.ndarray:
        """Returns the position of each step in its bar, from 1; always 1 for events.

        Args:
            steps: T.
            metre: (numerator, denominator).
            pickup: quarter notes before the first whole bar.
        """
        if self.name == "events":
            return np.ones(steps, "int32")
        bar = max(1, round(4 * metre[0] / metre[1] * self.steps_per_quarter))
        positions = (np.arange(steps) - round(pickup * self.steps_per_quarter)) % bar
        return (np.minimum(positions, LONGEST_BAR - 1) + 1).astype("int32")

    def mask(self, rows: np.ndarray) -> np.ndarray:
        """Returns booleans of the shape of rows [..., S]: ids after the end of a set or piece are not predicted."""
        ended = np.isin(rows, (REST, END)) if self.sets else rows == END
        return np.cumsum(ended, axis=-1) - ended == 0

    def roll(self, rows: np.ndarray) -> np.ndarray:
        """Returns the piano roll [T, 128] of rows, 1 where a pitch sounds."""
        pitches = self.pitch[rows]
        step, slot = np.nonzero(pitches >= 0)
        roll = np.zeros((len(rows), PITCHES), "float32")
        roll[step, pitches[step, slot]] = 1
        return roll

    def transpose_range(self, rows: np.ndarray) -> tuple[int, int]:
        """Returns the semitones by which rows can be transposed: (lowest, highest), such as (-40, 30)."""
        pitches = self.pitch[rows]
        pitches = pitches[pitches >= 0]
        if self.drums or not len(pitches):
            return 0, 0
        return -int(pitches.min()), PITCHES - 1 - int(pitches.max())

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Returns ids of any shape, transposed up by `semitones`, which must lie within their `transpose_range`."""
        return np.where(self.pitch[rows] >= 0, rows + semitones, rows).astype("int32")
