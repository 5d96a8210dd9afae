import collections
import dataclasses
import random
import subprocess
import sys
import weakref
from fractions import Fraction

import numpy as np
import pytest

from seqzoo.music.events import EVENTS, from_events, to_events
from seqzoo.music.frames import from_frames, to_frames
from seqzoo.music.keys import find_key, key_name, parse_key, parse_pitch, pitch_name
from seqzoo.music.midi import listed, read_midi, write_midi
from seqzoo.music.plots import piano_roll_plot
from seqzoo.music.score import Note, Score, quantize, transpose
from seqzoo.music.statistics import corpus_statistics, score_statistics, statistics_table
from seqzoo.music.voices import from_voices, separate_voices, skyline, to_voices

STEPS = [Fraction(1, 4), Fraction(1, 12), Fraction(1, 3), 1]
# Rests at the start; repeated notes; a unison of two voices, of which one goes on; a crossing; a triplet.
HAND = Score(
    [
        Note(1, 1, 72),
        Note(2, Fraction(1, 2), 72),
        Note(Fraction(5, 2), Fraction(1, 2), 72, velocity=100),
        Note(4, 2, 60),
        *(Note(6 + Fraction(third, 3), Fraction(1, 3), 74 - third) for third in range(3)),
        Note(2, 4, 60, voice=1),
        Note(6, 1, 76, voice=1),
        Note(3, Fraction(1, 32), 48, voice=2),
        Note(7, 60, 36, voice=2, velocity=1),
    ],
    tempo=97.0,
    metre=(6, 8),
    name="Türkü",
)


def random_score(seed, voices=3, polyphonic=True):
    """Notes off every grid, some shorter than any; many repeated or overlapping where polyphonic."""
    rng = random.Random(seed)
    notes, ends = [], [Fraction(0)] * voices
    for _ in range(60):
        voice = rng.randrange(voices)
        start = Fraction(rng.randrange(480), 24) if polyphonic else ends[voice] + rng.choice([0, 0, Fraction(1, 2)])
        length = Fraction(rng.randrange(1, 80), 24) if polyphonic else Fraction(rng.randrange(1, 9), 4)
        ends[voice] = start + length
        notes.append(Note(start, length, rng.randrange(60, 66), voice, rng.randrange(1, 128)))
    return Score(notes)


def on_steps(score, step):
    """The score with its sixteenths stretched to steps."""
    factor = 4 * step
    notes = [dataclasses.replace(note, start=note.start * factor, length=note.length * factor) for note in score.notes]
    return dataclasses.replace(score, notes=notes)


def without_velocities(score):
    return [dataclasses.replace(note, velocity=80) for note in score.notes]


SCORES = [HAND, Score([]), *map(random_score, range(5))]


def test_a_score_is_sorted_and_its_times_are_fractions():
    score = Score([Note(np.int64(2), 0.5, np.int64(60)), Note(0, "1/3", 64)])
    assert [note.pitch for note in score.notes] == [64, 60]
    assert score.length == Fraction(5, 2) and score.voices == 1
    assert type(score.notes[1].pitch) is int and type(score.notes[1].start.numerator) is int


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1, 1, 60), "start -1"),
        ((0, 0, 60), "length 0"),
        ((0, 1, 128), "pitch 128"),
        ((0, 1, 60, -1), "voice -1"),
        ((0, 1, 60, 0, 0), "velocity 0"),
    ],
)
def test_a_note_out_of_range_names_the_field(values, message):
    with pytest.raises(ValueError, match=message):
        Note(*values)


@pytest.mark.parametrize("step", [*STEPS, 1 / 12])
def test_quantized_notes_lie_on_the_grid_and_a_pitch_sounds_once_at_a_time(step):
    exact = Fraction(step).limit_denominator(100)
    for score in SCORES:
        for merge in (False, True):
            once = quantize(score, step, merge)
            assert quantize(once, step, merge) == once
            assert all((time / exact).denominator == 1 for note in once.notes for time in (note.start, note.length))
            ends = {}
            for note in once.notes:
                assert ends.get((note.voice, note.pitch), 0) <= note.start
                ends[note.voice, note.pitch] = note.end
            assert once.voices == (min(1, score.voices) if merge else score.voices)
            for note in score.notes:  # it begins where it did, or nearly
                assert any(abs(other.start - note.start) <= exact / 2 for other in once.notes)


