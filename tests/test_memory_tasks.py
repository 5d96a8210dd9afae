"""The memory tasks: their sequences and baselines, how networks are initialised, and that a short one is learned."""

import dataclasses
import math

import numpy as np
import pytest
from keras import ops

from experiments.studies import memory_tasks
from experiments.studies.memory_tasks import FORGETS, MEMORY_TASKS, ORDERS, adding, command, copy, order, settings
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS

SIZE = 500


@pytest.fixture
def registered(monkeypatch):
    """Registers the memory tasks for the duration of a test."""
    monkeypatch.setattr(TASKS, "_things", {**TASKS._things, **{task.name: task for task in MEMORY_TASKS.values()}})


def sequences(generate, length, size=SIZE):
    """(frames [B, T, D], answers [B, ...]) of random sequences."""
    rng = np.random.default_rng(0)
    examples = [generate(rng, length) for _ in range(size)]
    return (np.stack([example[name] for example in examples]) for name in ("frames", "answer"))


def task_of(*flags):
    return settings(flags)[1]


def network(*flags):
    """The network of a command line, not trained."""
    task = task_of(*flags)
    task.load()
    return task.build()


def recurrent(model):
    """The recurrent layer of a network."""
    (layer,) = (layer for layer in model.layers if hasattr(layer, "cell"))
    return layer


def test_the_sum_of_the_marked_numbers_is_the_answer_of_the_adding_problem():
    x, y = sequences(adding, 9)
    assert x.shape == (SIZE, 9, 2) and y.shape == (SIZE, 1)
    for (values, marks), answer in zip(x.transpose(0, 2, 1), y[:, 0], strict=True):
        assert answer == pytest.approx(values[marks == 1].sum())


def test_the_adding_problem_marks_one_number_in_each_half():
    x, _ = sequences(adding, 9)
    marks = x[:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, :4].sum(1) == 1).all() and (marks[:, 4:].sum(1) == 1).all()
    assert marks.any(axis=0).all()  # every position is marked at times


def test_the_copy_task_asks_for_the_first_symbols_after_the_mark():
    T = 7
    x, y = sequences(copy, T)
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
    x, y = sequences(order, T)
    assert x.shape == (SIZE, T, 8) and (x.sum(-1) == 1).all()
    symbols = x.argmax(-1)
    assert (symbols[:, 0] == 6).all() and (symbols[:, -1] == 7).all()
    for row, answer in zip(symbols, y, strict=True):
        positions = [position for position, symbol in enumerate(row) if symbol in (4, 5)]
        first, second = positions
        assert 5 <= first <= 10 and 25 <= second <= 30
        assert "".join("XY"[row[position] - 4] for position in positions) == ORDERS[answer]
    assert set(y) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", MEMORY_TASKS)
def test_the_shortest_sequences_of_a_task_can_be_generated_and_shorter_ones_are_refused(name):
    task = MEMORY_TASKS[name]
    assert len(list(task(task.Config(length=task.shortest)).sequences(SIZE, 0))) == SIZE
    if task.shortest > 1:
        with pytest.raises(ValueError, match=f"at least {task.shortest}. Received: 1"):
            task(task.Config(length=1)).read()


@pytest.mark.parametrize("name", MEMORY_TASKS)
def test_each_epoch_has_new_sequences_that_depend_on_the_seed_alone(name):
    def epoch(number, seed):
        task = task_of(name, "--length=20", "--batch_size=5", f"--seed={seed}")
        splits = task.load().splits
        assert splits["train"].steps == memory_tasks.STEPS
        first = next(splits["train"].epoch(number).as_numpy_iterator())[0]["frames"]
        return first, next(splits["valid"].epoch(0).as_numpy_iterator())[0]["frames"]

    (once, valid), (again, same_valid), (later, _), (other, _) = (
        epoch(*key) for key in ((0, 3), (0, 3), (1, 3), (0, 4))
    )
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(valid, same_valid)
    for x in (later, other, valid):
        assert (once != x).any()


@pytest.mark.parametrize("name", MEMORY_TASKS)
def test_the_validation_set_is_the_same_for_all_seeds(name):
    one, other = (next(iter(task_of(name, f"--seed={seed}").read()["valid"]))["frames"] for seed in (0, 5))
    np.testing.assert_array_equal(one, other)


