"""Recordings: any format and rate, read whole or in parts; files without sound are named."""

import io
import pathlib
import sys
import zipfile

import numpy as np
import pytest

from seqzoo.datasets import DATASETS
from seqzoo.sound import Clip, Joined, Samples, UnreadableError, Upload
from seqzoo.sound.espeak import speaker

soundfile = pytest.importorskip("soundfile")

RATE = 8000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype("float32")  # a second of 440 Hz


def written(samples=TONE, rate=RATE, subtype="PCM_16", kind="WAV"):
    soundfile.write(file := io.BytesIO(), samples, rate, subtype=subtype, format=kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "content, error",
    [
        (written(subtype="PCM_U8"), 1 / 128),
        (written(subtype="PCM_16"), 1e-4),
        (written(subtype="PCM_24"), 1e-6),
        (written(subtype="PCM_32"), 1e-6),
        (written(subtype="FLOAT"), 0),
        (written(kind="FLAC"), 1e-4),
        (written(np.stack([TONE, 0 * TONE], 1) * 2, subtype="FLOAT"), 0),  # stereo, one side silent
        (written()[:40] + b"\xff\xff\xff\xff" + written()[44:], 1e-4),  # a WAV from a pipe does not know its length
    ],
)
def test_every_format_gives_one_channel_of_full_scale_1(content, error):
    samples = Upload("tone", content).read(RATE)
    assert samples.dtype == "float32" and samples.shape == TONE.shape
    assert np.abs(samples - TONE).max() <= error


@pytest.mark.parametrize("rate", [8000, 16000, 11025, 44100, 22050])
def test_any_rate_is_resampled_and_parts_are_those_of_the_whole(rate):
    there = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype("float32")
    recording = Upload("tone", written(there, rate, "FLOAT"))
    whole = recording.read(RATE)
    assert len(whole) == recording.length(RATE) == RATE
    assert np.abs(whole - 2 * TONE)[100:-100].max() < 5e-3  # away from the ends, beyond which there is silence
    parts = [recording.read(RATE, start, start + 1111) for start in range(0, RATE, 1111)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
    assert not len(recording.read(RATE, RATE + 10, RATE + 20))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "a.wav: not a sound file"),
        (b"a text" * 20, "a.wav: not a sound file"),
        (written()[:30], "a.wav: not a sound file"),
        (written()[:5000], "a.wav: cut off: it holds 4,956 of 16,000 bytes of sound"),
        (written(subtype="MPEG_LAYER_III", kind="MP3")[:1000], "a.wav: cut off: it holds .* of 8,000 samples"),
        (written(kind="FLAC")[:400], "a.wav: (damaged|not a sound file)"),
        (written(np.full(9, np.nan, "float32"), subtype="FLOAT"), "a.wav: a sample is not a finite number"),
    ],
)
def test_files_without_sound_are_named(content, message):
    with pytest.raises(UnreadableError, match=message):
        Upload("a.wav", content).read(RATE)


def test_a_missing_file_is_named_and_an_empty_one_has_no_samples(tmp_path):
    with pytest.raises(UnreadableError, match="a.wav: there is no such file"):
        Clip("a.wav", tmp_path / "a.wav").read(RATE)
    assert Upload("empty", written(TONE[:0])).read(16000).shape == (0,)


def test_joined_recordings_have_silence_between_them_at_any_rate():
    parts = Samples("a", np.full(4, 16384, "int16"), RATE), Samples("b", np.ones(2), RATE)
    joined = Joined("a b", parts, (3, 1), RATE)
    assert joined.read(RATE).tolist() == [0.5] * 4 + [0] * 3 + [1] * 2 + [0]
    assert joined.read(RATE, 3, 8).tolist() == [0.5, 0, 0, 0, 1]
    assert joined.length(2 * RATE) == 20


WAV = written(TONE[:800])


def put(folder, *names, content=WAV):
    for name in names:
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(dataset, folder, **arguments):
    return {split: [*examples] for split, examples in DATASETS[dataset](folder, **arguments).items()}


def texts(splits):
    return {split: [(e["audio"].name, e["text"]) for e in examples] for split, examples in splits.items()}


def test_tables_have_paths_and_texts_as_in_common_voice(tmp_path):
    put(tmp_path, "clips/1.mp3", "two.wav")
    put(tmp_path, "train.tsv", content="client_id\tpath\tsentence\tage\nx\t1.mp3\tHello you.\t\ny\ttwo.wav\tYes.\t9\n")
    put(tmp_path, "dev.csv", content='two.wav,"no, two"\n')
    splits = read("recordings", tmp_path, name="train")
    assert texts(splits) == {"train": [("1.mp3", "Hello you."), ("two.wav", "Yes.")]}
    assert all(len(example["audio"].read(RATE)) == 800 for example in splits["train"])
    splits = read("recordings", tmp_path / "dev.csv", columns={"audio": 0, "text": 1})
    assert texts(splits) == {"test": [("two.wav", "no, two")]}
    with pytest.raises(ValueError, match="dev.csv: no column for the audio: looked for path or .* Found: 'two.wav'"):
        read("recordings", tmp_path / "dev.csv")
    put(tmp_path, "bad.tsv", content="path\ttext\n\tx\n")
    with pytest.raises(ValueError, match="bad.tsv:2: no path of a recording"):
        read("recordings", tmp_path / "bad.tsv")


