import gzip
import importlib.util
import json
import pathlib
import sys
import zipfile

import pytest

from seqzoo.datasets import DATASETS
from seqzoo.datasets.music import chorales
from seqzoo.music.midi import write_midi
from seqzoo.music.score import Note, Score

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
FIRST = "<divisions>2</divisions><key><fifths>2</fifths><mode>major</mode></key>"
METRE = "<time><beats>4</beats><beat-type>4</beat-type></time>"
ATTRIBUTES = f"<attributes>{FIRST}{METRE}</attributes>"
WHOLE = 8  # divisions
FORWARD, BACKUP = (f"<{tag}><duration>%d</duration></{tag}>" for tag in ("forward", "backup"))


def note(pitch, duration, more=""):
    """A note such as "C4", "F#3" or "Bb3", or a rest: None."""
    if pitch is None:
        return f"<note><rest/><duration>{duration}</duration></note>"
    alter = {"#": 1, "b": -1}.get(pitch[1:-1], 0)
    pitch = f"<step>{pitch[0]}</step><alter>{alter}</alter><octave>{pitch[-1]}</octave>"
    duration = "" if duration is None else f"<duration>{duration}</duration>"
    return f"<note>{more}<pitch>{pitch}</pitch>{duration}</note>"


def score(*parts):
    """A score of parts, each a list of bars."""
    bars = "<measure number='%d'>%s</measure>"
    parts = ["".join(bars % numbered for numbered in enumerate(part, 1)) for part in parts]
    return f"<score-partwise>{''.join(f'<part>{part}</part>' for part in parts)}</score-partwise>"


def write(folder, name, text, container=CONTAINER):
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("META-INF/container.xml", container)
        file.writestr("score.xml", text)
    return folder


def held(*pitches):
    """Parts that hold one note for one bar each."""
    return [[ATTRIBUTES + note(pitch, WHOLE)] for pitch in pitches]


LOWER = held("A4", "F4", "D3")


def examples(folder):
    """{name: example} of all splits."""
    splits = chorales._examples(*chorales._read_folder(folder))
    return {example["name"]: example for split in splits.values() for example in split}


def soprano(tmp_path, *bars):
    """(pitches, begins) of a soprano's bars, each of which may have several things in it."""
    example = examples(write(tmp_path, "bwv1.mxl", score([ATTRIBUTES + bars[0], *bars[1:]], *LOWER)))["bwv1"]
    assert {len(row) for rows in (example["voices"], example["begins"]) for row in rows} == {4}
    assert all(type(flag) is bool for row in example["begins"] for flag in row)
    return [row[0] for row in example["voices"]], [row[0] for row in example["begins"]]


def starts(flags):
    return [time for time, flag in enumerate(flags) if flag]


def test_a_chorale_has_a_row_of_four_voices_for_each_sixteenth(tmp_path):
    notes = note("F#5", 2) + note("Bb4", 2) + note(None, 4)
    example = examples(write(tmp_path, "bwv66.6-a.mxl", score([ATTRIBUTES + notes], *LOWER)))["bwv66.6-a"]
    low = [69, 65, 50]
    assert example["voices"] == [[78, *low]] * 4 + [[70, *low]] * 4 + [[-1, *low]] * 8
    assert starts(row[0] for row in example["begins"]) == [0, 4] and starts(row[1] for row in example["begins"]) == [0]
    del example["voices"], example["begins"]
    assert example == {"name": "bwv66.6-a", "metre": "4/4", "key": "2# major", "pickup": 0}


