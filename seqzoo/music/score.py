"""Music: scores, MIDI files, the encodings a model reads and writes; names, keys and statistics for people.

Times are fractions of a quarter note, so that triplets are exact. An encoding cuts time into steps and has an inverse:
what comes back is the score on that grid (`quantize`), but for what the encoding does not say.

    encoding   a piece is                                   comes back without                     source
    frames     the set of pitches that sound in each step   voices, velocities                     [1]
    voices     a pitch a voice and step                     velocities                             [2]
    events     note on, note off, time shift, velocity      voices; velocities in 32 bins          [3] [4]
    melody     one token a step: a pitch, hold or rest      all but the highest voice, velocities  [5]

Beginnings of notes are kept beside frames and voices: without them two notes of one pitch become one.

[1] Boulanger-Lewandowski et al. (2012), Modeling Temporal Dependencies in High-Dimensional Sequences.
    https://arxiv.org/abs/1206.6392
[2] Hadjeres et al. (2017), DeepBach: a Steerable Model for Bach Chorales Generation. https://arxiv.org/abs/1612.01010
[3] Simon & Oore (2017), Performance RNN. https://magenta.tensorflow.org/performance-rnn
[4] Oore et al. (2018), This Time with Feeling: Learning Expressive Musical Performance.
    https://arxiv.org/abs/1808.03715
[5] Waite (2016), Generating Long-Term Structure in Songs and Stories (Melody RNN: note-on, no event, note-off).
    https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn
"""

import collections
import dataclasses
import io
import itertools
import pathlib
import re
from fractions import Fraction

import numpy as np

