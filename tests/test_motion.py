"""The task motion: windows, forecasts and their scores, time series, and what a run answers."""

import dataclasses
import io

import numpy as np
import pytest
from test_export import tiny_run

from seqzoo.data.windows import windows
from seqzoo.datasets import DATASETS
from seqzoo.decoding.continuation import continued
from seqzoo.display import motion as pictures
from seqzoo.inputs import Starts
from seqzoo.metrics import forecasts
from seqzoo.task import TASKS

RNG = np.random.default_rng(0)


def test_windows_predict_each_step_once_and_know_half_a_window_before_it():
    for steps, given in ((1, 0), (10, 0), (11, 0), (57, 0), (57, 30), (9, 8), (9, 9)):
        predicted = []
        for first, last, counted in windows(steps, given, 10):
            assert first <= counted < last <= steps and last - first <= 10
            assert counted - first >= min(5, counted)
            predicted += range(counted, last)
        assert predicted == [*range(given, steps)]


def test_errors_of_joints_are_mean_distances_at_the_nearest_frame():
    true = np.zeros((1, 2, 6))
    predicted = true.copy()
    predicted[0, 1] = (3, 4, 0, 0, 0, 2)  # joints of 3 numbers: 5 and 2 away
    np.testing.assert_allclose(forecasts.joint_error(predicted, true, 3), [0, 3.5])
    assert forecasts.frames_after(25) == {80: 2, 160: 4, 320: 8, 400: 10} and not forecasts.rounded(25)
    assert forecasts.frames_after(15) == {80: 1, 160: 2, 320: 5, 400: 6}
    assert "80 ms is frame 1, 67 ms" in forecasts.rounded(15) and "400" not in forecasts.rounded(15)


def test_mase_and_simple_forecasts_by_hand():
    train = np.array([[1.0], [2], [4], [3], [5], [9]])
    np.testing.assert_allclose(forecasts.naive_error(train, 1), [(1 + 2 + 1 + 2 + 4) / 5])
    np.testing.assert_allclose(forecasts.naive_error(train, 2), [(3 + 1 + 1 + 6) / 4])
    assert forecasts.mase(np.array([[[10.0], [10]]]), np.array([[[11.0], [13]]]), np.array([2.0])) == 1
    flat = np.concatenate([train, np.full((6, 1), 0.1, "float32")], axis=1)  # its second column never changes
    np.testing.assert_allclose(forecasts.naive_error(flat, 1), [2, 0])
    assert forecasts.mase(np.full((1, 1, 2), 10.0), np.full((1, 1, 2), 13.0), np.array([2.0, 0])) == 1.5
    np.testing.assert_array_equal(forecasts.seasonal_naive(train, 5, 2)[:, 0], [5, 9, 5, 9, 5])
    np.testing.assert_array_equal(forecasts.seasonal_naive(train, 2, 7)[:, 0], [9, 9])
    np.testing.assert_array_equal(forecasts.repeat_last(train, 2)[:, 0], [9, 9])
    samples = np.arange(101.0).reshape(1, 101, 1, 1)
    for value, covered in ((10, 100), (9.9, 0), (90, 100), (90.1, 0)):
        assert forecasts.coverage(samples, np.full((1, 1, 1), value), 80) == covered
    with pytest.raises(ValueError, match="--season=6 needs more than 6 steps"):
        forecasts.naive_error(train, 6)


TABLE = "day,sales,price\n" + "".join(f"2020-01-{n:02},{n},{10 * n}\n" for n in range(1, 21))


def test_a_sample_of_a_series_can_be_read_again(tmp_path):
    frames, names = np.arange(40, dtype="float32").reshape(20, 2) / 3, ["price, USD", 'the "other"']
    files = pictures.write_sample(frames[:12], frames[12:], tmp_path / "1", names, 1, 2, "y")
    columns = {"frames": "+".join(names)}
    train = next(iter(DATASETS["series"](files["table"], columns=columns)["train"]))
    assert train["names"] == names
    np.testing.assert_allclose(train["frames"], frames[: len(train["frames"])], rtol=1e-6)


