"""The music task, from the command line too: generated tunes in MIDI files, and what a run writes of its own."""

import dataclasses
import json
import random
from fractions import Fraction

import numpy as np
import pytest
from marks import slow, variants

from seqzoo import run
from seqzoo.music import synthesizer
from seqzoo.music.conditions import Conditions
from seqzoo.music.encodings import ENCODINGS, END, Encoding
from seqzoo.music.keys import find_key, key_name
from seqzoo.music.midi import read_midi, write_midi
from seqzoo.music.pieces import arrays, pieces, transpose
from seqzoo.music.samples import write_sample
from seqzoo.music.score import Note, Score, cut, quantize
from seqzoo.music.score import transpose as transposed
from seqzoo.music.scoring import totals
from seqzoo.music.voices import from_voices, skyline
from seqzoo.tasks.music import Config, Generating, MusicTask
from seqzoo.training import load

SMALL = ["--task=music", "--units=8", "--dim=4", "--condition_dim=3", "--note_units=8", "--notes=2", "--epochs=1"]


def tune(seed, voices=2, quarters=4):
    """Some voices, one far below the other, in steps of a scale."""
    draw, notes = random.Random(seed), []
    for voice in range(voices):
        now = Fraction(0)
        while now < quarters:
            length = min(draw.choice([Fraction(1, 2), Fraction(1)]), quarters - now)
            notes.append(Note(now, length, 76 - 12 * voice + draw.choice([0, 1, 3, 5, 7]), voice))
            now += length
    return Score(notes)


def write(folder, **pieces):
    for name, score in pieces.items():
        path = folder / f"{name.replace('__', '/')}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_midi(score, path)
    return folder


def write_frames(path, pieces):
    path.write_text(json.dumps({"train": pieces}))
    return path


