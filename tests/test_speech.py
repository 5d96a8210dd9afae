"""The task speech: its input, long recordings in pieces, files without sound."""

import dataclasses
import functools
import io
import math

import keras
import numpy as np
import pytest

from seqzoo.data import Skip
from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.generated.spoken_digits import synthesize
from seqzoo.sound import Samples, Upload
from seqzoo.sound.baselines import frame_baseline
from seqzoo.sound.perturbation import perturbed
from seqzoo.task import TASKS

RATE = 4000


def made(**changes):
    """(the tiny task with what it learns, its examples)."""
    kind = TASKS["speech"]
    config, splits, _ = kind.tiny()
    task = kind(dataclasses.replace(config, **changes))
    examples = splits["train"]
    task.assets = task.learn(Examples(functools.partial(iter, examples), task.needs, "tiny"))
    return task, examples


def randomised(model):
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


@pytest.mark.parametrize(
    "subsample, upsample, features, normalize", [(2, 1, "mfcc", "volume"), (4, 3, "log_mel", "features")]
)
def test_a_recording_in_pieces_is_read_as_a_whole(subsample, upsample, features, normalize):
    coefficients = 6 if features == "mfcc" else 13
    task, _ = made(
        rnn="lstm", subsample=subsample, upsample=upsample, features=features, coefficients=coefficients,
        normalize=normalize,
    )  # fmt: skip
    model = randomised(task.build())
    recording = Samples("noise", np.random.default_rng(1).normal(0, 0.1, 4567).astype("float32"), RATE)
    inputs = task.encoder()({"audio": recording})[0]
    logits = model({name: array[None] for name, array in inputs.items()})
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
    pieces = task.pieces(model)
    pieces.piece = 8 * subsample
    labels, p = pieces.path(recording)
    assert len(labels) == len(expected) == math.ceil(math.ceil(4567 / 40) / subsample) * upsample
    np.testing.assert_allclose(p, expected.max(1), atol=1e-4)
    assert (labels == expected.argmax(1)).mean() > 0.98 and len({*labels.tolist()}) > 1
    assert pieces.row(Samples("quiet", np.zeros(4567), RATE)) is None


def test_a_recording_too_long_to_be_read_as_a_whole_says_so(monkeypatch):
    monkeypatch.setattr("seqzoo.sound.recording.LONG", 0.1)
    monkeypatch.setattr("seqzoo.sound.recording.LONGEST", 0.2)
    example = {"audio": Samples("a.wav", np.ones(2000, "float32"), RATE)}
    for changes, option in (({}, "--rnn=bilstm"), ({"model": "attention", "rnn": "lstm"}, "--model=attention")):
        task, _ = made(**changes)
        task.in_pieces = print
        with pytest.raises(ValueError, match=f"a.wav: 0 minutes. A run with {option} reads a recording as a whole"):
            task.arrays(example, training=False)
    task, _ = made(rnn="lstm")
    assert len(task.arrays(example, training=False)["sound"]) == 2000  # in training, whatever its length
    task.in_pieces = print
    with pytest.raises(Skip, match="read in pieces"):
        task.arrays(example, training=False)


def test_recordings_without_sound_are_left_out_by_name_and_answered_with_nothing():
    task, _ = made()
    silent = {"audio": Samples("quiet.wav", np.zeros(800), RATE), "text": "a"}
    damaged = {"audio": Upload("bad.wav", b"no sound"), "text": "b"}
    summary = task.feed([silent, damaged, {**silent, "audio": Samples("none.wav", np.zeros(0), RATE)}], True).summary
    assert "2 left out (empty or silent; the first: quiet.wav)" in summary
    assert "1 left out (unreadable; the first: bad.wav: not a sound file" in summary
    assert task.answer({"audio": silent["audio"]}, None)["transcript"] == ""
    with pytest.raises(ValueError, match="bad.wav: not a sound file"):
        task.arrays({"audio": damaged["audio"]}, training=False)
    with pytest.raises(ValueError, match="bad.wav: not a sound file"):
        task.read_file(io.BytesIO(b"no sound"), "bad.wav")


