"""Encodings: music <-> the ids that a generator reads and writes, step by step."""

import numpy as np

from seqzoo.music import score as music
from seqzoo.text.vocabulary import Vocabulary

ENCODINGS = ("voices", "frames", "melody", "events")
END, REST, HOLD, FIRST = 2, 3, 4, 5  # ids; FIRST is that of pitch 0
PITCHES = 128
HELD = FIRST + PITCHES  # id of pitch 0, held on
LONGEST_BAR = 96  # steps of a bar that are told from each other


class Encoding:
    """How music becomes rows of ids [T, S], a row a step, and comes back.

        voices   S voices, the highest first: a pitch where a note begins, hold, or rest
        frames   the at most S pitches that sound, from high to low; each begins or is held; then rest, which ends a row
        melody   S = 1: as the first of one voice, the highest of all that sounds
        events   S = 1: a row an event of `music.EVENTS`, with velocities

    A piece ends with a row of the end mark and rests. See `seqzoo.music` for the sources.

    Args:
        name: one of ENCODINGS.
        slots: S of voices and frames.
        steps_per_quarter: the grid.
        struck: of frames: whether it is known where notes begin; if not, none is told to be held.

    Attributes:
        vocabulary: Vocabulary of the ids.
        slots: S.
        sets: whether rows are sets of notes.
        pitch: [V] the pitch of each id; below 0: none. See `layers.notes.NoteDecoder`.
        dropped: notes that frames of too many had no room for, since it was made.
    """

    def __init__(self, name, slots=4, steps_per_quarter=4, struck=True):
        self.name, self.steps_per_quarter, self.struck = name, steps_per_quarter, struck
        self.step = music.Fraction(1, steps_per_quarter)
        self.slots = slots if name in ("voices", "frames") else 1
        self.sets = name == "frames"
        if name == "events":
            tokens = ["end", *music.EVENTS]
            self.pitch = np.array([-1, -1, -1, *(int(e[2:]) if e[:2] == "on" else _off(e) for e in music.EVENTS)])
        else:
            pitches = [str(pitch) for pitch in range(PITCHES)]
            held = [f"held {pitch}" for pitch in pitches] if name == "frames" and struck else []
            tokens = ["end", "rest", "hold", *pitches, *held]
            none = [-9, -9, -2, -1, -9] if self.sets else [-1] * FIRST
            self.pitch = np.array(none + [*range(PITCHES)] * (2 if held else 1))
        self.vocabulary = Vocabulary(tokens)
        self.dropped = 0

    def barred(self):
        """[S, V] booleans: what is never drawn in each slot."""
        barred = np.zeros((self.slots, len(self.vocabulary)), bool)
        barred[:, :2] = True
        barred[1:, END] = True
        if self.name == "frames":
            barred[:, HOLD] = True
        return barred

    def score(self, example):
        """The Score of an example of a dataset of music: with "score", "voices" or "frames"."""
        about = {"name": example.get("name", ""), "metre": parse_metre(example.get("metre", "4/4"))}
        if "score" in example:
            return example["score"]
        if "voices" in example:
            step = music.SIXTEENTH if "begins" in example else self.step
            return music.from_voices(example["voices"], example.get("begins"), step, **about)
        return music.from_frames(example["frames"], None, self.step, **about)

    def encode(self, example):
        """Ids [T + 1, S] of an example, the end mark last.

        Raises:
            ValueError: more voices sound at once than there are slots.
        """
        if self.name == "frames" and not self.struck:
            frames = example["frames"] if "frames" in example else music.to_frames(self.score(example), self.step)[0]
            rows = [self._set([(pitch, False) for pitch in frame]) for frame in frames]
        else:
            rows = self._rows(self.score(example))
        end = np.full((1, self.slots), REST)
        end[:, 0] = END
        return np.concatenate([np.array(rows, int).reshape(-1, self.slots), end]).astype("int32")

    def _rows(self, score):
        if self.name == "events":
            return self.vocabulary.encode(music.to_events(score, self.step, velocities=True))
        if self.name == "melody":
            known = {music.HOLD: HOLD, music.REST: REST}
            return [known.get(token, FIRST + token) for token in music.to_melody(score, self.step)]
        if self.name == "voices":
            score = music.separate_voices(music.quantize(score, self.step), self.slots)
            pitches, onsets = music.to_voices(score, self.step, self.slots)
            return np.where(onsets, FIRST + pitches, np.where(pitches < 0, REST, HOLD))
        frames, onsets = music.to_frames(score, self.step)
        return [
            self._set([(pitch, pitch not in begin) for pitch in frame])
            for frame, begin in zip(frames, onsets, strict=True)
        ]

    def _set(self, notes):
        """Ids of (pitch, whether held) from high to low; of too many the lowest and the highest ones."""
        if len(notes) > self.slots:
            self.dropped += len(notes) - self.slots
            notes = [*notes[: self.slots - 1], notes[-1]] if self.slots > 1 else notes[:1]
        ids = [(HELD if held else FIRST) + pitch for pitch, held in notes]
        return ids + [REST] * (self.slots - len(ids))

    def decode(self, rows, **about):
        """The Score of rows of ids; what is behind an end mark is left out. `about`: tempo, metre, name."""
        rows = np.asarray(rows).reshape(-1, self.slots)
        if len(ends := np.flatnonzero(np.isin(rows[:, 0], (0, END)))):
            rows = rows[: ends[0]]
        if self.name == "events":
            return music.from_events([self.vocabulary.tokens[i] for i in rows[:, 0]], self.step, **about)
        if self.name == "melody":
            known = {HOLD: music.HOLD, REST: music.REST}
            return music.from_melody([known.get(i, i - FIRST) for i in rows[:, 0].tolist()], self.step, **about)
        if self.name == "voices":
            before, _ = self.inputs(np.concatenate([rows, rows[:1]]))
            pitches = before[1:] - FIRST  # what stands behind each row
            return music.from_voices(np.where(pitches >= 0, pitches, -1), rows >= FIRST, self.step, **about)
        frames = [[int(self.pitch[i]) for i in row if self.pitch[i] >= 0] for row in rows]
        onsets = [[i - FIRST for i in row.tolist() if FIRST <= i < HELD] for row in rows] if self.struck else None
        return music.from_frames(frames, onsets, self.step, **about)

    def chord(self, pitches):
        """Rows [T, S] that begin with some pitches; 0 is left open.

        Raises:
            ValueError: more pitches than a row has room for.
        """
        pitches = sorted(set(pitches), reverse=True)
        if self.name == "events":
            return np.array(self.vocabulary.encode([f"on{pitch}" for pitch in pitches])).reshape(-1, 1)
        if len(pitches) > self.slots:
            raise ValueError(f"{len(pitches)} notes to begin with, where a step has {self.slots} at most.")
        return np.array([[FIRST + pitch for pitch in pitches] + [0] * (self.slots - len(pitches))])

    def melody(self, score):
        """The first of each row [T + 1] of what has a score's highest notes as its highest voice, and the end mark."""
        ids, pitch = [], None
        for token in music.to_melody(score, self.step):
            if token == music.REST:
                ids.append(0 if self.sets else REST)  # the others of a set may sound
                continue
            pitch = pitch if token == music.HOLD else token
            held = {"voices": HOLD, "frames": (HELD if self.struck else FIRST) + pitch}[self.name]
            ids.append(held if token == music.HOLD else FIRST + pitch)
        return np.array([*ids, END], "int32")

    def advance(self, row, before, age, xp=np):
        """What stands behind a row, and how long it has: both [..., S].

        Args:
            row: [..., S] ids.
            before, age: [..., S], what stood before it and for how many steps, 0 at first.
            xp: numpy, or keras.ops inside of a compiled loop.
        """
        if self.name == "events":
            return row, xp.zeros_like(row)
        if not self.sets:
            stands = xp.logical_or(row == HOLD, xp.logical_and(row == REST, before == REST))
            return xp.where(stands, before, row), xp.where(stands, age + 1, 0)
        standing = xp.where(row >= HELD, row - PITCHES, row)
        held = row >= (HELD if self.struck else FIRST)
        same = standing[..., :, None] == before[..., None, :]
        older = xp.max(xp.where(same, age[..., None, :] + 1, 0), axis=-1)
        return standing, xp.where(held, older, 0)

    def inputs(self, rows):
        """What a generator reads beside rows [T, S]: what stood before each, and its age, both [T, S]."""
        before, age = np.zeros_like(rows), np.zeros_like(rows)
        for t in range(len(rows) - 1):
            before[t + 1], age[t + 1] = self.advance(rows[t], before[t], age[t])
        return before, age

    def places(self, steps, metre=(4, 4), pickup=0):
        """The place in its bar of each step, from 1; `pickup`: quarters before the first whole bar. Events have 1."""
        if self.name == "events":
            return np.ones(steps, "int32")
        bar = max(1, round(4 * metre[0] / metre[1] * self.steps_per_quarter))
        places = (np.arange(steps) - round(pickup * self.steps_per_quarter)) % bar
        return (np.minimum(places, LONGEST_BAR - 1) + 1).astype("int32")

    def decided(self, rows):
        """[T, S] booleans: what is decided by a draw; nothing is behind the end of a set of notes, or of the piece."""
        ended = np.isin(rows, (REST, END)) if self.sets else rows == END
        return np.cumsum(ended, axis=1) - ended == 0

    def roll(self, rows):
        """Piano roll [T, 128] of rows, 1 where a pitch sounds."""
        pitches = self.pitch[rows]
        step, slot = np.nonzero(pitches >= 0)
        roll = np.zeros((len(rows), PITCHES), "float32")
        roll[step, pitches[step, slot]] = 1
        return roll

    def room(self, rows):
        """How many semitones rows can go down and up: (lowest, highest), such as (-40, 30)."""
        pitches = self.pitch[rows]
        pitches = pitches[pitches >= 0]
        return (-int(pitches.min()), PITCHES - 1 - int(pitches.max())) if len(pitches) else (0, 0)

    def transposed(self, rows, semitones):
        """Ids of any shape, higher by so many semitones, which there must be `room` for."""
        return np.where(self.pitch[rows] >= 0, rows + semitones, rows).astype("int32")


def _off(event):
    return int(event[3:]) if event[:3] == "off" else -1


def parse_metre(text):
    """(numerator, denominator) of "3/4" or "3+2/8"; also of such a pair itself.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(text, str):
        return tuple(text)
    try:
        beats, kind = text.split("/")
        metre = sum(map(int, beats.split("+"))), int(kind)
    except ValueError:
        metre = 0, 0
    if min(metre) < 1 or metre[1] & (metre[1] - 1):
        raise ValueError(f"A metre is like 4/4 or 6/8. Received: {text!r}")
    return metre