def test_a_note_within_another_of_its_pitch_cuts_it_and_goes_on():
    merged = quantize(Score([Note(0, 4, 60), Note(1, 1, 60, voice=1)]), merge=True)
    assert [(note.start, note.end) for note in merged.notes] == [(0, 1), (1, 4)]


def test_two_notes_of_a_pitch_that_begin_together_are_one_as_long_and_hard_as_either():
    both = Score([Note(0, 1, 60, velocity=100), Note(0, 2, 60, voice=1, velocity=50)])
    assert quantize(both, merge=True).notes == [Note(0, 2, 60, velocity=100)]


@pytest.mark.parametrize("step", [0, -1])
def test_a_step_must_be_positive(step):
    with pytest.raises(ValueError, match=f"step {step}"):
        to_events(HAND, step)


# Representations


@pytest.mark.parametrize("step", STEPS)
def test_frames_come_back(step):
    for score in SCORES:
        frames, onsets = to_frames(score, step)
        back = from_frames(frames, onsets, step)
        assert back.notes == without_velocities(quantize(score, step, merge=True))
        assert to_frames(back, step) == (frames, onsets)


def test_frames_keep_repeated_notes_apart_only_by_onsets():
    frames, onsets = to_frames(Score([Note(1, 1, 60), Note(2, 1, 60), Note(2, 1, 67)]), 1)
    assert frames == [(), (60,), (67, 60)] and onsets == [(), (60,), (67, 60)]
    assert from_frames(frames, step=1).notes == [Note(1, 2, 60), Note(2, 1, 67)]


@pytest.mark.parametrize("step", STEPS)
def test_voices_come_back(step):
    for seed in range(5):
        score = on_steps(quantize(random_score(seed, voices=4, polyphonic=False), Fraction(1, 4)), step)
        pitches, onsets = to_voices(score, step)
        assert pitches.shape == onsets.shape == (score.length / step, 4)
        assert from_voices(pitches, onsets, step).notes == without_velocities(score)


def test_voices_are_columns_and_held_notes_are_repeated():
    pitches, onsets = to_voices(Score([Note(0, 2, 72), Note(2, 1, 72), Note(1, 1, 60, voice=1)]), 1, voices=2)
    assert pitches.tolist() == [[72, -1], [72, 60], [72, -1]]
    assert onsets.tolist() == [[True, False], [False, True], [True, False]]
    assert from_voices(pitches, step=1).notes == [Note(0, 3, 72), Note(1, 1, 60, voice=1)]
    assert to_voices(Score([]))[0].shape == (0, 4)
    assert from_voices(np.zeros((0, 4))).notes == []


def test_errors_name_what_does_not_fit_into_the_voices():
    with pytest.raises(ValueError, match="has 5 voices. Expected at most 4"):
        to_voices(Score([Note(0, 1, 60, voice=4)]))
    with pytest.raises(ValueError, match="Two notes of voice 0 in one step, at quarter 1"):
        to_voices(Score([Note(0, 2, 60), Note(1, 1, 64)]))
    with pytest.raises(ValueError, match="3 notes at once, at quarter 1"):
        separate_voices(Score([Note(0, 2, 60), Note(1, 1, 64), Note(1, 1, 67)]), 2)


def test_chords_are_separated_into_voices_from_high_to_low():
    melody = [Note(time, 1, pitch) for time, pitch in enumerate([72, 74, 76, 77])]
    chords = [Note(time, 2, pitch, voice=1) for time in (0, 2) for pitch in (48, 52 + time, 55)]
    pitches, _ = to_voices(separate_voices(Score(melody + chords)), 1)
    assert pitches.tolist() == [[72, 55, 52, 48], [74, 55, 52, 48], [76, 55, 54, 48], [77, 55, 54, 48]]