def test_a_repeated_note_begins_anew_and_a_tied_one_does_not(tmp_path):
    start, stop, drawn = ("<tie type='start'/>", "<tie type='stop'/>", "<notations><tied type='stop'/></notations>")
    for end, expected in [(stop, [0]), (drawn, [0]), (stop + start, [0]), ("", [0, 16])]:
        pitches, begins = soprano(tmp_path, note("C5", WHOLE, start), note("C5", 4, end))
        assert pitches == [72] * 24 and starts(begins) == expected
    pitches, begins = soprano(tmp_path, note("C5", 4, start) + note("C5", 2, stop + start) + note("C5", 2, stop))
    assert pitches == [72] * 16 and starts(begins) == [0]
    # A tie that comes from another pitch, or from before a rest, is none.
    assert starts(soprano(tmp_path, note("C5", 4, start) + note("D5", 4, stop))[1]) == [0, 8]
    assert starts(soprano(tmp_path, note("C5", 2, start) + note(None, 2) + note("C5", 4, stop))[1]) == [0, 8]


def test_the_top_note_of_a_chord_in_one_part_is_taken(tmp_path):
    for chord in (note("C5", 4) + note("E5", 4, "<chord/>"), note("E5", 4) + note("C5", 4, "<chord/>")):
        pitches, begins = soprano(tmp_path, chord + note("D5", 4))
        assert pitches == [76] * 8 + [74] * 8 and starts(begins) == [0, 8]


def test_the_top_one_of_two_voices_in_one_part_is_taken(tmp_path):
    below = BACKUP % 8 + FORWARD % 2 + note("C5", 6)
    pitches, begins = soprano(tmp_path, note("E5", 4) + note(None, 2) + note("E5", 2) + below)
    assert pitches == [76] * 8 + [72] * 4 + [76] * 4 and starts(begins) == [0, 8, 12]


def test_grace_and_cue_notes_are_dropped(tmp_path):
    pitches, begins = soprano(tmp_path, note("A5", None, "<grace/>") + note("E5", 4) + note("A5", 4, "<cue/>"))
    assert pitches == [76] * 8 + [-1] * 8 and starts(begins) == [0]


def test_notes_finer_than_the_grid_are_moved_to_it_and_counted(tmp_path):
    triplet = "<attributes><divisions>12</divisions></attributes>" + "".join(note(p, 4) for p in ("C5", "D5", "E5"))
    pitches, begins = soprano(tmp_path, triplet + note("F5", 36))
    assert pitches == [72] + [74] * 2 + [76] + [77] * 12 and starts(begins) == [0, 1, 3, 4]
    assert chorales._read_folder(tmp_path)[0][0].rounded == 3
    thirtyseconds = "<attributes><divisions>8</divisions></attributes>" + note("C5", 1) + note("D5", 1)
    pitches, begins = soprano(tmp_path, thirtyseconds + note("E5", 6) + note("F5", 24))
    assert pitches == [72] + [76] * 3 + [77] * 12 and starts(begins) == [0, 1, 4]
    splits = chorales._examples(*chorales._read_folder(tmp_path))
    assert sum(", 2 notes rounded" in split.source for split in splits.values()) == 1


def test_parts_with_other_divisions_and_transpositions_sound_together(tmp_path):
    clarinet = (
        "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>"
    )
    fine = f"<attributes><divisions>10080</divisions>{METRE}{clarinet}</attributes>"
    tenor = [fine + note("C5", 2 * 10080) + note("D5", 2 * 10080)]
    text = score(LOWER[0], LOWER[1], tenor, LOWER[2])
    example = examples(write(tmp_path, "bwv1.mxl", text))["bwv1"]
    assert [row[2] for row in example["voices"]] == [58] * 8 + [60] * 8


def test_bars_begin_together_and_an_upbeat_is_a_pickup(tmp_path):
    start = ATTRIBUTES.replace("<mode>major</mode>", "").replace("<fifths>2<", "<fifths>-3<")
    upper = [start + note("C5", 2), note("D5", WHOLE), note("E5", 6)]
    lower = [[ATTRIBUTES + note(pitch, 2), note(pitch, 4), note(pitch, 6)] for pitch in ("A4", "F4", "D3")]
    example = examples(write(tmp_path, "bwv1.mxl", score(upper, *lower)))["bwv1"]
    assert (example["pickup"], example["key"], example["metre"]) == (4, "3b", "4/4")
    low = [69, 65, 50]
    assert example["voices"] == [
        *[[72, *low]] * 4,
        *[[74, *low]] * 8,
        *[[74, -1, -1, -1]] * 8,  # the lower parts are a half short
        *[[76, *low]] * 12,
    ]


