"""Hyperparameter search: what --sweep means, and that it survives failing trials, bugs and kills.

Most trials here are a stub in place of real training.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest
from marks import variants

from seqzoo import run, sweep
from seqzoo.datasets import DATASETS
from seqzoo.search import trials
from seqzoo.search.charts import option_chart
from seqzoo.search.report import importance, write_report
from seqzoo.search.space import Values, declared, effective, parse_space
from seqzoo.task import TASKS

POS = TASKS["pos"].Config

# In place of seqzoo.run: more units are better, on valid; on test they are worse. FAIL, KILL and BUG name units.
STUB = """
import json, os, pathlib, sys, time
flags = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
folder, units, epochs = pathlib.Path(flags["workdir"]), int(flags["units"]), int(flags.get("epochs", 10))
with open(os.environ["CALLS"], "a") as calls:
    print(folder.name, units, flags.get("stop_after", epochs), file=calls)
named = lambda what: str(units) in os.environ.get(what, "").split(",")
if named("FAIL"):
    sys.exit(print(f"error: The loss of epoch 1 is nan, {folder}") or 2)
if named("KILL"):
    os.kill(os.getpid(), 9)
if named("BUG"):
    raise RuntimeError("what nobody thought of")
if named("FULL"):
    sys.exit(print("error: OSError: [Errno 28] No space left on device") or 3)
path = folder / "history.json"
history = json.loads(path.read_text()) if path.exists() else []
for epoch in range(len(history), int(flags.get("stop_after", epochs))):
    accuracy = units + epoch / 100 + int(flags.get("seed", 0))
    history.append({"epoch": epoch + 1, "seconds": 6.0, "valid_accuracy": accuracy})
path.write_text(json.dumps(history))
if "HANG" in os.environ:
    time.sleep(600)
if len(history) == epochs:
    scores = {"valid_accuracy": None if named("NAN") else history[-1]["valid_accuracy"], "test_accuracy": 100 - units}
    (folder / "metrics.json").write_text(json.dumps(scores))