def test_separated_voices_do_not_cross_sounding_ones_and_no_voice_opens_for_a_step():
    crossing = Score([Note(0, 1, 62), Note(0, 2, 60), Note(0, 1, 50), Note(1, 1, 59)])  # 59 is nearer to 62
    pitches, _ = to_voices(separate_voices(crossing), 1)
    assert pitches.tolist() == [[62, 60, 50, -1], [-1, 60, 59, -1]]
    melody = Score([Note(0, 1, 72), Note(1, 1, 71), Note(2, 1, 72), Note(2, 1, 60)])
    pitches, _ = to_voices(separate_voices(melody, 2), 1, 2)
    assert pitches.tolist() == [[72, -1], [71, -1], [72, 60]]


def test_monophonic_voices_are_sorted_from_high_to_low_and_keep_their_crossings():
    bass_first = Score([Note(0, 1, 40), Note(1, 1, 70), Note(0, 2, 60, voice=1)])
    assert separate_voices(bass_first).notes == [
        Note(0, 1, 40, voice=1),
        Note(0, 2, 60, voice=0),
        Note(1, 1, 70, voice=1),
    ]


@pytest.mark.parametrize("step", STEPS)
def test_events_come_back(step):
    for score in SCORES:
        events = to_events(score, step)
        assert set(events) <= set(EVENTS)
        assert from_events(events, step).notes == without_velocities(quantize(score, step, merge=True))
        loud = from_events(to_events(score, step, velocities=True), step)
        for back, note in zip(loud.notes, quantize(score, step, merge=True).notes, strict=True):
            assert back == dataclasses.replace(note, velocity=max(1, note.velocity // 4 * 4))


def test_events_agree_with_performance_rnn():
    assert len(set(EVENTS)) == 128 + 128 + 100 + 32
    score = Score([Note(51, 1, 60, velocity=127), Note(51, 1, 64, velocity=127), Note(52, 1, 60)])
    assert to_events(score, velocities=True) == (
        "shift100 shift100 shift4 velocity31 on60 on64 shift4 off60 off64 velocity20 on60 shift4 off60".split()
    )


def test_any_events_make_a_score_whose_events_make_it_again():
    rng = random.Random(0)
    few = [event for event in EVENTS if event.lstrip("onfshitvelcy") in ("1", "2", "60", "61")]
    for pool in [EVENTS, few] * 50:
        score = from_events(rng.choices(pool, k=rng.randrange(200)))
        assert from_events(to_events(score)).notes == without_velocities(score)
        assert quantize(score, merge=True) == score


def test_meaningless_events_are_ignored_and_unknown_ones_refused():
    events = "off60 on60 shift1 on60 shift1 on62 off62 velocity0 on64 shift2 on65".split()
    assert from_events(events, 1).notes == [Note(0, 1, 60), Note(1, 3, 60), Note(2, 2, 64, velocity=1)]
    with pytest.raises(ValueError, match="Not an event: 'on128'"):
        from_events(["on128"])


@pytest.mark.parametrize("step", STEPS)
def test_the_skyline_of_one_voice_is_that_voice(step):
    for seed in range(5):
        score = on_steps(random_score(seed, voices=1, polyphonic=False), step)
        pitches, onsets = skyline(score, step)
        assert from_voices(pitches, onsets, step).notes == without_velocities(score)
        for array, expected in zip((pitches, onsets), to_voices(score, step, voices=1), strict=True):
            np.testing.assert_array_equal(array, expected)


def test_the_skyline_is_the_highest_pitch_and_a_lower_note_begins_anew_after_a_higher_one():
    pitches, onsets = skyline(Score([Note(1, 5, 60, voice=1), Note(2, 1, 64), Note(3, 1, 64)]), 1)
    assert pitches.tolist() == [[-1], [60], [64], [64], [60], [60]]
    assert onsets.tolist() == [[False], [True], [True], [True], [True], [False]]
    assert [array.shape for array in skyline(Score([]))] == [(0, 1), (0, 1)]


def test_decoded_scores_take_tempo_metre_and_name():
    about = {"tempo": 60.0, "metre": (3, 4), "name": "Minuet"}
    for score in (
        from_frames([[60]], **about),
        from_voices([[60]], **about),
        from_events(["on60", "shift1"], **about),
    ):
        assert score == Score([Note(0, Fraction(1, 4), 60)], **about)


# MIDI


@pytest.fixture
def mido():
    return pytest.importorskip("mido", reason="mido, which reads and writes MIDI files, is not installed")


@pytest.mark.parametrize("ticks", [480, 96, 4])
def test_midi_comes_back_on_its_grid_and_equal_scores_give_equal_bytes(mido, tmp_path, ticks):
    for number, score in enumerate(SCORES):
        if score.notes:
            first, second = tmp_path / f"{number}.mid", tmp_path / f"{number}again.mid"
            write_midi(score, first, ticks)
            write_midi(dataclasses.replace(score, notes=score.notes[::-1]), second, ticks)
            assert first.read_bytes() == second.read_bytes()
            back = read_midi(first)
            assert back.notes == quantize(score, Fraction(1, ticks)).notes
            assert (back.tempo, back.metre, back.name) == (score.tempo, score.metre, score.name or str(number))


@pytest.mark.parametrize("step", STEPS)
def test_midi_to_events_to_midi_is_exact_up_to_the_grid(mido, tmp_path, step):
    write_midi(HAND, tmp_path / "a.mid")
    read = read_midi(tmp_path / "a.mid")
    write_midi(from_events(to_events(read, step), step), tmp_path / "b.mid")
    expected = without_velocities(quantize(HAND, step, merge=True))
    assert read_midi(tmp_path / "b.mid").notes == expected


def test_no_note_hangs_and_voices_avoid_the_channel_of_drums(mido, tmp_path):
    write_midi(Score([Note(0, 1, 60, voice=voice) for voice in range(20)]), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    assert len(file.tracks) == 21 and read_midi(tmp_path / "a.mid").voices == 20
    for track in file.tracks[1:]:
        kinds = [message.type for message in track if not message.is_meta]
        assert kinds == ["note_on", "note_off"]
        assert 9 not in {message.channel for message in track if not message.is_meta}


def tracks(mido, path, *lists, **settings):
    file = mido.MidiFile(**{"ticks_per_beat": 10} | settings)
    for messages in lists:
        file.tracks.append(mido.MidiTrack(messages))
    file.save(path)
    return path


def test_midi_files_of_other_programs_are_read(mido, tmp_path):
    def on(time, pitch, velocity=64, channel=0):
        return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)

    def off(time, pitch, channel=0):
        return mido.Message("note_off", note=pitch, time=time, channel=channel)

    path = tracks(
        mido,
        tmp_path / "found.mid",
        [],  # an empty track
        [
            mido.MetaMessage("set_tempo", tempo=500_000, time=0),
            *(on(0, 60), on(10, 60, 0)),  # a note-on of velocity 0 ends a note
            *(on(0, 62), mido.MetaMessage("set_tempo", tempo=250_000, time=5), on(5, 62), off(10, 62), off(0, 62)),
            *(on(0, 64), on(10, 64), off(0, 64), off(10, 64)),  # the end of the note before comes late
            *(on(0, 65, channel=9), off(5, 65, channel=9)),  # drums
            *(on(0, 66), off(0, 66)),  # lasts no time
            *(on(0, 66, channel=1), off(0, 66, channel=1)),  # the only note of its channel
            on(5, 67, channel=3),  # never ends
            mido.MetaMessage("end_of_track", time=10),
        ],
        [on(0, 40), off(40, 40)],
    )
    score = read_midi(path)
    expected = [
        *(Note(0, 1, 60), Note(1, 1, 62), Note(2, 1, 62), Note(3, 1, 64), Note(4, 1, 64), Note(6, 1, 67, voice=1)),
        Note(0, 4, 40, voice=2),
    ]
    assert without_velocities(score) == sorted(expected)
    assert (score.tempo, score.metre, score.name) == (120.0, (4, 4), "found")


def test_running_status_is_read(mido, tmp_path):
    events = bytes([0, 0x90, 60, 64, 10, 60, 0, 0, 62, 64, 10, 62, 0, 0, 0xFF, 0x2F, 0])
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 10])
    path = tmp_path / "running.mid"
    path.write_bytes(header + b"MTrk" + len(events).to_bytes(4, "big") + events)
    assert [(note.start, note.length, note.pitch) for note in read_midi(path).notes] == [(0, 1, 60), (1, 1, 62)]