def test_a_series_is_split_by_time_and_valid_knows_what_was_before(tmp_path):
    (tmp_path / "sales.csv").write_text(TABLE)
    splits = DATASETS["series"](tmp_path / "sales.csv")
    found = {split: next(iter(examples)) for split, examples in splits.items()}
    assert {split: (len(e["frames"]), e["given"]) for split, e in found.items()} == {
        "train": (16, 0), "valid": (18, 16), "test": (20, 18)
    }  # fmt: skip
    np.testing.assert_array_equal(found["test"]["frames"][:, 0], 10 * np.arange(1, 21))
    assert found["train"]["names"] == ["price"]
    both = next(iter(DATASETS["series"](tmp_path / "sales.csv", columns={"frames": "price+sales"})["train"]))
    np.testing.assert_array_equal(both["frames"][3], [40, 4])
    for split, rows in (("train", TABLE[:100]), ("valid", "day,sales,price\n2020-02-01,1,2\n")):
        (tmp_path / "parts").mkdir(exist_ok=True)
        (tmp_path / "parts" / f"{split}.csv").write_text(rows[: rows.rindex("\n") + 1])
    valid = next(iter(DATASETS["series"](tmp_path / "parts")["valid"]))
    assert valid["given"] == len(valid["frames"]) - 1 and valid["frames"][-1] == 2


@pytest.mark.parametrize(
    "text, columns, error",
    [
        ("1,2\n3,4\n", None, "first line should be a header"),
        ("a,b\n1,2\n3,x\n", None, r"s\.csv:3: field 2, 'x', is not a number"),
        ("a,b\n1,2\n3\n", None, r"s\.csv:3: expected 2 fields"),
        ("a,b\n1,2\n", {"frames": "c"}, "no columns 'c'. Found: 'a', 'b'"),
        ("t,b\n2020-02-01,1\n2020-01-31,1\n", None, r"s\.csv:3: 2020-01-31 follows 2020-02-01; sort"),
        ("a,b\n1,2\n3,4\n", None, "2 steps are too few"),
        ("a,b\n1,2\n3,nan\n", None, "frame 2, number 1 is nan"),
    ],
)
def test_a_malformed_series_is_named(text, columns, error, tmp_path):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ValueError, match=error):
        DATASETS["series"](tmp_path / "s.csv", columns=columns)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_run("motion", tmp_path_factory.mktemp("motion"))


CLIPS = [RNG.normal(size=(length, 4)).astype("float32") for length in (7, 3, 5)]


def test_files_are_continued_alike_alone_and_together(run, tmp_path):
    paths = [str(tmp_path / f"{number}.npy") for number in range(3)]
    for path, clip in zip(paths, CLIPS, strict=True):
        np.save(path, clip)
    together = [*run.task.predict(run, paths)]
    assert [answer["known"] for answer in together] == [7, 3, 5] and np.shape(together[0]["frames"]) == (3, 4)
    (alone,) = run.task.predict(run, paths[1:2])
    np.testing.assert_allclose(alone["frames"], together[1]["frames"], rtol=1e-4, atol=1e-5)
    # The mean of the last step, fed back by hand.
    decoder, clip = run.predictor, CLIPS[1]
    for expected in together[1]["frames"]:
        longer = np.concatenate([clip, clip[:1]])[None]
        inputs = {name: value[None] for name, value in run.task.arrays(longer[0], {})[0].items()}
        parameters = np.asarray(run.model(inputs))
        a, mean = parameters[0, -1, :, 0], parameters[0, -1, :, 1:5]
        np.testing.assert_allclose(np.exp(a) @ mean / np.exp(a).sum(), expected, rtol=1e-3, atol=1e-4)
        clip = np.concatenate([clip, np.array([expected], "float32")])
    scored = [*run.task.score(run, paths[:1])]
    assert scored[0]["log_density"] == pytest.approx(
        float(decoder.score({"label": [0]}, CLIPS[0][None]).sum()), rel=1e-4
    )
    labelled = [*run.task.predict(run, paths[:1], run.task.requests["predict"](label="+1"))]
    assert labelled[0]["frames"] != together[0]["frames"]
    with pytest.raises(ValueError, match=r"--label: unknown '\+2'.*Known: \+1, -1"):
        [*run.task.predict(run, paths[:1], run.task.requests["predict"](label="+2"))]
    np.save(tmp_path / "wide.npy", np.zeros((5, 6)))
    with pytest.raises(ValueError, match=r"wide\.npy: frames should be 4 numbers wide"):
        [*run.task.predict(run, [str(tmp_path / "wide.npy")])]


