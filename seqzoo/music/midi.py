"""Standard MIDI Files: read and written with mido, which is imported on first use.

Files are written by mido, which also decodes meta events. Chunks and events are parsed here: mido's reader stops at the
first unknown one, and files in the wild have many. https://midi.org/standard-midi-files
"""

import collections
import os
import pathlib
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from seqzoo.extras import check_installed
from seqzoo.music.score import Note, Score, boundaries, to_grid
from seqzoo.text.lines import shorten

DRUM_CHANNEL = 9  # channel 10, counted from 0
TEMPO = 500_000  # microseconds per quarter note if a file has no tempo: 120 quarter notes per minute
SMPTE = 0x8000  # divisions of time from here on hold minus the frames per second, then the ticks per frame
HEAD = 256  # bytes searched for the header: other formats, such as RIFF, wrap MIDI files
SHORTEST_BEAT = 64  # denominator of a metre
META = {0x51: "tempo", 0x58: "time signature", 0x59: "key signature"}
SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of messages that belong on a wire; others have none


class _Message(NamedTuple):
    """A note message with mido's names; it takes half as long to create as mido's own."""

    type: str
    channel: int
    note: int
    velocity: int


def read_midi(
    path: str | os.PathLike,
    data: bytes | None = None,
    drums: bool = False,
    skipped: collections.Counter | None = None,
) -> Score:
    """Reads a Standard MIDI File.

    Each channel of each track is a voice, in order of appearance. Either all channels but the drums (channel 10) are
    read, or the drums alone. A note-on of a sounding pitch ends the earlier note; notes that are never ended last
    until the end of their track; notes of zero length are dropped. Times are in quarter notes, so changes of tempo
    and metre do not move notes: only the first of each is kept. Pedals and pitch bends are ignored. The tracks of a
    file of type 2 are patterns that follow one another. Time in SMPTE frames becomes quarter notes at the first tempo.

    Unreadable parts are skipped: chunks of other kinds, malformed events, and the rest of a track from where its events
    cannot be parsed. Velocities above 127 become 127.

    Args:
        path: of the file.
        data: content of the file, if it is not on disk; `path` is then its name in messages.
        drums: read only the drums, whose pitches are instruments.
        skipped: counts skipped parts by name, for `listed`.

    Returns:
        Score, named after the first track or else after the file.

    Raises:
        ValueError: names the file and the problem: not MIDI, cut off in its header, no notes; or mido is not
            installed.
    """
    check_installed("mido", "A MIDI file")
    skipped = collections.Counter() if skipped is None else skipped
    kind, division, tracks = _read(path, pathlib.Path(path).read_bytes() if data is None else data, skipped)
    found, channels, first_messages, name, others, begin = [], {}, {}, "", False, 0
    for number, track in enumerate(tracks):
        now, sounding, replaced = begin, {}, {}
        if kind == 2:
            number = 0  # noqa: PLW2901, patterns share their voices

        def finish(key, end, sounding=sounding, number=number):
            start, velocity = sounding.pop(key)
            if end > start:
                found.append((start, end, key[1], (number, key[0]), velocity))

        for time, message in track:
            now = begin + time
            if message.type in ("set_tempo", "time_signature"):
                first_messages.setdefault(message.type, []).append((now, number, message))
            if message.type == "track_name" and number == 0:
                name = name or _name(message)
            if message.type not in ("note_on", "note_off"):
                continue
            if (message.channel == DRUM_CHANNEL) != drums:
                others = True
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
        begin = now if kind == 2 else 0
    if not found:
        only = "" if not others else " of drums" if drums else " but drums, which --drums reads"
        damage = f" (skipped: {listed(skipped)})" if skipped else ""
        raise ValueError(f"{path}: no notes{only}{damage}.")
    used = {channel for *_, channel, _ in found}
    voices = {channel: voice for voice, channel in enumerate(channel for channel in channels if channel in used)}
    first = {name: min(messages, key=lambda message: message[:2])[-1] for name, messages in first_messages.items()}
    tempo = first["set_tempo"].tempo if "set_tempo" in first else TEMPO
    quarter = _quarter(division, tempo)
    notes = [
        Note(Fraction(start, quarter), Fraction(end - start, quarter), pitch, voices[channel], velocity)
        for start, end, pitch, channel, velocity in found
    ]
    # MIDI has whole microseconds per quarter: 97 would read as 97.00007.
    score = Score(notes, tempo=round(60e6 / tempo, 3), name=name or pathlib.Path(path).stem, drums=drums)
    if "time_signature" in first:
        score.metre = first["time_signature"].numerator, first["time_signature"].denominator
    return score


def listed(skipped: collections.Counter) -> str:
    """Lists the parts that `read_midi` skipped: ``"malformed key signature, data byte above 127 (3 times)"``."""
    return ", ".join(what if count == 1 else f"{what} ({count:,} times)" for what, count in skipped.most_common(8))