def test_silence_after_the_last_note_and_missing_bars_are_harmless(tmp_path):
    pitches, begins = soprano(tmp_path, note("C5", 4) + note(None, 4), note("D5", 2) + FORWARD % 6, note(None, 8))
    assert pitches == [72] * 8 + [-1] * 8 + [74] * 4 and starts(begins) == [0, 16]


def test_only_pieces_with_notes_in_four_parts_are_taken_and_equal_ones_once(tmp_path):
    silent = [ATTRIBUTES + note(None, WHOLE)]
    write(tmp_path, "bwv1.mxl", score(*held("C5"), silent, *LOWER))
    write(tmp_path, "bwv2.mxl", score(*held("D5"), silent, *LOWER[:2]))
    write(tmp_path, "bwv3.mxl", score(*held("E5", "C5"), *LOWER))
    write(tmp_path, "bwv4.mxl", score(*held("D5", "B4", "G4", "E3")))  # bwv1, a whole tone higher
    write(tmp_path, "bwv5.mxl", score(*held("D5"), *LOWER))
    write(tmp_path, "k80.mxl", score(*held("D5"), *LOWER))
    assert list(examples(tmp_path)) == ["bwv1", "bwv5"]
    splits = chorales._examples(*chorales._read_folder(tmp_path))
    assert all("of 2 pieces in four parts, 3 files left out" in split.source for split in splits.values())


def test_a_chorale_stays_in_its_split_whatever_else_there_is():
    names = [f"bwv{number}" for number in range(1000)]
    splits = [chorales._split(name) for name in names]
    assert [splits.count(split) for split in ("train", "valid", "test")] == [797, 98, 105]
    found = {split: names[splits.index(split)] for split in ("train", "valid", "test")}
    assert found == {"train": "bwv0", "valid": "bwv13", "test": "bwv32"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (score([note("C5", 8)]), "measure 1: a note without divisions"),
        (score([ATTRIBUTES + note("C5", 8), note("C5", None)]), "measure 2: a note without duration"),
        (score([ATTRIBUTES + note("C5", 4) + BACKUP % 5]), "measure 1: a backup to before its start"),
        (score([ATTRIBUTES + note("H5", 4)]), "a pitch of step 'H' and octave '5'"),
        (score([ATTRIBUTES + note("G9", 4) + note("A9", 4)]), "outside of MIDI's range 0 to 127: 129"),
        (score([ATTRIBUTES + note("C5", "x")]), "Invalid literal for Fraction: 'x'"),
        (score([ATTRIBUTES.replace(">2<", ">0<", 1) + note("C5", 4)]), "a duration of 4 in divisions of 0"),
        ("<score-timewise/>", "expected a score-partwise, found a score-timewise"),
        ("<score-partwise>", "no element found"),
    ],
)
def test_a_malformed_chorale_names_the_file_and_the_measure(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"bwv1.mxl: cannot be read as zipped MusicXML: .*{message}"):
        chorales._read_folder(write(tmp_path, "bwv1.mxl", text))


def test_a_damaged_archive_is_reported(tmp_path):
    text = score(*held("C5"), *LOWER)
    for container, message in [("<a/>", "names no file"), (CONTAINER.replace("score.", "other."), "no item named")]:
        with pytest.raises(ValueError, match=f"bwv1.mxl: cannot be read as zipped MusicXML: .*{message}"):
            chorales._read_folder(write(tmp_path, "bwv1.mxl", text, container))
    (tmp_path / "bwv1.mxl").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="bwv1.mxl: cannot be read as zipped MusicXML: File is not a zip file"):
        chorales._read_folder(tmp_path)
    with pytest.raises(ValueError, match="none of the 1 files bwv.*has notes in exactly 4 parts"):
        chorales._read_folder(write(tmp_path, "bwv1.mxl", score(*LOWER)))


