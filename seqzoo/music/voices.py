"""Voices: one pitch per voice and step, as in chorales; the skyline of a score; voice separation."""

import dataclasses
import itertools
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from seqzoo.music.frames import to_frames
from seqzoo.music.score import SIXTEENTH, Note, Score, from_grid, parse_step, to_grid

NO_PITCH = -1  # a voice that rests


def to_voices(score: Score, step: Fraction | float = SIXTEENTH, voices: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pitch of each voice at each step, repeated while a note is held, and where notes begin.

    Args:
        score: Score of monophonic voices, the soprano first; `separate_voices` extracts them from any score.
        step: in quarter notes.
        voices: V, number of columns.

    Returns:
        pitches, integer array [T, V], -1 for a rest; onsets, boolean array [T, V].

    Raises:
        ValueError: the score has more voices, or two notes of a voice in one step.
    """
    if score.voices > voices:
        raise ValueError(f"The score has {score.voices} voices. Expected at most {voices}: see separate_voices.")
    notes = to_grid(score.notes, step)
    pitches = np.full((max((end for _, end, *_ in notes), default=0), voices), NO_PITCH)
    onsets = np.zeros(pitches.shape, bool)
    for start, end, pitch, voice, _ in notes:
        if np.any(pitches[start:end, voice] >= 0):
            quarter = start * parse_step(step)
            raise ValueError(f"Two notes of voice {voice} in one step, at quarter {quarter}: see separate_voices.")
        pitches[start:end, voice] = pitch
        onsets[start, voice] = True
    return pitches, onsets


def from_voices(
    pitches: np.ndarray, onsets: np.ndarray | None = None, step: Fraction | float = SIXTEENTH, **attributes
) -> Score:
    """Returns the score of voices, the inverse of `to_voices`.

    Args:
        pitches: [T, V], below 0 for a rest.
        onsets: [T, V], where notes begin; None: a repeated pitch is held. A pitch other than the previous one always
            begins.
        step: in quarter notes.
        attributes: tempo, metre, name of the Score.
    """
    pitches = np.asarray(pitches, int)
    onsets = np.zeros(pitches.shape, bool) if onsets is None else np.asarray(onsets, bool)
    notes = []
    for voice in range(pitches.shape[1] if pitches.size else 0):
        column = np.concatenate([[NO_PITCH], pitches[:, voice], [NO_PITCH]])
        begins = (column[1:] != column[:-1]) | np.concatenate([onsets[:, voice], [False]])
        for start, end in itertools.pairwise(np.flatnonzero(begins).tolist()):
            if column[start + 1] >= 0:
                notes.append((start, end, column[start + 1], voice))
    return from_grid(notes, step, **attributes)


def skyline(score: Score, step: Fraction | float = SIXTEENTH) -> tuple[np.ndarray, np.ndarray]:
    """Returns the melody of a score, the highest pitch that sounds at each step, in the form of `to_voices`.

    A lower note that sounds on begins anew when the higher one has ended.

    Args:
        score: Score.
        step: in quarter notes.

    Returns:
        pitches, integer array [T, 1], -1 for a rest; onsets, boolean array [T, 1].
    """
    frames, begins = to_frames(score, step)
    pitches = np.array([frame[0] if frame else NO_PITCH for frame in frames], int)
    previous = np.concatenate([[NO_PITCH], pitches])[:-1]
    struck = np.array([pitch in begin for pitch, begin in zip(pitches.tolist(), begins, strict=True)], bool)
    return pitches[:, None], ((pitches >= 0) & ((pitches != previous) | struck))[:, None]


def separate_voices(score: Score, voices: int = 4) -> Score:
    """Returns the score in monophonic voices, the highest first (voice separation).

    Voices that are already monophonic are kept and ordered by their mean pitch. Otherwise notes are assigned to free
    voices from beginning to end, together if they begin together, high notes to high voices. Voices should not cross
    sounding ones, and then move as little as possible. Apply `quantize` first if notes overlap slightly, as in a
    performance.

    Args:
        score: Score.
        voices: maximum number of voices.

    Raises:
        ValueError: more notes sound at once than there are voices.
    """
    used = {note.voice for note in score.notes}
    if len(used) <= voices and is_monophonic(score.notes):
        means = {voice: np.mean([note.pitch for note in score.notes if note.voice == voice]) for voice in used}
        order = {voice: index for index, voice in enumerate(sorted(used, key=lambda voice: (-means[voice], voice)))}
        return dataclasses.replace(
            score, notes=[dataclasses.replace(note, voice=order[note.voice]) for note in score.notes]
        )
    notes, last = [], [None] * voices
    for start, group in itertools.groupby(score.notes, key=lambda note: note.start):
        group = sorted(group, key=lambda note: -note.pitch)
        free = [voice for voice in range(voices) if last[voice] is None or last[voice].end <= start]
        if len(group) > len(free):
            raise ValueError(
                f"{voices - len(free) + len(group)} notes at once, at quarter {start}. Expected at most {voices}."
            )

        def cost(chosen, group=group, start=start):
            total = 0
            for note, voice in zip(group, chosen, strict=True):
                # Opening a voice costs an octave; without a cost each note of a melody would open one.
                total += abs(note.pitch - last[voice].pitch) if last[voice] else 12
                for other, held in enumerate(last):
                    if held and held.end > start and (other - voice) * (note.pitch - held.pitch) < 0:
                        total += 1000
            return total

        for note, voice in zip(group, min(itertools.combinations(free, len(group)), key=cost), strict=True):
            last[voice] = dataclasses.replace(note, voice=voice)
            notes.append(last[voice])
    return dataclasses.replace(score, notes=notes)


def is_monophonic(notes: Iterable[Note]) -> bool:
    """Returns whether no two notes of a voice sound at once; notes are sorted by their starts."""
    ends = {}
    for note in notes:
        if ends.get(note.voice, 0) > note.start:
            return False
        ends[note.voice] = note.end
    return True
