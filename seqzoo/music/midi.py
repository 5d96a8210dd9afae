"""Standard MIDI Files: read and written with mido, which is imported on first use."""

import io
import os
import pathlib
from fractions import Fraction

from seqzoo.music.score import Note, Score, boundaries, to_grid

DRUM_CHANNEL = 9  # channel 10, counted from 0


def read_midi(path: str | os.PathLike, data: bytes | None = None, drums: bool = False) -> Score:
    """Reads a Standard MIDI File of type 0 or 1.

    Each channel of each track is a voice, in order of appearance. Either all channels but the drums (channel 10) are
    read, or the drums alone. A note-on of a sounding pitch ends the earlier note; notes that are never ended last
    until the end of their track; notes of zero length are dropped. Times are in quarter notes, so changes of tempo
    and metre do not move notes: only the first of each is kept. Pedals and pitch bends are ignored.

    Args:
        path: of the file.
        data: content of the file, if it is not on disk; `path` is then its name in messages.
        drums: read only the drums, whose pitches are instruments.

    Returns:
        Score, named after the first track, else after the file.

    Raises:
        ValueError: names the file and the problem: not MIDI, truncated, type 2, time in SMPTE frames, no notes.
    """
    file = _open(path, data)
    found, channels, first_messages = [], {}, {}
    for number, track in enumerate(file.tracks):
        now, sounding, replaced = 0, {}, {}

        def finish(key, end, sounding=sounding, number=number):
            start, velocity = sounding.pop(key)
            if end > start:
                found.append((start, end, key[1], (number, key[0]), velocity))

        for message in track:
            now += message.time
            if message.type in ("set_tempo", "time_signature"):
                first_messages.setdefault(message.type, []).append((now, number, message))
            if message.type not in ("note_on", "note_off") or (message.channel == DRUM_CHANNEL) != drums:
                continue
            key = message.channel, message.note
            if message.type == "note_on" and message.velocity:
                channels.setdefault((number, message.channel))
                replaced[key] = now if key in sounding else None
                if key in sounding:
                    finish(key, now)
                sounding[key] = now, message.velocity
            elif key in sounding and replaced[key] == now:
                # Some writers put a note's end after the next note-on of its pitch: the earlier note has ended already.
                replaced[key] = None
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
        raise ValueError(f"{path}: no notes{'' if drums else ' (drums are not read)'}.")
    score = Score(notes, tempo=120.0, name=_name(file) or pathlib.Path(path).stem)  # 120: default of the MIDI standard
    first = {kind: min(messages, key=lambda message: message[:2])[-1] for kind, messages in first_messages.items()}
    if "set_tempo" in first and first["set_tempo"].tempo:
        # MIDI has whole microseconds per quarter: 97 would read as 97.00007.
        score.tempo = round(60e6 / first["set_tempo"].tempo, 3)
    if "time_signature" in first and first["time_signature"].numerator:
        score.metre = first["time_signature"].numerator, first["time_signature"].denominator
    return score


def write_midi(score: Score, path: str | os.PathLike, ticks: int = 480) -> None:
    """Writes a MIDI file of type 1: a track of tempo, metre and name, then one per voice.

    Equal scores give equal bytes. Times that are multiples of 1/`ticks` are exact (480: down to 1/32 of a quarter,
    triplets, quintuplets), others are rounded. Within a voice, a note that begins while its pitch sounds cuts the
    earlier note, as in `quantize`.

    Args:
        score: Score.
        path: of the file.
        ticks: per quarter note.

    Raises:
        ValueError: MIDI cannot express the tempo or the metre.
    """
    import mido

    if not 60e6 / 0xFFFFFF < score.tempo <= 60e6:
        raise ValueError(f"MIDI has 3.6 to 60,000,000 quarter notes per minute. Received: tempo {score.tempo}")
    numerator, denominator = score.metre
    if not 1 <= numerator <= 255 or denominator < 1 or denominator & (denominator - 1):
        raise ValueError(f"MIDI has metres of 1..255 over a power of two. Received: metre {numerator}/{denominator}")
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
    notes = to_grid(score.notes, Fraction(1, ticks))
    for voice in range(score.voices):
        channel = voice % 15
        channel += channel >= DRUM_CHANNEL
        track, now = mido.MidiTrack(), 0
        for time, begins, pitch, velocity in boundaries(note for note in notes if note[3] == voice):
            kind = "note_on" if begins else "note_off"
            track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=time - now))
            now = time
        file.tracks.append(track)
    file.save(path)


def _open(path, data):
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(pathlib.Path(path).read_bytes() if data is None else data))
    except OSError as error:
        if error.errno is not None:  # from the file system; its message names the file
            raise
        raise ValueError(f"{path}: not a MIDI file: {error}.") from error
    except EOFError as error:
        raise ValueError(f"{path}: truncated: it ends inside its header or a track.") from error
    except Exception as error:  # mido does not wrap what a broken event raises, from KeyError to struct.error
        raise ValueError(f"{path}: not a MIDI file that mido can read: {error!r}.") from error
    if file.type not in (0, 1):
        raise ValueError(f"{path}: MIDI of type {file.type}, whose tracks are separate pieces. Expected type 0 or 1.")
    if file.ticks_per_beat <= 0:
        raise ValueError(f"{path}: its time is in SMPTE frames. Expected ticks per quarter note.")
    return file


def _name(file):
    """The name of the first track; mido reads Latin-1, but most writers of other scripts write UTF-8."""
    for message in file.tracks[0] if file.tracks else ():
        if message.type == "track_name" and (name := message.name.strip()):
            try:
                return name.encode("latin1").decode("utf-8")
            except UnicodeError:
                return name
    return ""
