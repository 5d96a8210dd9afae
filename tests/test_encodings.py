"""Encodings: music comes back from its ids, and any ids that a model samples decode to music."""

import dataclasses
from fractions import Fraction

import keras
import numpy as np
import pytest

from seqzoo.music.encodings import END, FIRST, HELD, HOLD, LONGEST_BAR, REST, Encoding
from seqzoo.music.frames import to_frames
from seqzoo.music.score import Note, Score, parse_metre, quantize, transpose

KINDS = [("voices", True), ("frames", True), ("frames", False), ("melody", True), ("events", True)]
THIRD = Fraction(1, 3)
# Silence first; a triplet; a note repeated; a rest; a unison with the second voice, then a crossing.
TUNE = [
    *(Note(2 + third * THIRD, THIRD, 76 - third) for third in range(3)),
    Note(3, Fraction(1, 2), 74),
    Note(Fraction(7, 2), Fraction(1, 2), 74, velocity=100),
    Note(6, 1, 65),
    Note(7, 1, 60),
    Note(8, 40, 79),
]
LOWER = [Note(2, 4, 67, 1, 40), Note(6, 1, 65, 1), Note(7, 1, 64, 1), Note(9, 1, 64, 1), Note(2, 46, 36, 2)]
PIECES = [Score([*TUNE, *LOWER]), Score(TUNE), Score([Note(0, Fraction(1, 4), 0)]), Score([Note(5, 1, 127)])]
OFF_GRID = Score([Note(Fraction(1, 7), Fraction(1, 50), 60), Note(Fraction(9, 8), 1, 61), Note(1, 2, 40, 1)])


def without_velocities(score):
    return [dataclasses.replace(note, velocity=80) for note in score.notes]


def row(encoding, *ids):
    return [*ids, *[REST] * (encoding.slots - len(ids))]


def random_rows(encoding, steps, seed):
    """Rows of random ids that are not barred, as from an untrained model; without END."""
    rng, barred = np.random.default_rng(seed), encoding.barred()
    rows = np.stack([rng.choice(np.flatnonzero(~slot), steps) for slot in barred], axis=1)
    likely = rng.random(rows.shape) < 0.5  # else a hold or a rest would hardly follow anything
    rows = np.where(
        likely & (encoding.name != "events"), rng.choice([REST, HOLD][: 2 - encoding.sets], rows.shape), rows
    )
    rows[:, 0] = np.where(rows[:, 0] == END, FIRST + 60, rows[:, 0])
    if encoding.sets:
        rows = np.array([_written(encoding, ids) for ids in rows])
    return rows


def _written(encoding, ids):
    """A row as a set is written: from high to low, each pitch once."""
    notes = {encoding.pitch[i]: i for i in ids if encoding.pitch[i] >= 0}
    return row(encoding, *(notes[pitch] for pitch in sorted(notes, reverse=True)))


@pytest.mark.parametrize("score", [*PIECES, OFF_GRID])
@pytest.mark.parametrize("per_quarter", [4, 12])
def test_voices_frames_and_events_give_the_quantized_score_back(score, per_quarter):
    step = Fraction(1, per_quarter)
    for name in ("voices", "frames", "events"):
        encoding = Encoding(name, 3, per_quarter)
        rows = encoding.encode({"score": score})
        assert rows.dtype == "int32" and rows[-1].tolist() == row(encoding, END) and not (rows[:-1, 0] == END).any()
        about = {"tempo": 61.0, "metre": (3, 4), "name": "x"}
        back = encoding.decode(rows, **about)
        assert (back.tempo, back.metre, back.name) == (61.0, (3, 4), "x")
        expected = quantize(score, step, merge=name != "voices")
        assert back.notes == (expected.notes if name == "events" else without_velocities(expected)), name
        assert encoding.dropped == 0


@pytest.mark.parametrize("per_quarter", [4, 12])
def test_a_melody_gives_the_highest_voice_back(per_quarter):
    encoding, step = Encoding("melody", 9, per_quarter), Fraction(1, per_quarter)
    assert encoding.slots == 1
    for score in (Score(TUNE), *PIECES[2:]):
        back = encoding.decode(encoding.encode({"score": score}))
        assert back.notes == without_velocities(quantize(score, step))
    two = Score([Note(0, 2, 60, 0), Note(1, 2, 72, 1), Note(1, 1, 40, 2)])
    assert encoding.decode(encoding.encode({"score": two})).notes == [Note(0, 1, 60), Note(1, 2, 72)]


