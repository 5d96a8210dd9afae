"""Names pitches and keys, and finds the key of a score."""

import re

import numpy as np

from seqzoo.music.score import Score

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_TONICS = {  # the name of each key with fewer sharps or flats; the more usual one if they are equal
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
# How well each pitch class, from the tonic up, fits into a key: ratings by listeners (Krumhansl & Kessler, 1982).
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def pitch_name(pitch: int) -> str:
    """Returns the name of a MIDI number with its octave, black keys as sharps: 60 is "C4", 61 "C#4".

    Raises:
        ValueError: not in 0..127.
    """
    if not 0 <= pitch <= 127:
        raise ValueError(f"A pitch should be in 0..127. Received: pitch {pitch}")
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_number(letter: str, octave: int, semitones: int = 0) -> int:
    """Returns the MIDI number of a white key ("C" to "B"), raised by `semitones`: ("B", 2, -1) is Bb2, 46."""
    return 12 * (octave + 1) + NAMES.index(letter) + semitones


def parse_pitch(text: str) -> int:
    """Returns the MIDI number of a pitch, given as name and octave ("C4" is 60, "F#3", "Bb2") or as a number.

    Raises:
        ValueError: the text is not a pitch.
    """
    named = re.fullmatch(r"([A-Ga-g])([#b]?)(-?[0-9]+)", text.strip())
    if named:
        letter, accidental, octave = named.groups()
        pitch = pitch_number(letter.upper(), int(octave), _semitones(accidental))
    else:
        pitch = int(text) if re.fullmatch("[0-9]+", text.strip()) else -1
    if not 0 <= pitch <= 127:
        raise ValueError(
            f"Not a pitch: {text!r}. Expected a name and an octave, such as 'C4', 'F#3' or 'Bb2', from 'C-1' to 'G9', "
            "or a MIDI number, 0..127 ('C4' is 60)."
        )
    return pitch


def key_name(key: tuple[int, str]) -> str:
    """Returns the usual name of a key: (1, "minor") is "C# minor", (10, "major") is "Bb major".

    Args:
        key: (tonic 0..11, "major" or "minor").
    """
    tonic, mode = key
    return f"{_TONICS[mode][tonic]} {mode}"


def parse_key(text: str) -> tuple[int, str]:
    """Returns the key (tonic 0..11, "major" or "minor") of "C# minor", "Bb major", "F#" (major) or "Am" (minor).

    The case of the tonic has no meaning: "a" is A major, "am" is A minor.

    Raises:
        ValueError: the text is not a key.
    """
    found = re.fullmatch(r"([A-Ga-g])([#b]?)\s*(m|(?i:major|minor))?", text.strip())
    if not found:
        raise ValueError(
            f"Not a key: {text!r}. Expected a tonic, C to B with # or b, and major or minor, such as 'C# minor', "
            "'Bb major', 'F#' (major) or 'Am' (minor)."
        )
    letter, accidental, mode = found.groups()
    tonic = (NAMES.index(letter.upper()) + _semitones(accidental)) % 12
    return tonic, "minor" if mode and mode.lower() in ("m", "minor") else "major"


def find_key(score: Score) -> tuple[int, str]:
    """Returns the key of a score, found by the Krumhansl-Schmuckler algorithm.

    It is the key whose profile correlates best with how long each pitch class sounds; ties go to major keys, then to
    the lowest tonic. Changes of key within the score are not detected.

    Args:
        score: Score.

    Returns:
        (tonic 0..11, "major" or "minor"), as `key_name` takes it.

    Raises:
        ValueError: the score has no notes.

    Source: Krumhansl & Kessler (1982), Tracing the Dynamic Changes in Perceived Tonal Organization in a Spatial
    Representation of Musical Keys (the profiles); Krumhansl (1990), Cognitive Foundations of Musical Pitch, chapter 4.
    """
    if not score.notes:
        raise ValueError(f"A score without notes has no key. Received: the score {score.name!r}")
    durations = np.zeros(12)
    for note in score.notes:
        durations[note.pitch % 12] += float(note.length)
    durations /= durations.sum()

    def fit(key):
        tonic, mode = key
        profile = np.roll(_PROFILES[mode], tonic)
        # The correlation without the standard deviation of the durations, which all keys share and which may be 0.
        # Rounded: rounding errors must not decide between keys that fit equally, as for a diminished seventh chord.
        return round(float(durations @ (profile - profile.mean()) / profile.std()), 9)

    return max(((tonic, mode) for mode in _PROFILES for tonic in range(12)), key=fit)  # ties go to the first


def _semitones(accidental):
    return {"": 0, "#": 1, "b": -1}[accidental]
