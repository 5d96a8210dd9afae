"""The memory task: its sequences, what counts as wrong, what a line is, and the network's start."""

import json
import random

import numpy as np
import pytest
from keras import ops

from seqzoo.datasets import DATASETS
from seqzoo.datasets.generated.memory import ORDERS
from seqzoo.display.memory import memory_plot, used_rows
from seqzoo.metrics.memory import faults
from seqzoo.rnns import RNNS
from seqzoo.rnns.initialization import FORGETS, set_forget_bias
from seqzoo.task import TASKS
from seqzoo.tasks.memory import SETS, STEPS

SIZE = 300


def drawn(name, length, size=SIZE):
    """(frames [B, T, D], answers [B, A, K]) of sequences of one length."""
    rng = random.Random(0)
    examples = [DATASETS[name].draw(rng, length) for _ in range(size)]
    return (np.stack([example[key] for example in examples]) for key in ("frames", "answer"))


def task_of(name, **options):
    return TASKS["memory"](TASKS["memory"].Config(dataset=name, **options))


def loaded(name, **options):
    task = task_of(name, **options)
    task.load()
    return task


def test_copy_asks_for_all_vectors_after_the_mark():
    x, y = drawn("copy", 5)
    assert x.shape == (SIZE, 11, 9) and set(np.unique(x)) == {0, 1}
    np.testing.assert_array_equal(x[:, :5, :8], y)
    assert (x[:, 5].sum(-1) == 1).all() and (x[:, 5, 8] == 1).all() and not x[:, 6:].any()


def test_repeat_copy_writes_the_vectors_as_often_as_it_is_told_and_an_end():
    rng, counts = random.Random(0), set()
    for _ in range(SIZE):
        example = DATASETS["repeat_copy"].draw(rng, 13)
        x, y = example["frames"], example["answer"]
        (mark,) = np.flatnonzero(x[:, 8])
        times = round(10 * float(x[mark, 8]))
        np.testing.assert_array_equal(y[:-1, :8], np.tile(x[:mark, :8], (times, 1)))
        assert mark * times <= 13 < mark * (times + 1) and len(x) == mark + 1 + len(y)
        np.testing.assert_array_equal(y[:, 8], [0] * (len(y) - 1) + [1])
        counts.add(mark)
    assert counts == {*range(1, 11)}


def test_associative_recall_asks_for_the_item_behind_one_of_them():
    x, y = drawn("associative_recall", 13)
    assert x.shape == (SIZE, 5 * 4 + 1 + 3, 8) and y.shape == (SIZE, 3, 6)
    assert (x[:, [0, 4, 8, 12], 6] == 1).all() and x[..., 6].sum() == 4 * SIZE
    assert (x[:, [16, 20], 7] == 1).all() and x[..., 7].sum() == 2 * SIZE and not x[:, 21:].any()
    for frames, answer in zip(x[..., :6], y, strict=True):
        items = frames[:20].reshape(5, 4, 6)[:, 1:]
        assert any((items[4] == items[i]).all() and (answer == items[i + 1]).all() for i in range(3))


def test_parity_and_modulo_3_sum_what_they_read():
    for name, base in (("parity", 2), ("modulo_3", 3)):
        x, y = drawn(name, 7)
        sums = x.argmax(-1).sum(1) % base
        np.testing.assert_array_equal(y[:, 0, 0] if name == "parity" else y[:, 0].argmax(-1), sums)
        assert {*sums} == {*range(base)}


def test_adding_asks_for_the_sum_of_the_marked_numbers_one_in_each_half():
    x, y = drawn("adding", 9)
    np.testing.assert_allclose(y[:, 0, 0], (x[..., 0] * x[..., 1]).sum(1), rtol=1e-5)
    marks = x[..., 1]
    assert (marks[:, :4].sum(1) == 1).all() and (marks[:, 4:].sum(1) == 1).all() and marks.any(axis=0).all()


def test_temporal_order_asks_which_symbols_came_and_in_what_order():
    x, y = drawn("temporal_order", 50)
    symbols = x.argmax(-1)
    assert (symbols[:, 0] == 6).all() and (symbols[:, -1] == 7).all()
    for row, answer in zip(symbols, y[:, 0].argmax(-1), strict=True):
        first, second = np.flatnonzero((row == 4) | (row == 5))
        assert 5 <= first <= 10 and 25 <= second <= 30
        assert "".join("XY"[row[i] - 4] for i in (first, second)) == ORDERS[answer]