def test_without_onsets_a_repeated_note_is_a_long_one_and_any_music_is_encoded():
    encoding = Encoding("frames", 3, 2, onsets=False)
    assert len(encoding.vocabulary) == HELD and "held 60" in Encoding("frames").vocabulary
    frames = [(60, 50), (60, 50), (), (62,), (60, 40)]
    expected = [Note(0, 1, 50), Note(0, 1, 60), Note(1.5, 0.5, 62), Note(2, 0.5, 40), Note(2, 0.5, 60)]
    rows = encoding.encode({"frames": frames})
    assert encoding.decode(rows).notes == expected
    twice = [Note(0, 0.5, 60), Note(0.5, 0.5, 60), *expected[:1], *expected[2:]]
    np.testing.assert_array_equal(encoding.encode({"score": Score(twice)}), rows)  # such as a primer


def test_examples_of_voices_and_frames_become_scores():
    voices = [[72, 60], [72, 60], [-1, 60], [72, 62]]
    begins = [[True, True], [True, False], [False, False], [True, True]]
    step = Fraction(1, 4)
    notes = [
        Note(0, step, 72),
        Note(0, 3 * step, 60, 1),
        Note(step, step, 72),
        Note(0.75, step, 72),
        Note(0.75, step, 62, 1),
    ]
    for name in ("voices", "frames"):
        for per_quarter in (4, 12):  # with beginnings a row is a sixteenth, whatever the grid is
            encoding = Encoding(name, 2, per_quarter)
            rows = encoding.encode({"voices": voices, "begins": begins, "metre": "3/4", "name": "a"})
            merged = 0 if name == "frames" else 1
            assert encoding.decode(rows).notes == sorted(
                dataclasses.replace(note, voice=note.voice * merged) for note in notes
            )
    score = Encoding("voices", 2, 1).score({"voices": voices, "metre": "3+2/8", "name": "a"})
    assert (score.length, score.metre, score.name) == (4, (5, 8), "a") and len(score.notes) == 4
    assert Encoding("voices", 2, 2).score({"frames": [(60, 50), (60,)]}).length == 1


@pytest.mark.parametrize("name, onsets", KINDS)
def test_any_sampled_rows_are_music_without_hanging_notes(name, onsets):
    encoding = Encoding(name, 3, 4, onsets)
    for seed in range(20):
        rows = random_rows(encoding, 60, seed)
        score = encoding.decode(rows)
        steps = [int(token[5:]) for token in encoding.vocabulary.decode(rows[:, 0]) if token.startswith("shift")]
        assert score.length <= Fraction(sum(steps) if name == "events" else 60, 4)
        assert quantize(score) == score and len(score.notes) > 5
        if name == "voices":
            assert all(one.end <= other.start for voice in range(3) for one, other in _next(score, voice))
        for stop in (END, 0):
            rows[30, 0] = stop
            assert encoding.decode(rows).notes == encoding.decode(rows[:30]).notes
    assert encoding.decode(rows[:0]).notes == encoding.decode(np.full((3, encoding.slots), END)).notes == []
    if name in ("voices", "melody"):  # holds of nothing
        assert encoding.decode(np.full((5, encoding.slots), HOLD)).notes == []


def _next(score, voice):
    notes = [note for note in score.notes if note.voice == voice]
    return zip(notes[:-1], notes[1:], strict=True)


@pytest.mark.parametrize("name, onsets", KINDS)
def test_keras_ops_advance_as_numpy_does(name, onsets):
    encoding = Encoding(name, 3, 4, onsets)
    rows = np.stack([random_rows(encoding, 40, seed) for seed in range(4)], axis=1).astype("int32")  # [T, B, S]
    before = age = np.zeros_like(rows[0])
    other = keras.ops.convert_to_tensor(before), keras.ops.convert_to_tensor(age)
    for ids in rows:
        before, age = encoding.advance(ids, before, age)
        other = encoding.advance(keras.ops.convert_to_tensor(ids), *other, keras.ops)
        np.testing.assert_array_equal(other[0], before)
        np.testing.assert_array_equal(other[1], age)
    alone = encoding.inputs(np.concatenate([rows[:, 2], rows[:1, 2]]))
    np.testing.assert_array_equal([alone[0][-1], alone[1][-1]], [before[2], age[2]])