def test_chorales_are_read_from_the_installed_package_without_importing_it(tmp_path, monkeypatch):
    chorales._installed.cache_clear()
    write(tmp_path / "music21" / "corpus" / "bach", "bwv253.mxl", score(*held("C5"), *LOWER))
    (tmp_path / "music21" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "music21", raising=False)
    train = DATASETS["chorales"]()["train"]
    first = list(train)
    assert [example["name"] for example in first] == ["bwv253"]
    first[0]["voices"][0][0] = 0
    assert list(train)[0]["voices"] == [[72, 69, 65, 50]] * 16
    assert "music21" not in sys.modules
    chorales._installed.cache_clear()
    (tmp_path / "music21" / "corpus" / "bach" / "bwv253.mxl").unlink()
    with pytest.raises(ValueError, match="bach: no bwv.*this music21 came without its corpus"):
        DATASETS["chorales"]()


def test_chorales_name_the_package_to_install_and_refuse_arguments(monkeypatch):
    chorales._installed.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"^--dataset=chorales needs the package music21: pip install .*\[music\]"):
        DATASETS["chorales"]()
    with pytest.raises(ValueError, match="--dataset=piano_roll .*Received: data_dir='x.json', name='bwv253'"):
        DATASETS["chorales"](data_dir="x.json", name="bwv253")


@pytest.mark.slow
@pytest.mark.variant
@pytest.mark.skipif(not importlib.util.find_spec("music21"), reason="music21 is an optional extra")
def test_the_real_chorales_are_complete_and_within_the_ranges_of_the_voices():
    chorales._installed.cache_clear()
    splits = DATASETS["chorales"]()
    found = {split: list(examples) for split, examples in splits.items()}
    assert list(found) == ["train", "valid", "test"]
    pieces = [piece for examples in found.values() for piece in examples]
    assert len(pieces) > 300 and len({piece["name"] for piece in pieces}) == len(pieces)
    assert all(0.05 < len(found[split]) / len(pieces) < 0.15 for split in ("valid", "test"))
    assert {split: list(examples) for split, examples in DATASETS["chorales"]().items()} == found
    for voice, (low, high) in enumerate([(57, 81), (53, 74), (48, 69), (36, 64)]):
        pitches = [row[voice] for piece in pieces for row in piece["voices"] if row[voice] >= 0]
        assert low <= min(pitches) and max(pitches) <= high and len(pitches) > 70_000
    assert {piece["metre"] for piece in pieces} >= {"4/4", "3/4"}
    assert all(0 <= piece["pickup"] < 16 and len(piece["voices"]) >= 64 for piece in pieces)
    for piece in pieces:
        before = [-1] * 4
        for row, flags in zip(piece["voices"], piece["begins"], strict=True):
            for pitch, last, flag in zip(row, before, flags, strict=True):
                assert flag <= (pitch >= 0) and (flag or pitch in (-1, last))
            before = row


ROLL = [[60, 72.0, 79], [72], [], [61, 61]]
ROWS = [[74, 70, 65.0, 58], [74, -1, 74, 58]]


