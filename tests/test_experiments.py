"""The recipes, what is recorded of them, and the command line that runs and checks them. Nothing is trained here."""

import dataclasses
import json
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest

import experiments
from experiments import Experiment, Published, __main__, cells, corpora, gpu, recorded, tables
from experiments.benchmarks import benchmark
from seqzoo import run
from seqzoo.task import TASKS

ALL = experiments.experiments()
ENVIRONMENT = {"date": "2026-01-02T03:04:05", "git": "abc", "python": "3", "cores": 2, "tensorflow": "2", "keras": "3"}


def recipe(**changes):
    return dataclasses.replace(Experiment("made up", "--task=ner", "valid_f1", 90.0, 1.0, 2.0), **changes)


@pytest.fixture
def known(monkeypatch, tmp_path):
    """{name: Experiment} of a made-up package of experiments, with results in a temporary folder."""
    found = {"tags": recipe(), "plays": recipe(flags="--task=language_model --data_dir={data}/ptb", expected=None)}
    monkeypatch.setattr(__main__, "experiments", lambda: found)
    monkeypatch.setattr(tables, "experiments", lambda: found)
    monkeypatch.setattr(experiments, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(__main__, "RESULTS", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def trained(monkeypatch):
    """The list of the commands that were run; each scores `trained.score`, or fails if that is None."""

    class Commands(list):
        score = 90.0

    commands = Commands()

    def train(command, **kwargs):
        commands.append(command)
        folder = pathlib.Path(next(flag for flag in command if flag.startswith("--workdir=")).partition("=")[2])
        folder.mkdir(parents=True, exist_ok=True)
        if "--mode=evaluate" in command:
            (folder / "evaluate-here.json").write_text(json.dumps({"valid_f1": commands.score + 1}), "utf-8")
        elif commands.score is not None:
            (folder / "metrics.json").write_text(
                json.dumps({"valid_f1": commands.score, "valid_classes": {"PER": {"f1": 80.0}}, "minutes": 0.5})
            )
            (folder / "environment.json").write_text(json.dumps({**ENVIRONMENT, "command": "here"}))
        return subprocess.CompletedProcess(command, 0 if commands.score is not None else 2)

    monkeypatch.setattr(subprocess, "run", train)
    return commands


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_is_a_command_line(name):
    experiment = ALL[name]
    given = run.parse_flags(run.flag_parser([run.Command, TASKS[experiment.task].Config]), experiment.flags.split())
    del given["task"]
    TASKS[experiment.task].Config(**given)
    assert {path.partition("/")[0] for path in experiment.data} <= corpora.CORPORA.keys()
    assert experiment.tolerance > 0 and experiment.minutes > 0


@pytest.mark.parametrize("name", [name for name in ALL if (experiments.RESULTS / f"{name}.json").is_file()])
def test_recorded_scores_are_those_that_the_recipe_expects(name):
    experiment, found = ALL[name], recorded(name, ALL[name])
    assert not found.outdated, "recorded by another recipe: run this one, or take its results away"
    assert experiment.expected == pytest.approx(found.mean, abs=0.006), "`expected` is the mean of the recorded seeds"
    for score in found.scores:
        assert experiment.verdict(score) == ("as expected", False)
    for result in found.seeds.values():
        assert result["environment"].keys() >= {"date", "git", "python", "tensorflow", "keras", "numpy", "cores"}


@pytest.mark.parametrize("path", tables.READMES, ids=lambda path: str(path.relative_to(tables.ROOT)))
def test_the_tables_are_those_of_the_recipes_and_results(path):
    text = path.read_text("utf-8")
    assert tables.rendered(text, tables.blocks()) == text, "python -m experiments --readme updates them"


def test_the_readme_of_the_experiments_has_all_results_and_corpora():
    text = tables.READMES[1].read_text("utf-8")
    assert all(tables.BEGIN.format(name) in text for name in ("results", "corpora"))


def test_benchmarks_and_studies_are_listed_with_their_commands():
    found = experiments.programs()
    assert {
        "experiments.gpu",
        "experiments.benchmarks.tagger_speed",
        "experiments.studies.memory_tasks",
    } <= found.keys()
    assert "experiments.benchmarks.benchmark" not in found  # shared code, not a program
    for module in found:
        assert f"python -m {module}" in tables.listing()
        assert f"python -m {module}" in pathlib.Path(tables.ROOT, *module.split(".")).with_suffix(".py").read_text()


def test_the_fast_experiments_are_enough_and_not_too_much_for_every_change():
    fast = {name: experiment for name, experiment in ALL.items() if experiment.is_fast}
    assert {experiment.task for experiment in fast.values()} >= {"ner", "sentiment", "translation"}
    assert sum(experiment.minutes for experiment in fast.values()) < 20


def test_lower_is_better_where_the_task_says_so():
    tagger, model = recipe(), recipe(flags="--task=language_model", metric="valid_loss")
    assert [tagger.verdict(score) for score in (88.9, 89.1, 91.1)] == [
        ("falls short", True), ("as expected", False), ("better than expected", False)
    ]  # fmt: skip
    assert [model.verdict(score) for score in (88.9, 89.1, 91.1)] == [
        ("better than expected", False), ("as expected", False), ("falls short", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "score, status, said",
    [(89.5, 0, "as expected"), (80.0, 1, "falls short"), (99.0, 0, "look for a data leak"), (None, 1, "exit status 2")],
)
def test_a_check_compares_and_records_nothing(known, trained, capsys, score, status, said):
    trained.score = score
    assert __main__.main(["tags", "--check", "--runs=checks"]) == status
    assert said in capsys.readouterr().out
    assert not pathlib.Path("results").exists()
    (command,) = trained
    assert command[3:] == ["--task=ner", "--seed=0", f"--workdir={pathlib.Path('checks/tags-0')}"]


def test_a_check_repeats_finished_runs_and_resumes_interrupted_ones(known, trained):
    for score in (None, 90.0, 90.0):
        trained.score = score
        __main__.main(["--fast", "--check"])
    assert ["--overwrite" in command for command in trained] == [False, False, True]


def test_a_run_records_its_seeds_and_those_of_an_older_recipe_no_longer_count(known, trained, capsys):
    assert __main__.main(["tags", "--seeds=0"]) == 0
    known["tags"] = recipe(flags="--task=ner --units=8")
    for score, seed in ((88.0, 1), (92.0, 2)):
        trained.score = score
        assert __main__.main(["tags", f"--seeds={seed}"]) == 0
    assert "seed 0 was recorded with another recipe" in capsys.readouterr().err
    saved = json.loads(pathlib.Path("results/tags.json").read_text())
    assert list(saved["seeds"]) == ["1", "2"] and saved["mean"] == 90.0
    assert saved["seeds"]["1"]["metrics"]["valid_classes"] == {"PER": {"f1": 80.0}}
    kept = saved["seeds"]["2"]["environment"]
    assert kept["command"] == "python -m seqzoo.run --task=ner --units=8 --seed=2" and kept["keras"] == "3"


def test_the_table_shows_spread_missing_seeds_and_sources_and_leaves_out_what_is_outdated(known, trained):
    known["tags"] = recipe(published=(Published("a paper, test", 89.5, "https://a.b"), Published("hearsay", 89.0, "")))
    for score, seed in ((89.0, 0), (90.0, 1)):
        trained.score = score
        __main__.main(["tags", f"--seeds={seed}"])
    published = "[a paper, test](https://a.b) 89.5; hearsay 89.0, not traced"
    row = f"| `tags`: made up | valid_f1 89.50 ± 0.71 | 2 of 3 | < 1 | abc | {published} |"
    assert row in tables.results() and tables.results().endswith(" Not recorded: `plays`.")
    assert "2026-01-02 with Python 3, TensorFlow 2, Keras 3" in tables.results()
    assert "2026-01-02" in tables.listing().splitlines()[1]
    known["tags"] = recipe(flags="--task=ner --units=8")
    assert recorded("tags", known["tags"]).outdated.keys() == {"0", "1"}
    __main__.main(["tags", "--seeds=0"])
    assert "| 1 of 3, 1 of an older recipe left out |" not in tables.results()  # they are gone once it is run


def test_all_seeds_are_also_scored_together_until_one_changes(known, trained, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "commit", lambda folder: "abc")
    known["tags"] = recipe(seeds=2, ensemble=True)
    assert __main__.main(["tags", "--seeds=0"]) == 0 and len(trained) == 1
    assert __main__.main(["tags", "--seeds=1"]) == 0
    folders = [pathlib.Path("runs/experiments", f"tags-{seed}") for seed in range(2)]
    assert trained[-1][3:] == ["--mode=evaluate", f"--workdir={folders[0]}", f"--ensemble={folders[1]}"]
    assert "tags, all seeds together: valid_f1 91.00" in capsys.readouterr().out
    assert "| `tags`, `--ensemble` | valid_f1 91.00 | 2 together | 1 | abc | - |" in tables.results()
    known["tags"] = recipe(seeds=3, ensemble=True)
    assert __main__.main(["tags", "--seeds=1"]) == 0
    assert "together" not in tables.results()


def test_a_commit_is_shortened_and_stays_marked():
    assert tables.short("0123456789abcdef-dirty") == "0123456-dirty"
    assert tables.short("v1.0-12-g0123456789abcdef") == "0123456" and tables.short(None) == "-"


def test_a_budget_trains_the_stalest_seeds_first_and_goes_on_where_it_ended(known, trained, monkeypatch, capsys):
    known["new"] = recipe(seeds=1)
    clock, git = [0.0], ["here"]
    monkeypatch.setattr(__main__, "time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(__main__, "commit", lambda root: git[0])

    def run_for(minutes):
        trained.clear()
        assert __main__.main(["--all", f"--budget={minutes}m"]) == 0
        return [command[-1 - ("--overwrite" in command)].rpartition("/")[2] for command in trained]

    def train(command, **kwargs):
        number = len(trained.dates)
        trained.dates.append(number)
        clock[0] += 120
        return finish(command, date=f"2026-01-0{1 + number}", git=git[0])

    def finish(command, date, git):
        done = ended(command)
        folder = pathlib.Path(next(flag for flag in command if flag.startswith("--workdir=")).partition("=")[2])
        (folder / "environment.json").write_text(json.dumps({**ENVIRONMENT, "date": date, "git": git}))
        return done

    trained.dates, ended = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", train)
    __main__.main(["tags", "--seeds=1"])
    assert run_for(3) == ["new-0", "tags-0"]  # the first of a row without any, then what a row lacks; 2 minutes each
    out, error = capsys.readouterr()
    assert "The budget is spent. The same command goes on with the 1 seeds of 1 experiments" in out
    assert "lacks their corpora: plays" in error
    assert run_for(600) == ["tags-2"]
    assert run_for(600) == [] and "Everything is recorded at this commit" in capsys.readouterr().out
    git[0] = "there"
    assert run_for(3) == ["tags-1", "new-0"]  # those recorded first
    assert all("--overwrite" in command for command in trained)
    assert "recorded 2026-01-01 at here" in capsys.readouterr().out
    (pathlib.Path("runs/experiments/tags-0") / "metrics.json").unlink()  # stopped while it was trained anew
    assert run_for(1) == ["tags-0"] and "--overwrite" not in trained[0]


def test_a_budget_trains_anew_what_an_older_recipe_trained(known, trained, monkeypatch):
    monkeypatch.setattr(__main__, "commit", lambda root: "here")
    __main__.main(["tags", "--seeds=0"])
    known["tags"] = recipe(flags="--task=ner --units=8")
    assert __main__.main(["tags", "--seeds=0", "--budget=8h"]) == 0
    assert ["--overwrite" in command for command in trained] == [False, True]


def test_a_seed_that_fails_does_not_end_a_budget(known, trained, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "commit", lambda root: "here")
    trained.score = None
    assert __main__.main(["tags", "--budget=8h"]) == 1
    assert len(trained) == 3 and "tags, seed 1: exit status 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, said",
    [
        (["tgas"], "Did you mean 'tags'?"),
        (["tags", "--fast"], "only one of them"),
        (["tags", "--seeds=one"], "whole numbers"),
        (["--check"], "--check needs"),
        (["--budget=8h"], "--budget needs"),
        (["--all", "--budget=8"], "hours or minutes, such as 8h or 90m. Received: '8'"),
        (["--all", "--budget=8h", "--check"], "records nothing"),
        (["--table", "tags"], "Received: tags"),
        (["tags", "plays", "--data=here"], "here/ptb does not exist; it should hold ptb.train.txt, ptb.valid.txt"),
        (["plays", "--data=half"], "half/ptb lacks ptb.valid.txt: Penn Treebank"),
    ],
)
def test_wrong_commands_are_refused_before_training(known, trained, capsys, flags, said):
    pathlib.Path("half/ptb").mkdir(parents=True)
    pathlib.Path("half/ptb/ptb.train.txt.gz").touch()
    assert __main__.main(flags) == 2
    assert said in capsys.readouterr().err and not trained


def test_a_table_is_written_between_its_marks_and_only_when_it_changed(monkeypatch, tmp_path):
    path, begin = tmp_path / "README.md", tables.BEGIN.format("results")
    path.write_text(f"before\n{begin}\nold\n{tables.END}\nbehind\n")
    monkeypatch.setattr(tables, "READMES", [path])
    monkeypatch.setattr(tables, "blocks", lambda: {"results": "new \\1"})
    assert list(tables.write()) == [path] and list(tables.write()) == []
    assert path.read_text() == f"before\n{begin}\nnew \\1\n{tables.END}\nbehind\n"
    path.write_text(f"before\n{begin}\n")
    with pytest.raises(ValueError, match="no end mark"):
        list(tables.write())
    path.write_text(f"{tables.BEGIN.format('resutls')}\n{tables.END}\n")
    with pytest.raises(ValueError, match="Unknown table 'resutls'"):
        list(tables.write())


def test_medians_show_the_range_over_the_rounds():
    runs = [{"row": row, "ms": ms} for row, ms in (("a", 1.0), ("b", 5.0), ("b", 7.0), ("a", 3.0))]
    table = benchmark.medians(runs, {"row": ""}, {"ms": ("ms/step", ".1f")}, "ms").splitlines()
    assert table == [
        "|  | ms/step | range of ms/step |",
        "| --- | --- | --- |",
        "| a | 2.0 | 1.0-3.0 |",
        "| b | 6.0 | 5.0-7.0 |",
    ]


def test_the_rows_of_a_benchmark_run_in_turns_and_no_path_is_recorded(monkeypatch, tmp_path, capsys):
    order = []

    def measured(args, row, number):
        order.append((number, row))
        return [{"row": row}]

    out = tmp_path / "results.json"
    monkeypatch.setattr(benchmark, "in_own_process", measured)
    monkeypatch.setattr(sys, "argv", ["x", "--before=/some/where/else", f"--out={out}", "--rounds=2"])
    parser = benchmark.flags("made_up", "doc", ["a", "b"], 1)
    parser.add_argument("--before")
    benchmark.run(parser, ["a", "b"], None, print, lambda args: {"size": 3}, lambda args: {"before": "abc"})
    assert order == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]
    saved = json.loads(out.read_text())
    assert saved["size"] == 3 and len(saved["runs"]) == 4 and saved["settings"]["before"] == "abc"
    assert saved["command"].startswith("python -m experiments.benchmarks.made_up --before=else --out=results.json")


def test_a_row_that_fails_need_not_end_a_benchmark(monkeypatch, tmp_path, capsys):
    def measured(args, row, number):
        return [{"row": row}] if row == "b" else sys.exit("out of memory")

    out = tmp_path / "results.json"
    monkeypatch.setattr(benchmark, "in_own_process", measured)
    monkeypatch.setattr(sys, "argv", ["x", f"--out={out}"])
    parser = benchmark.flags("made_up", "doc", ["a", "b"], 1)
    benchmark.run(parser, ["a", "b"], None, print, keep_going=True)
    saved = json.loads(out.read_text())
    assert saved["runs"] == [{"row": "b"}] and saved["failed"] == [{"row": "a", "error": "out of memory"}]
    with pytest.raises(SystemExit, match="out of memory"):
        benchmark.run(parser, ["a", "b"], None, print)


@pytest.mark.parametrize("name", ["lstm", "none"])
def test_the_kernel_found_in_what_is_executed_is_the_one_that_is_explained(name):
    for row, arrays in gpu.passes((name,)):
        assert row["agrees"] and row["kernel"] == {"lstm": gpu.LOOP, "none": gpu.NEITHER}[name]
        assert all(np.isfinite(array).all() and array.any() for array in arrays.values())


def test_a_gpu_that_differs_or_is_missing_is_reported(capsys):
    assert gpu.kernel("While CudnnRNNV3", "CudnnRNN", "While") == gpu.CUDNN
    layer = {
        "name": "lstm",
        "masked": True,
        "kernel": gpu.CUDNN,
        "explained": "cuDNN",
        "agrees": True,
        "device": "H200",
    }
    gpu.show({"runs": [{**layer, "differs_by": 2e-6}, {**layer, "agrees": False, "differs_by": float("nan")}]})
    out = capsys.readouterr().out
    assert "2 passes: 1 run on another kernel than explained; 1 differ from a CPU by more than 0.0001" in out
    assert "numbers of a CPU" not in out
    gpu.show(
        {
            "runs": [{**layer, "device": "CPU", "differs_by": 0.0}],
            "failed": [{"row": "a", "error": "x\nOOM\n\na failed"}, {"row": "b", "error": "\nb failed with status -9"}],
        }
    )
    out = capsys.readouterr().out
    assert "a failed: OOM" in out and "b failed: b failed with status -9" in out and "numbers of a CPU" in out


def test_an_entry_of_a_layer_starts_over(monkeypatch, tmp_path):
    def train(task, folder, overwrite, callbacks):
        return {"valid_accuracy": 100.0 * overwrite, "epochs": 1, "parameters": 1}

    monkeypatch.setattr("seqzoo.training.train", train)
    (tmp_path / "parity-rnn").mkdir()
    (tmp_path / "parity-rnn" / "history.json").write_text('[{"seconds": 600}]')
    entry = cells.trained("rnn", "parity", 1.0, tmp_path)
    assert entry["score"] == 100 and entry["seconds"] < 60