SIXTEENTH = Fraction(1, 4)
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
HOLD, REST = 128, 129  # of a melody, after the pitches: its tokens are 0..129
LONGEST_SHIFT = 100  # steps of one event
VELOCITY_BINS = 32
# The events in the order of Performance RNN; their places can serve as ids.
EVENTS = (
    *(f"on{pitch}" for pitch in range(128)),
    *(f"off{pitch}" for pitch in range(128)),
    *(f"shift{steps}" for steps in range(1, LONGEST_SHIFT + 1)),
    *(f"velocity{number}" for number in range(VELOCITY_BINS)),
)
_EVENTS = {  # "on60" -> ("on", 60)
    event: (event.rstrip("0123456789"), int(event.lstrip("abcdefghijklmnopqrstuvwxyz"))) for event in EVENTS
}
_TONICS = {  # of each key the name that has fewer sharps or flats; of two alike the more usual one
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
# How well each pitch class, from the tonic up, fits into a key: ratings by listeners (Krumhansl & Kessler, 1982).
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_DRUMS = 9  # channel 10, counted from 0
_PERFECT = {7: "parallel_fifths", 0: "parallel_octaves"}  # semitones above an octave


@dataclasses.dataclass(frozen=True, order=True)
class Note:
    """A note.

    Args:
        start, length: in quarter notes; anything that `fractions.Fraction` takes.
        pitch: MIDI number, 0..127; 60 is middle C.
        voice: 0 is the first, in chorales the soprano.
        velocity: how hard it is struck, 1..127.

    Raises:
        ValueError: names what is out of range.
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
        for field, fine, expected in (
            ("start", self.start >= 0, "0 or more"),
            ("length", self.length > 0, "more than 0"),
            ("pitch", 0 <= self.pitch <= 127, "0..127"),
            ("voice", self.voice >= 0, "0 or more"),
            ("velocity", 1 <= self.velocity <= 127, "1..127"),
        ):
            if not fine:
                raise ValueError(f"{field} {getattr(self, field)} of a note. Expected {expected}.")

    @property
    def end(self):
        return self.start + self.length


@dataclasses.dataclass
class Score:
    """A piece.

    Args:
        notes: iterable of Note; kept as a list, sorted by start, length, pitch.
        tempo: quarter notes a minute.
        metre: (numerator, denominator).
        name: of the piece.
    """

    notes: list
    tempo: float = 100.0
    metre: tuple = (4, 4)
    name: str = ""

    def __post_init__(self):
        self.notes, self.metre = sorted(self.notes), tuple(self.metre)

    @property
    def length(self):
        """Quarter notes up to the end of the last note."""
        return max((note.end for note in self.notes), default=Fraction(0))

    @property
    def voices(self):
        """Number of voices, empty ones below the last included."""
        return max((note.voice for note in self.notes), default=-1) + 1


def read_midi(path, data=None, drums=False):
    """Reads a Standard MIDI File of type 0 or 1.

    Each channel of each track is a voice, in order of appearance. Drums (channel 10) are left out, or all there
    is. A note-on of a pitch that sounds ends the note before; what never ends, ends with its track; what lasts no time
    is no note. Changes of tempo and metre do not move notes, which are in quarters: the first ones are kept. Pedals
    and pitch bends are not heeded.

    Args:
        path: of the file.
        data: its bytes, where it is no file; `path` is its name then.
        drums: take the drums, whose pitches are instruments, and nothing else.

    Returns:
        Score, named after the first track, else after the file.

    Raises:
        ValueError: names the file and what is wrong: not MIDI, truncated, type 2, time in SMPTE frames, no notes.
    """
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(pathlib.Path(path).read_bytes() if data is None else data))
    except OSError as error:
        if error.errno is not None:  # of the file system: it names the file itself
            raise
        raise ValueError(f"{path}: not a MIDI file: {error}.") from error
    except EOFError as error:
        raise ValueError(f"{path}: truncated: it ends inside its header or a track.") from error
    except Exception as error:  # mido lets through whatever a broken event causes, from KeyError to struct.error
        raise ValueError(f"{path}: not a MIDI file that mido reads: {error!r}.") from error
    if file.type not in (0, 1):
        raise ValueError(f"{path}: MIDI of type {file.type}, whose tracks are pieces of their own. Expected 0 or 1.")
    if file.ticks_per_beat <= 0:
        raise ValueError(f"{path}: its time is in SMPTE frames, not in quarter notes.")
    found, channels, firsts = [], {}, {}
    for number, track in enumerate(file.tracks):
        now, sounding, replaced = 0, {}, {}

        def finish(key, end, sounding=sounding, number=number):
            start, velocity = sounding.pop(key)
            if end > start:
                found.append((start, end, key[1], (number, key[0]), velocity))

        for message in track:
            now += message.time
            if message.type in ("set_tempo", "time_signature"):
                firsts.setdefault(message.type, []).append((now, number, message))
            if message.type not in ("note_on", "note_off") or (message.channel == _DRUMS) != drums:
                continue
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity:
                channels.setdefault((number, message.channel))
                replaced[key] = now if key in sounding else None
                if key in sounding:
                    finish(key, now)
                sounding[key] = now, message.velocity
            elif key in sounding and replaced[key] == now:
                replaced[key] = None  # some writers end a note behind the next note-on of its pitch: it has ended
            elif key in sounding:
                finish(key, now)
        for key in sorted(sounding):
            finish(key, now)
    used = {channel for *_, channel, _ in found}
    voices = {channel: voice for voice, channel in enumerate(channel for channel in channels if channel in used)}
    quarter = file.ticks_per_beat
    notes = [
        Note(Fraction(start, quarter), Fraction(end - start, quarter), pitch, voices[channel], velocity)
        for start, end, pitch, channel, velocity in found
    ]
    if not notes:
        raise ValueError(f"{path}: no notes in it ({'but drums' if drums else 'drums are left out'}).")
    score = Score(notes, tempo=120.0, name=_name(file) or pathlib.Path(path).stem)  # 120: of the MIDI standard
    first = {kind: min(messages, key=lambda message: message[:2])[-1] for kind, messages in firsts.items()}
    if "set_tempo" in first and first["set_tempo"].tempo:
        # MIDI has whole microseconds a quarter: 97 would read as 97.00007.
        score.tempo = round(60e6 / first["set_tempo"].tempo, 3)
    if "time_signature" in first and first["time_signature"].numerator:
        score.metre = first["time_signature"].numerator, first["time_signature"].denominator
    return score


def _name(file):
    """The name of the first track; mido reads Latin-1, most writers of other scripts write UTF-8."""
    for message in file.tracks[0] if file.tracks else ():
        if message.type == "track_name" and (name := message.name.strip()):
            try:
                return name.encode("latin1").decode("utf-8")
            except UnicodeError:
                return name
    return ""


def write_midi(score, path, ticks=480):
    """Writes a MIDI file of type 1: a track of tempo, metre and name, then a track a voice. Equal scores, equal bytes.

    Times are exact where `ticks` steps a quarter are (480: down to 1/32 of a quarter, triplets, quintuplets), else
    rounded. In one voice, a note that begins while its pitch sounds cuts the note before, as in `quantize`.

    Args:
        score: Score.
        path: of the file.
        ticks: a quarter note.

    Raises:
        ValueError: MIDI cannot say the tempo or the metre.
    """
    import mido

    if not 60e6 / 0xFFFFFF < score.tempo <= 60e6:
        raise ValueError(f"tempo {score.tempo}. MIDI has 3.6 to 60,000,000 quarter notes a minute.")
    numerator, denominator = score.metre
    if not 1 <= numerator <= 255 or denominator < 1 or denominator & (denominator - 1):
        raise ValueError(f"metre {numerator}/{denominator}. MIDI has 1..255 over a power of two.")
    file = mido.MidiFile(type=1, ticks_per_beat=ticks, charset="utf-8")
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name=score.name),
                mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo)),
                mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
            ]
        )
    )
    on_grid = _grid(score.notes, Fraction(1, ticks))
    for voice in range(score.voices):
        events = []
        for start, end, pitch, of, velocity in on_grid:
            if of == voice:
                events += [(start, 1, pitch, velocity), (end, 0, pitch, 0)]  # at one time, ends come first
        channel = voice % 15
        channel += channel >= _DRUMS
        track, now = mido.MidiTrack(), 0
        for time, begins, pitch, velocity in sorted(events):
            kind = "note_on" if begins else "note_off"
            track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=time - now))
            now = time
        file.tracks.append(track)
    file.save(path)


def _step(step):
    # A float such as 1/12 means that twelfth, not the binary number next to it.
    step = Fraction(step).limit_denominator(100_000)
    if step <= 0:
        raise ValueError(f"step {step} of a quarter note. Expected more than 0.")
    return step


def _nearest(time, step):
    """Whole steps nearest to a time, halves up; in integers, many times as fast as fractions."""
    whole = time.denominator * step.numerator
    return (2 * time.numerator * step.denominator + whole) // (2 * whole)


def _grid(notes, step, merge=False):
    """Notes in whole steps, see `quantize`: sorted list of (start, end, pitch, voice, velocity)."""
    step, by_key = _step(step), collections.defaultdict(list)
    for note in notes:
        start = _nearest(note.start, step)
        end = max(start + 1, _nearest(note.end, step))
        voice = 0 if merge else note.voice
        by_key[note.pitch, voice].append((start, end, note.velocity))
    placed = []
    for (pitch, voice), same in by_key.items():
        cut = []
        for start, end, velocity in sorted(same):
            if cut and start < cut[-1][1]:
                before, until, harder = cut.pop()
                end = max(end, until)
                if before < start:
                    cut.append((before, start, harder))
                else:
                    velocity = max(velocity, harder)
            cut.append((start, end, velocity))
        placed += [(start, end, pitch, voice, velocity) for start, end, velocity in cut]
    return sorted(placed)


def quantize(score, step=SIXTEENTH, merge=False):
    """Returns the score with all notes on a grid: what comes back of an encoding and its inverse.

    Starts and ends go to the nearest step, halves up; what is shorter lasts one step. In a voice a pitch sounds once
    at a time: a note that begins while its pitch sounds cuts the note before and lasts until both have ended; two that
    begin together are one.

    Args:
        score: Score.
        step: of the grid, in quarter notes.
        merge: make one voice of all, as frames and events do.
    """
    step = _step(step)
    return dataclasses.replace(score, notes=_score(_grid(score.notes, step, merge), step).notes)


def _score(placed, step, about=None):
    """Score of (start, end, pitch, and perhaps voice, velocity) in whole steps."""
    step = _step(step)
    return Score([Note(start * step, (end - start) * step, *rest) for start, end, *rest in placed], **(about or {}))


# Frames


def to_frames(score, step=SIXTEENTH):
    """Returns the pitches that sound in each step, and which of them begin there; voices are merged.

    Args:
        score: Score.
        step: in quarter notes.

    Returns:
        frames, onsets: lists of tuples of pitches, high to low, one tuple a step; each of `onsets` is part of its
        frame. The last step is the last that sounds.
    """
    placed = _grid(score.notes, step, merge=True)
    steps = max((note[1] for note in placed), default=0)
    frames, onsets = ([[] for _ in range(steps)] for _ in range(2))
    for start, end, pitch, *_ in placed:
        onsets[start].append(pitch)
        for time in range(start, end):
            frames[time].append(pitch)
    return tuple([tuple(sorted(frame, reverse=True)) for frame in part] for part in (frames, onsets))


def from_frames(frames, onsets=None, step=SIXTEENTH, **about):
    """Returns the score of frames, the inverse of `to_frames`.

    Args:
        frames: iterable of pitches a step, in any order.
        onsets: which begin there; None: a pitch that is also in the frame before goes on. A pitch that is not in the
            frame before always begins, an onset that is not in its frame is none.
        step: in quarter notes.
        about: tempo, metre, name of the Score.
    """
    frames = [set(frame) for frame in frames]
    onsets = [()] * len(frames) if onsets is None else onsets
    sounding, placed = {}, []
    for time, (frame, begin) in enumerate(zip([*frames, set()], [*onsets, ()], strict=True)):
        for pitch in [pitch for pitch in sounding if pitch not in frame or pitch in begin]:
            placed.append((sounding.pop(pitch), time, pitch))
        for pitch in frame:
            sounding.setdefault(pitch, time)
    return _score(placed, step, about)


# Voices


def to_voices(score, step=SIXTEENTH, voices=4):
    """Returns the pitch of each voice at each step, a held note repeated, and where notes begin.

    Args:
        score: Score of monophonic voices, the soprano first; `separate_voices` makes them of any score.
        step: in quarter notes.
        voices: V, columns.

    Returns:
        pitches, integer array [T, V], -1 a rest; onsets, boolean array [T, V].

    Raises:
        ValueError: the score has more voices, or two notes of a voice in one step.
    """
    if score.voices > voices:
        raise ValueError(f"{score.voices} voices. Expected {voices} at most: see separate_voices.")
    placed = _grid(score.notes, step)
    pitches = np.full((max((note[1] for note in placed), default=0), voices), -1)
    onsets = np.zeros(pitches.shape, bool)
    for start, end, pitch, voice, _ in placed:
        if np.any(pitches[start:end, voice] >= 0):
            at = start * _step(step)
            raise ValueError(f"two notes of voice {voice} in one step, at quarter {at}: see separate_voices.")
        pitches[start:end, voice] = pitch
        onsets[start, voice] = True
    return pitches, onsets


def from_voices(pitches, onsets=None, step=SIXTEENTH, **about):
    """Returns the score of voices, the inverse of `to_voices`.

    Args:
        pitches: [T, V], below 0 a rest.
        onsets: [T, V], where notes begin; None: a pitch that is repeated is held. A pitch other than the one before
            always begins.
        step: in quarter notes.
        about: tempo, metre, name of the Score.
    """
    pitches = np.asarray(pitches, int)
    onsets = np.zeros(pitches.shape, bool) if onsets is None else np.asarray(onsets, bool)
    placed = []
    for voice in range(pitches.shape[1] if pitches.size else 0):
        column = np.concatenate([[-1], pitches[:, voice], [-1]])
        begins = (column[1:] != column[:-1]) | np.concatenate([onsets[:, voice], [False]])
        for start, end in itertools.pairwise(np.flatnonzero(begins).tolist()):
            if column[start + 1] >= 0:
                placed.append((start, end, column[start + 1], voice))
    return _score(placed, step, about)


def separate_voices(score, voices=4):
    """Returns the score in monophonic voices, the highest first (voice separation).

    Voices that are monophonic already are kept and put in order of their mean pitch. Else notes are given out from the
    beginning to the end, those that begin together at once: to voices that are free, high notes to high voices, so
    that voices do not cross those that sound, and then move as little as possible. Take `quantize` first where ends of
    notes overlap a little, as in a performance.

    Args:
        score: Score.
        voices: how many at most.

    Raises:
        ValueError: more notes sound at once than there are voices.
    """
    used = {note.voice for note in score.notes}
    if len(used) <= voices and _monophonic(score.notes):
        means = {voice: np.mean([note.pitch for note in score.notes if note.voice == voice]) for voice in used}
        order = {voice: place for place, voice in enumerate(sorted(used, key=lambda voice: (-means[voice], voice)))}
        return dataclasses.replace(
            score, notes=[dataclasses.replace(note, voice=order[note.voice]) for note in score.notes]
        )
    notes, last = [], [None] * voices
    for start, group in itertools.groupby(score.notes, key=lambda note: note.start):
        group = sorted(group, key=lambda note: -note.pitch)
        free = [voice for voice in range(voices) if last[voice] is None or last[voice].end <= start]
        if len(group) > len(free):
            raise ValueError(
                f"{voices - len(free) + len(group)} notes at once, at quarter {start}. Expected {voices} at most."
            )

        def cost(chosen, group=group, start=start):
            total = 0
            for note, voice in zip(group, chosen, strict=True):
                # An octave to open a voice: else each note of a melody would.
                total += abs(note.pitch - last[voice].pitch) if last[voice] else 12
                for other, held in enumerate(last):
                    if held and held.end > start and (other - voice) * (note.pitch - held.pitch) < 0:
                        total += 1000
            return total

        for note, voice in zip(group, min(itertools.combinations(free, len(group)), key=cost), strict=True):
            last[voice] = dataclasses.replace(note, voice=voice)
            notes.append(last[voice])
    return dataclasses.replace(score, notes=notes)


def _monophonic(notes):
    """Whether no two notes of a voice sound at once."""
    ends = {}
    for note in notes:
        if ends.get(note.voice, 0) > note.start:
            return False
        ends[note.voice] = note.end
    return True


# Events


def to_events(score, step=SIXTEENTH, velocities=False):
    """Returns the performance events of a score; voices are merged.

    In each step notes end, then begin, both from low to high; shifts are as long as they can be.

    Args:
        score: Score.
        step: of the shifts, in quarter notes. (In the source 10 ms of a performance.)
        velocities: with events of velocity, where the bin changes; bin 20, which has the velocity 80, stands first.

    Returns:
        List of strings of `EVENTS`: "on60", "off60", "shift1" to "shift100", "velocity0" to "velocity31".

    Source: Simon & Oore (2017); Oore et al. (2018).
    """
    moments = []
    for start, end, pitch, _, velocity in _grid(score.notes, step, merge=True):
        moments += [(start, 1, pitch, velocity), (end, 0, pitch, 0)]
    events, now, loudness = [], 0, _bin(80)
    for time, begins, pitch, velocity in sorted(moments):
        longest, rest = divmod(time - now, LONGEST_SHIFT)
        events += [f"shift{LONGEST_SHIFT}"] * longest + [f"shift{rest}"] * (rest > 0)
        now = time
        if begins and velocities and _bin(velocity) != loudness:
            loudness = _bin(velocity)
            events.append(f"velocity{loudness}")
        events.append(f"on{pitch}" if begins else f"off{pitch}")
    return events


def _bin(velocity):
    return velocity * VELOCITY_BINS // 128


def from_events(events, step=SIXTEENTH, **about):
    """Returns the score of events, the inverse of `to_events`, of any sequence that a model may draw.

    A note-off of what does not sound is nothing; a note-on of what sounds ends it; what never ends, ends with the
    sequence; what lasts no time is no note.

    Args:
        events: iterable of `EVENTS`.
        step: of the shifts, in quarter notes.
        about: tempo, metre, name of the Score.

    Raises:
        ValueError: names what is no event.
    """
    now, velocity, sounding, placed = 0, 80, {}, []

    def finish(pitch):
        start, struck = sounding.pop(pitch)
        if now > start:
            placed.append((start, now, pitch, 0, struck))

    for event in events:
        if event not in _EVENTS:
            raise ValueError(f"not an event: {event!r}. Expected one of seqzoo.music.EVENTS, such as 'on60'.")
        kind, value = _EVENTS[event]
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
    return _score(placed, step, about)


# Melody


def to_melody(score, step=SIXTEENTH, voice=None):
    """Returns one token a step: a pitch (0..127) where a note begins, `HOLD` (128), `REST` (129).

    Args:
        score: Score.
        step: in quarter notes.
        voice: take this voice alone; None: of all that sounds the highest (the skyline), where a lower note that
            sounds on comes in anew when the higher one has ended.
    """
    notes = score.notes if voice is None else [note for note in score.notes if note.voice == voice]
    frames, onsets = to_frames(dataclasses.replace(score, notes=notes), step)
    tokens, before = [], REST
    for frame, begin in zip(frames, onsets, strict=True):
        top = frame[0] if frame else REST
        tokens.append(HOLD if top == before and top != REST and top not in begin else top)
        before = top
    return tokens


def from_melody(tokens, step=SIXTEENTH, **about):
    """Returns the score of a melody, the inverse of `to_melody`; a hold of no note is a rest.

    Args:
        tokens: iterable of 0..129.
        step: in quarter notes.
        about: tempo, metre, name of the Score.
    """
    tokens, placed, start, pitch = [*map(int, tokens), REST], [], 0, REST
    for time, token in enumerate(tokens):
        if token != HOLD:
            if pitch != REST:
                placed.append((start, time, pitch))
            start, pitch = time, token
    return _score(placed, step, about)


# Names of pitches and keys


def pitch_name(pitch):
    """Returns the name of a MIDI number with its octave, black keys as sharps: 60 is "C4", 61 "C#4".

    Raises:
        ValueError: not in 0..127.
    """
    if not 0 <= pitch <= 127:
        raise ValueError(f"pitch {pitch}. Expected 0..127.")
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(text):
    """Returns the MIDI number of a pitch, written as its name and octave ("C4" is 60, "F#3", "Bb2") or as the number.

    Raises:
        ValueError: no such pitch; says what would be one.
    """
    named = re.fullmatch(r"([A-Ga-g])([#b]?)(-?[0-9]+)", text.strip())
    if named:
        letter, accidental, octave = named.groups()
        pitch = 12 * (int(octave) + 1) + _pitch_class(letter, accidental)
    else:
        pitch = int(text) if re.fullmatch("[0-9]+", text.strip()) else -1
    if not 0 <= pitch <= 127:
        raise ValueError(
            f"not a pitch: {text!r}. Expected a name and an octave, such as 'C4', 'F#3' or 'Bb2', from 'C-1' to 'G9', "
            "or a MIDI number, 0..127 ('C4' is 60)."
        )
    return pitch


def _pitch_class(letter, accidental):
    """0..11 from C; -1 is Cb, 12 is B#: of the octaves beside."""
    return NAMES.index(letter.upper()) + {"": 0, "#": 1, "b": -1}[accidental]


def key_name(key):
    """Returns the usual name of a key: (1, "minor") is "C# minor", (10, "major") is "Bb major".

    Args:
        key: (tonic 0..11, "major" or "minor").
    """
    tonic, mode = key
    return f"{_TONICS[mode][tonic]} {mode}"


def parse_key(text):
    """Returns the key (tonic 0..11, "major" or "minor") of "C# minor", "Bb major", "F#" (major) or "Am" (minor).

    The case of the tonic says nothing: "a" is A major, "am" is A minor.

    Raises:
        ValueError: no such key; says what would be one.
    """
    found = re.fullmatch(r"([A-Ga-g])([#b]?)\s*(m|(?i:major|minor))?", text.strip())
    if not found:
        raise ValueError(
            f"not a key: {text!r}. Expected a tonic, C to B with # or b, and major or minor, such as 'C# minor', "
            "'Bb major', 'F#' (major) or 'Am' (minor)."
        )
    letter, accidental, mode = found.groups()
    return _pitch_class(letter, accidental) % 12, "minor" if mode and mode.lower() in ("m", "minor") else "major"


# Transposition, key, statistics


def transpose(score, semitones):
    """Returns the score, higher by so many semitones (lower if below 0).

    Raises:
        ValueError: a pitch would leave 0..127.
    """
    return dataclasses.replace(
        score, notes=[dataclasses.replace(note, pitch=note.pitch + semitones) for note in score.notes]
    )


def cut(score, quarters):
    """Returns the first so many quarter notes of a score; what sounds on then ends there."""
    end = Fraction(quarters)
    notes = [note for note in score.notes if note.start < end]
    return dataclasses.replace(
        score, notes=[dataclasses.replace(note, length=min(note.length, end - note.start)) for note in notes]
    )


def find_key(score):
    """Returns the key of a score, found by the Krumhansl-Schmuckler algorithm.

    It is the key whose profile correlates best with how long each pitch class sounds; of equals a major key before a
    minor one, then the lowest tonic. A change of key within the score is not looked for.

    Args:
        score: Score.

    Returns:
        (tonic 0..11, "major" or "minor"), as `key_name` takes it.

    Raises:
        ValueError: no notes.

    Source: Krumhansl & Kessler (1982), Tracing the Dynamic Changes in Perceived Tonal Organization in a Spatial
    Representation of Musical Keys (the profiles); Krumhansl (1990), Cognitive Foundations of Musical Pitch, chapter 4.
    """
    if not score.notes:
        raise ValueError(f"a score without notes has no key (its name: {score.name!r}).")
    durations = np.zeros(12)
    for note in score.notes:
        durations[note.pitch % 12] += float(note.length)
    durations /= durations.sum()

    def fit(key):
        tonic, mode = key
        profile = np.roll(_PROFILES[mode], tonic)
        # The correlation but for the deviation of the durations, which all keys share and which may be 0. Rounded:
        # keys that fit alike, as to a diminished seventh chord, must not differ by what rounding left.
        return round(float(durations @ (profile - profile.mean()) / profile.std()), 9)

    return max(((tonic, mode) for mode in _PROFILES for tonic in range(12)), key=fit)  # of equals the first


def statistics(score):
    """Returns what there is to say about a score.

    Voices are compared where there are at least two, each monophonic, the highest first. A chord is what they sound
    between two moments at which notes begin or end, where at least two sound; a chord change is two chords next to
    each other that differ in a pitch. In it, two voices are in parallel fifths (octaves) if both move, in the same
    direction, and are a perfect fifth (an octave or unison) apart before and after, give or take octaves. Repeated
    and held notes do not move, so they make none; nor does contrary motion, as from a fifth to a twelfth.

    Args:
        score: Score.

    Returns:
        Dict: notes, quarters (length), voices; notes_per_quarter; range ((lowest, highest) or None); pitch_classes
        (name -> share of the notes, from C); lengths (fraction of a quarter, as "1/2" -> share of the notes, the most
        frequent first). With voices to compare also: voice_crossings (share of the time of chords in which a voice
        sounds above one before it), chord_changes, parallel_fifths and parallel_octaves (pairs of voices per 100 chord
        changes).
    """
    found = corpus_statistics([score])
    del found["pieces"]
    return found


def corpus_statistics(scores):
    """Returns the `statistics` of many scores, to put samples beside the corpus that they imitate.

    All is counted over all scores as if they were one, so that a long piece weighs more than a short one; voices are
    compared within the scores that have voices to compare.

    Args:
        scores: iterable of Score, of which one is held at a time.

    Returns:
        Dict: pieces; notes and quarters are sums, voices those of the score that has the most, range that of all;
        shares and rates are of the sums.
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
        if used > 1 and _monophonic(score.notes):
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
            **{name: 100 * leading[name] / max(1, changes) for name in _PERFECT.values()},
        }
    return found


def _chords(notes):
    """List of (duration, {voice: pitch}) between the moments at which notes begin or end."""
    begins, ends = collections.defaultdict(list), collections.defaultdict(list)
    for note in notes:
        begins[note.start].append(note)
        ends[note.end].append(note)
    chords, sounding = [], {}
    for now, after in itertools.pairwise(sorted({*begins, *ends})):
        for note in ends[now]:
            del sounding[note.voice]
        sounding |= {note.voice: note.pitch for note in begins[now]}
        chords.append((after - now, dict(sounding)))
    return chords


def _voice_leading(chords):
    """Counts: time of chords and what of it is crossed, in quarters; chord_changes, parallel_fifths and _octaves."""
    time = crossed = Fraction(0)
    for duration, chord in chords:
        if len(chord) > 1:
            inner = [pitch for _, pitch in sorted(chord.items())]
            time += duration
            crossed += duration * any(low > high for high, low in itertools.pairwise(inner))
    changes, parallels = 0, dict.fromkeys(_PERFECT.values(), 0)
    for (_, before), (_, after) in itertools.pairwise(chords):
        if len(before) < 2 or len(after) < 2 or before == after:
            continue
        changes += 1
        for one, other in itertools.combinations(sorted(before.keys() & after.keys()), 2):
            moves = [after[voice] - before[voice] for voice in (one, other)]
            interval = abs(before[one] - before[other]) % 12
            if moves[0] * moves[1] > 0 and interval == abs(after[one] - after[other]) % 12 and interval in _PERFECT:
                parallels[_PERFECT[interval]] += 1
    return {"time": float(time), "crossed": float(crossed), "chord_changes": changes, **parallels}
