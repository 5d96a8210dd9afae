"""The study of memory tasks: its baselines, its curves, and its command lines."""

import dataclasses
import math

import pytest

from experiments.studies import memory_tasks
from experiments.studies.memory_tasks import PROBLEMS, command, settings
from seqzoo.datasets import DATASETS


def task_of(*flags):
    return settings(flags)[1]


def test_the_baselines_are_the_losses_without_a_memory():
    assert PROBLEMS["adding"].baseline(10) == pytest.approx(2 / 12)  # the variance of two numbers from U(0, 1)
    assert PROBLEMS["delayed_copy"].baseline(30) == pytest.approx(10 * math.log(8) / 50)
    assert PROBLEMS["temporal_order"].baseline(20) == pytest.approx(-math.log(1 / 4))


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--rnn=lstm", "--initialization=identity"], "needs a square kernel"),
        (["--rnn=lsmt"], "Did you mean 'lstm'"),
        (["--lenght=3"], "length"),
    ],
)
def test_wrong_flags_are_refused(flags, message, capsys):
    with pytest.raises(SystemExit):
        settings(["adding", *flags])
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.variant
def test_a_short_adding_problem_is_learned():
    result = memory_tasks.trained(task_of("adding", "--length=10", "--units=16", "--learning_rate=0.01", "--epochs=4"))
    assert result["loss"] < result["baseline"] / 4
    assert [point["step"] for point in result["curve"]] == [100 * (n + 1) for n in range(len(result["curve"]))]


@pytest.mark.slow
@pytest.mark.variant
def test_training_ends_when_the_task_is_solved(monkeypatch):
    solved = dataclasses.replace(PROBLEMS["temporal_order"], solved=lambda loss, accuracy, baseline: True)
    monkeypatch.setitem(PROBLEMS, "temporal_order", solved)
    result = memory_tasks.trained(task_of("temporal_order", "--length=10", "--units=2", "--batch_size=1", "--epochs=3"))
    assert result["solved"] and result["steps"] == 100


def test_a_run_that_diverges_ends_and_says_so(monkeypatch):
    draw = DATASETS["adding"].draw
    monkeypatch.setattr(
        DATASETS["adding"], "draw", lambda rng, T: {**draw(rng, T), "answer": draw(rng, T)["answer"] * math.nan}
    )
    result = memory_tasks.trained(task_of("adding", "--length=10", "--units=4", "--batch_size=1", "--epochs=2"))
    assert result["diverged"] and not result["solved"] and result["steps"] == 100
    assert "diverged" in memory_tasks.described(result)


def test_the_curves_of_a_suite_are_drawn(tmp_path):
    solved = {"solved": True, "steps": 200, "curve": [{"step": 100, "val_loss": 0.2}, {"step": 200, "val_loss": 0.01}]}
    diverged = {"solved": False, "steps": 100, "curve": [{"step": 100, "val_loss": None}]}
    runs = [
        {"name": name, "seed": seed, **end}
        for name in memory_tasks.VARIANTS
        for seed, end in enumerate((solved, diverged))
    ]
    memory_tasks.plot({"task": "adding", "length": 10, "baseline": 1 / 6, "runs": runs}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_command_of_a_result_repeats_it():
    args, task = settings(["temporal_order", "--rnn=gru", "--forget_bias=2", "--only=x", "--out=y"])
    assert command(task) == "python -m experiments.studies.memory_tasks temporal_order --rnn=gru --forget_bias=2"
    again = task_of(*command(task).split()[3:])
    assert dataclasses.asdict(again.config) == dataclasses.asdict(task.config)
