"""Float sequences: the readers of clips, and what standardises their frames."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from seqzoo.datasets import DATASETS
from seqzoo.datasets.frames.clips import read_clip
from seqzoo.inputs import Frames
from seqzoo.inputs.frames import derived

HEADER = "@problemName x\n@timeStamps false\n@classLabel true up down\n@data\n"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, "utf-8")
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.save(path, content)
    return path


def read(reader, folder, split="train", **kwargs):
    return [*DATASETS[reader](data_dir=folder, **kwargs)[split]]


def error(reader, folder, **kwargs):
    with pytest.raises(ValueError) as caught:
        for examples in DATASETS[reader](data_dir=folder, **kwargs).values():
            list(examples)
    return str(caught.value)


def clip(name, content):
    return read_clip(io.BytesIO(content if isinstance(content, bytes) else content.encode()), name)


def saved(array, save=np.save):
    file = io.BytesIO()
    save(file, array)
    return file.getvalue()


def test_a_folder_of_clips_is_read_in_every_format(tmp_path):
    write(tmp_path / "train/walk/b.csv", "x,y\n1,2\n3,4.5\n\n")
    write(tmp_path / "train/walk/a10.tsv", "1\t2\n")
    write(tmp_path / "train/walk/a9.npy", np.array([[5, 6]], "int16"))
    write(tmp_path / "train/run/c.npz", {"frames": np.ones((3, 2)), "other": np.ones(1)})
    (tmp_path / "train/run/d.csv.gz").write_bytes(gzip.compress(b"7,8\n"))
    write(tmp_path / "test/run/e.csv", "9,9\n")
    examples = read("clips", tmp_path)
    assert {e["file"]: e["label"] for e in examples} == {
        "run/c.npz": "run", "run/d.csv.gz": "run", "walk/a9.npy": "walk", "walk/a10.tsv": "walk", "walk/b.csv": "walk",
    }  # fmt: skip
    assert [e["file"] for e in examples if e["label"] == "walk"] == ["walk/a9.npy", "walk/a10.tsv", "walk/b.csv"]
    found = {e["file"]: e["frames"] for e in examples}
    assert found["walk/b.csv"].tolist() == [[1, 2], [3, 4.5]] and found["run/c.npz"].shape == (3, 2)
    assert {frames.dtype for frames in found.values()} == {np.dtype("float32")}
    assert read("clips", tmp_path, "test")[0]["frames"].tolist() == [[9, 9]]


def test_a_table_gives_the_labels_and_groups_of_clips(tmp_path):
    write(tmp_path / "deep/a.csv", "1,2\n")
    write(tmp_path / "b.csv", "3,4\n")
    write(tmp_path / "labels.csv", "who,file,label\nann,deep/a.csv,walk\nbob,b.csv,run\n")
    examples = read("clips", tmp_path, columns={"group": "who"})
    assert [(e["file"], e["label"], e["group"]) for e in examples] == [
        ("deep/a.csv", "walk", "ann"), ("b.csv", "run", "bob"),
    ]  # fmt: skip
    assert "group" not in read("clips", tmp_path)[0]
    write(tmp_path / "labels.csv", "file,label\na.csv,walk\n")
    assert f"{tmp_path / 'labels.csv'}:2: no file 'a.csv'" in error("clips", tmp_path)


def test_a_folder_of_pictures_is_a_clip(tmp_path):
    for number in (10, 9):
        (tmp_path / f"wave/one/f{number}.png").parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3), number).save(tmp_path / f"wave/one/f{number}.png")
    Image.new("RGB", (4, 3), (255, 0, 51)).save(tmp_path / "wave/two.gif")
    one, two = read("clips", tmp_path)
    assert one["frames"].shape == (2, 3, 4, 1)
    np.testing.assert_allclose(one["frames"][:, 0, 0, 0] * 255, [9, 10], rtol=1e-6)
    np.testing.assert_allclose(two["frames"][0, 0, 0], [1, 0, 0.2], rtol=1e-6)
    assert [e["frames"].shape for e in read("clips", tmp_path, picture_size=2)] == [(2, 2, 2, 1), (1, 2, 2, 3)]
    Image.new("L", (4, 4)).save(tmp_path / "wave/one/f11.png")
    assert "f11.png: 4 by 4 pixels; the first picture of the clip has 4 by 3" in error("clips", tmp_path)
    (tmp_path / "wave/one/f11.png").write_bytes(b"no picture")
    assert "f11.png: not a readable picture" in error("clips", tmp_path)


def test_the_frames_of_a_gif_and_the_colours_of_all_pictures_of_a_clip_are_kept(tmp_path):
    (tmp_path / "wave/two").mkdir(parents=True)
    for name, colours in (("grey.gif", [(9, 9, 9), (0, 0, 0), (99, 99, 99)]), ("red.gif", [(0, 0, 0), (255, 0, 0)])):
        first, *others = [Image.new("RGB", (2, 2), colour).quantize() for colour in colours]
        first.save(tmp_path / "wave" / name, save_all=True, append_images=others)
    Image.new("L", (2, 2), 51).save(tmp_path / "wave/two/1.png")
    Image.new("RGB", (2, 2), (255, 0, 0)).save(tmp_path / "wave/two/2.png")
    found = {example["file"]: example["frames"] * 255 for example in read("clips", tmp_path)}
    grey, red, two = (found[f"wave/{name}"] for name in ("grey.gif", "red.gif", "two"))
    assert grey[:, 0, 0].tolist() == [[9], [0], [99]]
    assert red[:, 0, 0].tolist() == [[0, 0, 0], [255, 0, 0]] and two[:, 0, 0].tolist() == [[51, 51, 51], [255, 0, 0]]


def test_joints_are_joined_and_single_numbers_are_frames():
    assert clip("a.npy", saved(np.arange(12).reshape(2, 2, 3))).tolist() == [[*range(6)], [*range(6, 12)]]
    assert clip("a.npy", saved(np.arange(3.0))).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "1,2\n3,x\n", "a.csv:2: field 2, 'x', is not a number: '3,x'"),
        ("a.csv", "1,abc\n", "a.csv:1: field 2, 'abc', is not a number"),
        ("a.csv", "1,2\n3,\n", "a.csv:2: field 2 is empty"),
        ("a.csv", "1,2\n3\n", "a.csv:2: 1 numbers; the first frame has 2"),
        ("a.csv", "x,y\n", "a.csv holds no frames"),
        ("a.csv", "1,2\n3,nan\n", "a.csv: frame 2, number 2 is nan"),
        ("a.npy", saved(np.array([[1.0, np.inf]])), "a.npy: frame 1, number 2 is inf"),
        ("a.npy", saved(np.array([[1.0, 1e300]])), "a.npy: frame 1, number 2 is inf"),
        ("a.npy", saved(np.zeros((0, 3))), "a.npy: an empty clip, of shape [0, 3]"),
        ("a.npy", saved(np.zeros((5, 4, 4))), "a.npy: a clip should be [frames, numbers]"),
        ("a.npy", saved(np.array(["x"])), "a.npy: a clip should hold numbers"),
        ("a.npy", b"\x93NUM", "a.npy: not an array of numbers that NumPy wrote"),
        ("a.npz", saved({"b": 1}, lambda file, value: np.savez(file, x=1, y=2)), "one called frames. Found: x, y"),
        ("a.npz", saved([{}], lambda file, value: np.savez(file, np.array(value))), "a.npz: not an array of numbers"),
        ("a.mp4", b"", "a.mp4: a clip is a file .csv, .tsv, .npy, .npz or .gif"),
        ("a.gif", b"GIF89a", "a.gif: not a readable picture"),
    ],
)
def test_a_bad_clip_is_an_error_with_its_name(name, content, message):
    with pytest.raises(ValueError) as caught:
        clip(name, content)
    assert message in str(caught.value)


TABLE = "subject,clip,y,activity,time,x\nann,1,0.5,walk,1,2\nann,1,0.25,walk,2,3\nbob,2,1,run,7,4\n"


def test_a_long_table_is_read_as_a_stream_of_clips(tmp_path):
    path = write(tmp_path / "train.csv", TABLE)
    first, second = read("frames_table", tmp_path)
    assert first["frames"].tolist() == [[0.5, 2], [0.25, 3]] and second["frames"].tolist() == [[1, 4]]
    assert {key: value for key, value in first.items() if key != "frames"} == {
        "label": "walk", "group": "ann", "file": "train.csv, clip 1",
    }  # fmt: skip
    write(tmp_path / "dev.tsv", "\n".join(line.replace(",", "\t") for line in TABLE.split("\n")[1:]))
    columns = {"group": 0, "id": 1, "label": 3, "time": 4}
    assert read("frames_table", tmp_path / "dev.tsv", "test", columns=columns)[1]["label"] == "run"
    for line, message in {
        "ann,1,1,walk,9,1": "train.csv:5: clip '1' began before and ended",
        "bob,2,1,walk,9,1": "train.csv:5: clip '2' has the label 'walk', and 'run' before",
        "bob,2,1,run,6,1": "train.csv:5: the time falls within a clip",
        "bob,2,?,run,9,1": "train.csv:5: field 3, '?', is not a number",
        "bob,2,1,run,9": "train.csv:5: expected 6 fields",
    }.items():
        path.write_text(TABLE + line)
        assert message in error("frames_table", path)
    assert "no column for the id: looked for 'number'" in error("frames_table", path, columns={"id": "number"})


def test_ts_files_hold_series_of_unequal_length(tmp_path):
    path = write(tmp_path / "X_TRAIN.ts", "#about\n" + HEADER + "1,2,3:4,5,6:up\n7:8:down\n")
    assert [(e["frames"].tolist(), e["label"]) for e in read("ts", tmp_path)] == [
        ([[1, 4], [2, 5], [3, 6]], "up"), ([[7, 8]], "down"),
    ]  # fmt: skip
    for line, message in {
        "1,2:3:up": "X_TRAIN.ts:5: expected 2 dimensions of one length, found lengths 2, 1",
        "1:2:left": "X_TRAIN.ts:5: label 'left' is not in @classLabel: up, down",
        "1,?:2,3:up": "X_TRAIN.ts:5: a missing value, ?",
        "1,x:2,3:up": "X_TRAIN.ts:5: field 2, 'x', is not a number",
    }.items():
        path.write_text(HEADER + line)
        assert message in error("ts", path)
    path.write_text(HEADER.replace("true up down", "false"))
    assert "the series have no class labels" in error("ts", path)
    path.write_text("1,2\n")
    assert "X_TRAIN.ts:1: before @data" in error("ts", path)


def test_npz_files_hold_padded_clips_or_all_frames_in_a_row(tmp_path):
    frames, lengths, y = np.arange(12.0).reshape(2, 3, 2), np.array([3, 1]), np.array([7, 8])
    path = write(tmp_path / "train.npz", {"X": frames, "y": y, "lengths": lengths, "subject": np.array(["a", "b"])})
    padded = read("npz", tmp_path)
    assert [(len(e["frames"]), e["label"], e["group"]) for e in padded] == [(3, "7", "a"), (1, "8", "b")]
    write(path, {"f": frames.reshape(6, 2)[:4], "label": y, "length": lengths})
    in_a_row = read("npz", tmp_path, columns={"frames": "f"})
    for a, b in zip(padded, in_a_row, strict=True):
        np.testing.assert_array_equal(a["frames"], b["frames"])
    assert "no array for the frames: looked for frames or x" in error("npz", tmp_path)
    write(path, {"x": frames[:1], "y": y})
    assert "train.npz: frames should be [2 clips, T, numbers]" in error("npz", tmp_path)


def skeleton(frames):
    return "\n".join(f"{x} {y} {z} 1.0" for x, y, z in np.reshape(frames, (-1, 3)))


def test_skeletons_are_named_by_action_subject_and_trial(tmp_path):
    frames = np.arange(2 * 20 * 3.0).reshape(2, 60)
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr("a02_s03_e01_skeleton3D.txt", skeleton(frames))
        archive.writestr("a01_s10_e02_skeleton3D.txt", skeleton(frames))
    first, second = read("skeletons", tmp_path)
    assert (first["label"], first["group"]) == ("high arm wave", "subject 10")
    assert second["label"] == "horizontal arm wave" and second["frames"].tolist() == frames.tolist()
    write(tmp_path / "list.txt", "a02_s03_e01\na09_s09_e01\n")
    assert [e["group"] for e in read("skeletons", tmp_path, name="list.txt")] == ["subject 3"]
    folder = tmp_path / "clips"
    path = write(folder / "a01_s01_e01_skeleton3D.txt", skeleton(frames[:1]))
    assert read("skeletons", folder)[0]["frames"].shape == (1, 60)
    path.write_text(skeleton(frames[0, 3:]))
    assert "a01_s01_e01_skeleton3D.txt: 19 lines; expected 20 for each frame" in error("skeletons", folder)
    path.write_text("1 2 3\n")
    assert "a01_s01_e01_skeleton3D.txt:1: expected x, y, z and a confidence, found 3" in error("skeletons", folder)


def test_frames_learns_the_statistics_of_all_training_frames_in_one_pass():
    rng = np.random.default_rng(0)
    clips = [rng.normal(1e4, 2, (length, 6)).astype("float32") for length in (3, 1, 8)]
    clips[0][:, 0] = clips[1][:, 0] = clips[2][:, 0] = 0.1  # a constant, but for rounding
    learned = Frames.learn(({"frames": x} for x in clips), velocities=True, centre=2)
    centred = [x.astype("float64") - np.tile(x[:, 3:6].astype("float64"), 2) for x in clips]
    steps = [np.diff(x, axis=0, prepend=x[:1]) for x in centred]
    expected = np.concatenate([np.concatenate(centred), np.concatenate(steps)], axis=1)
    np.testing.assert_allclose(learned.mean, expected.mean(0), atol=1e-9)
    np.testing.assert_allclose(learned.std, expected.std(0), atol=1e-9)
    assert learned.std[3:6].tolist() == [0, 0, 0] and learned == Frames.from_dict(learned.to_dict())
    assert Frames.learn([{"frames": x[:, :1]} for x in clips]).std.tolist() == [0]
    shared = Frames.learn(({"frames": x} for x in clips), velocities=True, centre=2, one_scale=True)
    for part in (slice(6), slice(6, 12)):
        np.testing.assert_allclose(shared.std[part], np.sqrt((learned.std[part] ** 2).mean()))
    np.testing.assert_array_equal(shared.mean, learned.mean)


def test_a_clip_of_another_width_is_an_error_with_its_name():
    clips = [{"frames": np.ones((2, 3), "float32")}, {"frames": np.ones((2, 4), "float32"), "file": "b.csv"}]
    learned = Frames.learn(clips[:1])
    for read_again in (lambda: Frames.learn(clips), lambda: learned.encoder()(clips[1])):
        with pytest.raises(ValueError, match=r"b.csv: frames should be 3 numbers wide.* Received: shape \[2, 4\]"):
            read_again()
    with pytest.raises(ValueError, match="--centre=2 needs frames of 3 numbers a joint, of 2 joints or more"):
        Frames.learn(clips[:1], centre=2)


def test_the_shape_of_a_movement_does_not_depend_on_its_place_and_size():
    x = np.random.default_rng(0).normal(size=(5, 6))
    shape = derived(x, per_clip=True)
    np.testing.assert_allclose(shape.mean(0), 0, atol=1e-12)
    assert np.mean(shape**2) == pytest.approx(1)
    np.testing.assert_allclose(derived(3 * x + np.arange(6), per_clip=True), shape, atol=1e-9)
    np.testing.assert_array_equal(derived(np.ones((4, 6)), per_clip=True), 0)  # nothing moves
    mask = np.array([True] * 5 + [False] * 2)
    padded = derived(np.concatenate([x, np.full((2, 6), np.nan)]), per_clip=True, mask=mask)
    np.testing.assert_allclose(padded[:5], shape, atol=1e-6)