def test_samples_begin_with_the_prime_and_depend_on_their_number_alone(run, tmp_path):
    np.save(tmp_path / "prime.npy", CLIPS[0])
    request = run.task.requests["generate"](
        samples=3, length=4, primer=str(tmp_path / "prime.npy"), prime_frames=5, out=str(tmp_path / "three")
    )
    three = [*run.task.generate(run, request, None)]
    request = dataclasses.replace(request, samples=2, out=str(tmp_path / "two"))
    two = [*run.task.generate(run, request, None)]
    arrays = [np.load(answer["array"])["frames"] for answer in (*three, two[1])]
    np.testing.assert_array_equal(arrays[0][:5], CLIPS[0][:5])
    assert arrays[0].shape == (9, 4) and not np.allclose(arrays[0], arrays[1])
    np.testing.assert_allclose(arrays[1], arrays[3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.loadtxt(three[0]["table"], delimiter=",", skiprows=1), arrays[0], rtol=1e-5)
    for kind, magic in (("gif", b"GIF8"), ("strip", b"\x89PNG")):
        with open(three[0][kind], "rb") as file:
            assert file.read(4) == magic


def test_samples_begin_as_a_training_clip_of_their_label(run, tmp_path):
    starts = run.task.assets["starts"]
    starts.save(tmp_path / "starts.npz")
    assert Starts.load(tmp_path / "starts.npz") == starts and starts.labels == ["+1", "-1", "+1", "-1"]
    request = run.task.requests["generate"](samples=4, length=2, label="-1", prime_frames=3, out=str(tmp_path))
    clips = [frames[:3] for frames, label in zip(starts.frames, starts.labels, strict=True) if label == "-1"]
    for answer in run.task.generate(run, request, None):
        drawn = np.load(answer["array"])["frames"]
        assert len(drawn) == 5 and any(np.array_equal(drawn[:3], clip) for clip in clips)
    few = Starts.learn(({"frames": np.ones((20, 2)), "label": str(n % 60)} for n in range(200)), map(str, range(60)))
    assert len(few.frames) == 60 == len({*few.labels}) and few.frames[0].shape == (10, 2)


def test_a_run_of_a_series_forecasts_with_intervals(tmp_path):
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=60)).astype("float32")
    (tmp_path / "s.csv").write_text("".join(["date,value\n", *(f"{1900 + n},{v:.5f}\n" for n, v in enumerate(x))]))
    kind = TASKS["motion"]
    task = kind(kind.Config(dataset="series", data_dir=str(tmp_path / "s.csv"), units=4, components=2, horizon=3))
    data = task.load()
    model = task.build()
    predictor = task.predictor(model)
    scores = task.evaluate(predictor, data.splits["valid"], task.requests["evaluate"]())
    assert scores.keys() == {"nats_per_frame", "error", "mase", "coverage", "forecasts"} and scores["forecasts"] == 4
    contexts, futures = task.cut(data.splits["valid"].examples)
    np.testing.assert_allclose(futures[3][:, 0], x[51:54], atol=1e-4)
    np.testing.assert_allclose(contexts[3][:, 0], x[:51], atol=1e-4)
    read = task.read_file(io.BytesIO((tmp_path / "s.csv").read_bytes()), "s.csv")
    (found,) = continued(predictor, [read["frames"]], [{}], 3, samples=50)
    answer = task.answer(read, found)
    low, path, high = (np.array(answer[name]) for name in ("low", "frames", "high"))
    assert (low < high).all() and path.shape == (3, 1) and answer["columns"] == ["value"]
    assert "".join(pictures.forecast_articles([answer])).count("<tr>") == 4
