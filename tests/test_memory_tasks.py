"""The memory tasks: what their generators write, their baselines, and that a short one is learned."""

import dataclasses
import math

import numpy as np
import pytest
from keras import ops

from experiments.studies import memory_tasks
from experiments.studies.memory_tasks import (
    FORGETS,
    TASKS,
    adding,
    batches,
    copy,
    network,
    order,
    settings,
    trained,
    validation,
)
from experiments.studies.memory_tasks import score as score_of
from seqzoo.rnns import RNNS

SIZE = 500


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_sum_of_the_marked_numbers_is_the_answer_of_the_adding_problem():
    x, y = adding(rng(), SIZE, 9)
    assert x.shape == (SIZE, 9, 2) and y.shape == (SIZE, 1)
    for (values, marks), answer in zip(x.transpose(0, 2, 1), y[:, 0], strict=True):
        assert answer == pytest.approx(values[marks == 1].sum())


def test_the_adding_problem_marks_one_number_in_each_half():
    marks = adding(rng(), SIZE, 9)[0][:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, :4].sum(1) == 1).all() and (marks[:, 4:].sum(1) == 1).all()
    assert marks.any(axis=0).all()  # every place is marked at times


def test_the_copy_task_asks_for_the_first_symbols_after_the_mark():
    T = 7
    x, y = copy(rng(), SIZE, T)
    assert x.shape == (SIZE, T + 20, 10) and (x.sum(-1) == 1).all()
    symbols = x.argmax(-1)
    blank, mark = 8, 9
    assert set(np.unique(symbols[:, :10])) == set(range(8))
    assert (symbols[:, 10 : T + 9] == blank).all()
    assert (symbols[:, T + 9] == mark).all()
    assert (symbols[:, T + 10 :] == blank).all()
    assert (y[:, : T + 10] == blank).all()
    assert (y[:, T + 10 :] == symbols[:, :10]).all()


def test_the_answer_of_temporal_order_is_which_symbols_came_and_in_what_order():
    T = 50
    x, y = order(rng(), SIZE, T)
    assert x.shape == (SIZE, T, 8) and (x.sum(-1) == 1).all()
    symbols = x.argmax(-1)
    assert (symbols[:, 0] == 6).all() and (symbols[:, -1] == 7).all()
    answers = {"XX": 0, "XY": 1, "YX": 2, "YY": 3}
    for row, answer in zip(symbols, y, strict=True):
        places = [place for place, symbol in enumerate(row) if symbol in (4, 5)]
        first, second = places
        assert 5 <= first <= 10 and 25 <= second <= 30
        assert answers["".join("XY"[row[place] - 4] for place in places)] == answer
    assert set(y) == {0, 1, 2, 3}


@pytest.mark.parametrize("task", TASKS)
def test_the_shortest_sequences_of_a_task_can_be_made(task):
    x, _ = TASKS[task].batch(rng(), SIZE, TASKS[task].shortest)
    assert len(x) == SIZE


@pytest.mark.parametrize("task", TASKS)
def test_batches_depend_on_the_seed_alone_and_differ_from_the_validation_set(task):
    once, again, other = (batches(task, 5, 20, seed) for seed in (3, 3, 4))
    first = next(once)
    for a, b in zip(first, next(again), strict=True):
        np.testing.assert_array_equal(a, b)
    second, elsewhere = next(once)[0], next(other)[0]
    fixed = validation(task, 20)[0]
    assert (validation(task, 20)[0] == fixed).all()
    for x in (second, elsewhere, fixed[:5]):
        assert (first[0] != x).any()


def test_the_baseline_of_the_adding_problem_is_the_error_of_answering_one():
    _, y = adding(rng(), 100_000, 10)
    assert np.square(y - 1).mean() == pytest.approx(TASKS["adding"].baseline(10), rel=0.02)


def test_the_baseline_of_the_copy_task_is_the_cross_entropy_of_blanks_and_guessed_symbols():
    T = 30
    _, y = copy(rng(), SIZE, T)
    probabilities = np.zeros((T + 20, 9))
    probabilities[: T + 10, 8] = 1
    probabilities[T + 10 :, :8] = 1 / 8
    picked = probabilities[np.arange(T + 20), y]
    assert -np.log(picked).mean() == pytest.approx(TASKS["copy"].baseline(T))
    assert TASKS["copy"].baseline(T) == pytest.approx(10 * math.log(8) / (T + 20))