def test_delayed_copy_asks_for_the_first_symbols_after_the_mark():
    T, blank, mark = 7, 8, 9
    x, y = drawn("delayed_copy", T)
    symbols, answers = x.argmax(-1), y.argmax(-1)
    assert x.shape == (SIZE, T + 20, 10) and set(np.unique(symbols[:, :10])) == set(range(8))
    assert (symbols[:, T + 9] == mark).all() and (
        symbols[:, [*range(10, T + 9), *range(T + 10, T + 20)]] == blank
    ).all()
    assert (answers[:, : T + 10] == blank).all() and (answers[:, T + 10 :] == symbols[:, :10]).all()


@pytest.mark.parametrize("name", SETS)
def test_valid_goes_on_where_train_ends_or_all_sequences_are_as_long(name):
    reader = DATASETS[name]
    splits = reader(length=12, sizes={"train": 200, "valid": 12})
    lengths = {split: {example["length"] for example in examples} for split, examples in splits.items()}
    fixed = reader.usual != 20
    assert lengths["train"] == ({12} if fixed else {*range(reader.shortest, 13)})
    assert lengths["valid"] == ({12} if fixed else {12, 24, 36, 48, 60, 72})
    assert reader.draw(random.Random(0), reader.shortest)["length"] == reader.shortest
    with pytest.raises(ValueError, match=f"from {reader.shortest} to 1000. Received: 1001"):
        reader(length=1001)


def test_each_epoch_has_new_sequences_that_depend_on_the_seed_alone():
    def epoch(number, seed):
        splits = task_of("parity", batch_size=2, seed=seed).load().splits
        assert splits["train"].size == 2 * STEPS
        first = next(splits["train"].epoch(number).as_numpy_iterator())
        return first[0]["frames"], [*splits["valid"].encoded()][0][1][0]["frames"]

    (once, valid), (again, same), (later, _), (other, other_valid) = (
        epoch(*key) for key in ((0, 3), (0, 3), (1, 3), (0, 4))
    )
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(valid, same)
    np.testing.assert_array_equal(valid, other_valid)
    for x in (later, other):
        assert once.shape != x.shape or (once != x).any()


@pytest.mark.parametrize(
    "name, wrong",
    [("copy", (0, 40)), ("modulo_3", (0, 1)), ("adding", (0, 1)), ("delayed_copy", (0, 25))],
)
def test_wrong_answers_are_counted(name, wrong):
    task = task_of(name, length=5)
    task.assets = {"kind": DATASETS[name].draw(random.Random(0), 5)["kind"]}
    example = DATASETS[name].draw(random.Random(0), 5)
    T, gold = len(example["frames"]), example["answer"]
    bad = gold + 0.05 if name == "adding" else 1 - gold if name == "copy" else np.roll(gold, 1, axis=-1)
    answers = [
        task.answer(example, {"answer": np.concatenate([np.zeros((T - len(gold), gold.shape[1])), rows])})
        for rows in (gold, bad)
    ]
    assert tuple(answer["wrong"] for answer in answers) == wrong
    scores = task.scores([example, example], answers)
    assert scores == {"wrong": sum(wrong) / 2, "accuracy": 50.0}


def test_a_number_that_is_not_one_is_wrong():
    assert faults("numbers", np.array([[np.nan], [1.0]]), np.array([[1.0], [1.0]])) == 1


def test_the_best_answer_without_a_memory_is_the_mean_at_each_step():
    task = loaded("delayed_copy", length=5)
    examples = [*task.read()["valid"]]
    answer = task.baselines(())["no memory"]
    wrong = [answer(example)["wrong"] for example in examples]
    assert max(wrong) <= 10 and np.mean(wrong) == pytest.approx(10 * 7 / 8, abs=0.3)  # all blanks are right