def save(path, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(data_dir, **kwargs):
    splits = DATASETS["piano_roll"](data_dir=data_dir, **kwargs)
    found = {split: list(examples) for split, examples in splits.items()}
    assert found == {split: list(examples) for split, examples in splits.items()}
    return found


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_frames_of_a_piano_roll_are_sorted_from_high_to_low(tmp_path, name):
    save(tmp_path / name, {"valid": [ROLL[:1]], "train": [ROLL, []]})
    expected = [[79, 72, 60], [72], [], [61]]
    for data_dir in (tmp_path, tmp_path / name):
        splits = read(data_dir)
        assert splits == {"train": [{"frames": expected}], "valid": [{"frames": expected[:1]}]}
        assert list(splits) == ["train", "valid"]
    assert all(type(pitch) is int for frame in splits["train"][0]["frames"] for pitch in frame)
    sources = [examples.source for examples in DATASETS["piano_roll"](data_dir=tmp_path).values()]
    assert sources[0].endswith(f"{name}, train: 1 pieces, 1 without a note left out")


def test_frames_of_voices_keep_their_rows(tmp_path):
    save(tmp_path / "x.json", {"train": [ROWS, [[-1] * 4]], "Test": [ROWS[1:]]})
    splits = read(tmp_path)
    frames = [[74, 70, 65, 58], [74, 58]]
    assert splits["train"] == [{"frames": frames, "voices": [[74, 70, 65, 58], [74, -1, 74, 58]]}]
    assert splits["test"] == [{"frames": frames[1:], "voices": [[74, -1, 74, 58]]}]
    assert DATASETS["piano_roll"](data_dir=tmp_path)["train"].features == {"frames": list, "voices": list}
    one = save(tmp_path / "melody.json", {"train": [[[60], [62]]]})
    assert read(one) == {"train": [{"frames": [[60], [62]]}]}


def test_piano_rolls_may_have_one_file_per_split(tmp_path):
    for name, piece in [("jsb.train.json", ROLL), ("jsb.dev.json.gz", ROLL[:2]), ("jsb_test.json", ROLL[:1])]:
        save(tmp_path / name, [piece])
    save(tmp_path / "about.json", {"license": "x"})
    sizes = {split: [len(piece["frames"]) for piece in pieces] for split, pieces in read(tmp_path).items()}
    assert sizes == {"train": [4], "valid": [2], "test": [1]}
    assert list(read(tmp_path / "jsb.train.json")) == ["test"]
    save(tmp_path / "jsb.train.json", {"train": [ROLL], "valid": [ROLL]})
    with pytest.raises(ValueError, match="jsb.train.json: expected only the train split, found train, valid"):
        read(tmp_path)


def test_one_of_several_sets_in_a_folder_is_selected_by_name(tmp_path):
    for name in ("jsb-chorales-quarter.json", "Jsb16thSeparated.json", "notes.txt"):
        save(tmp_path / name, {"train": [ROLL if "quarter" in name else ROWS]})
    assert "voices" in read(tmp_path, name="16th")["train"][0] and "voices" not in read(tmp_path, name="Q")["train"][0]
    for kwargs, message in [
        ({}, "needs --data_dir, a .json file, or a folder"),
        ({"data_dir": tmp_path}, "2 .json files. Select one with --name. Found: Jsb16th.*, jsb-chorales-quarter.json"),
        ({"data_dir": tmp_path, "name": "jsb-quarter"}, "Did you mean --name=jsb-chorales-quarter.json"),
        ({"data_dir": tmp_path / "notes.txt", "name": "x"}, "--name=x selects files of a folder"),
        ({"data_dir": tmp_path / "jsb16thSeparated.jsn"}, "no such folder or file. Did you mean '.*Separated.json'"),
        ({"data_dir": tmp_path, "columns": {"frames": 1}}, "has no columns. Received"),
    ]:
        with pytest.raises(ValueError, match=message):
            DATASETS["piano_roll"](**kwargs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no .json files. Found: none"):
        read(tmp_path / "empty")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": [ROLL, [[60], [60, 128]]]}, "x.json: train, piece 2, frame 2: a pitch is .* 0 to 127, .*: 128"),
        ({"train": [ROLL], "valid": [[[60.5]]]}, "x.json: valid, piece 1, frame 1: a pitch is .*: 60.5"),
        ({"train": [[[60], ["C4"]]]}, 'piece 1, frame 2: .*: "C4"'),
        ({"train": [[[True]]]}, "piece 1, frame 1: .*: true"),
        ({"train": [[[None]]]}, "piece 1, frame 1: .*: null"),
        (b'{"train": [[[NaN]]]}', "piece 1, frame 1: .*: NaN"),
        ({"train": [[60, 62]]}, "piece 1, frame 1: should be a list of MIDI numbers, found 60"),
        ({"train": [{"a": 1}]}, 'piece 1: should be a list of frames, found {"a": 1}'),
        ({"train": [[[60, -1], [60]], [[-1]]]}, "train, piece 1, frame 1: -1 is a rest if all frames .*have 1, 2"),
        ({"train": {"a": 1}}, 'x.json: train should be a list of pieces, found {"a": 1}'),
        ({"train": [ROLL], "vaild": []}, "'vaild' is not a split. Did you mean 'valid'. Splits: train, valid, test"),
        ({"dev": [ROLL], "valid": []}, "x.json: two keys for the valid split"),
        ({"train": [ROLL], "valid": [[]]}, r"x.json: valid has no piece with a note \(1 without\)"),
        ({"train": [[[], []]]}, "x.json: train has no piece with a note"),
        ([], "x.json: test has no piece"),
        ({}, "x.json: it has no split"),
        (3, "x.json: expected a list of pieces or .*, found 3"),
        (b'{"train": ', "x.json: is not JSON: Expecting value: line 1"),
        (b"\xff\xff\xff", "x.json:1: not UTF-8: invalid start byte"),
        (b"[" * 100_000, "x.json: is not JSON of this form: lists are nested"),
    ],
)
def test_a_malformed_piano_roll_names_file_piece_and_frame(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        DATASETS["piano_roll"](data_dir=save(tmp_path / "x.json", content))


def test_damaged_gzip_data_are_reported(tmp_path):
    file = save(tmp_path / "x.json.gz", {"train": [ROLL * 100]})
    pathlib.Path(file).write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ValueError, match="x.json.gz:1: damaged gzip data"):
        DATASETS["piano_roll"](data_dir=file)


