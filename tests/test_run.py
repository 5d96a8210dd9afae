"""The command line, and what a run folder promises: it goes on where it was killed, and loads anywhere."""

import errno
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from seqzoo import run, sweep
from seqzoo.datasets import DATASETS
from seqzoo.files import replace
from seqzoo.task import TASKS

SMALL = ["--units=8", "--layers=1", "--word_dim=8", "--char_units=4", "--epochs=4", "--learning_rate=0.01"]


def command(*flags, **kwargs):
    """A new process with the command line."""
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(run.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "seqzoo.run", *flags],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs,
    )  # fmt: skip


def done(*flags, **kwargs):
    """(exit status, standard output, standard error) of a command that has ended."""
    process = command(*flags, **kwargs)
    out, error = process.communicate(timeout=240)
    return process.returncode, out, error


def write_columns(path, examples):
    sentences = ("\n".join(map(" ".join, zip(e["tokens"], e["pos"], e["ner"], strict=True))) for e in examples)
    path.write_text("\n\n".join(sentences) + "\n", "utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder of files in columns, as a user would have."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, examples in DATASETS["grammar"](seed=4, sizes={"train": 300, "valid": 60, "test": 40}).items():
        write_columns(folder / f"{split}.txt", examples)
    return folder


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """(flags, folder) of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    flags = ["--task=ner", "--dataset=conll", f"--data_dir={corpus}", *SMALL]
    status, out, error = done(*flags, f"--workdir={folder}")
    assert status == 0, error
    assert error == "" and "valid_f1" in out and "no test split" not in out
    return flags, folder


def test_listing_help_and_flag_errors_do_not_import_tensorflow():
    script = (
        "import sys; from seqzoo.run import main\n"
        "for flags in ('--list', '--task=ner --help', '--task=ner --rnn=lsmt', '--task=ner --unit=3'):\n"
        "    main(flags.split())\n"
        "assert not {'tensorflow', 'keras', 'seqeval', 'matplotlib'} & set(sys.modules)"
    )
    root = pathlib.Path(run.__file__).parents[1]
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=root)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--task=nre"], ["Unknown task 'nre'", "Did you mean 'ner'"]),
        (["--task=ner", "--unit=3"], ["unit", "Did you mean", "units"]),
        (["--task=ner", "--rnn=lsmt"], ["--rnn: Unknown RNN 'lsmt'", "'lstm'", "Registered"]),
        (["--task=ner", "--dataset=conl"], ["Unknown dataset 'conl'", "'conll'"]),
        (["--task=ner", "--units=many"], ["--units=many"]),
        (["--task=ner", "--units=0"], ["--units should be at least 1", "0"]),
        (["--task=ner", "--dropout=nan"], ["--dropout", "nan"]),
        (["--task=ner", "--schedule=cosin"], ["cosine", "Did you mean"]),
        (["--task=ner", "units=3"], ["--name=value", "units=3"]),
        (["--task=ner", "--mode=generate"], ["mode", "predict"]),
        ([], None),
        (["--units=3"], ["units"]),
        (["--workdir=somewhere"], ["Which task", "ner, "]),
        (["--mode=predict"], ["--workdir"]),
        (["--mode=evaluate", "--task=ner"], ["--workdir"]),
        (["--task=ner", "--label_weights=PER"], ["B-PER=2"]),
        (["--task=ner", "--text=May"], ["--text is for --mode=predict", "train"]),
        (["--mode=evaluate", "--workdir=zoo:ner-english", "--input=a.txt"], ["--input is for --mode=predict"]),
        (["--mode=predict", "--workdir=/nowhere"], ["/nowhere is not a run folder", "does not exist"]),
    ],
)
def test_a_wrong_command_is_one_line_that_helps(flags, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status = run.main(flags)
    out, error = capsys.readouterr()
    if words is None:
        assert status == 0 and "--task" in out
        return
    assert status == 2 and error.count("\n") == 1
    for word in words:
        assert word in error


def fails(error):
    def command(argv):
        raise error

    return command


def test_ctrl_c_says_that_a_training_continues_and_nothing_else_does(capsys):
    assert run.reported(fails(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "\nstopped\n"

    def training(argv):
        with run.resumable():
            raise KeyboardInterrupt

    assert run.reported(training, []) == 130
    assert capsys.readouterr().err == "\nstopped; the same command continues from the last checkpoint\n"


@pytest.mark.parametrize(
    "error, status",
    [
        (ValueError("[/x] \x1b[31m\r" + "x" * 1_000_000), 2),
        (FileExistsError(17, "File exists", "[/x] \x1b\ny"), 2),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000), 2),
        (PermissionError(13, "Permission denied", "x\udcff"), 3),
    ],
)
def test_an_error_is_one_short_line_without_control_characters(error, status, capsys):
    assert run.reported(fails(error), []) == status
    out = capsys.readouterr().err
    assert out.startswith("error: ") and out.count("\n") == 1 and len(out) < 1020
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", out)


def test_a_name_of_a_megabyte_is_refused_at_once(capsys):
    for flag in ("--" + "x" * 100_000, "--task=" + "x" * 1_000_000, "--rnn=" + "x" * 1_000_000):
        assert run.main(["--task=ner", flag]) == 2
        assert "Unknown" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["train", "evaluate", "predict"])
def test_a_file_is_not_a_run_folder(mode, tmp_path, capsys):
    (tmp_path / "file").write_text("text")
    for workdir in (tmp_path / "file", tmp_path / "file" / "run"):
        assert run.main(["--task=ner", f"--mode={mode}", f"--workdir={workdir}"]) == 2
        assert f"error: {tmp_path / 'file'} is a file: --workdir should be a folder." in capsys.readouterr().err
    assert sweep.main(["--task=ner", "--sweep=units", f"--workdir={tmp_path / 'file'}"]) == 2
    assert "is a file: --workdir should be a folder." in capsys.readouterr().err


def test_the_scores_of_every_source_have_a_file_of_their_own():
    assert run.scores_file("/data/my set/valid.txt") == "evaluate-data-my-set-valid.txt.json"
    assert run.scores_file("данные name=de") == "evaluate-данные-name-de.json"
    long = [f"/{letter}{'/folder' * 60}/valid.txt" for letter in "ab"]
    names = {*map(run.scores_file, long)}
    assert len(names) == 2 and all(len(name) < 200 and "folder-valid.txt-" in name for name in names)


def test_data_to_score_on_keep_the_options_that_their_reader_takes(tmp_path, monkeypatch):
    kind = TASKS["speech"]
    (tmp_path / "a1.txt").write_text("x")
    monkeypatch.setattr(kind, "load", lambda self, unseen: self.config)
    trained_on = kind.Config(dataset="named_recordings", data_dir=str(tmp_path / "*.txt"), apart=True)

    def scored(**settings):
        return run._scored_data(SimpleNamespace(task=kind(trained_on)), "runs/x", settings)

    assert scored() == trained_on  # a glob is no path, but its files are here
    assert scored(dataset="recordings", data_dir="x").apart is False
    assert scored(dataset="named_recordings", data_dir="x").apart is True
    (tmp_path / "a1.txt").unlink()
    with pytest.raises(ValueError, match="which is not here"):
        scored()


def test_scores_are_shown_before_they_are_saved(trained, corpus, monkeypatch, capsys):
    _, folder = trained

    def refuse(path, value):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("seqzoo.files.write_json", refuse)
    assert run.main(["--mode=evaluate", f"--workdir={folder}", f"--data_dir={corpus / 'valid.txt'}"]) == 3
    out, error = capsys.readouterr()
    assert "F1" in out and "\ntest " in out and "saved" not in out
    assert error.count("\n") == 1 and f"Permission denied: '{folder}/evaluate-" in error


def save_and_fail(*error):
    def save(temporary):
        raise OSError(*(part.replace("TEMPORARY", temporary) if isinstance(part, str) else part for part in error))

    return save


def test_an_error_of_a_file_names_the_file_itself(tmp_path, monkeypatch):
    path = tmp_path / "history.json"
    path.write_text("old")
    for error in (
        (13, "Permission denied", "TEMPORARY"),
        (28, "No space left on device"),
        ("cannot create TEMPORARY",),
    ):
        with pytest.raises(OSError, match=r"history\.json") as caught:
            replace(path, save_and_fail(*error))
        assert ".tmp" not in str(caught.value)
    with pytest.raises(OSError, match="input"):  # a file that is read meanwhile
        replace(path, save_and_fail(13, "Permission denied", "input.txt"))
    monkeypatch.setattr(pathlib.Path, "unlink", lambda *_, **__: save_and_fail(30, "Read-only file system")(""))
    with pytest.raises(OSError, match=r"Permission denied: .*/history\.json"):
        replace(path, save_and_fail(13, "Permission denied", "TEMPORARY"))
    assert path.read_text() == "old"


def test_two_writers_of_a_file_do_not_mix(tmp_path):
    path = tmp_path / "metrics.json"

    def save(temporary):
        pathlib.Path(temporary).write_text("half")
        writer = threading.Thread(target=lambda: replace(path, lambda other: pathlib.Path(other).write_text("other")))
        writer.start()
        writer.join()
        assert path.read_text() == "other"
        pathlib.Path(temporary).write_text("whole")

    replace(path, save)
    assert path.read_text() == "whole" and [*tmp_path.iterdir()] == [path]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(trained, tmp_path):
    flags, whole = trained
    folder = tmp_path / "killed"
    process = command(*flags, f"--workdir={folder}")
    deadline = time.monotonic() + 200
    while not (folder / "history.json").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)  # into the next epoch
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "metrics.json").exists()
    epochs = len(json.loads((folder / "history.json").read_text()))
    assert 1 <= epochs < 4
    status, out, error = done(*flags, f"--workdir={folder}")
    assert status == 0, error
    assert "continuing after epoch" in out
    assert_same_run(whole, folder)


def assert_same_run(a, b):
    scores = [json.loads((path / "metrics.json").read_text()) for path in (a, b)]
    assert scores[0]["valid_f1"] == scores[1]["valid_f1"]
    assert scores[0]["valid_loss"] == scores[1]["valid_loss"] > 0
    assert scores[0]["valid_accuracy"] == scores[1]["valid_accuracy"] > 0
    with np.load(a / "checkpoint.npz") as a, np.load(b / "checkpoint.npz") as b:
        assert a.files == b.files
        for name in a.files:
            if name != "history":  # that holds seconds
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.slow
def test_a_paused_run_goes_on_to_the_same_weights(trained, tmp_path, capsys):
    flags, whole = trained
    folder = tmp_path / "paused"
    for _ in range(2):  # again it stays where it is
        assert run.main([*flags, f"--workdir={folder}", "--stop_after=2"]) == 0
        assert "paused after epoch 2" in capsys.readouterr().out
        assert len(json.loads((folder / "history.json").read_text())) == 2 and not (folder / "metrics.json").exists()
    assert run.main([*flags, f"--workdir={folder}"]) == 0
    assert_same_run(whole, folder)


def test_a_run_folder_holds_all_that_was_promised(trained):
    _, folder = trained
    present = {path.name for path in folder.iterdir()}
    assert present >= {
        "config.json", "model.keras", "assets.json", "history.json", "metrics.json", "history.png", "confusion.png",
        "errors.json", "logs", "environment.json", "checkpoint.npz", "summary.json", "report.html",
    }  # fmt: skip
    assert not [name for name in present if "tmp" in name]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"valid_f1", "valid_accuracy", "valid_loss", "test_f1"} <= metrics.keys()
    assert metrics["valid_classes"]["PER"]["precision"] >= 0 and metrics["valid_baselines"]["look-up"]["f1"] >= 0
    assert json.loads((folder / "history.json").read_text())[0]["valid_loss"] > 0
    environment = json.loads((folder / "environment.json").read_text())
    assert {"command", "date", "git", "tensorflow", "keras", "python"} <= environment.keys()


def test_a_finished_run_is_not_trained_again_nor_mixed_with_another(trained, capsys):
    flags, folder = trained
    before = (folder / "model.keras").stat().st_mtime_ns
    assert run.main([*flags, f"--workdir={folder}"]) == 0
    assert "already finished" in capsys.readouterr().out.replace("\n", " ")
    assert run.main([*flags, f"--workdir={folder}", "--units=9"]) == 2
    error = capsys.readouterr().err
    assert "units 8 -> 9" in error and "--overwrite" in error
    assert (folder / "model.keras").stat().st_mtime_ns == before


def test_a_folder_with_other_things_is_left_alone(trained, tmp_path, capsys):
    flags, _ = trained
    (tmp_path / "thesis.txt").write_text("precious")
    for extra in ([], ["--overwrite"]):
        assert run.main([*flags, f"--workdir={tmp_path}", *extra]) == 2
        assert "is not empty" in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"model_type": "somebody else\'s"}')
    for extra in ([], ["--overwrite"]):
        assert run.main([*flags, f"--workdir={tmp_path}", *extra]) == 2
        assert "not the config of a run" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "precious"
    assert "somebody" in (tmp_path / "config.json").read_text()


def test_a_run_of_another_format_is_refused_in_one_line(trained, tmp_path, capsys):
    folder = tmp_path / "old"
    shutil.copytree(trained[1], folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("format")
    (folder / "config.json").write_text(json.dumps(config))
    assert run.main(["--mode=predict", f"--workdir={folder}", "--text=May"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "run format 1; this one reads 2" in error


def test_all_labelled_data_of_a_file_or_folder_are_scored(trained, corpus, tmp_path, capsys):
    _, folder = trained
    for split in ("train", "valid"):
        (tmp_path / f"{split}.txt").write_bytes((corpus / "valid.txt").read_bytes())
    assert run.main(["--mode=evaluate", f"--workdir={folder}", f"--data_dir={tmp_path}"]) == 0
    assert "test: 120 examples" in capsys.readouterr().out.replace("\n", " ")


def test_a_run_does_not_go_on_with_other_data(trained, corpus, tmp_path, capsys):
    flags, whole = trained
    data, folder = tmp_path / "data", tmp_path / "run"
    shutil.copytree(corpus, data)
    shutil.copytree(whole, folder)
    (folder / "metrics.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"data_dir": str(data)}))
    (data / "train.txt").write_text((data / "train.txt").read_text() + "\nZyx PROPN B-ORG\n")
    flags = [flag for flag in flags if not flag.startswith("--data_dir")]
    assert run.main([*flags, f"--data_dir={data}", f"--workdir={folder}"]) == 2
    assert "The data changed" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.variant
def test_a_fresh_process_evaluates_and_predicts_the_same(trained, corpus, tmp_path):
    _, folder = trained
    status, out, error = done("--mode=evaluate", f"--workdir={folder}", f"--data_dir={corpus / 'valid.txt'}")
    assert status == 0, error
    metrics = json.loads((folder / "metrics.json").read_text())
    again = json.loads(next(folder.glob("evaluate-*valid.txt.json")).read_text())
    assert again["test_f1"] == pytest.approx(metrics["valid_f1"], abs=1e-9)

    text = "May met Ford in [Paris] 😀.\n\nŽ" + "x" * 300 + "\n"
    status, out, error = done("--mode=predict", f"--workdir={folder}", stdin=_file(tmp_path, text))
    assert status == 0, error
    sentences = [json.loads(line) for line in out.splitlines()]
    lines = ["May met Ford in [Paris] 😀.", "", "Ž" + "x" * 300]
    assert [sentence["text"] for sentence in sentences] == lines
    for sentence, line in zip(sentences, lines, strict=True):
        for token in sentence["tokens"]:
            assert line[token["start"] : token["end"]] == token["text"] and 0 <= token["confidence"] <= 1


def _file(folder, text):
    path = folder / "input.txt"
    path.write_text(text, "utf-8")
    return path.open()


def test_training_refuses_data_it_can_not_use(corpus, tmp_path, capsys):
    flags = ["--task=ner", "--dataset=conll", *SMALL]
    only_valid = tmp_path / "only_valid"
    only_valid.mkdir()
    (only_valid / "valid.txt").write_bytes((corpus / "valid.txt").read_bytes())
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train.txt").write_text("Ford NOUN B-ORG\nrose VERB\n")
    (broken / "valid.txt").write_text("Ford NOUN B-ORG\n")
    for number, (data_dir, words) in enumerate(
        [
            ("/nowhere", ["/nowhere"]),
            (only_valid, ["train"]),
            (broken, ["train.txt:2", "expected 3 columns", "found 2"]),
        ]
    ):
        assert run.main([*flags, f"--data_dir={data_dir}", f"--workdir={tmp_path / str(number)}"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and all(word in error for word in words), error


@pytest.mark.slow
def test_a_corrected_command_may_use_the_folder_of_one_that_failed(corpus, tmp_path):
    flags = ["--task=ner", "--dataset=conll", *SMALL, f"--workdir={tmp_path / 'run'}"]
    assert run.main([*flags, "--data_dir=/nowhere"]) == 2
    assert run.main([*flags, f"--data_dir={corpus}", "--epochs=1"]) == 0