def test_the_baseline_of_the_adding_problem_is_the_error_of_answering_one():
    _, y = sequences(adding, 10, 20_000)
    assert np.square(y - 1).mean() == pytest.approx(task_of("adding").baseline, rel=0.04)


def test_the_baseline_of_the_copy_task_is_the_cross_entropy_of_blanks_and_guessed_symbols():
    T = 30
    _, y = sequences(copy, T)
    probabilities = np.zeros((T + 20, 9))
    probabilities[: T + 10, 8] = 1
    probabilities[T + 10 :, :8] = 1 / 8
    picked = probabilities[np.arange(T + 20), y]
    baseline = task_of("copy", f"--length={T}").baseline
    assert -np.log(picked).mean() == pytest.approx(baseline) == pytest.approx(10 * math.log(8) / (T + 20))


def test_the_baseline_of_temporal_order_is_the_entropy_of_its_four_answers():
    _, y = sequences(order, 20, 10_000)
    np.testing.assert_allclose(np.bincount(y) / len(y), 0.25, atol=0.02)
    assert task_of("order").baseline == pytest.approx(math.log(4))


def test_the_accuracy_of_the_copy_task_counts_the_symbols_and_not_the_blanks():
    task = task_of("copy", "--length=5")
    examples = list(task.sequences(4, 0))
    for outputs, accuracy in ((lambda y: 0 * y + 8, 0), (lambda y: y, 100)):
        rows = ({"outputs": np.eye(9)[outputs(example["answer"])]} for example in examples)
        answers = [task.answer(example, row) for example, row in zip(examples, rows, strict=True)]
        assert task.scores(examples, answers)["accuracy"] == accuracy


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
    model = network("adding", "--forget_bias=chrono", f"--length={T}", f"--units={H}", "--batch_size=1")
    bias = ops.convert_to_numpy(recurrent(model).cell.bias)
    times = np.exp(bias[H : 2 * H])
    assert times.min() >= 1 and times.max() <= T - 1 and np.ptp(times) > T / 2
    np.testing.assert_allclose(bias[:H], -bias[H : 2 * H], rtol=1e-6)
    assert (bias[2 * H :] == 0).all()


def test_the_flags_decide_the_recurrent_weights():
    flags = ("adding", "--rnn=rnn", "--units=32", "--length=10", "--batch_size=1")
    U = ops.convert_to_numpy(recurrent(network(*flags)).cell.recurrent_kernel)
    np.testing.assert_allclose(U @ U.T, np.eye(32), atol=1e-5)
    U = ops.convert_to_numpy(recurrent(network(*flags, "--initialization=identity")).cell.recurrent_kernel)
    np.testing.assert_array_equal(U, np.eye(32))
    U = ops.convert_to_numpy(recurrent(network(*flags, "--initialization=normal")).cell.recurrent_kernel)
    assert U.std() == pytest.approx(32**-0.5, rel=0.1)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--rnn=lstm", "--initialization=identity"], "needs a square U"),
        (["--rnn=rnn", "--forget_bias=1"], "Received: --rnn=rnn"),
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
def test_a_short_adding_problem_is_learned(registered):
    result = memory_tasks.trained(task_of("adding", "--length=10", "--units=16", "--learning_rate=0.01", "--epochs=4"))
    assert result["loss"] < result["baseline"] / 4
    assert [point["step"] for point in result["curve"]] == [100 * (n + 1) for n in range(len(result["curve"]))]


@pytest.mark.slow
@pytest.mark.variant
def test_training_ends_when_the_task_is_solved(registered, monkeypatch):
    monkeypatch.setattr(MEMORY_TASKS["order"], "solved", lambda self, loss, accuracy: True)
    result = memory_tasks.trained(task_of("order", "--length=10", "--units=2", "--batch_size=1", "--epochs=3"))
    assert result["solved"] and result["steps"] == 100


def test_a_run_that_diverges_ends_and_says_so(registered, monkeypatch):
    def broken(rng, length):
        return {**adding(rng, length), "answer": np.full(1, np.nan, "float32")}

    monkeypatch.setattr(MEMORY_TASKS["adding"], "generate", broken)
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
    args, task = settings(["order", "--rnn=gru", "--forget_bias=2", "--only=x", "--out=y"])
    assert command(task) == "python -m experiments.studies.memory_tasks order --rnn=gru --forget_bias=2"
    again = task_of(*command(task).split()[3:])
    assert dataclasses.asdict(again.config) == dataclasses.asdict(task.config)