def test_drumming_of_tfds_is_read_from_the_midi_in_its_records(tmp_path):
    import mido
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def hits(channel, pitch):
        times = [("note_on", 0), ("note_off", 120), ("note_on", 120), ("note_off", 120)]
        return mido.MidiTrack(mido.Message(kind, channel=channel, note=pitch, time=time) for kind, time in times)

    mido.MidiFile(type=1, ticks_per_beat=480, tracks=[hits(9, 38), hits(0, 60)]).save(tmp_path / "a.mid")
    records = {
        **{"id": ["drummer1/1", "drummer1/2"], "drummer": [0, 0], "bpm": [90, 90], "type": [0, 1]},
        **{"style": {"primary": [0, 3], "secondary": ["", "slow"]}, "time_signature": [0, 0]},
        "midi": [(tmp_path / "a.mid").read_bytes(), b"MThd, not quite"],
    }
    with tfds.testing.mock_data(
        as_dataset_fn=lambda self, *args, **kwargs: tf.data.Dataset.from_tensor_slices(records)
    ):
        splits = DATASETS["groove"]()
    assert set(splits) == {"train", "valid", "test"} and all(set(s.features) >= {"score"} for s in splits.values())
    for _ in range(2):
        pieces = iter(splits["train"])
        piece = next(pieces)
        assert piece["name"] == "drummer1/1" and piece.keys() == {"name", "style", "score"}
        assert [(float(note.start), float(note.length), note.pitch) for note in piece["score"].notes] == [
            (0, 0.25, 38),
            (0.5, 0.25, 38),
        ]
        with pytest.raises(ValueError, match="drummer1/2: MIDI of type 29728"):
            next(pieces)
    assert piece["style"] == tfds.builder("groove/full-midionly").info.features["style"]["primary"].names[0]