def without_velocities(score):
    return [(note.start, note.length, note.pitch, note.voice) for note in score.notes]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Tunes in two styles; one has more voices than a run can tell apart."""
    pieces = {"air__1": tune(1), "air__2": tune(2), "jig__1": tune(3), "air__0": tune(4, voices=3), "jig__2": tune(5)}
    return write(tmp_path_factory.mktemp("corpus"), **pieces)


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "voices"
    flags = ["--dataset=midi", f"--data_dir={corpus}", "--conditions=key,metre,style", "--ngram=3"]
    assert run.main([*SMALL, *flags, "--epochs=2", f"--workdir={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    return load(folder)


def draw(trained, **options):
    return trained.task.sample(trained.model, Generating(**{"length": 3, **options}))


# From the command line.


def test_a_run_has_scores_its_baseline_and_statistics_of_the_corpus(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["valid_nats_per_step"] == pytest.approx(2 * metrics["valid_nats_per_token"])  # of two voices
    assert metrics["valid_baselines"]["3-gram"]["nats_per_step"] > 0
    corpus = json.loads((folder / "corpus.json").read_text())
    assert (corpus["pieces"], corpus["voices"], corpus["quarters"]) == (1, 2, 4)
    assert corpus["notes"] == len(tune(5).notes) and corpus["range"][1] >= 76
    assert load(folder).task.assets["conditions"].styles.tokens[2:] == ["air", "jig"]


@pytest.mark.slow
def test_samples_are_midi_files_with_piano_rolls_and_the_same_for_the_same_seed(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(synthesizer, "find", lambda: None)
    asked = ["--mode=generate", f"--workdir={folder}", "--samples=2", "--length=3", "--key=F# minor", "--style=jig"]
    asked += ["--tempo=72", "--metre=3/4"]
    for out, seed in (("a", 5), ("b", 5), ("c", 6)):
        capsys.readouterr()
        assert run.main([*asked, f"--seed={seed}", f"--out={tmp_path / out}"]) == 0
    *samples, statistics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert statistics["samples"]["pieces"] == 2 and statistics["corpus"]["pieces"] == 1
    assert sum(sample["notes"] for sample in samples) == statistics["samples"]["notes"]
    for number, sample in enumerate(samples, 1):
        assert sample["sample"] == number and sample["midi"] == str(tmp_path / "c" / f"{number}.mid")
        score = read_midi(sample["midi"])
        assert (score.tempo, score.metre, score.name) == (72, (3, 4), f"sample {number}")
        assert sample["quarters"] == score.length <= 3 and sample["notes"] == len(score.notes)
        assert sample["key"] == key_name(find_key(score))
    kinds = {path.name for path in (tmp_path / "a").iterdir()}
    assert kinds == {"1.mid", "2.mid", "1.png", "2.png"}
    one, same, other = ((tmp_path / out / "1.mid").read_bytes() for out in "abc")
    assert one == same != other != (tmp_path / "c" / "2.mid").read_bytes()


def test_a_run_is_evaluated_on_other_files_in_all_keys(folder, tmp_path):
    other = write(tmp_path / "other", x=tune(7), y=tune(8), z=tune(9, voices=3))
    assert run.main(["--mode=evaluate", f"--workdir={folder}", f"--data_dir={other}", "--keys=12"]) == 0
    (saved,) = folder.glob("evaluate-*other-keys-12*.json")
    scores = json.loads(saved.read_text())
    assert scores.keys() == {f"test_{name}" for name in MusicTask.measures} and scores["test_keys"] == 12
    assert scores["test_keys_nats_per_step"] == pytest.approx(scores["test_nats_per_step"], rel=0.2)


def test_other_pieces_of_a_batch_do_not_decide_in_which_keys_one_is_read(trained):
    high = Score([Note(0, 2, 127), Note(2, 2, 125), Note(0, 4, 60, 1)])  # has no room above

    def nats(*scores):
        feed = trained.task.feed([{"score": score} for score in scores])
        return totals(trained.predictor, feed, **trained.task.assets, keys=12)[0]

    assert nats(high, tune(7)) == pytest.approx(nats(high) + nats(tune(7)), rel=1e-5)


@pytest.mark.parametrize("encoding", [*slow("events"), *variants("frames", "melody")])
def test_other_encodings_learn_and_generate(encoding, corpus, tmp_path, capsys):
    flags = [f"--encoding={encoding}", "--dataset=midi", f"--data_dir={corpus}", "--conditions=none", "--ngram=0"]
    small = [flag for flag in SMALL if encoding == "frames" or not flag.startswith("--notes")]
    assert run.main([*small, *flags, f"--workdir={tmp_path / 'run'}"]) == 0
    trained = load(tmp_path / "run")
    scores = draw(trained, samples=2, chord="C5", length=2.5)
    assert all(score.length <= 2.5 for score in scores)
    if encoding != "events":  # in which a note may begin and end at once
        assert all(72 in [note.pitch for note in score.notes if note.start == 0] for score in scores)
    path = write(tmp_path, primer=tune(6)) / "primer.mid"
    begun = quantize(cut(tune(6), 2), merge=True)
    if encoding == "melody":
        begun = from_voices(*skyline(begun))
    length = 0.25 if encoding == "events" else 4  # a primer is not cut
    (score,) = draw(trained, primer=str(path), primer_quarters=2, length=length)
    assert without_velocities(cut(score, 2))[: len(begun.notes)] == without_velocities(begun)
    if encoding == "frames":
        weight = trained.model.get_layer("notes").bias
        weight.assign(np.where(np.arange(weight.shape[0]) == END, 30.0, np.array(weight)))  # it would end at once
        late = Score([Note(1, 1, 70), Note(3, 1, 72)])
        (score,) = draw(trained, melody=str(write(tmp_path, late=late) / "late.mid"))
        assert score.length == 4  # though in its rests what sounds is open
        tops = [note for note in score.notes if note.pitch in (70, 72) and note.start in (1, 3)]
        assert [(note.start, note.pitch) for note in tops] == [(1, 70), (3, 72)]
        return
    with pytest.raises(ValueError, match="--melody needs a run of --encoding=voices or frames"):
        draw(trained, melody=str(path))


@pytest.mark.slow
@pytest.mark.variant
def test_independent_pitches_of_json_frames_only_score(tmp_path, capsys):
    rng = np.random.default_rng(0)
    pieces = [[sorted(rng.choice(60, 2, replace=False).tolist()) for _ in range(7)] + [[]] + [[9]] for _ in range(10)]
    path = write_frames(tmp_path / "pieces.json", pieces)
    flags = ["--dataset=piano_roll", f"--data_dir={path}", "--encoding=frames", "--output=independent", "--ngram=0"]
    small = [flag for flag in SMALL if not flag.startswith("--note_units")]
    assert run.main([*small, *flags, "--steps_per_quarter=1", f"--workdir={tmp_path / 'run'}"]) == 0
    assert "every 10th piece of train is valid" in capsys.readouterr().out
    trained, metrics = load(tmp_path / "run"), json.loads((tmp_path / "run" / "metrics.json").read_text())
    rows = Encoding("frames", 2, 1, onsets=False).encode({"frames": [frame[::-1] for frame in pieces[-1]]})[:-1]
    roll = np.zeros((len(rows), 128))
    for step, frame in enumerate(pieces[-1]):
        roll[step, frame] = 1
    scores = trained.predictor.score(inputs_of(trained, rows), roll[None])
    assert metrics["valid_nats_per_step"] == pytest.approx(-scores.sum() / len(rows), rel=1e-4)
    tokens = trained.task.assets["encoding"].mask(rows).sum()
    assert metrics["valid_nats_per_token"] == pytest.approx(-scores.sum() / tokens, rel=1e-4)
    assert run.main(["--mode=evaluate", f"--workdir={tmp_path / 'run'}"]) == 0
    (saved,) = (tmp_path / "run").glob("evaluate-*.json")  # on what was held out
    assert json.loads(saved.read_text()) == {name: metrics[name] for name in metrics if name.startswith("valid_")}
    capsys.readouterr()
    assert run.main(["--mode=generate", f"--workdir={tmp_path / 'run'}"]) == 2
    assert "--output=independent only scores" in capsys.readouterr().err


def inputs_of(trained, rows):
    """The inputs of a model for a piece [T, S] without its end, alone in a batch; no conditions."""
    encoding = trained.task.assets["encoding"]
    before, age = encoding.inputs(rows)
    positions, ahead = encoding.positions(len(rows)), np.zeros(len(rows), "int32")
    inputs = {"before": before, "age": age, "position": positions, "ahead": ahead}
    hidden = {name: np.zeros(1, "int32") for name in ("tonic", "mode", "metre", "style") if name in trained.model.input}
    return {**{name: value[None] for name, value in inputs.items()}, **hidden}


def test_a_run_scores_each_note_given_the_notes_before_it_in_a_piece_that_goes_on(trained):
    rows = Encoding("voices", 2).encode({"score": tune(5)})[:-1]
    scores = trained.predictor.score(inputs_of(trained, rows), rows[None])
    assert scores.shape == (1, 16, 2)
    metrics = json.loads((trained.folder / "metrics.json").read_text())
    assert metrics["valid_nats_per_step"] == pytest.approx(-scores.sum() / 16, rel=1e-4)
    assert metrics["valid_nats_per_token"] == pytest.approx(-scores.sum() / 32, rel=1e-4)


# What a sample begins with.


def test_a_sample_begins_with_a_chord_and_a_primer_goes_on(trained, tmp_path):
    for score in draw(trained, chord="C3 60", samples=3):
        assert {(note.pitch, note.voice) for note in score.notes if note.start == 0} == {(60, 0), (48, 1)}
    primer = write(tmp_path, primer=tune(6)) / "primer.mid"
    samples = draw(trained, primer=str(primer), primer_quarters=2, length=5, samples=2)
    for score in samples:
        begun = cut(score, 2)
        assert without_velocities(begun) == without_velocities(cut(tune(6), 2))
    assert samples[0].notes != samples[1].notes
    short = draw(trained, primer=str(primer), primer_quarters=2, length=0.25)
    assert without_velocities(short[0]) == without_velocities(cut(tune(6), 2))  # no longer, nor cut


def test_a_run_that_is_not_finished_generates_too(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesizer, "find", lambda: None)
    begun = dataclasses.replace(trained, folder=tmp_path)  # it has no statistics of the corpus yet
    # As many steps as a vector of conditions is wide: Keras adds [1, T, 1] and [1, 1, C] in another way where T is C.
    (answer,) = trained.task.generate(begun, Generating(length=2.25), None)
    assert answer["midi"] == str(tmp_path / "samples" / "1.mid") and answer["quarters"] <= 2.25


def test_a_melody_is_the_first_voice_of_its_harmony_and_as_long(trained, tmp_path):
    melody = Score(
        [Note(Fraction(1, 2), 1, 70), Note(2, 1, 70), Note(3, Fraction(1, 3), 71), Note(Fraction(10, 3), 2, 69)],
        metre=(3, 4),
    )
    path = write(tmp_path, melody=melody) / "melody.mid"
    for number, score in enumerate(draw(trained, melody=str(path), samples=2, length=1)):
        write_midi(score, tmp_path / f"{number}.mid")
        back = read_midi(tmp_path / f"{number}.mid")
        first = Score([note for note in back.notes if note.voice == 0])
        assert without_velocities(first) == without_velocities(quantize(melody))
        assert back.length == quantize(melody).length and back.metre == (3, 4) and back.voices == 2


def test_a_sample_without_notes_is_written_too(tmp_path):
    answer = write_sample(Score([], name="silence"), tmp_path / "1")
    assert answer == {"quarters": 0, "notes": 0, "key": "no notes", "midi": str(tmp_path / "1.mid")}
    assert (tmp_path / "1.mid").is_file()


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"key": "H"}, "Not a key: 'H'"),
        ({"metre": "waltz"}, "A metre should be like 4/4 or 6/8"),
        ({"style": "polka"}, "No training piece has the style 'polka'. Known: air, jig"),
        ({"chord": "C4 H4"}, "Not a pitch: 'H4'"),
        ({"chord": "C4 E4 G4"}, "should have at most 2 notes. Received: 3 notes"),
        ({"chord": "C4", "primer": "x.mid"}, "give one of them"),
        ({"primer": "x.mid", "melody": "x.mid"}, "give one of them"),
        ({"primer": "broken.mid"}, "broken.mid: not a MIDI file"),
        ({"primer": "three.mid"}, "3 notes at once"),
    ],
)
def test_impossible_samplings_are_refused(trained, tmp_path, monkeypatch, asked, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.mid").write_bytes(b"RIFF, it says")
    write(tmp_path, three=tune(4, voices=3))
    with pytest.raises(ValueError, match=words):
        draw(trained, **asked)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--melody=none.mid"], "No such file or directory: 'none.mid'"),
        (["--text=la"], "--mode=generate takes no --text or --input"),
        (["--notes=3"], "--notes is fixed by the run"),
        (["--samples=0"], "samples"),
    ],
)
def test_a_wrong_option_is_one_line(folder, flags, words, capsys):
    assert run.main(["--mode=generate", f"--workdir={folder}", *flags]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


# What is learned from.


def task(corpus, **options):
    return MusicTask(Config(**{"dataset": "midi", "data_dir": str(corpus), "notes": 2, **options}))


def styles(feed):
    return {int(inputs["style"]) for _, (inputs, *_) in feed.encoded()}


def test_styles_are_folders_and_pieces_that_can_not_be_encoded_are_reported(corpus):
    made = task(corpus, conditions="style")
    data = made.load()
    assert made.assets["conditions"].styles.tokens[2:] == ["air", "jig"] and styles(data.splits["train"]) == {2, 3}
    assert data.summary["train"].startswith("3 examples, 51 steps")
    assert data.summary["train"].endswith("1 left out (such as 0: 3 notes at once, at quarter 0. Expected at most 2.)")
    assert [*MusicTask(made.config, made.assets).load().splits] == ["valid"]


def test_pieces_left_out_for_various_reasons_are_counted_together(tmp_path):
    late = Score([Note(1, 1, 60 + voice, voice) for voice in range(3)])
    folder = write(tmp_path, a=tune(1), b=tune(2, voices=3), c=late, d=tune(4))
    assert "2 left out (such as b: 3 notes at once, at quarter 0." in task(folder).load().summary["train"]


def test_a_style_that_was_not_learned_is_unknown(tmp_path):
    made = task(write(tmp_path, air__1=tune(1), air__2=tune(2), polka__1=tune(3)), conditions="style")
    splits = made.load().splits  # the last piece is held out
    assert made.assets["conditions"].styles.tokens[2:] == ["air"]
    assert styles(splits["train"]) == {2} and styles(splits["valid"]) == {0}


def test_notes_that_do_not_fit_into_a_frame_are_counted(tmp_path):
    folder = write(tmp_path, a=tune(1, voices=3), b=tune(2, voices=3))
    assert (
        task(folder, encoding="frames").load().summary["frames"] == "33.33% of the notes dropped: more than 2 at once"
    )
    assert "frames" not in task(folder, encoding="frames", notes=3).load().summary


def test_the_keys_of_an_epoch_depend_on_seed_and_epoch(corpus):
    batches = task(corpus, conditions="key").load().splits["train"]
    first, same, other = ([*batches.epoch(number).as_numpy_iterator()] for number in (3, 3, 4))
    for (inputs, labels, _), (others, other_labels, _) in zip(first, same, strict=True):
        np.testing.assert_array_equal(labels, other_labels)
        assert inputs.keys() == others.keys() and all((inputs[name] == others[name]).all() for name in inputs)
    assert not np.array_equal(np.sort(first[0][1], axis=None), np.sort(other[0][1], axis=None))


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_transposed_piece_is_encoded_as_the_piece_in_the_other_key(name):
    major = Score([Note(time, 1, pitch) for time, pitch in enumerate((60, 64, 67, 65, 62, 71, 72, 60))])
    encoding, conditions, encoded = Encoding(name, 2), Conditions(["key", "metre"]), []
    for semitones in (0, 4):
        (piece,) = pieces({"score": transposed(major, semitones)}, encoding, 1024)
        encoded.append(arrays(piece, encoding, conditions, ahead=True))
    (inputs, labels, _), (expected, expected_labels, _) = encoded
    inputs, labels = transpose(inputs, labels, 4, encoding, conditions)
    assert (inputs["tonic"] - 1) % 12 == 4 and inputs["mode"] == 1 and inputs.keys() == expected.keys()
    np.testing.assert_array_equal(labels, expected_labels)
    for key, values in expected.items():
        np.testing.assert_array_equal(inputs[key], values, err_msg=key)


def augmented(score, seeds, **options):
    """(encoding, arrays of the first part of a score, and these augmented by each of some seeds)."""
    notes = {} if options.get("encoding") in ("melody", "events") else {"notes": 2}
    made, example = MusicTask(Config(**notes, **options)), {"score": score, "name": "a"}
    made.assets = made.learn([example])
    encoded, augment = made.encoder(training=True)(example)[0], made.augmenter()
    return made.assets["encoding"], encoded, [augment(example, encoded, np.random.default_rng(seed)) for seed in seeds]


@pytest.mark.parametrize("name", ENCODINGS)
def test_augmentation_keeps_lengths_and_weights_and_pitches_within_range(name):
    score = Score([Note(0, 3, 60), Note(3, Fraction(19, 4), 64), Note(Fraction(15, 4), Fraction(1, 4), 127, 1)])
    options = {"encoding": name, "max_steps": 16, "hide_conditions": 1.0, "melody_ahead": 1.0}
    encoding, encoded, made = augmented(score, range(30), **options)  # the last step has the highest note
    heard = set()
    for inputs, labels, weights in made:
        assert all(np.shape(inputs[key]) == np.shape(encoded[0][key]) for key in encoded[0])
        assert not (inputs["tonic"] or inputs["mode"] or inputs["metre"]) and inputs["ahead"].any()
        assert weights is encoded[2] and labels is inputs["tokens"]
        np.testing.assert_array_equal(encoding.pitch[labels] >= 0, encoding.pitch[encoded[1]] >= 0)
        semitones = (encoding.pitch[labels] - encoding.pitch[encoded[1]])[encoding.pitch[labels] >= 0]
        assert semitones.min() == semitones.max()
        heard.add(int(semitones[0]))
    assert heard <= {*range(-6, 1)} and len(heard) > 4


def test_without_options_of_augmentation_nothing_changes():
    _, encoded, made = augmented(tune(1), [0], hide_conditions=0.0, melody_ahead=0.0, transpose=False)
    ((inputs, labels, _),) = made
    assert "ahead" not in inputs and inputs["tonic"] and inputs["mode"] and inputs["metre"] == 2
    np.testing.assert_array_equal(labels, encoded[1])


def test_a_long_piece_becomes_parts_of_equal_length_that_continue_its_bars():
    encoding = Encoding("voices", 2)
    parts = pieces({"score": tune(1, quarters=9)}, encoding, 16)
    assert [len(part.rows) for part in parts] == [13, 13, 11]
    assert [part.positions[0] for part in parts] == [1, 14, 11] and parts[2].rows[-1, 0] == END
    whole = np.concatenate([part.rows for part in parts])
    assert encoding.decode(whole).length == 9 and len({part.key for part in parts}) == 1
    parts = pieces({"score": tune(1, quarters=8)}, encoding, 16)  # 32 steps and the end mark, which is not left alone
    assert [len(part.rows) for part in parts] == [11, 11, 11]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--dataset=reviews"], ["text, label", "needs music (score, voices or frames)"]),
        (["--dataset=midi", "--data_dir=CORPUS", "--conditions=key,mood"], ["key, metre, style. Received: 'mood'"]),
        (["--dataset=midi", "--data_dir=PLAIN", "--conditions=style"], ["no styles"]),
        (["--dataset=midi", "--data_dir=ONE"], ["a.mid (1 files): one example. Expected two or more"]),
        (["--dataset=midi", "--data_dir=SOLO"], ["one example. Expected two or more: one is held out as valid"]),
        (
            ["--dataset=midi", "--data_dir=PLAIN", "--output=independent"],
            ["--output=independent has no effect with --encoding=voices"],
        ),
        (["--dataset=midi", "--data_dir=MANY"], ["3 notes at once"]),
        (["--dataset=midi", "--data_dir=PLAIN", "--rnn=bilstm"], ["reads forward"]),
    ],
)
def test_useless_data_and_wrong_commands_are_one_line(corpus, tmp_path, flags, words, capsys):
    plain = write(tmp_path / "plain", a=tune(1), b=tune(2))
    places = {"CORPUS": corpus, "PLAIN": plain, "ONE": plain / "a.mid"}
    places["SOLO"] = write(tmp_path / "solo", a=tune(1))
    places["MANY"] = write(tmp_path / "many", a=tune(1, voices=3), b=tune(2, voices=3))
    for name, place in places.items():
        flags = [flag.replace(name, str(place)) for flag in flags]
    assert run.main([*SMALL, *flags, f"--workdir={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(word in error for word in words), error
