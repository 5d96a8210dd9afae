"""Statistics of scores, to compare samples with the corpus that they imitate."""

import collections
import itertools
from collections.abc import Iterable
from fractions import Fraction

from seqzoo.display.tables import FittedTable, plain_table
from seqzoo.music.keys import NAMES, pitch_name
from seqzoo.music.score import Score
from seqzoo.music.voices import is_monophonic

_PARALLELS = {7: "parallel_fifths", 0: "parallel_octaves"}  # semitones between the voices, octaves apart


def score_statistics(score: Score) -> dict:
    """Returns statistics of a score: its size, pitches, lengths of notes and voice leading.

    Voices are compared if there are at least two, each monophonic, the highest first. A chord is two or more pitches
    that sound together between two moments at which notes begin or end; a chord change is two adjacent chords that
    differ in a pitch. In it, two voices are in parallel fifths (octaves) if both move, in the same direction, and are a
    perfect fifth (an octave or unison) apart before and after, give or take octaves. Repeated and held notes do
    not move, so they do not count; nor does contrary motion, as from a fifth to a twelfth.

    Args:
        score: Score.

    Returns:
        Dict: notes, quarters (length), voices; notes_per_quarter; range ((lowest, highest) or None); pitch_classes
        (name -> share of the notes, from C); lengths (fraction of a quarter, as "1/2" -> share of the notes, the most
        frequent first). If voices are compared also: voice_crossings (share of the time of chords in which a voice
        sounds above an earlier one), chord_changes, parallel_fifths and parallel_octaves (pairs of voices per 100 chord
        changes).
    """
    found = corpus_statistics([score])
    del found["pieces"]
    return found


def corpus_statistics(scores: Iterable[Score]) -> dict:
    """Returns the statistics of many scores, see `score_statistics`.

    Everything is counted over all scores as if they were one, so that a long piece weighs more than a short one; voices
    are compared in the scores where this is possible.

    Args:
        scores: iterable of Score; only one is held at a time.

    Returns:
        Dict: pieces; notes and quarters are sums, voices is the largest number, range covers all scores; shares and
        rates are computed from the sums.
    """
    pieces = voices = 0
    quarters, pitches, lengths, leading = 0.0, collections.Counter(), collections.Counter(), collections.Counter()
    for score in scores:
        used = len({note.voice for note in score.notes})
        pieces += 1
        quarters += float(score.length)
        voices = max(voices, used)
        pitches.update(note.pitch for note in score.notes)
        lengths.update(note.length for note in score.notes)
        if used > 1 and is_monophonic(score.notes):
            leading.update(_voice_leading(_chords(score.notes)))
    notes, classes = pitches.total(), collections.Counter()
    for pitch, count in pitches.items():
        classes[pitch % 12] += count
    found = {
        "pieces": pieces,
        "notes": notes,
        "quarters": quarters,
        "voices": voices,
        "notes_per_quarter": notes / quarters if notes else 0.0,
        "range": (min(pitches), max(pitches)) if notes else None,
        "pitch_classes": {NAMES[number]: count / notes for number, count in sorted(classes.items())},
        "lengths": {
            str(length): count / notes
            for length, count in sorted(lengths.items(), key=lambda pair: (-pair[1], pair[0]))
        },
    }
    if leading:
        changes = leading["chord_changes"]
        found |= {
            "voice_crossings": leading["crossed"] / leading["time"] if leading["time"] else 0.0,
            "chord_changes": changes,
            **{name: 100 * leading[name] / max(1, changes) for name in _PARALLELS.values()},
        }
    return found


def statistics_table(samples: dict, corpus: dict) -> FittedTable:
    """Returns a table of the statistics of samples beside those of a corpus, both from `corpus_statistics`."""
    parts = (samples, corpus)
    rows = []
    for name, form in [("pieces", "{}"), ("quarters", "{:g}"), ("voices", "{}"), ("notes_per_quarter", "{:.2f}")]:
        rows.append([name, *(form.format(part[name]) for part in parts)])
    rows.append(["range", *(" to ".join(map(pitch_name, part["range"] or ())) for part in parts)])
    for length in [*corpus["lengths"]][:6]:
        rows.append([f"length {length}", *(f"{part['lengths'].get(length, 0):.1%}" for part in parts)])
    for name in NAMES:
        rows.append([f"pitch {name}", *(f"{part['pitch_classes'].get(name, 0):.1%}" for part in parts)])
    for name, form in [("voice_crossings", "{:.1%}"), ("parallel_fifths", "{:.2f}"), ("parallel_octaves", "{:.2f}")]:
        if all(name in part for part in parts):
            rows.append([name, *(form.format(part[name]) for part in parts)])
    rows = [[name.replace("_", " "), *cells] for name, *cells in rows]
    caption = "lengths in quarters; crossings: share of the time; parallels: pairs of voices per 100 chord changes"
    return plain_table("", ["", "samples", "corpus"], rows, caption)


def _chords(notes):
    """List of (duration, {voice: pitch}) between the moments at which notes begin or end."""
    begins, ends = collections.defaultdict(list), collections.defaultdict(list)
    for note in notes:
        begins[note.start].append(note)
        ends[note.end].append(note)
    chords, sounding = [], {}
    for now, following in itertools.pairwise(sorted({*begins, *ends})):
        for note in ends[now]:
            del sounding[note.voice]
        sounding |= {note.voice: note.pitch for note in begins[now]}
        chords.append((following - now, dict(sounding)))
    return chords


def _voice_leading(chords):
    """Counts: time of chords and its crossed part, in quarters; chord_changes, parallel_fifths, parallel_octaves."""
    time = crossed = Fraction(0)
    for duration, chord in chords:
        if len(chord) > 1:
            pitches = [pitch for _, pitch in sorted(chord.items())]
            time += duration
            crossed += duration * any(low > high for high, low in itertools.pairwise(pitches))
    changes, parallels = 0, dict.fromkeys(_PARALLELS.values(), 0)
    for (_, before), (_, after) in itertools.pairwise(chords):
        if len(before) < 2 or len(after) < 2 or before == after:
            continue
        changes += 1
        for one, other in itertools.combinations(sorted(before.keys() & after.keys()), 2):
            moves = [after[voice] - before[voice] for voice in (one, other)]
            interval = abs(before[one] - before[other]) % 12
            if moves[0] * moves[1] > 0 and interval == abs(after[one] - after[other]) % 12 and interval in _PARALLELS:
                parallels[_PARALLELS[interval]] += 1
    return {"time": float(time), "crossed": float(crossed), "chord_changes": changes, **parallels}