def write_midi(score: Score, path: str | os.PathLike, ticks: int = 480) -> None:
    """Writes a MIDI file of type 1: a track of tempo, metre and name, then one per voice.

    Drums are on channel 10, the voices of other scores on the other channels. Equal scores give equal bytes. Times that
    are multiples of 1/`ticks` are exact (480: down to 1/32 of a quarter, triplets, quintuplets), others are rounded.
    Within a voice, a note that begins while its pitch sounds cuts the earlier note, as in `quantize`.

    Args:
        score: Score.
        path: of the file.
        ticks: per quarter note.

    Raises:
        ValueError: MIDI cannot express the tempo or the metre.
    """
    check_installed("mido", "A MIDI file")
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
        channel = DRUM_CHANNEL if score.drums else channel + (channel >= DRUM_CHANNEL)
        track, now = mido.MidiTrack(), 0
        for time, begins, pitch, velocity in boundaries(note for note in notes if note[3] == voice):
            kind = "note_on" if begins else "note_off"
            track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=time - now))
            now = time
        file.tracks.append(track)
    file.save(path)


def _read(path, data, skipped):
    """Returns (type, division of time, tracks) of a file; a track is an iterator of (time in ticks, message)."""
    start = data.find(b"MThd", 0, HEAD)
    if start < 0:
        raise ValueError(f"{path}: not a MIDI file: no MThd at its beginning.")
    header, *chunks = [*_chunks(data[start:])] or [(b"", b"", 0)]
    if len(header[1]) < 6:
        raise ValueError(f"{path}: cut off inside its header.")
    kind, count, division = struct.unpack(">HHH", header[1][:6])
    if kind > 2:
        raise ValueError(f"{path}: MIDI of type {kind}. Expected type 0, 1 or 2.")
    if not division or (division >= SMPTE and not division & 0xFF):
        raise ValueError(f"{path}: 0 ticks per quarter note or frame.")
    tracks = []
    for name, content, size in chunks:
        if name != b"MTrk":
            skipped[f"chunk {shorten(name.decode('latin-1'))}"] += 1
            continue
        if len(content) < size:
            skipped["end of a track that is cut off"] += 1
        tracks.append(_messages(content, skipped))
    if len(tracks) < count:
        skipped["missing track"] += count - len(tracks)
    return kind, division, tracks


def _chunks(data) -> Iterator[tuple[bytes, bytes, int]]:
    """Yields (name, content, length as declared) of the chunks of a file."""
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from(">4sL", data, position)
        position += 8
        yield name, data[position : position + size], size
        position += size


def _messages(data, skipped):
    """Yields (time in ticks, _Message or mido.MetaMessage) of a track, as far as its events can be parsed."""
    position = time = status = 0
    try:
        while position < len(data):
            delta, position = _quantity(data, position)
            time += delta
            event, position = (data[position], position + 1) if data[position] >= 0x80 else (status, position)
            message, number = None, 0
            if event == 0xFF:
                number = data[position]
                size, position = _quantity(data, position + 1)
            elif event in (0xF0, 0xF7):  # system exclusive
                size, position = _quantity(data, position)
            elif event >= 0xF0:
                size = SYSTEM.get(event, 0)
                skipped[f"event 0x{event:X}"] += 1
            elif event:
                size = 1 if event >> 4 in (0xC, 0xD) else 2
                status = event  # also for the events after a meta event, though the standard says otherwise
            else:
                raise IndexError("an event without status")
            body, position = data[position : position + size], position + size
            if position > len(data):
                raise IndexError("an event is cut off")
            if event == 0xFF:
                message = _meta(number, body, skipped)
            elif event < 0xF0:
                message = _message(event, body, skipped)
            if message:
                yield time, message
                if message.type == "end_of_track":
                    return
    except IndexError:
        skipped["rest of a damaged track"] += 1


def _quantity(data, position):
    """Returns (number, position after it) of a number in 7-bit groups, at most four.

    Raises:
        IndexError: the data or the groups end before the number.
    """
    value = 0
    for index in range(position, position + 4):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return value, index + 1
    raise IndexError("a number of more than four bytes")


def _message(event, body, skipped):
    """Returns the _Message of a note, or None."""
    if max(body) > 0x7F:
        skipped["data byte above 127"] += 1
    if event >= 0xA0 or body[0] > 0x7F:  # pedals and the like; an impossible pitch
        return None
    return _Message("note_on" if event >= 0x90 else "note_off", event & 0xF, body[0], min(body[1], 0x7F))


def _meta(number, body, skipped):
    """Returns the mido message of a meta event, or None."""
    from mido.midifiles.meta import build_meta_message

    try:
        message = build_meta_message(number, list(body))
        if message.type == "set_tempo" and not message.tempo:
            raise ValueError("a tempo of 0")
        if message.type == "time_signature" and not (message.numerator and message.denominator <= SHORTEST_BEAT):
            raise ValueError("not a metre")
    except Exception:  # mido lets errors of malformed ones through, from KeyError to IndexError
        skipped[f"malformed {META.get(number, f'meta event 0x{number:02X}')}"] += 1
        return None
    return message


def _quarter(division, tempo):
    """Returns the ticks of a quarter note."""
    if division < SMPTE:
        return division
    frames = 0x100 - (division >> 8)
    per_second = Fraction(30_000, 1001) if frames == 29 else frames  # 29 stands for 29.97
    return per_second * (division & 0xFF) * Fraction(tempo, 1_000_000)


def _name(message):
    """Returns the name of a track; mido reads Latin-1, but most writers of other scripts write UTF-8."""
    name = message.name.strip()
    try:
        return name.encode("latin1").decode("utf-8")
    except UnicodeError:
        return name
