"""The folder of a run: other data, a second training, damaged files."""

import csv
import io
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from marks import variants
from rich.console import Console

from seqzoo.assets import save_assets
from seqzoo.backend.distribution import Devices
from seqzoo.datasets import Examples
from seqzoo.datasets.fingerprints import Fingerprinted, changes, serialized
from seqzoo.display import plots
from seqzoo.files import to_json
from seqzoo.music.score import Note, Score
from seqzoo.task import TASKS
from seqzoo.training import load, loop, train
from seqzoo.training.folder import check_data, checkpoint, prepare, read_config, restore, save_model
from seqzoo.training.lock import locked


def given(splits):
    """Examples of each split, from lists."""
    return {
        split: Examples(lambda rows=rows: iter(rows), {"tokens": list, "ner": list}, split, aligned=True)
        for split, rows in splits.items()
    }


def rows(count, tag="O"):
    return [{"tokens": ["in", "Rome"], "ner": ["O", "B-LOC" if i % 2 else tag]} for i in range(count)]


def tiny(monkeypatch, splits, **options):
    """A tiny tagging task on these splits."""
    config, _, _ = TASKS["ner"].tiny()
    task = TASKS["ner"](type(config)(**config.to_dict() | options))
    monkeypatch.setattr(task, "read", lambda: given(splits))
    return task


def test_numbers_that_json_lacks_are_null():
    value = {"a": [1.5, float("nan"), {"b": (float("-inf"), "NaN", None, True)}], "é": 2}
    assert to_json(value, ensure_ascii=False) == '{"a": [1.5, null, {"b": [null, "NaN", null, true]}], "é": 2}'


def test_a_fingerprint_tells_examples_apart_and_costs_no_second_reading():
    readings = []

    def read():
        readings.append(1)
        return iter(rows(4))

    examples = Fingerprinted(Examples(read, {"tokens": list, "ner": list}, "x"))
    next(iter(examples))  # not to the end: no fingerprint
    assert [*examples] == rows(4)
    first = examples.fingerprint
    assert first["examples"] == 4 and len(readings) == 2
    assert first == Fingerprinted(given({"x": rows(4)})["x"]).fingerprint
    swapped = rows(4)[1:2] + rows(4)[:1] + rows(4)[2:]
    for other in (swapped, rows(4, "B-PER"), rows(5)):
        assert Fingerprinted(given({"x": other})["x"]).fingerprint["hash"] != first["hash"]


@pytest.mark.parametrize(
    "one, other",
    [
        ({"a": np.arange(6)}, {"a": np.arange(6).reshape(2, 3)}),
        ({"a": np.zeros(2, "int32")}, {"a": np.zeros(2, "float32")}),
        ({"a": Score([Note(0, 1, 60)])}, {"a": Score([Note(0, 1, 61)])}),
        ({"a": "x", "b": "y"}, {"a": "xy", "b": ""}),
        ({"a": ["x", "y"]}, {"a": ["x y"]}),
        ({"a": {1, 2}}, {"a": {1, 3}}),
        ({"a": b"\xff"}, {"a": b"\xfe"}),
        ({"a": "\ud800"}, {"a": "\ud801"}),
    ],
)
def test_all_kinds_of_features_are_told_apart(one, other):
    assert serialized(one) == serialized(dict(reversed(one.items()))) != serialized(other)


def test_changes_name_the_split_and_both_numbers():
    before = {"train": {"examples": 1000, "hash": "a"}, "valid": {"examples": 9, "hash": "b"}}
    now = {"train": {"examples": 1001, "hash": "c"}, "valid": {"examples": 9, "hash": "d"}, "test": {"examples": 1}}
    assert changes(before, now) == [
        "train had 1,000 examples, now 1,001", "valid has 9 examples as before, but not the same ones", "test is new",
    ]  # fmt: skip
    assert changes(now, before)[-1] == "test is gone"
    assert not changes(before, before)


@pytest.mark.parametrize(
    "train_rows, valid_rows, message",
    [
        (rows(9), rows(4), "train had 8 examples, now 9"),
        (rows(8), rows(4)[::-1], "valid has 4 examples as before, but not the same ones"),
    ],
)
@pytest.mark.slow
def test_a_run_does_not_continue_on_other_data_of_the_same_vocabulary(
    monkeypatch, tmp_path, train_rows, valid_rows, message
):
    paused = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=2)
    assert train(paused, tmp_path / "run", stop_after=1) == {}
    other = tiny(monkeypatch, {"train": train_rows, "valid": valid_rows}, epochs=2)
    with pytest.raises(ValueError, match=message):
        train(other, tmp_path / "run")
    same = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=2)
    assert train(same, tmp_path / "run")["epochs"] == 2