def midi_folder(tmp_path, names):
    pytest.importorskip("mido")
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_midi(Score([Note(0, 1, 60 + number % 20)]), tmp_path / name)
    return tmp_path


def test_a_folder_of_midi_files_is_split_by_its_subfolders_or_every_tenth(tmp_path):
    folder = midi_folder(tmp_path / "a", ["train/1.mid", "train/b/2.MID", "dev/3.midi", "4.mid"])
    found = {split: [e["name"] for e in examples] for split, examples in DATASETS["midi"](data_dir=folder).items()}
    assert found == {"train": ["1", "2"], "valid": ["3"]}
    folder = midi_folder(tmp_path / "c", [f"{number:02}.mid" for number in range(21)])
    splits = DATASETS["midi"](data_dir=folder)
    assert [e["name"] for e in splits["valid"]] == ["09", "19"] and len([*splits["train"]]) == 19
    assert [e["score"].notes[0].pitch for e in splits["valid"]] == [69, 79]
    assert [e["name"] for e in DATASETS["midi"](data_dir=folder / "03.mid")["test"]] == ["03"]


def test_versions_of_a_piece_are_on_one_side(tmp_path):
    names = [f"{piece:03}/{name}.mid" for piece in range(12) for name in (f"{piece:03}", "versions/a", "versions/b")]
    splits = DATASETS["midi"](data_dir=midi_folder(tmp_path, names), group_by="folder")
    assert [e["score"].notes[0].pitch for e in splits["valid"]] == [60 + number % 20 for number in (27, 28, 29)]
    assert splits["train"].summary == {"held out": "every 10th folder is valid (if fewer, the last one)"}


def test_what_was_skipped_is_named_with_its_file_and_drums_are_read_when_asked_for(tmp_path):
    folder = midi_folder(tmp_path / "notes", ["1.mid", "2.mid"])
    whole = (folder / "2.mid").read_bytes()
    (folder / "2.mid").write_bytes(whole[:14] + b"XFIH\0\0\0\1a" + whole[14:])
    assert DATASETS["midi"](data_dir=folder)["valid"].summary["skipped"] == f"{folder / '2.mid'}: chunk 'XFIH'"
    with pytest.raises(ValueError, match="2 .mid files, none of which can be read, such as .*1.mid: no notes of drums"):
        DATASETS["midi"](data_dir=folder, drums=True)
    (tmp_path / "drums").mkdir()
    for name in ("1.mid", "2.mid"):
        write_midi(Score([Note(0, 1, 38), Note(1, 1, 42, voice=1)], drums=True), tmp_path / "drums" / name)
    with pytest.raises(
        ValueError, match="none of which can be read, such as .*1.mid: no notes but drums, which --drums"
    ):
        DATASETS["midi"](data_dir=tmp_path / "drums")
    (example,) = DATASETS["midi"](data_dir=tmp_path / "drums", drums=True)["valid"]
    assert example["score"].drums and [note.pitch for note in example["score"].notes] == [38, 42]


def test_unreadable_midi_files_are_reported_with_the_reason(tmp_path, capsys):
    folder = midi_folder(tmp_path, ["1.mid", "2.mid"])
    (folder / "3.mid").write_bytes(b"no MIDI at all")
    splits = DATASETS["midi"](data_dir=folder)
    assert "left out" in capsys.readouterr().err and "1 left out" in splits["train"].source
    assert [e["name"] for e in splits["valid"]] == ["2"]
    with pytest.raises(ValueError, match="1 .mid files, none of which can be read"):
        DATASETS["midi"](data_dir=folder, name="3")
    with pytest.raises(ValueError, match="no .mid file with 'x' in its path"):
        DATASETS["midi"](data_dir=folder, name="x")
    with pytest.raises(ValueError, match="no such folder"):
        DATASETS["midi"](data_dir=folder / "none")