"""


@pytest.fixture
def search(tmp_path, monkeypatch, capsys):
    """A function that searches in one folder, with the stub; gives (status, results, calls, output)."""
    (tmp_path / "stub.py").write_text(STUB)
    monkeypatch.setattr(trials, "TRAIN", (str(tmp_path / "stub.py"),))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def searched(*flags, **environment):
        for name in ("FAIL", "KILL", "BUG", "FULL", "NAN"):
            monkeypatch.setenv(name, environment.get(name, ""))
        (tmp_path / "calls").write_text("")
        status = sweep.main(["--task=pos", f"--workdir={tmp_path / 'search'}", *flags])
        path = tmp_path / "search" / "results.json"
        results = json.loads(path.read_text()) if path.exists() else None
        out, error = capsys.readouterr()
        return status, results, (tmp_path / "calls").read_text().splitlines(), out + error

    return searched


def units_of(results, *statuses):
    return sorted(trial["settings"]["units"] for trial in results["trials"] if trial["status"] in statuses)


def test_values_are_choices_ranges_or_what_the_option_declares():
    space = parse_space("rnn,units=8|16,layers=1..3,dropout=0.1..0.5,learning_rate=1e-4..1e-2,crf,schedule", POS, {})
    assert space["rnn"].choices == tuple(POS.__dataclass_fields__["rnn"].metadata["sweep"])
    assert space["units"].choices == (8, 16) and space["crf"].choices == (False, True)
    assert (space["layers"].low, space["layers"].high) == (1, 3) and isinstance(space["layers"].low, int)
    assert space["schedule"].choices == ("constant", "exponential", "inverse_time", "cosine")
    assert {name for name, values in space.items() if values.logarithmic} == {"learning_rate"}
    assert str(space["crf"]) == "false|true" and str(space["dropout"]) == "0.1..0.5"


def test_what_options_declare_can_be_searched():
    for task in TASKS.names():
        kind = TASKS[task].Config
        names = [field.name for field in kind.__dataclass_fields__.values() if declared(field)]
        assert {"rnn", "units", "learning_rate"} <= {*names}
        names = [
            name for name in names if name not in ("vectors_trainable", "tune_encoder", "layer_decay")
        ]  # need a file or a run
        on = {"adversarial": 1.0} if "adversarial" in kind.__dataclass_fields__ else {}
        if task == "captioning":  # each way of reading a picture has options of its own
            names = [name for name in names if name not in ("model", "subsample", "reader")]
        space = parse_space(",".join(names), kind, on)
        assert parse_space(",".join(f"{name}={values}" for name, values in space.items()), kind, on) == space


def test_a_trial_leaves_out_what_has_no_effect_beside_its_other_values():
    kind = TASKS["sentiment"].Config
    parse_space("characters=none|cnn,char_dim=20|30", kind, {"char_units": 40})
    with pytest.raises(ValueError, match="--char_units=40 has no effect with --characters=none"):
        parse_space("units", kind, {"char_units": 40})
    with pytest.raises(ValueError, match="--char_units=20 has no effect with --characters=none"):
        parse_space("char_units=20|60", kind, {})
    assert effective(kind, {"characters": "none", "char_units": 40}) == {"characters": "none"}
    assert effective(kind, {"characters": "cnn", "char_units": 40}) == {"characters": "cnn", "char_units": 40}
    assert sweep.parse(["--task=language_model", "--sweep=softmax=full|sampled", "--negatives=10"])[2]
    chain = {"attention": "none", "local": "monotonic", "attention_window": 3}
    assert effective(TASKS["translation"].Config, chain) == {"attention": "none"}


def test_a_value_is_refused_if_no_values_of_the_other_options_fit_it():
    kind, dot = TASKS["translation"].Config, {"attention": "dot"}
    space = parse_space("units=64|128,encoder_units=32|64", kind, dot)  # a BiLSTM of 32 and 32 fits 64
    assert space["units"].choices == (64, 128)
    for text in ("units=64", "units=64|65,encoder_units=32|64"):
        with pytest.raises(ValueError, match="--units=6[45]"):
            parse_space(text, kind, dot)


def test_a_trial_has_the_shape_of_the_run_that_it_starts_from(tmp_path):
    space = parse_space("init_from=zoo:pos-english|,dropout=0.1|0.2", POS, {})
    found = trials.Search("pos", {}, space, "grid", 1, tmp_path)
    assert found.config({"init_from": "zoo:pos-english", "dropout": 0.2}).char_units == 80
    assert found.config({"init_from": "", "dropout": 0.2}).char_units == POS().char_units


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--sweep=units"], ["Which task"]),
        (["--task=pso", "--sweep=units"], ["Did you mean 'pos'"]),
        (["--task=pos"], ["--sweep=NAME"]),
        (["--task=pos", "--sweep=unit"], ["'unit'", "Did you mean 'units'"]),
        (["--task=pos", "--sweep=units", "--units=3"], ["--units is given"]),
        (["--task=pos", "--sweep=units,units"], ["twice"]),
        (["--task=pos", "--sweep=word_dim"], ["word_dim=low..high"]),
        (["--task=pos", "--sweep=dataset"], ["dataset declares no values"]),
        (["--task=pos", "--sweep=units=0..4"], ["at least 1", "0"]),
        (["--task=pos", "--sweep=units=4|many"], ["whole numbers", "'many'"]),
        (["--task=pos", "--sweep=units=9..4"], ["low..high", "units=9..4"]),
        (["--task=pos", "--sweep=units=9"], ["--units=9"]),
        (["--task=pos", "--sweep=rnn=lstm|lsmt"], ["Unknown RNN 'lsmt'", "'lstm'"]),
        (["--task=pos", "--sweep=units", "--tuner=bayes"], ["Did you mean 'bayesian'"]),
        (["--task=pos", "--sweep=epochs=1..9", "--tuner=hyperband"], ["hyperband chooses the epochs"]),
        (["--task=pos", "--sweep=seed=0..9", "--seeds=2"], ["--seeds must be 1"]),
        (["--task=pos", "--sweep=units", "--mode=predict"], ["Unknown command line flag 'mode'"]),
    ],
)
def test_a_wrong_search_is_one_line_that_helps(flags, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sweep.main(flags) == 2
    out, error = capsys.readouterr()
    assert error.count("\n") == 1 and all(word in error for word in words), error
    assert not [*tmp_path.iterdir()]


def test_help_and_errors_do_not_wait_for_tensorflow():
    script = (
        "import sys; from seqzoo.sweep import main\n"
        "for flags in ('--help', '--task=ner --help', '--task=ner --sweep=unit'):\n"
        "    main(flags.split())\n"
        "assert not {'tensorflow', 'keras', 'sklearn'} & set(sys.modules)"
    )
    root = pathlib.Path(run.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=root)
    assert "units=64|128|200" in done.stdout and "learning_rate=0.0005..0.005" in done.stdout


@pytest.mark.parametrize(
    "error, status",
    [
        (ValueError("odd"), 2),
        (FloatingPointError("nan"), 2),
        (MemoryError(), 2),
        (type("ResourceExhaustedError", (Exception,), {})("OOM when allocating"), 2),
        (type("ResourceExhaustedError", (Exception,), {})("No space left on device"), 3),
        (OSError(28, "No space left on device"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_status_says_whose_fault_it_was(error, status, capsys):
    def command(argv):
        raise error

    assert run.reported(command, []) == status
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_a_bug_is_raised():
    def command(argv):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run.reported(command, [])


def test_failed_and_killed_trials_are_recorded_and_the_others_go_on(search):
    flags = ["--sweep=units=1|2|3|4|5", "--tuner=grid"]
    status, results, calls, output = search(*flags, FAIL="3", KILL="5")
    assert status == 0 and units_of(results, "done") == [1, 2, 4]
    assert results["best"]["settings"] == {"units": 4} and results["best"]["command"].endswith("--units=4")
    reasons = {trial["settings"]["units"]: trial["reason"] for trial in results["trials"]}
    assert "The loss of epoch 1 is nan" in reasons[3] and "signal 9" in reasons[5] and not reasons[4]
    assert "trial 5/5" in output and "--units=4" in output
    # The same command: what is done stays, what failed would again, what was killed may not be.
    status, results, calls, output = search(*flags)
    assert status == 0 and [call.split()[1] for call in calls] == ["5"]
    assert results["best"]["settings"] == {"units": 5}


@pytest.mark.parametrize("what, words", [("BUG", ["what nobody", "Traceback"]), ("FULL", ["No space left"])])
@pytest.mark.parametrize("tuner", ["grid", *variants("random")])
def test_a_bug_or_a_full_disk_stops_the_search_and_the_same_command_goes_on(what, words, tuner, search):
    flags = ["--sweep=units=1|2|3|4", f"--tuner={tuner}", "--max_trials=4"]
    status, results, calls, output = search(*flags, **{what: "2"})
    assert status == 1 and "train.log" in output and all(word in output for word in words)
    before = [call.split()[1] for call in calls]
    assert before[-1] == "2" and before.count("2") == 1
    status, results, calls, _ = search(*flags)
    assert status == 0 and [call.split()[1] for call in calls][0] == "2"
    assert units_of(results, "done") == [1, 2, 3, 4]
    assert len(before) - 1 + len(calls) == 4


def test_another_search_is_not_mixed_in_and_more_trials_go_on(search):
    status, results, calls, _ = search("--sweep=units=1..90,dropout", "--max_trials=2", "--epochs=3")
    assert status == 0 and len(calls) == 2
    for flags, words in [
        (["--sweep=units=1..80,dropout", "--epochs=3"], "sweep of units 1..90 -> 1..80"),
        (["--sweep=units=1..90,dropout", "--epochs=4"], "epochs 3 -> 4"),
        (["--sweep=units=1..90,dropout", "--epochs=3", "--seeds=2"], "seeds 1 -> 2"),
    ]:
        status, _, calls, output = search(*flags)
        assert status == 2 and not calls and words in output and "--overwrite" in output
    status, more, calls, output = search("--sweep=units=1..90,dropout", "--max_trials=4", "--epochs=3")
    assert status == 0 and len(calls) == 2 and "resuming after 2 trials" in output
    assert more["trials"][:2] == results["trials"]
    status, anew, calls, _ = search("--sweep=units=1..8", "--max_trials=2", "--overwrite")
    assert status == 0 and len(anew["trials"]) == len(calls) == 2


def test_one_reason_for_the_first_trials_stops_the_search(search):
    status, results, calls, output = search("--sweep=units=1..90", KILL=",".join(map(str, range(91))))
    assert status == 1 and len(calls) == 3 and "for the same reason" in output


def test_where_all_failed_all_are_tried_again_and_what_is_done_is_not(search):
    flags = ["--sweep=units=1|2", "--tuner=grid"]
    assert search(*flags, FAIL="1,2")[0] == 2
    status, results, calls, _ = search(*flags)
    assert status == 0 and len(calls) == 2 and units_of(results, "done") == [1, 2]
    status, again, calls, output = search(*flags, "--seed=0")  # a default, spelled out
    assert status == 0 and not calls and again["trials"] == results["trials"] and "trial 2/2" not in output


@pytest.mark.slow
@pytest.mark.variant
def test_a_grid_has_every_whole_number_of_a_range(search):
    status, results, _, _ = search("--sweep=units=1..12", "--tuner=grid")
    assert status == 0 and units_of(results, "done") == [*range(1, 13)]


def test_a_search_that_runs_is_not_deleted(search, tmp_path):
    flags = ["--sweep=units=1|2", "--tuner=grid"]
    _, before, _, _ = search(*flags)
    with sweep._locked(tmp_path / "search"):
        status, after, calls, output = search(*flags, "--overwrite")
    assert status == 2 and "Another search is running" in output and not calls and after == before


def test_the_mean_over_seeds_counts(search):
    status, results, calls, _ = search("--sweep=units=1|2", "--tuner=grid", "--seeds=3", "--seed=5")
    assert status == 0 and calls[:3] == ["seed-5 1 10", "seed-6 1 10", "seed-7 1 10"]
    best = results["best"]
    assert best["score"] == pytest.approx(2.09 + 6) and best["spread"] == pytest.approx(1.0)
    assert best["epochs"] == 30 and best["minutes"] == pytest.approx(3.0)


def test_a_score_that_is_not_finite_fails_a_trial_and_a_linked_folder_can_be_overwritten(search, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "search").symlink_to("real")
    flags = ["--sweep=units=1|2", "--tuner=grid", "--seeds=2"]
    status, results, _, _ = search(*flags, NAN="2")
    assert status == 0 and units_of(results, "failed") == [2] and results["best"]["spread"]
    assert {each["reason"] for each in results["trials"]} == {"", "valid_accuracy is nan"}
    status, results, calls, _ = search(*flags, "--overwrite")
    assert status == 0 and len(calls) == 4 and (tmp_path / "search").is_symlink()
    (tmp_path / "search/sweep.json").write_text('{"task": "pos')
    assert "sweep.json" in search(*flags)[3]


@pytest.mark.slow
@pytest.mark.variant
def test_hyperband_goes_on_with_the_better_trials_in_their_folders(search):
    status, results, calls, _ = search("--sweep=units=1..500", "--tuner=hyperband", "--epochs=9", FAIL="9999")
    assert status == 0
    # 3 brackets: 9 settings for 1 epoch, 3 of them to 3, 1 to 9; 5 for 3, 2 of them to 9; 3 for 9.
    assert sorted(int(call.split()[2]) for call in calls) == [1] * 9 + [3] * 8 + [9] * 6
    assert len(results["trials"]) == 17 and len(units_of(results, "done")) == 6
    first = sorted((int(units) for _, units, epochs in map(str.split, calls[:9])), reverse=True)
    assert [int(call.split()[1]) for call in calls[9:13]] == [*first[:3], first[0]]
    assert {trial["epochs"] for trial in results["trials"]} == {1, 3, 9}
    assert [name for name in (call.split()[0] for call in calls[9:13]) if name in {c.split()[0] for c in calls[:9]}]


@pytest.mark.slow
def test_failed_trials_do_not_keep_hyperband_from_promoting(search):
    odd = ",".join(map(str, range(1, 500, 2)))
    status, results, calls, _ = search("--sweep=units=1..500", "--tuner=hyperband", "--epochs=9", FAIL=odd)
    assert status == 0 and units_of(results, "failed")
    rounds = [sum(trial["epochs"] == epochs for trial in results["trials"]) for epochs in (0, 1, 3, 9)]
    assert sum(rounds) == 17 and rounds[0] == len(units_of(results, "failed")) and rounds[3] >= 1
    assert results["best"]["settings"]["units"] % 2 == 0 and results["best"]["epochs"] == 9


def test_the_objective_of_the_fixed_options_counts(tmp_path):
    fixed = {"goal": "regression"}
    assert trials.Search("similarity", fixed, {}, "random", 1, tmp_path).key == "valid_pearson"
    assert trials.Search("similarity", {}, {}, "random", 1, tmp_path).title == "valid accuracy (%)"


def test_hyperband_refuses_a_space_that_is_too_small(search):
    status, _, calls, output = search("--sweep=units=1|2|3", "--tuner=hyperband", "--epochs=9")
    assert status == 2 and not calls and "17 settings" in output and "only 3" in output


@pytest.mark.slow
def test_bayesian_optimisation_finds_the_end_of_a_range_and_repeats_nothing(search):
    status, results, calls, _ = search("--sweep=units=1..90", "--tuner=bayesian", "--max_trials=6")
    units = [int(call.split()[1]) for call in calls]
    assert status == 0 and len(calls) == 6 and max(units) == 90  # its logarithmic range could give 91
    assert len({json.dumps(trial["settings"]) for trial in results["trials"]}) == 6


def made_search(folder, **options):
    values = {
        "task": "pos", "fixed": {}, "tuner": "random", "seeds": 1, "folder": folder,
        "space": {"units": Values("units", int, (), 1, 100), "vectors": Values("vectors", str, ("a<b", "c&d"))},
    }  # fmt: skip
    return trials.Search(**values | options)


def made_record(number, score, **settings):
    return {
        "id": str(number), "settings": settings, "status": "failed" if score is None else "done",
        "reason": "<NaN>" if score is None else "", "score": score, "spread": None, "scores": [], "minutes": 1.0,
        "epochs": 3, "folder": f"trials/{number}", "command": "python -m seqzoo.run",
    }  # fmt: skip


def test_the_report_shows_every_trial_and_needs_nothing_from_elsewhere(tmp_path):
    search = made_search(tmp_path)
    records = [made_record(n, 50.0 + n if n else None, units=1 + 9 * n, vectors="a<b") for n in range(4)]
    write_report(search, records)
    results, page = json.loads((tmp_path / "results.json").read_text()), (tmp_path / "results.html").read_text()
    assert results["trials"] == records and results["best"] == records[3]
    assert re.findall("<tr id=.trial-([0-9])", page) == ["3", "2", "1", "0"]  # the best first, without a score last
    assert page.count("<svg") == 3  # over each option, and over the trials
    assert re.findall('href="#trial-([0-9])', page) == 3 * ["2", "1", "3"]  # in each a point a trial, the best on top
    assert "a&lt;b" in page and "a<b" not in page and "&lt;NaN&gt;" in page
    assert not re.search(r'(src|href)=["\']?http|url\(["\']?http|@import', page) and "color-scheme: light dark" in page
    assert "Too few trials to tell: 3" in page
    title = TASKS["pos"].measures["accuracy"].title
    assert f"valid {title} (%)" in page and "valid_accuracy" not in page and "higher is better" in page
    assert [results[key] for key in ("objective", "title", "direction", "unit")] == [
        "valid_accuracy", title, "max", "%"
    ]  # fmt: skip


def test_a_trial_that_diverged_does_not_flatten_the_others():
    units = Values("units", int, (), 1, 100)
    records = [made_record(n, score, units=1 + n) for n, score in enumerate((10.0, 12.0, 90.0, 900.0))]
    for end, labels in ((3, {"20", "40"}), (4, {"10", "20", "50", "100"})):  # of equal steps, and of equal ratios
        chart = option_chart("units", units, records[:end], "perplexity", -1)
        assert labels <= {*re.findall(">([0-9.]+)</text>", chart)}


def test_importance_separates_what_matters_from_what_does_not(tmp_path):
    search = made_search(tmp_path)
    mixed = [(37 * n) % 100 for n in range(40)]
    records = [made_record(n, float(m), units=1 + m, vectors=("a<b", "c&d")[n % 2]) for n, m in enumerate(mixed)]
    found = importance(search, records)
    assert found["explained"] > 0.8 and [*found["options"]] == ["units", "vectors"]
    assert found["options"]["units"][0] > 10 * abs(found["options"]["vectors"][0])
    flat = importance(search, [record | {"score": float(n * 7919 % 13)} for n, record in enumerate(records[:10])])
    assert not flat["options"] and "no better than their mean" in flat["note"]


def _processes(*words):
    """Ids of the processes whose command lines have arguments that begin with all of these words."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended
            continue
        if all(any(part.startswith(word) for part in command) for word in words):
            found.append(int(path.parent.name))
    return found