def test_the_baseline_of_temporal_order_is_the_entropy_of_its_four_answers():
    _, y = order(rng(), 20_000, 20)
    np.testing.assert_allclose(np.bincount(y) / len(y), 0.25, atol=0.02)
    assert TASKS["order"].baseline(20) == pytest.approx(math.log(4))


def test_the_score_of_the_copy_task_counts_the_symbols_and_not_the_blanks():
    _, y = copy(rng(), 4, 5)
    blanks = np.zeros((4, 25, 9), "float32")
    blanks[:, :, 8] = 1
    right = np.eye(9, dtype="float32")[y]
    score = score_of("copy")
    assert ops.convert_to_numpy(score(y, blanks)).mean() == 0
    assert ops.convert_to_numpy(score(y, right)).mean() == 1


@pytest.mark.parametrize("rnn", FORGETS)
def test_a_large_forget_bias_keeps_the_state_and_a_small_one_forgets_it(rnn):
    H = 6
    layer = RNNS[rnn](H, return_state=True)
    layer.build((None, None, 2))
    for bias, kept in ((12.0, 0.3), (-12.0, 0)):
        for weight in layer.weights:
            weight.assign(np.zeros(weight.shape))
        memory_tasks.set_forget_bias(layer, rnn, H, bias, length=20, seed=0)
        state = [np.full((1, H), 0.3, "float32") for _ in range(2 if "lstm" in rnn else 1)]
        cell = layer(np.zeros((1, 20, 2), "float32"), initial_state=state)[-1]
        np.testing.assert_allclose(ops.convert_to_numpy(cell), np.full((1, H), kept), atol=1e-3)


def test_chrono_biases_are_logs_of_times_up_to_the_length():
    T, H = 400, 64
    model = network(settings(["adding", "--forget_bias=chrono", f"--length={T}", f"--units={H}"]))
    bias = ops.convert_to_numpy(model.layers[0].cell.bias)
    times = np.exp(bias[H : 2 * H])
    assert times.min() >= 1 and times.max() <= T - 1 and np.ptp(times) > T / 2
    np.testing.assert_allclose(bias[:H], -bias[H : 2 * H], rtol=1e-6)
    assert (bias[2 * H :] == 0).all()


def test_the_flags_decide_the_recurrent_weights():
    flags = ("adding", "--rnn=rnn", "--units=32", "--length=10")
    U = ops.convert_to_numpy(network(settings(flags)).layers[0].cell.recurrent_kernel)
    np.testing.assert_allclose(U @ U.T, np.eye(32), atol=1e-5)
    U = ops.convert_to_numpy(network(settings([*flags, "--initialization=identity"])).layers[0].cell.recurrent_kernel)
    np.testing.assert_array_equal(U, np.eye(32))
    model = network(settings([*flags, "--initialization=normal", "--clip_norm=0"]))
    assert ops.convert_to_numpy(model.layers[0].cell.recurrent_kernel).std() == pytest.approx(32**-0.5, rel=0.1)
    assert model.optimizer.global_clipnorm is None
    assert network(settings(flags)).optimizer.global_clipnorm == 1


def test_a_short_adding_problem_is_learned():
    result = trained(settings(["adding", "--length=10", "--units=16", "--learning_rate=0.01", "--steps=400"]))
    assert result["loss"] < result["baseline"] / 4
    assert [point["step"] for point in result["curve"]] == [100 * (n + 1) for n in range(len(result["curve"]))]


def test_a_run_that_diverges_ends_and_says_so(monkeypatch):
    def broken(rng, size, length):
        x, y = adding(rng, size, length)
        return x, y * np.float32("nan")

    monkeypatch.setitem(TASKS, "adding", dataclasses.replace(TASKS["adding"], batch=broken))
    result = trained(settings(["adding", "--length=10", "--units=4", "--steps=40", "--every=20"]))
    assert result["diverged"] and not result["solved"] and result["steps"] == 20
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


def test_the_command_of_a_result_makes_it_again():
    args = settings(["order", "--rnn=gru", "--forget_bias=2", "--only=x", "--out=y"])
    given = ["order", "--length=100", "--rnn=gru", "--units=64", "--forget_bias=2.0"]
    given += ["--learning_rate=0.002", "--steps=3000"]
    assert memory_tasks.given(args) == given
    assert vars(settings(given)) == {**vars(args), "only": "", "out": None}