def test_errors_name_the_file_and_the_reason(mido, tmp_path):
    path = tmp_path / "song.mid"
    write_midi(HAND, path)
    whole = path.read_bytes()
    for content, reason in [
        (b"", "not a MIDI file"),
        (b"not MIDI at all, but some text", "not a MIDI file"),
        (whole[:10], "cut off inside its header"),
        (whole[:9] + b"\x03" + whole[10:], "type 3. Expected type 0, 1 or 2"),
        (whole[:12] + bytes(2) + whole[14:], "0 ticks"),
        (whole[:12] + b"\xe7\0" + whole[14:], "0 ticks"),
        (whole[:14], r"no notes \(skipped: missing track \(\d times\)\)"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=reason) as caught:
            read_midi(path)
        assert str(path) in str(caught.value)
    tracks(mido, path, [mido.Message("note_on", channel=9), mido.Message("note_off", channel=9, time=4)])
    with pytest.raises(ValueError, match="song.mid: no notes but drums, which --drums reads"):
        read_midi(path)
    assert read_midi(path, drums=True).drums
    with pytest.raises(FileNotFoundError, match="missing.mid"):
        read_midi(tmp_path / "missing.mid")


def test_any_broken_file_is_a_value_error_that_names_it(mido, tmp_path):
    path = tmp_path / "song.mid"
    write_midi(HAND, path)
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(broken[: rng.choice([len(broken), rng.randrange(len(broken))])])
        try:
            assert read_midi(path).notes
        except ValueError as error:
            assert str(path) in str(error)


def smf(*chunks, kind=1, division=480, header=b""):
    """The bytes of a MIDI file of chunks: tracks of events, or (name, content)."""
    chunks = [chunk if isinstance(chunk, tuple) else (b"MTrk", chunk) for chunk in chunks]
    tracks = sum(name == b"MTrk" for name, _ in chunks)
    head = b"".join(number.to_bytes(2, "big") for number in (kind, tracks, division)) + header
    return b"".join(name + len(data).to_bytes(4, "big") + data for name, data in [(b"MThd", head), *chunks])


def meta(kind, *data):
    return bytes([0, 0xFF, kind, len(data), *data])


ON, OFF = bytes([0, 0x90, 60, 64]), bytes([0x83, 0x60, 0x80, 60, 0])  # a quarter note
TUNE = ON + OFF + ON + OFF


def test_damaged_parts_are_skipped_and_named_and_the_rest_is_read(mido):
    for data, expected in [
        (smf(meta(0x59, 18, 0) + TUNE), "malformed key signature"),
        (smf((b"XFIH", b"abcd"), TUNE), "chunk 'XFIH'"),
        (smf(TUNE, header=b"more"), ""),
        (b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + smf(TUNE), ""),
        (smf(ON + OFF[:-1] + b"\x80" + ON + OFF), "data byte above 127"),
        (smf(bytes([0, 0x90, 200, 64]) + TUNE), "data byte above 127"),
        (smf(meta(0x51, 7) + meta(0x58, 4) + TUNE), "malformed tempo, malformed time signature"),
        (smf(meta(0x51, 0, 0, 0) + TUNE), "malformed tempo"),
        (smf(meta(0x51, 7, 161, 32, 9) + meta(0x58, 4, 2, 24, 8, 9) + TUNE), ""),
        (smf(TUNE + bytes([0, 0xFF, 0x01, 100]) + b"short"), "rest of a damaged track"),
        (smf(ON + meta(1, 65) + bytes([0x83, 0x60, 60, 0]) + ON + OFF), ""),  # running status behind a meta event
        (smf(TUNE + bytes([0, 0xF0, 3, 1, 2, 0xF7])), ""),
        (smf(bytes([0, 0xFE]) + TUNE), "event 0xFE"),
        (smf(TUNE + bytes([0xFF] * 5)), "rest of a damaged track"),
        (smf(bytes([0, 60, 64]) + TUNE, TUNE), "rest of a damaged track"),
        (smf(TUNE + meta(0x2F) + b"\xff"), ""),
        (smf(TUNE)[:9] + b"\0\0\2" + smf(TUNE)[12:], "missing track"),
        (smf(TUNE + ON)[:-2], "end of a track that is cut off, rest of a damaged track"),
        (smf(ON + OFF, ON + OFF, kind=2), ""),
    ]:
        skipped = collections.Counter()
        score = read_midi("song.mid", data, skipped=skipped)
        assert listed(skipped) == expected
        assert [(note.start, note.length, note.pitch) for note in score.notes] == [(0, 1, 60), (1, 1, 60)], expected


def test_time_in_smpte_frames_becomes_quarters_at_the_first_tempo(mido):
    half = meta(0x51, 0x0F, 0x42, 0x40)  # a second
    for frames, ticks, tempo, length in [(25, 40, b"", 0.96), (25, 40, half, 0.48), (29, 4, b"", 8.008)]:
        score = read_midi("song.mid", smf(tempo + ON + OFF, division=(0x100 - frames) * 0x100 + ticks))
        assert float(score.notes[0].length) == length


@pytest.mark.parametrize(
    ("about", "message"), [({"tempo": 1}, "tempo 1"), ({"metre": (4, 3)}, "4/3"), ({"metre": (0, 4)}, "0/4")]
)
def test_errors_name_what_midi_cannot_express(mido, tmp_path, about, message):
    with pytest.raises(ValueError, match=message):
        write_midi(Score([Note(0, 1, 60)], **about), tmp_path / "a.mid")


# Names of pitches and keys


def test_pitch_names_are_written_and_parsed():
    assert [pitch_name(pitch) for pitch in (0, 60, 61, 127)] == ["C-1", "C4", "C#4", "G9"]
    assert [parse_pitch(pitch_name(pitch)) for pitch in range(128)] == list(range(128))
    texts = ["60", "F#3", "Bb2", "bb2", "b2", "Cb4", "B#3", " c4 "]
    assert [parse_pitch(text) for text in texts] == [60, 54, 46, 46, 47, 59, 60, 60]


@pytest.mark.parametrize("text", ["", "H4", "C", "C##4", "128", "-1", "C-2", "G#9", "4.5"])
def test_an_invalid_pitch_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=f"Not a pitch: '{text}'. Expected .* 'F#3'"):
        parse_pitch(text)


