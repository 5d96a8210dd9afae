"""Labels of clips: augmentation, groups, moving digits, video, files."""

import io
import itertools

import keras
import numpy as np
import pytest
from PIL import Image

from seqzoo import options
from seqzoo.data.augmentation import augmented, rotated, scaled, shifted, stretched, thinned, warped
from seqzoo.data.bags import bag, nearest_bag
from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.generated.moving_digits import OPPOSITE
from seqzoo.display.clips import bones, one_of_each, strips_plot
from seqzoo.export.litert import run_litert, to_litert
from seqzoo.inputs import Frames, Video
from seqzoo.models import class_decoder
from seqzoo.task import TASKS
from seqzoo.training.folder import Run

JOINTS = np.random.default_rng(0).normal(size=(7, 4, 3)).astype("float32")
RNG = np.random.default_rng


def task_of(examples, features=("frames", "label"), **options):
    """The task with the assets that it learns from some examples."""
    task = TASKS["activity"](TASKS["activity"].Config(units=4, **options))
    kinds = {"frames": np.ndarray, "label": str, "group": str, "file": str}
    train = Examples(lambda: iter(examples), {name: kinds[name] for name in features}, "clips")
    task.read = lambda: {"train": train}
    task.assets = task.learn(train)
    return task


def test_rotation_keeps_heights_and_distances():
    turned = rotated(JOINTS.reshape(7, 12), 180, RNG(0), "y").reshape(JOINTS.shape)
    assert turned.dtype == np.float32 and np.abs(turned - JOINTS).max() > 0.5
    np.testing.assert_allclose(turned[..., 1], JOINTS[..., 1], atol=1e-5)
    for a, b in itertools.combinations(range(4), 2):
        distances = [np.linalg.norm(x[:, a] - x[:, b], axis=-1) for x in (turned, JOINTS)]
        np.testing.assert_allclose(*distances, atol=1e-5)
    np.testing.assert_allclose(turned.mean((0, 1)), JOINTS.mean((0, 1)), atol=1e-5)


def test_a_warped_clip_passes_the_same_points_at_other_times():
    line = np.arange(20, dtype="float32")[:, None] * [1, -2]
    lengths = set()
    for seed in range(20):
        found = warped(line, 0.5, RNG(seed))
        lengths.add(len(found))
        np.testing.assert_allclose(found[[0, -1]], line[[0, -1]])
        np.testing.assert_allclose(found[:, 1], -2 * found[:, 0], atol=1e-4)
        assert (np.diff(found[:, 0]) > 0).all()
    assert min(lengths) < 17 and max(lengths) > 23 and 20 / 1.5 - 1 <= min(lengths) and max(lengths) <= 31
    np.testing.assert_array_equal(warped(line[:1], 0.5, RNG(0)), line[:1])


def test_sizes_change_by_a_factor_and_frames_are_dropped():
    factors = {float((scaled(JOINTS, 0.25, RNG(seed)) / JOINTS).mean()) for seed in range(50)}
    assert 0.8 <= min(factors) < 0.9 and 1.1 < max(factors) <= 1.25
    longer = stretched(JOINTS, 0.5, RNG(0))
    np.testing.assert_allclose(longer.mean(0), JOINTS.mean(0), atol=1e-6)
    ratios = (longer - longer.mean(0)) / (JOINTS - JOINTS.mean(0))
    np.testing.assert_allclose(ratios, ratios[:1] * np.ones((7, 1, 1)), rtol=1e-3)
    assert 1 / 1.5 <= ratios.min() < 0.9 and 1.1 < ratios.max() <= 1.501
    moved = shifted(JOINTS, np.array([0, 1, 0]), RNG(0)) - JOINTS
    np.testing.assert_allclose(moved, moved[:1] * np.ones((7, 1, 1)), atol=1e-6)
    assert not moved[..., [0, 2]].any() and np.ptp(moved[..., 1]) > 0.5
    kept = [thinned(np.arange(100)[:, None], 0.3, RNG(seed))[:, 0] for seed in range(20)]
    assert all((np.diff(frames) > 0).all() for frames in kept) and np.mean([*map(len, kept)]) == pytest.approx(
        70, abs=3
    )
    assert len(thinned(np.arange(1), 0.9, RNG(0))) == 1
    np.testing.assert_array_equal(augmented(JOINTS, RNG(0)), JOINTS)