def test_what_sounded_before_a_step_of_voices_and_for_how_long():
    rows = [[FIRST + 72, REST], [HOLD, REST], [HOLD, FIRST + 60], [REST, FIRST + 60], [REST, HOLD], [END, REST]]
    before, age = Encoding("voices", 2).inputs(np.array(rows))
    top, low = FIRST + 72, FIRST + 60
    assert before.T.tolist() == [[0, top, top, top, REST, REST], [0, REST, REST, low, low, low]]
    assert age.T.tolist() == [[0, 0, 1, 2, 0, 1], [0, 0, 1, 0, 0, 1]]


@pytest.mark.parametrize("onsets", [True, False])
def test_what_sounded_before_a_step_of_frames_and_for_how_long(onsets):
    encoding = Encoding("frames", 2, 4, onsets)
    score = Score([Note(0, 0.25, 64), Note(0, 0.5, 60), Note(0.25, 0.5, 67), Note(0.5, 0.25, 60)])
    rows = encoding.encode({"frames": [(64, 60), (67, 60), (67, 60)], "score": score})
    before, age = encoding.inputs(rows)
    assert (before - FIRST).tolist() == [[-FIRST] * 2, [64, 60], [67, 60], [67, 60]]
    assert age.tolist() == [[0, 0], [0, 0], [0, 1], [1, 0] if onsets else [1, 2]]
    assert rows[2].tolist() == ([HELD + 67, FIRST + 60] if onsets else [FIRST + 67, FIRST + 60])


def test_events_have_no_ages_and_no_positions():
    encoding = Encoding("events")
    rows = encoding.encode({"score": PIECES[0]})
    before, age = encoding.inputs(rows)
    np.testing.assert_array_equal(before[1:], rows[:-1])
    assert not age.any() and (encoding.positions(9, (3, 4)) == 1).all()


@pytest.mark.parametrize("name, onsets", KINDS)
def test_transposing_ids_transposes_the_music_within_its_range(name, onsets):
    encoding = Encoding(name, 3, 4, onsets)
    score = quantize(Score([*TUNE, *LOWER]))
    example = {"score": score, "frames": to_frames(score)[0]}
    rows = encoding.encode(example)
    low, high = encoding.transpose_range(rows)
    assert (low, high) == ((-64, 48) if name == "melody" else (-36, 48))
    for shift in (low, -1, 0, 7, high):
        moved = encoding.transpose(rows, shift)
        assert moved.dtype == "int32" and moved.max() < len(encoding.vocabulary)
        assert encoding.decode(moved).notes == transpose(encoding.decode(rows), shift).notes
    assert encoding.transpose_range(rows[:0]) == encoding.transpose_range(rows[-1:]) == (0, 0)


def test_positions_count_the_steps_of_each_bar():
    quarters, triplets = Encoding("voices", 4, 4), Encoding("voices", 4, 12)
    assert quarters.positions(18).tolist() == [*range(1, 17), 1, 2]
    assert quarters.positions(14, (3, 4), pickup=1).tolist() == [9, 10, 11, 12, *range(1, 11)]
    assert quarters.positions(13, (6, 8)).tolist() == [*range(1, 13), 1]
    assert quarters.positions(4, (6, 8), pickup=0.5).tolist() == [11, 12, 1, 2]
    assert triplets.positions(38, (3, 4))[34:].tolist() == [35, 36, 1, 2]
    long = quarters.positions(240, (30, 4))
    assert long.max() == LONGEST_BAR and long[119:122].tolist() == [LONGEST_BAR, 1, 2] and long.dtype == "int32"
    assert Encoding("voices", 4, 1).positions(3, (1, 64)).tolist() == [1, 1, 1]  # a bar shorter than a step