def test_times_of_tokens_are_seconds_of_the_recording():
    task, examples = made(subsample=2)
    found = task.steps(task.encoder()(examples[1])[0])
    assert found == math.ceil(len(examples[1]["audio"].read(RATE)) / 40) == 38 and task.time(found) == 0.38
    assert "4,000 a second" in task.export_notes()[0] and "steps of 80 samples" in task.export_notes()[0]


def test_perturbation_changes_speed_and_adds_noise_of_a_level():
    tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype("float32")
    found = [perturbed(tone, np.random.default_rng(seed), speed=0.1) for seed in range(20)]
    assert {type(x) for x in map(len, found)} == {int} and 7270 <= min(map(len, found)) < max(map(len, found)) <= 8889
    noisy = perturbed(tone, np.random.default_rng(0), noise=20)
    ratio = 20 * np.log10(tone.std() / (noisy - tone).std())
    assert len(noisy) == len(tone) and 20 <= ratio <= 50
    np.testing.assert_array_equal(perturbed(tone, np.random.default_rng(0), noise=20), noisy)


def test_spoken_digits_are_the_same_in_every_pass_and_single_frames_do_not_tell_them():
    splits = DATASETS["spoken_digits"](sizes={"train": 60, "valid": 20})
    first, again = (next(iter(splits["train"])) for _ in range(2))
    assert first == again and first["text"] == first["audio"].text
    samples = first["audio"].read(8000)
    np.testing.assert_array_equal(samples, again["audio"].read(8000))
    assert np.isfinite(samples).all() and 0.1 <= np.abs(samples).max() <= 0.8
    expected = [-0.00786782, 0.01026263, 0.02027198, -0.00012136]  # whatever the versions of NumPy and its FFT
    np.testing.assert_allclose(synthesize(["three", "one"], 7)[[1000, 2000, 3000, 4000]], expected, atol=1e-5)
    assert len(first["audio"].read(16000)) == 2 * len(samples)
    transcribe = frame_baseline(((e["audio"], e["text"]) for e in splits["train"]), 8000)
    equal = [transcribe(e["audio"]) == e["text"] for e in splits["valid"]]
    assert 0 <= np.mean(equal) < 0.2 and transcribe(Samples("none", samples[:0], 8000)) == ""


def test_a_sound_file_on_standard_input_is_one_example_and_lines_stay_lines():
    from seqzoo.run import _saved

    def stdin(content):
        return io.BufferedReader(io.BytesIO(content))

    wav = b"RIFF" + bytes(100)
    with open(path := _saved(stdin(wav), (".wav", ".flac")), "rb") as file:
        assert file.read() == wav and path.endswith(".wav")
    for content, endings in ((wav, ()), (wav, (".csv",)), (b"a.wav\nb.wav\n", (".wav",)), (b"", (".wav",))):
        assert _saved(given := stdin(content), endings) == "" and given.read() == content


def test_a_file_of_litert_takes_samples():
    from seqzoo.export.litert import run_litert, to_litert

    pytest.importorskip("ai_edge_litert")
    task, examples = made(rnn="lstm")
    model = randomised(task.build())
    decoded = keras.Model(model.input, task.decoded(model))
    content = to_litert(lambda given: dict(decoded(given, training=False)), model.input, 1600)
    inputs = task.encoder()(examples[1])[0]
    padded = np.pad(inputs["sound"], (0, 1600 - len(inputs["sound"])))[None]
    found = run_litert(content, {"sound": padded, "sound_length": inputs["sound_length"][None]})
    expected = decoded({name: array[None] for name, array in inputs.items()})
    assert found["labels"].any()
    steps = expected["labels"].shape[1]
    np.testing.assert_array_equal(found["labels"][:, :steps], expected["labels"])
    np.testing.assert_allclose(found["log_probability"], expected["log_probability"], atol=1e-3)