def test_every_digit_moves_forwards_and_backwards():
    opposite = {**OPPOSITE, **{back: label for label, back in OPPOSITE.items()}}
    clips = [*DATASETS["moving_digits"](sizes={"train": 40})["train"]]
    for forwards, backwards in zip(clips[::2], clips[1::2], strict=True):
        assert backwards["label"] == opposite[forwards["label"]]
        np.testing.assert_array_equal(backwards["frames"], forwards["frames"][::-1])
        np.testing.assert_array_equal(bag(backwards["frames"]), bag(forwards["frames"]))
        rows, columns = (np.arange(16) - 7.5)[:, None], np.arange(16) - 7.5
        at = [[(f[..., 0] * ways).sum() / f.sum() for ways in (rows, columns)] for f in forwards["frames"][[0, -1]]]
        way = np.subtract(at[1], at[0])
        if "left" in forwards["label"] or "right" in forwards["label"]:
            assert np.sign(way[1]) == (1 if "right" in forwards["label"] else -1)
        if "down" in forwards["label"] or "up" in forwards["label"]:
            assert np.sign(way[0]) == (1 if "down" in forwards["label"] else -1)


def test_a_bag_of_frames_can_not_tell_directions():
    splits = DATASETS["moving_digits"](sizes={"train": 300, "valid": 100})
    classify = nearest_bag((e["frames"], e["label"]) for e in splits["train"])
    valid = [(classify(e["frames"]), e["label"]) for e in splits["valid"]]
    assert sum(found == gold for found, gold in valid) <= 50  # of two clips of equal frames it has one at most


def test_pictures_are_standardised_by_channel_and_have_one_size():
    clips = [RNG(i).normal([5, 0], [2, 0], (i + 2, 4, 3, 2)).astype("float32") for i in range(3)]
    learned = Video.learn({"frames": clip} for clip in clips)
    pixels = np.concatenate([clip.reshape(-1, 2) for clip in clips]).astype("float64")
    np.testing.assert_allclose(learned.mean, pixels.mean(0), atol=1e-6)
    np.testing.assert_allclose(learned.std, pixels.std(0), atol=1e-6)
    assert learned == Video.from_dict(learned.to_dict()) and learned.size == [4, 3, 2]
    with pytest.raises(
        ValueError, match=r"wave.gif: frames should be pictures \[4, 3, 2\].* Received: shape \[1, 4, 4, 2\]"
    ):
        learned.encoder()({"frames": np.zeros((1, 4, 4, 2)), "file": "wave.gif"})


def test_the_task_picks_the_front_by_the_shape_of_the_frames():
    pictures = [{"frames": np.zeros((2, 8, 8, 1), "float32"), "label": label} for label in "ab"]
    numbers = [{"frames": np.zeros((2, 6), "float32"), "label": label} for label in "ab"]
    assert isinstance(task_of(pictures).assets["frames"], Video)
    assert isinstance(task_of(numbers, rotation=10).assets["frames"], Frames)
    for examples in (pictures, [{**e, "frames": e["frames"][:, :5]} for e in numbers]):
        with pytest.raises(ValueError, match="--rotation needs frames of 3 numbers a joint"):
            task_of(examples, rotation=10)