def test_a_line_is_a_length_or_the_frames():
    task = task_of("associative_recall")
    task.assets = {"inputs": 8}
    assert task.example("12")["length"] == 12
    np.testing.assert_array_equal(task.example("12")["frames"], task.example(" 12 ")["frames"])
    assert task.example(json.dumps([[0] * 8] * 3))["frames"].shape == (3, 8)
    for line in ("0", "5", "1001", "10000"):
        with pytest.raises(ValueError, match=f"from 6 to 1000. Received: {line}"):
            task.example(line)
    for line in (
        "",
        "copy",
        "[[1, 2]]",
        "[]",
        "7.5",
        '{"frames": 1}',
        "[[NaN, 0, 0, 0, 0, 0, 0, 0]]",
        f"[[1{'0' * 400}]]",
    ):
        with pytest.raises(ValueError, match="a length, such as 20, or a JSON list of frames of 8 numbers each"):
            task.example(line)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dataset": "grammar"}, "should be one of adding, .* Received: 'grammar'"),
        ({"rnn": "lstm", "initialization": "identity"}, "needs a square kernel"),
        ({"rnn": "lru", "initialization": "identity"}, "no effect with --rnn=lru: it has no recurrent kernel"),
        ({"controller": "bilstm"}, "should be a layer that reads forward. Received: 'bilstm'"),
        ({"rnn": "rnn", "forget_bias": "1"}, "--forget_bias=1 has no effect with --rnn=rnn"),
        ({"rnn": "lstm", "forget_bias": "high"}, "should be a number, or chrono. Received: 'high'"),
        ({"rnn": "lstm", "forget_bias": "nan"}, "should be a number, or chrono. Received: 'nan'"),
        ({"rnn": "lstm", "rows": 64}, "--rows=64 has no effect with --rnn=lstm"),
        ({"rows": 4, "shift": 2}, "needs --rows=5 or more"),
        ({"length": 10_000}, "at most 1000. Received: 10000"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TASKS["memory"].Config(**options)


def test_the_options_of_the_machine_reach_it():
    task = loaded(
        "parity", batch_size=1, rows=9, width=4, read_heads=2, write_heads=3, shift=2, controller="none", units=5
    )
    cell = task.build().get_layer("memory").cell
    assert (cell.rows, cell.width, cell.read_heads, cell.write_heads, cell.shift) == (9, 4, 2, 3, 2)
    assert cell.controller.state_size == 5 and "Plain" in type(cell.controller).__name__


def test_chrono_biases_and_the_recurrent_weights_follow_the_options():
    T, H = 400, 64
    cell = loaded("adding", rnn="lstm", forget_bias="chrono", units=H, batch_size=1).build().get_layer("memory").cell
    bias = ops.convert_to_numpy(cell.bias)
    times = np.exp(bias[H : 2 * H])
    assert times.min() >= 1 and times.max() <= T - 1 and np.ptp(times) > T / 2
    np.testing.assert_allclose(bias[:H], -bias[H : 2 * H], rtol=1e-6)
    assert (bias[2 * H :] == 0).all()
    task = loaded("adding", rnn="rnn", length=10, initialization="identity", units=8, batch_size=1)
    U = ops.convert_to_numpy(task.build().get_layer("memory").cell.recurrent_kernel)
    np.testing.assert_array_equal(U, np.eye(8))


@pytest.mark.parametrize("rnn", FORGETS)
def test_a_large_forget_bias_keeps_the_state_and_a_small_one_forgets_it(rnn):
    H = 6
    layer = RNNS[rnn](H, return_state=True)
    layer.build((None, None, 2))
    for bias, kept in ((12.0, 0.3), (-12.0, 0)):
        for weight in layer.weights:
            weight.assign(np.zeros(weight.shape))
        set_forget_bias(layer, rnn, H, bias, length=20, seed=0)
        state = [np.full((1, H), 0.3, "float32") for _ in range(2 if "lstm" in rnn else 1)]
        cell = layer(np.zeros((1, 20, 2), "float32"), initial_state=state)[-1]
        np.testing.assert_allclose(ops.convert_to_numpy(cell), np.full((1, H), kept), atol=1e-3)


def test_the_rows_that_are_drawn_are_those_that_heads_used_around_the_end_of_the_memory():
    weights = np.zeros((3, 10))
    weights[[0, 1, 2], [9, 0, 1]] = 1
    assert used_rows([weights]).tolist() == [7, 8, 9, 0, 1, 2, 3]
    assert used_rows([np.full((3, 10), 0.01)]).tolist() == [*range(10)]


def test_a_picture_shows_heads_or_an_answer_alone(tmp_path):
    x, y, w = np.eye(5)[:, :3], np.eye(5)[:, :2], np.full((5, 8), 1 / 8)
    heads = {"write": [(x, w)], "read": [(x, w), (x, w)]}
    for name, trace, gold in (("heads", heads, y[3:]), ("alone", {}, None)):
        memory_plot(x, y, gold, trace, "[a title]", str(tmp_path / f"{name}.png"))
    assert (tmp_path / "heads.png").stat().st_size > (tmp_path / "alone.png").stat().st_size > 2000