@pytest.mark.parametrize("pitch", [-1, 128])
def test_a_pitch_out_of_range_has_no_name(pitch):
    with pytest.raises(ValueError, match=f"should be in 0..127. Received: pitch {pitch}"):
        pitch_name(pitch)


def test_key_names_are_written_and_parsed():
    assert [key_name(key) for key in [(1, "minor"), (10, "major"), (6, "major")]] == [
        "C# minor",
        "Bb major",
        "F# major",
    ]
    for key in [(tonic, mode) for tonic in range(12) for mode in ("major", "minor")]:
        assert parse_key(key_name(key)) == key
    for text, key in {
        "c# minor": (1, "minor"),
        "Bb major": (10, "major"),
        "bb": (10, "major"),
        "F#": (6, "major"),
        "am": (9, "minor"),
        "Am": (9, "minor"),
        "Bbm": (10, "minor"),
        "Cb Major": (11, "major"),
        "B# MINOR": (0, "minor"),
    }.items():
        assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H", "AM", "C dorian", "minor", "C##"])
def test_an_invalid_key_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=f"Not a key: '{text}'. Expected .* 'C# minor'"):
        parse_key(text)


# Keys, transposition, statistics


def scale_and_chord(semitones, tonic=0):
    """A scale up, quarters, and its triad, held."""
    chord = [Note(8, 4, 60 + tonic + semitones[degree]) for degree in (0, 2, 4)]
    return Score([*(Note(time, 1, 60 + tonic + step) for time, step in enumerate(semitones)), *chord])


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_of_a_scale_is_found(tonic):
    assert find_key(scale_and_chord([0, 2, 4, 5, 7, 9, 11], tonic)) == (tonic, "major")
    assert find_key(scale_and_chord([0, 2, 3, 5, 7, 8, 11], tonic)) == (tonic, "minor")