def test_the_mask_ends_with_a_set_or_the_piece():
    voices, frames = Encoding("voices", 3), Encoding("frames", 3)
    ends = np.array([[END, REST, REST]])
    assert voices.mask(ends).tolist() == frames.mask(ends).tolist() == [[True, False, False]]
    assert voices.mask(np.array([[REST, HOLD, REST]])).all()
    rows = np.array([[REST, REST, REST], [FIRST + 9, REST, REST], [FIRST + 9, HELD + 8, FIRST + 7]])
    assert frames.mask(rows).sum(axis=1).tolist() == [1, 2, 3]


def test_a_piano_roll_marks_the_sounding_pitches():
    encoding = Encoding("frames", 3)
    roll = encoding.roll(np.array([[FIRST + 127, HELD + 60, FIRST], [HELD + 60, REST, REST], [END, REST, REST]]))
    assert roll.shape == (3, 128)
    assert [np.flatnonzero(step).tolist() for step in roll] == [[0, 60, 127], [60], []]


def test_a_chord_is_written_from_high_to_low_and_leaves_the_other_slots_open():
    assert Encoding("voices", 3).chord([48, 64, 48]).tolist() == [[FIRST + 64, FIRST + 48, 0]]
    assert Encoding("frames", 2).chord([48, 64]).tolist() == [[FIRST + 64, FIRST + 48]]
    events = Encoding("events")
    assert events.vocabulary.decode(events.chord([48, 64, 55, 70, 72])[:, 0]) == [
        "on72",
        "on70",
        "on64",
        "on55",
        "on48",
    ]
    for encoding, most in ((Encoding("voices", 3), 3), (Encoding("melody", 3), 1)):
        with pytest.raises(ValueError, match=f"should have at most {most} notes. Received: 4 notes"):
            encoding.chord([1, 2, 3, 4])


def test_a_melody_to_harmonise_leaves_its_rests_open_in_sets_only():
    score = Score([Note(0.25, 0.5, 70), Note(1, 0.25, 70), Note(1.25, 0.25, 71), Note(1, 0.5, 50, 1)])
    held = {"voices": HOLD, "frames": HELD + 70}
    for name, open_ in (("voices", REST), ("frames", 0)):
        ids = Encoding(name, 3).melody(score)
        assert (
            ids.tolist() == [open_, FIRST + 70, held[name], open_, FIRST + 70, FIRST + 71, END] and ids.dtype == "int32"
        )
    assert Encoding("frames", 3, onsets=False).melody(score)[1:3].tolist() == [FIRST + 70] * 2


def test_of_too_many_notes_the_highest_and_the_lowest_are_kept_and_the_others_counted():
    chord = [Note(0, 0.5, pitch) for pitch in (40, 50, 60, 70, 80)]
    for onsets in (True, False):
        encoding = Encoding("frames", 3, 4, onsets)
        rows = encoding.encode({"score": Score(chord), "frames": [(80, 70, 60, 50, 40)] * 2})
        assert encoding.pitch[rows[:2]].tolist() == [[80, 70, 40]] * 2 and encoding.dropped == 4


def test_more_notes_at_once_than_voices_are_refused():
    with pytest.raises(ValueError, match="3 notes at once, at quarter 1. Expected at most 2"):
        Encoding("voices", 2).encode({"score": Score([Note(1, 1, pitch) for pitch in (50, 60, 70)])})


@pytest.mark.parametrize("name, onsets", KINDS)
def test_padding_and_unknown_are_never_sampled_and_a_piece_ends_in_its_first_slot(name, onsets):
    encoding = Encoding(name, 3, 4, onsets)
    barred = encoding.barred()
    assert barred.shape == (encoding.slots, len(encoding.vocabulary)) == (encoding.slots, len(encoding.pitch))
    assert barred[:, :2].all() and not barred[0, END] and barred[1:, END].all()
    score = Score([*TUNE, *LOWER])
    rows = encoding.encode({"score": score, "frames": to_frames(score)[0]})
    assert not barred[np.arange(encoding.slots), rows].any()


def test_metres_are_parsed_without_reducing_them():
    assert [parse_metre(text) for text in ("6/8", "3+2/8", (7, 16))] == [(6, 8), (5, 8), (7, 16)]
    for text in ("", "4", "waltz", "4/4/4", "0/4", "4/0", "-3/4", "a/4"):
        with pytest.raises(ValueError, match="A metre should be like 4/4 or 6/8. Received"):
            parse_metre(text)
