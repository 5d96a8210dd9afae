"""Events of a performance: note on, note off, time shift, velocity. Simon & Oore (2017); Oore et al. (2018)."""

from collections.abc import Iterable
from fractions import Fraction

from seqzoo.music.score import SIXTEENTH, Score, boundaries, from_grid, to_grid

LONGEST_SHIFT = 100  # steps of one event
VELOCITY_BINS = 32
# The events in the order of Performance RNN; their indices can serve as ids.
EVENTS = (
    *(f"on{pitch}" for pitch in range(128)),
    *(f"off{pitch}" for pitch in range(128)),
    *(f"shift{steps}" for steps in range(1, LONGEST_SHIFT + 1)),
    *(f"velocity{number}" for number in range(VELOCITY_BINS)),
)
_PARSED = {  # "on60" -> ("on", 60)
    event: (event.rstrip("0123456789"), int(event.lstrip("abcdefghijklmnopqrstuvwxyz"))) for event in EVENTS
}
_FIRST_VELOCITY = 80  # before the first velocity event


def parse_event(event: str) -> tuple[str, int]:
    """Returns the kind and number of an event: "on60" is ("on", 60).

    Raises:
        ValueError: not one of `EVENTS`.
    """
    if event not in _PARSED:
        raise ValueError(f"Not an event: {event!r}. Expected one of seqzoo.music.events.EVENTS, such as 'on60'.")
    return _PARSED[event]


def to_events(score: Score, step: Fraction | float = SIXTEENTH, velocities: bool = False) -> list[str]:
    """Returns the performance events of a score; voices are merged.

    In each step notes end, then begin, both from low to high; shifts are as long as possible.

    Args:
        score: Score.
        step: of the shifts, in quarter notes. (In the source 10 ms of a performance.)
        velocities: whether to add velocity events where the bin changes; at first it is bin 20, of velocity 80.

    Returns:
        List of strings of `EVENTS`: "on60", "off60", "shift1" to "shift100", "velocity0" to "velocity31".

    Source: Simon & Oore (2017); Oore et al. (2018).
    """
    events, now, current = [], 0, _bin(_FIRST_VELOCITY)
    for time, begins, pitch, velocity in boundaries(to_grid(score.notes, step, merge=True)):
        longest, rest = divmod(time - now, LONGEST_SHIFT)
        events += [f"shift{LONGEST_SHIFT}"] * longest + [f"shift{rest}"] * (rest > 0)
        now = time
        if begins and velocities and _bin(velocity) != current:
            current = _bin(velocity)
            events.append(f"velocity{current}")
        events.append(f"on{pitch}" if begins else f"off{pitch}")
    return events


def from_events(events: Iterable[str], step: Fraction | float = SIXTEENTH, **attributes) -> Score:
    """Returns the score of events, the inverse of `to_events`; accepts any sequence that a model may sample.

    A note-off of a silent pitch is ignored; a note-on of a sounding pitch ends it first; notes that are never ended
    last until the end of the sequence; notes of zero length are dropped.

    Args:
        events: iterable of `EVENTS`.
        step: of the shifts, in quarter notes.
        attributes: tempo, metre, name of the Score.

    Raises:
        ValueError: names the first item that is not an event.
    """
    now, velocity, sounding, notes = 0, _FIRST_VELOCITY, {}, []

    def finish(pitch):
        start, struck = sounding.pop(pitch)
        if now > start:
            notes.append((start, now, pitch, 0, struck))

    for event in events:
        kind, value = parse_event(event)
        if kind == "shift":
            now += value
        elif kind == "velocity":
            velocity = max(1, value * 128 // VELOCITY_BINS)
        else:
            if value in sounding:
                finish(value)
            if kind == "on":
                sounding[value] = now, velocity
    for pitch in list(sounding):
        finish(pitch)
    return from_grid(notes, step, **attributes)


def _bin(velocity):
    return velocity * VELOCITY_BINS // 128
