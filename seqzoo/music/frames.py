"""Frames: the set of pitches that sound in each step; voices are merged. Boulanger-Lewandowski et al. (2012)."""

from collections.abc import Iterable
from fractions import Fraction

from seqzoo.music.score import SIXTEENTH, Score, from_grid, to_grid


def to_frames(score: Score, step: Fraction | float = SIXTEENTH) -> tuple[list, list]:
    """Returns the pitches that sound in each step, and those that begin there.

    Args:
        score: Score.
        step: in quarter notes.

    Returns:
        frames, onsets: lists of one tuple of pitches per step, high to low; each of `onsets` is a subset of its frame.
        The last step is the last in which a note sounds.
    """
    notes = to_grid(score.notes, step, merge=True)
    steps = max((end for _, end, *_ in notes), default=0)
    frames, onsets = ([[] for _ in range(steps)] for _ in range(2))
    for start, end, pitch, *_ in notes:
        onsets[start].append(pitch)
        for time in range(start, end):
            frames[time].append(pitch)
    return tuple([tuple(sorted(frame, reverse=True)) for frame in part] for part in (frames, onsets))


def from_frames(
    frames: Iterable, onsets: Iterable | None = None, step: Fraction | float = SIXTEENTH, **attributes
) -> Score:
    """Returns the score of frames, the inverse of `to_frames`.

    Args:
        frames: iterable of the pitches of each step, in any order.
        onsets: which of them begin there; None: a pitch that is also in the previous frame is held. A pitch that is
            not in the previous frame always begins; an onset that is not in its frame is ignored.
        step: in quarter notes.
        attributes: tempo, metre, name of the Score.
    """
    frames = [set(frame) for frame in frames]
    onsets = [()] * len(frames) if onsets is None else onsets
    sounding, notes = {}, []
    for time, (frame, begins) in enumerate(zip([*frames, set()], [*onsets, ()], strict=True)):
        for pitch in [pitch for pitch in sounding if pitch not in frame or pitch in begins]:
            notes.append((sounding.pop(pitch), time, pitch))
        for pitch in frame:
            sounding.setdefault(pitch, time)
    return from_grid(notes, step, **attributes)