def test_pictures_are_scaled_wherever_they_are_read(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        Image.new("L", (6, 5), 51).save(tmp_path / label / "clip.gif")
    task = TASKS["activity"](TASKS["activity"].Config(dataset="clips", data_dir=str(tmp_path), picture_size=4))
    for frames in (next(iter(task.read()["train"]))["frames"], task.example(str(tmp_path / "a/clip.gif"))["frames"]):
        assert frames.shape == (1, 4, 4, 1)
        np.testing.assert_allclose(frames, 0.2, rtol=1e-6)
    assert options.source(TASKS["activity"].Config(picture_size=4)).keys() == {"data_dir", "name", "columns"}


def groups_of(examples):
    return {example["group"] for example in examples}


def test_whole_groups_are_held_out_and_each_fold_is_one():
    clips = [
        {"frames": np.full((2, 3), i, "float32"), "label": "ab"[i % 2], "group": "uvwxy"[i % 5]} for i in range(20)
    ]
    splits, held_out = task_of(clips, (*clips[0],)).splits()
    assert len(groups_of(splits["valid"])) == 1 and not groups_of(splits["valid"]) & groups_of(splits["train"])
    assert held_out == f"all clips of {groups_of(splits['valid']).pop()} are valid, of 5 groups"
    left_out = [
        groups_of(task_of(clips, (*clips[0],), folds=5, fold=number).splits()[0]["valid"]) for number in range(1, 6)
    ]
    assert sorted(map(sorted, left_out)) == [["u"], ["v"], ["w"], ["x"], ["y"]]


@pytest.fixture
def run(tmp_path):
    """A run that was trained on nothing."""
    clips = [{"frames": RNG(i).normal(size=(3 + i, 6)).astype("float32"), "label": "ab"[i % 2]} for i in range(4)]
    keras.utils.set_random_seed(0)
    task = task_of(clips, velocities=True)
    model = task.build()
    return Run(task, model, task.predictor(model), tmp_path), clips


def test_a_line_of_input_names_a_file(run, tmp_path):
    run, clips = run
    np.save(tmp_path / "clip.npy", clips[0]["frames"])
    np.savetxt(tmp_path / "clip.csv", clips[0]["frames"], delimiter=",", header="a,b,c,d,e,f", comments="", fmt="%.9g")
    answers = [*run.task.predict(run, [str(tmp_path / name) for name in ("clip.npy", "clip.csv")])]
    assert [answer["file"] for answer in answers] == [str(tmp_path / "clip.npy"), str(tmp_path / "clip.csv")]
    assert answers[0]["probabilities"] == answers[1]["probabilities"] and {*answers[0]["probabilities"]} == {*"ab"}
    for line, message in {"clip.wav": "A line should name a file that ends in .csv", "no.csv": "No such file"}.items():
        with pytest.raises(ValueError, match=message):
            run.task.example(str(tmp_path / line))
    with pytest.raises(ValueError, match=r"wide.csv: frames should be 6 numbers wide.* Received: shape \[1, 2\]"):
        run.task.encoder()(run.task.read_file(io.BytesIO(b"1,2\n"), "wide.csv"))


def test_a_file_of_litert_takes_frames_and_their_number(run):
    pytest.importorskip("ai_edge_litert")
    run, clips = run
    model = class_decoder(run.model)
    frames = np.zeros((1, 10, 6), "float32")
    frames[:, :4] = clips[1]["frames"]
    frames[:, 4:] = 99  # padding, whatever it holds
    found = run_litert(
        to_litert(lambda inputs: dict(model(inputs)), model.input, 10),
        {"frames": frames, "frames_length": np.array([4], "int32")},
    )
    inputs = {"frames": clips[1]["frames"][None], "frames_length": np.array([4])}
    np.testing.assert_allclose(found["probabilities"], model(inputs)["probabilities"], atol=1e-5)


def test_stick_figures_connect_joints_that_keep_their_distance():
    chain = np.cumsum(RNG(0).normal(size=(30, 5, 3)) * 0.1 + [0, 1, 0], axis=1)  # a spine that bends
    assert sorted(tuple(sorted(pair)) for pair in bones(chain)) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert one_of_each([(0, "a"), (1, "a"), (2, "b"), (3, "a")], 3) == [(0, "a"), (1, "a"), (2, "b")]
    assert one_of_each([(0, "a"), (1, "a"), (2, "b")], 2) == [(0, "a"), (2, "b")]


def test_strips_of_clips_are_drawn(tmp_path):
    clips = [(np.ones((3, 8, 8, 1)), "$x$"), (JOINTS.reshape(7, 12), "b"), (np.ones((1, 2)), "c")]
    strips_plot(clips, tmp_path / "clips.png")
    assert (tmp_path / "clips.png").stat().st_size > 5000