def _kill_after(command, environment, file, words):
    """Starts a search, kills it once a file is there, and waits until no process of its trials is left."""
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 400
    try:
        while not file.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _processes(*words)
    finally:
        process.kill()
        process.wait()
    while _processes(*words) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _processes(*words)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_search_leaves_no_process_and_its_command_resumes_it(search, tmp_path):
    script = f"""
import sys
from seqzoo import sweep
from seqzoo.search import trials
from seqzoo.search.charts import option_chart
trials.TRAIN = ({str(tmp_path / "stub.py")!r},)
sys.exit(sweep.main(["--task=pos", "--workdir={tmp_path / "search"}", "--sweep=units=1|2", "--tuner=grid"]))
"""
    root = str(pathlib.Path(run.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "HANG": "1"}
    folder = tmp_path / "search" / "trials" / "0"
    words = [str(tmp_path / "stub.py"), f"--workdir={folder}"]
    _kill_after([sys.executable, "-c", script], environment, folder / "history.json", words)
    assert not (folder / "metrics.json").exists()
    status, results, calls, output = search("--sweep=units=1|2", "--tuner=grid")
    assert status == 0 and "resuming after 0 trials, 1 more unfinished" in output
    assert [call.split()[:2] for call in calls] == [["0", "1"], ["1", "2"]]
    assert units_of(results, "done") == [1, 2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_search_of_real_runs_resumes_inside_its_trial(tmp_path):
    data, folder = tmp_path / "data", tmp_path / "search"
    data.mkdir()
    for split, examples in DATASETS["grammar"](seed=4, sizes={"train": 100, "valid": 30, "test": 10}).items():
        sentences = ("\n".join(map(" ".join, zip(e["tokens"], e["pos"], e["ner"], strict=True))) for e in examples)
        (data / f"{split}.txt").write_text("\n\n".join(sentences) + "\n", "utf-8")
    command = [
        sys.executable, "-m", "seqzoo.sweep", "--task=pos", "--sweep=units=4|5", "--tuner=grid", "--rnn=rnn",
        "--layers=1", "--characters=none", "--epochs=8", "--dataset=conll", f"--data_dir={data}",
        f"--workdir={folder}",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(run.__file__).parents[1])}
    trial = folder / "trials" / "0"
    _kill_after(command, environment, trial / "history.json", ["seqzoo.run", f"--workdir={trial}"])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert "1 more unfinished" in done.stdout
    assert "continuing after epoch" in (trial / "train.log").read_text()
    results = json.loads((folder / "results.json").read_text())
    assert units_of(results, "done") == [4, 5]
    for trial in results["trials"]:
        metrics = json.loads((pathlib.Path(trial["folder"]) / "metrics.json").read_text())
        assert trial["score"] == metrics["valid_accuracy"] and trial["epochs"] == metrics["epochs"]