def test_a_run_without_fingerprints_is_accepted(tmp_path):
    check_data(tmp_path, {"train": {"examples": 1, "hash": "a"}})
    (tmp_path / "data.json").write_text("[")
    with pytest.raises(ValueError, match=r"data\.json cannot be used.*--overwrite"):
        check_data(tmp_path, {})


HOLD = """
import os, pathlib, sys, time
from seqzoo.training.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    if "fork" in sys.argv and os.fork() == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        time.sleep(60)  # a child that outlives its parent
        os._exit(0)
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["", "fork"])
def test_a_second_training_says_who_trains_and_any_death_frees_the_folder(tmp_path, how):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), how], stdout=subprocess.PIPE, text=True)
    pids = {int(holder.stdout.readline()) for _ in range(2 if how else 1)}
    try:
        with pytest.raises(ValueError, match=rf"process {holder.pid} on {platform.node()} trains there"):  # noqa: SIM117
            with locked(tmp_path):
                pass
        holder.kill()
        holder.wait()
        assert (tmp_path / ".lock").is_file()  # left over, and free
        with locked(tmp_path):
            assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
        assert not [*tmp_path.iterdir()]
    finally:
        holder.kill()
        for pid in pids - {holder.pid}:
            os.kill(pid, signal.SIGKILL)
        holder.stdout.close()


@pytest.mark.slow
@pytest.mark.variant
def test_training_holds_the_lock_of_its_folder_also_while_it_overwrites(monkeypatch, tmp_path):
    folder, refused = tmp_path / "run", []
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1)

    class Second(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for overwrite in (False, True):
                with pytest.raises(ValueError, match="trains there"):
                    train(task, folder, overwrite=overwrite)
                refused.append(overwrite)

    for overwrite in (False, True):
        train(task, folder, callbacks=[Second()], overwrite=overwrite)
        assert not (folder / ".lock").exists()
    assert len(refused) == 4
    (folder / "metrics.json").chmod(0o400)
    folder.chmod(0o500)
    try:
        assert train(task, folder)["epochs"] == 1  # finished: nothing is locked or written
    finally:
        folder.chmod(0o700)


def test_only_the_chief_of_a_cluster_takes_the_lock(monkeypatch, tmp_path):
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1)
    worker = Devices()
    worker.is_chief = False
    with locked(tmp_path / "run"):  # the chief's
        monkeypatch.setattr(loop, "_train", lambda *args: {"trained": 1})
        monkeypatch.setattr(worker, "agree", lambda value: 1)
        assert train(task, tmp_path / "run", devices=worker) == {"trained": 1}


def test_a_file_as_the_folder_of_a_run_is_refused(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)})
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(ValueError, match="file is a file: --workdir should be a folder"):
            train(task, folder)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_training_reads_is_not_overwritten(tmp_path):
    kind = TASKS["pos"]
    prepare(tmp_path / "lm/run", kind(kind.Config()))
    for name in ("init_from", "contextual"):
        for folder in (tmp_path / "lm/run", tmp_path / "lm"):
            with pytest.raises(ValueError, match=f"--{name}=.*run is a run within .*: give another --workdir"):
                prepare(folder, kind(kind.Config(**{name: str(tmp_path / "lm/run")})), overwrite=True)
    assert (tmp_path / "lm/run/config.json").is_file()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        train(tiny(patch, {"train": rows(8), "valid": rows(4)}, epochs=1), folder)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return pathlib.Path(shutil.copytree(finished, tmp_path / "run"))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(bytes(range(256)) * 4)


def null(path):
    path.write_text("null")


def nested(path):
    path.write_text("[" * 100_000)


def flip(path):
    """Flips a bit in the middle of the largest member of an archive, or of any other file."""
    content = bytearray(path.read_bytes())
    position = len(content) // 2
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda info: info.compress_size)
            position = largest.header_offset + len(largest.filename) + 30 + largest.compress_size // 2
    content[position] ^= 4
    path.write_bytes(content)


def message(error):
    """The text of an error, which must be one line and must not advise to load pickles."""
    text = str(error.value)
    assert "\n" not in text and "pickle" not in text and "unsafe" not in text, text
    return text


@pytest.mark.parametrize("damage", [cut, empty, garbage, null, nested, flip, pathlib.Path.unlink])
@pytest.mark.parametrize("name", ["config.json", "assets.json", "assets/tags.json", "assets/words.json", "model.keras"])
def test_a_damaged_file_is_named_with_what_to_do(copy, name, damage):
    path = copy / name
    damage(path)
    with pytest.raises(ValueError) as error:
        load(copy)
    text = message(error)
    if damage is pathlib.Path.unlink:
        assert name.partition("/")[2] or name in text or "no model yet" in text
    else:
        assert str(path) in text
        assert "again with --overwrite" in text or "delete the folder" in text, text


def test_a_run_with_an_option_that_had_no_effect_still_loads(tmp_path):
    config = {"task": "ner", "format": 2, "schedule": "constant", "decay_rate": 0.9, "units": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_config(tmp_path) == ("ner", TASKS["ner"].Config(schedule="constant", units=8))


@pytest.mark.parametrize("damage", [cut, empty, garbage, null, flip])
def test_a_damaged_checkpoint_says_that_it_may_be_deleted(monkeypatch, copy, damage):
    (copy / "metrics.json").unlink()
    task = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1)
    damage(copy / "checkpoint.npz")
    with pytest.raises(ValueError) as error:
        train(task, copy)
    assert message(error).startswith(f"{copy / 'checkpoint.npz'} cannot be used")
    assert "Delete it, and the same command trains the run from the beginning." in message(error)
    (copy / "checkpoint.npz").unlink()
    if damage is cut:
        assert train(task, copy)["epochs"] == 1


@pytest.mark.parametrize("damage", [cut, empty, null])
def test_damaged_scores_of_a_finished_run(monkeypatch, copy, damage):
    damage(copy / "metrics.json")
    with pytest.raises(ValueError, match=r"metrics\.json cannot be used .* Delete it"):
        train(tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1), copy)


class Toy(keras.Model):
    """A model with a carried state."""

    def __init__(self, rows):
        super().__init__()
        self.dense = keras.layers.Dense(2)
        self.dense.build((None, 3))
        self.carried = [self.add_weight((rows, 2), "zeros", trainable=False, name="state")]
        self.built = True
        self.compile("sgd")
        self.optimizer.build(self.trainable_variables)


def test_a_checkpoint_array_of_another_shape_is_an_error_except_for_a_carried_state(tmp_path):
    model = Toy(4)
    model.dense.kernel.assign(np.ones((3, 2)))
    checkpoint(tmp_path, model, [{"epoch": 1}])
    other = Toy(2)
    assert restore(tmp_path, other) == ([{"epoch": 1}], {})
    assert np.array_equal(other.dense.kernel, np.ones((3, 2)))
    with np.load(tmp_path / "checkpoint.npz") as file:
        arrays = dict(file)
    assert {"model0", "model1", "model2"} <= arrays.keys()
    index = next(i for i, v in enumerate(model.variables) if v is model.dense.kernel)
    np.savez(tmp_path / "checkpoint.npz", **arrays, model9=np.float32(3))  # as the tracker of one of several losses
    assert restore(tmp_path, Toy(4)) == ([{"epoch": 1}], {})
    wrong = [
        (arrays | {f"model{index}": np.zeros((3, 5))}, r"should be of shape \(3, 2\), and is of \(3, 5\)"),
        (arrays | {"model9": np.zeros(2)}, "arrays, and the model has"),
        ({k: v for k, v in arrays.items() if k != "model1"}, "arrays, and the model has"),
        ({k: v for k, v in arrays.items() if k != "history"}, "history"),
        (arrays | {"history": np.array("null")}, "history is not a list"),
        (arrays | {"history": np.array("[1]")}, "history is not a list"),
        (arrays | {"history": np.array([None], object)}, "unknown file format"),
    ]
    for content, reason in wrong:
        np.savez(tmp_path / "checkpoint.npz", **content)
        fresh = Toy(4)
        before = np.array(fresh.dense.kernel)
        with pytest.raises(ValueError, match=rf"checkpoint\.npz cannot be used .*{reason}.*Delete it"):
            restore(tmp_path, fresh)
        assert np.array_equal(fresh.dense.kernel, before)


def test_a_model_of_another_task_or_with_other_assets_is_told_apart(monkeypatch, copy, tmp_path):
    other = TASKS["pos"](TASKS["pos"].tiny()[0])
    save = copy / "other"
    save.mkdir()
    save_assets(save, {})
    save_model(save, other, keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    shutil.copy(copy / "model.keras", tmp_path / "right.keras")
    shutil.copy(save / "model.keras", copy / "model.keras")
    with pytest.raises(ValueError, match=r"model\.keras is a model of task pos, and .*config\.json is a run of ner"):
        load(copy)
    shutil.copy(tmp_path / "right.keras", copy / "model.keras")
    tags = copy / "assets" / "tags.json"
    tags.write_text(tags.read_text("utf-8").replace("LOC", "PER"), "utf-8")  # as long, and valid JSON
    with pytest.raises(ValueError, match=r"assets/tags\.json is not the file that .*model\.keras was trained with"):
        load(copy)


def test_a_model_without_a_stamp_is_accepted(copy):
    with zipfile.ZipFile(copy / "model.keras", "a") as archive:
        assert json.loads(archive.comment)["task"] == "ner"
        archive.comment = b""
    assert load(copy).task.name == "ner"


@pytest.mark.parametrize("error", [RuntimeError("no font\nfor [/it]"), *variants(MemoryError())])
def test_a_picture_that_fails_does_not_lose_a_run(monkeypatch, tmp_path, error):
    task, folder, seen = tiny(monkeypatch, {"train": rows(8), "valid": rows(4)}, epochs=1), tmp_path / "run", []

    def plot(self, predictor, examples, answers, folder):
        seen.append((len(examples), len(answers), (folder / "metrics.json").is_file()))
        raise error

    def history_plot(*args):
        raise error

    monkeypatch.setattr(type(task), "plot", plot)
    monkeypatch.setattr(plots, "history_plot", history_plot)
    console = Console(file=io.StringIO(), width=200)
    metrics = train(task, folder, console)
    assert seen == [(4, 4, True)]  # the scores were written before
    assert json.loads((folder / "metrics.json").read_text()) == metrics and "valid_baselines" in metrics
    warnings = [line for line in console.file.getvalue().splitlines() if line.startswith("warning:")]
    reason = "RuntimeError: no font for [/it]" if isinstance(error, RuntimeError) else "MemoryError:"
    assert warnings == [f"warning: no learning curve: {reason}", f"warning: no pictures of the answers: {reason}"]


def test_a_confusion_plot_of_many_labels_shows_the_most_confused_and_the_csv_all(monkeypatch, tmp_path):
    labels = [f"T{i}" for i in range(1067)]
    counts = np.diag(np.arange(1067))
    counts[7, 1000] = 3
    counts[1000, 500] = 9
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *args, **kwargs: drawn.append(figure))
    plots.confusion_plot(labels, counts, tmp_path / "confusion.png")
    axes = drawn[0].axes[0]
    shown = [tick.label1.get_text() for tick in axes.yaxis.get_major_ticks()]
    assert len(shown) == 40 and {"T7", "T500", "T1000"} <= {*shown}
    assert shown == sorted(shown, key=lambda label: int(label[1:]))
    assert axes.get_title() == "The 40 most confused of 1,067 labels"
    assert max(drawn[0].get_size_inches()) < 20
    image = axes.images[0].get_array()
    row, column = shown.index("T7"), shown.index("T1000")
    assert image[row, column] == pytest.approx(3 / 10)  # a share of the whole row
    with open(tmp_path / "confusion.csv", encoding="utf-8", newline="") as file:
        table = [*csv.reader(file)]
    assert table[0] == ["gold", *labels] and [row[0] for row in table[1:]] == labels
    assert np.array_equal(np.array([row[1:] for row in table[1:]], int), counts)


def test_the_most_confused_labels_are_those_with_the_most_errors():
    counts = np.array([[5, 0, 0, 1], [0, 900, 0, 0], [2, 0, 0, 0], [0, 0, 0, 7]])
    assert plots.most_confused(counts, 2).tolist() == [0, 2]
    assert plots.most_confused(counts, 9).tolist() == [0, 1, 2, 3]