def test_librispeech_has_texts_beside_the_recordings(tmp_path):
    put(tmp_path, "dev-clean/84/12/84-12-0000.flac", "train-clean-100/1/2/1-2-0001.flac", content=written(kind="FLAC"))
    put(tmp_path, "dev-clean/84/12/84-12.trans.txt", content="84-12-0000 GO DO YOU HEAR\n")
    put(tmp_path, "train-clean-100/1/2/1-2.trans.txt", content="1-2-0001 BUT IN\n")
    splits = read("recordings", tmp_path)
    expected = {"train": [("1-2-0001.flac", "BUT IN")], "valid": [("84-12-0000.flac", "GO DO YOU HEAR")]}
    assert texts(splits) == expected and len(splits["valid"][0]["audio"].read(RATE)) == RATE
    assert [*read("recordings", tmp_path, name="dev")] == ["valid"]


def test_folders_are_words_and_the_lists_of_speech_commands_divide_them(tmp_path):
    put(tmp_path, "yes/a.wav", "no/a.wav", "no/b.wav", "_background_noise_/c.wav")
    put(tmp_path, "validation_list.txt", content="no/b.wav\n")
    expected = {"train": [("no/a.wav", "no"), ("yes/a.wav", "yes")], "valid": [("no/b.wav", "no")]}
    assert texts(read("word_recordings", tmp_path)) == expected
    with pytest.raises(ValueError, match="no recording"):
        read("word_recordings", tmp_path / "yes")


def test_names_are_texts_and_lists_are_joined_recordings(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("7_ann_0", "8_ann_1", "7_bob_0", "8_bob_1", "9_bob_2"):
            archive.writestr(f"recordings/{name}.wav", written(TONE[:100]))
    put(tmp_path, "strings_valid.txt", content="8_bob_1.wav:50 7_bob_0.wav:0\n7_bob_0.wav\n")
    splits = read("named_recordings", tmp_path, strings=3)
    assert texts(splits)["valid"] == [("8_bob_1.wav 7_bob_0.wav", "8 7"), ("7_bob_0.wav", "7")]
    samples = splits["valid"][0]["audio"].read(RATE)
    assert samples.shape == (250,) and not samples[100:150].any() and samples[150:].any()
    assert len(splits["train"]) == 3
    for example in splits["train"]:
        names = example["audio"].name.split()
        assert 1 <= len(names) <= 3 and len({name.split("_")[1] for name in names}) == 1
        assert not {"8_bob_1.wav", "7_bob_0.wav"} & {*names}
        assert example["text"] == " ".join(name[0] for name in names)
    assert texts(read("named_recordings", tmp_path, strings=3)) == texts(splits)  # the same strings in each pass
    alone = texts(read("named_recordings", tmp_path, columns={"text": 1}, apart=True))
    assert alone["valid"] == [("8_bob_1.wav", "bob"), ("7_bob_0.wav", "bob")] and len(alone["train"]) == 3
    put(tmp_path, "train.txt", content="8_ann_1.wav\n")  # recordings that no list of valid or test names are train
    assert len(read("named_recordings", tmp_path)["train"]) == 3
    put(tmp_path, "again/9_bob_2.wav")
    with pytest.raises(ValueError, match="two recordings have the name 9_bob_2.wav"):
        read("named_recordings", tmp_path)
    (tmp_path / "again/9_bob_2.wav").unlink()
    put(tmp_path, "more_test.txt", content="6_ann_0.wav\n")
    with pytest.raises(ValueError, match="more_test.txt:1: there is no recording '6_ann_0.wav'"):
        read("named_recordings", tmp_path)


def test_espeak_speaks_the_lines_of_a_file_where_it_is_installed(tmp_path, monkeypatch):
    put(tmp_path, "train.txt", content="one two\n\nthree\n")
    pytest.importorskip("espeakng_loader")
    (train,) = read("espeak", tmp_path).values()
    assert [example["text"] for example in train] == ["one two", "three"]
    samples = train[0]["audio"].read(16000)
    assert 0.3 < len(samples) / 16000 < 3 and 0.01 < samples.std() < 0.5
    monkeypatch.setattr("seqzoo.sound.espeak.shutil.which", lambda name: None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    speaker.cache_clear()
    with pytest.raises(ValueError, match="needs the synthesizer eSpeak NG: install it"):
        read("espeak", tmp_path)
    speaker.cache_clear()


def test_sets_of_tfds_have_recordings():
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def as_dataset(self, split, **kwargs):
        return tf.data.Dataset.from_tensors(
            {"audio": np.array([0, 16384, -32768], "int16"), "label": np.int64(0)}
        )  # fmt: skip

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        (example,) = DATASETS["speech_commands"]()["train"]
    assert example["text"] == "down" and example["audio"].read(16000).tolist() == [0, 0.5, -1]