def test_the_key_has_the_highest_correlation_with_the_durations():
    profiles = {
        "major": [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        "minor": [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    }
    rng = random.Random(0)
    for _ in range(20):
        score = Score([Note(0, rng.randrange(1, 50), pitch) for pitch in rng.choices(range(128), k=40)])
        durations = [sum(float(note.length) for note in score.notes if note.pitch % 12 == c) for c in range(12)]
        found = {
            (tonic, mode): np.corrcoef(durations, [profile[(c - tonic) % 12] for c in range(12)])[0, 1]
            for mode, profile in profiles.items()
            for tonic in range(12)
        }
        assert find_key(score) == max(found, key=found.get)


def test_of_equal_keys_the_lowest_tonic_is_found_and_a_score_without_notes_has_none():
    diminished = [Note(0, "1/3", pitch) for pitch in (59, 62, 65, 68)]
    assert find_key(Score(diminished))[0] < 3
    assert find_key(Score([Note(0, 1, 60 + step) for step in range(12)])) == (0, "major")
    with pytest.raises(ValueError, match="without notes has no key.*'Rests'"):
        find_key(Score([], name="Rests"))


def test_a_score_is_transposed_unless_it_leaves_the_range():
    assert transpose(transpose(HAND, 5), -5) == HAND
    assert transpose(HAND, -12).notes[0] == dataclasses.replace(HAND.notes[0], pitch=HAND.notes[0].pitch - 12)
    with pytest.raises(ValueError, match="pitch -1"):
        transpose(HAND, -37)


def test_statistics_agree_with_a_count_by_hand():
    found = score_statistics(Score([Note(0, 1, 60), Note(1, 1, 72), Note(2, 2, 67), Note(4, "1/3", 59)]))
    assert found["pitch_classes"] == {"C": 0.5, "G": 0.25, "B": 0.25}
    assert found["lengths"] == {"1": 0.5, "1/3": 0.25, "2": 0.25}
    assert found["notes_per_quarter"] == pytest.approx(4 / (4 + 1 / 3))
    assert (found["notes"], found["voices"], found["range"]) == (4, 1, (59, 72))
    assert "parallel_fifths" not in found
    assert score_statistics(Score([]))["range"] is None


@pytest.mark.parametrize(
    ("upper", "lower", "fifths", "octaves"),
    [
        ([67, 69, 71], [60, 62, 64], 100, 0),  # two changes, both parallel fifths
        ([79, 81, 83], [60, 62, 64], 100, 0),  # twelfths
        ([72, 74, 76], [60, 62, 64], 0, 100),
        ([60, 62, 64], [60, 62, 64], 0, 100),  # unisons
        ([67, 69, 72], [60, 62, 64], 50, 0),
        ([67, 67, 69], [60, 60, 62], 100, 0),  # a repeated chord is no change
        ([67, 79, 67], [60, 60, 60], 0, 0),  # one voice stays
        ([67, 74, 67], [60, 55, 60], 0, 0),  # contrary motion from a fifth to one of another size
        ([67, -1, 69], [60, -1, 62], 0, 0),  # a rest between
        ([66, 68, 70], [60, 62, 64], 0, 0),  # tritones
    ],
)
def test_parallel_fifths_and_octaves_are_counted(upper, lower, fifths, octaves):
    pitches = np.array([upper, lower]).T
    for score in (from_voices(pitches, step=1), from_voices(pitches, pitches >= 0, step=1)):
        found = score_statistics(score)
        assert (found["parallel_fifths"], found["parallel_octaves"]) == (fifths, octaves)


def test_every_pair_of_four_parallel_voices_is_counted():
    found = score_statistics(from_voices([[72, 67, 60, 48], [74, 69, 62, 50]], step=1))
    assert found["chord_changes"] == 1
    assert found["parallel_octaves"] == 300  # soprano and tenor, soprano and bass, tenor and bass
    assert found["parallel_fifths"] == 200  # alto and tenor, alto and bass


def test_voice_crossings_are_a_share_of_time():
    found = score_statistics(from_voices([[72, 60], [60, 62], [60, 62], [60, -1]], step=1))
    assert found["voice_crossings"] == pytest.approx(2 / 3)
    assert found["chord_changes"] == 1  # one voice alone is no chord


def test_corpus_statistics_are_of_the_sums_over_its_scores():
    found = corpus_statistics(
        iter(
            [
                from_voices([[67, 60], [69, 62]], [[True, True]] * 2, step=1),  # a parallel fifth
                from_voices([[60, 67], [60, 64], [60, 65], [60, 64]], step=1),  # crossed; none in 3 changes
                Score([Note(0, 18, 48)]),  # no voices to compare
                Score([]),
            ]
        )
    )
    assert (found["pieces"], found["notes"], found["quarters"], found["voices"]) == (4, 10, 24.0, 2)
    assert found["range"] == (48, 69) and found["notes_per_quarter"] == pytest.approx(10 / 24)
    assert found["pitch_classes"] == {"C": 0.3, "D": 0.1, "E": 0.2, "F": 0.1, "G": 0.2, "A": 0.1}
    assert found["lengths"] == {"1": 0.8, "4": 0.1, "18": 0.1}
    assert (found["chord_changes"], found["parallel_fifths"], found["parallel_octaves"]) == (4, 25, 0)
    assert found["voice_crossings"] == pytest.approx(4 / 6)


def test_a_corpus_of_one_score_has_the_statistics_of_that_score():
    for score in SCORES:
        assert corpus_statistics([score]) == {"pieces": 1, **score_statistics(score)}
    assert corpus_statistics([])["pieces"] == 0


def test_a_corpus_is_never_held_in_memory():
    held = []

    def scores():
        for number in range(3):
            score = Score([Note(number, 1, 60)])
            held.append(weakref.ref(score))
            yield score
            del score
            assert sum(reference() is not None for reference in held) <= 1

    assert corpus_statistics(scores())["pieces"] == 3


def test_importing_music_imports_neither_tensorflow_nor_mido():
    modules = "encodings events frames keys midi plots score statistics synthesizer voices".split()
    imports = ", ".join(f"seqzoo.music.{module}" for module in modules)
    code = f"import sys, {imports}; print({{'tensorflow', 'keras', 'mido', 'matplotlib'}} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_display_imports_no_music():
    code = "import sys, seqzoo.display.terminal, seqzoo.display.plots; print('seqzoo.music' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_the_table_compares_samples_with_the_corpus():
    samples = corpus_statistics([from_voices([[67, 60], [69, 62]], step=1)])
    table = statistics_table(samples, corpus_statistics([Score([Note(0, "1/2", 60), Note(1, 1, 61)])]))
    cells = {name: row for name, *row in table.rows}
    assert cells["range"] == ["C4 to A4", "C4 to C#4"] and cells["notes per quarter"] == ["2.00", "1.00"]
    assert cells["length 1/2"] == ["0.0%", "50.0%"] and cells["pitch C"] == ["25.0%", "50.0%"]
    assert "parallel fifths" not in cells  # the corpus has a single voice


def test_a_piano_roll_names_the_white_keys(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *args, **kwargs: drawn.append(figure))
    piano_roll_plot(Score([Note(0, 1, 60), Note(1, 1, 67)]), tmp_path / "roll.png")
    ticks = drawn[0].axes[0].yaxis
    names = dict(zip(ticks.get_ticklocs(), (tick.get_text() for tick in ticks.get_ticklabels()), strict=True))
    assert [names.get(pitch) for pitch in range(60, 68)] == ["C4", None, "D4", None, "E4", "F4", None, "G4"]


def test_piano_rolls_are_plotted_without_pyplot(tmp_path):
    roll = tmp_path / "roll.png"
    code = f"""
import sys
from seqzoo.music.plots import piano_roll_plot
from seqzoo.music.score import Note, Score
piano_roll_plot(Score([Note(0, 40, 0), Note(7, "1/3", 127, voice=2)], name="$ 東京"), {str(roll)!r})
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)
    assert roll.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="without notes"):
        piano_roll_plot(Score([]), roll)
