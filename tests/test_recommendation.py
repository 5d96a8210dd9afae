"""Recommendation: readers of histories, what is held out, scores of rankings, recommenders without a network."""

import gzip
import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from rich.console import Console

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.items.held_out import by_time, continued, leave_one_out
from seqzoo.display.recommendations import print_recommended, recommended_articles, recommended_plot
from seqzoo.items.baselines import item_knn, markov, popularity, recommenders
from seqzoo.items.lines import items_of
from seqzoo.layers.losses import RankingLoss
from seqzoo.metrics.ranking import CUTOFFS, rank_of, rank_scores
from seqzoo.models import language_model
from seqzoo.models.next_items import NextItems
from seqzoo.task import TASKS

Task = TASKS["recommendation"]


def only(reader, path, **kwargs):
    return [*DATASETS[reader](data_dir=path, **kwargs)["test"]]


def histories(*lines, times=False):
    examples = [{"user": user, "items": items.split()} for user, items in (line.split(maxsplit=1) for line in lines)]
    for example in examples if times else ():
        example["times"] = [float(item[1:]) for item in example["items"]]  # a3 is an event of the time 3
    kinds = {"user": str, "items": list, **({"times": list} if times else {})}
    return Examples(lambda: iter(examples), kinds, "data", aligned=True)


def items(examples):
    return [" ".join(example["items"]) for example in examples]


def test_events_of_any_format_are_histories_in_the_order_of_time(tmp_path):
    csv = "userId,movieId,rating,timestamp\n1,Heat (1995),3,20\n2,Alien,5,5\n1,Alien,4,10\n"
    expected = [
        {"user": "1", "items": ["Alien", "Heat (1995)"], "times": [10, 20]},
        {"user": "2", "items": ["Alien"], "times": [5]},
    ]
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(csv.encode()))
    (tmp_path / "u.data").write_text(csv.partition("\n")[2].replace(",", "\t"))
    rows = [
        dict(zip(("user", "item", "date"), row, strict=True))
        for row in ((1, "b", "2024-05-17"), (1, "a", "2024-05-16T23"))
    ]
    (tmp_path / "days.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert only("events", tmp_path / "ratings.csv.gz") == expected
    assert only("events", tmp_path / "u.data", columns={"user": 0, "item": 1, "time": -1}) == expected
    (days,) = only("events", tmp_path / "days.jsonl")
    assert days["items"] == ["a", "b"] and np.diff(days["times"]) == 3600


@pytest.mark.parametrize(
    "reader, name, text, problem",
    [
        ("events", "a.csv", "user,item,time\n1,a,x\n", "a.csv:2: the time should be a number, or a date .* 'x'"),
        ("events", "a.csv", "user,item\n1,a\n1\n", "a.csv:3: expected 2 fields .* found 1"),
        ("events", "a.csv", "user,item\n1,\n", "a.csv:2: the item should be"),
        ("events", "a.csv", "user,film\n1,a\n", "no column for the item: looked for item or .* Found: 'user', 'film'"),
        ("events", "a.csv", "user,item\n", "holds no events: its only line is a header"),
        ("events", "a.jsonl", '{"user": 1, "item": [2]}\n', "a.jsonl:1: the item should be a text or a number"),
        ("histories", "a.txt", "u a b\nv\n", "a.txt:2: expected a user and one item or more: 'v'"),
        ("histories", "a.txt", "u a\nu b\n", "a.txt:2: user 'u' has line 1 already"),
        ("histories", "a.txt", "u\ta\t\tb\n", "a.txt:1: an item is empty"),
        ("histories", "a.jsonl", '{"user": "u", "items": "a"}', "a.jsonl:1: .*'items' a list of them"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, reader, name, text, problem):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=problem):
        only(reader, tmp_path / name)


def test_a_user_a_line_is_separated_by_blanks_or_tabs_or_json(tmp_path):
    for name, text in {
        "a.txt": "7 a b\n\n8 c\n",
        "b.txt": "7\ta\tb\n8\tc\n",
        "c.jsonl": '{"user": 7, "items": ["a", "b"]}\n{"user": "8", "items": ["c"]}\n',
    }.items():
        (tmp_path / name).write_text(text)
        assert only("histories", tmp_path / name) == [{"user": "7", "items": ["a", "b"]}, {"user": "8", "items": ["c"]}]


def test_movielens_is_read_from_tfds_by_its_name():
    def as_dataset(self, *args, **kwargs):
        records = {"user_id": ["1", "2", "1"], "movie_title": ["B", "C", "A"], "timestamp": [9, 1, 4]}
        return tf.data.Dataset.from_tensor_slices(records)

    with tfds.testing.mock_data(as_dataset_fn=as_dataset):
        made = [
            DATASETS["movielens"]()["train"],
            DATASETS["tfds"](name="movielens/1m-ratings", columns={"user": "user_id", "item": "movie_title"})["train"],
        ]
    assert [*made[0]] == [
        {"user": "1", "items": ["A", "B"], "times": [4, 9]},
        {"user": "2", "items": ["C"], "times": [1]},
    ]
    assert items(made[1]) == ["B A", "C"]


def test_the_last_item_is_held_out_and_a_user_with_one_stays_in_train():
    train, valid = leave_one_out(histories("u a b c", "v a", "w b c"))
    assert items(train) == ["a b", "a", "b"] and items(valid) == ["a b c", "b c"]
    with pytest.raises(ValueError, match="no user has two items"):
        leave_one_out(histories("u a", "v b"))


def test_by_time_each_later_event_is_predicted_from_all_before_it():
    train, valid = by_time(histories("u a1 a2 a8 a9", "v a3 a4 a5 a6", "w a8 a9", times=True), 0.5)
    assert items(train) == ["a1 a2", "a3 a4 a5"]
    assert items(valid) == ["a1 a2 a8", "a1 a2 a8 a9", "a3 a4 a5 a6", "a8 a9"]
    assert len([*by_time(histories("u a1 a2 a8 a9", times=True), 0.001)[1]]) == 1
    with pytest.raises(ValueError, match="--folds chooses valid by itself"):
        TASKS["recommendation"].Config(folds=3, test_split=True)
    with pytest.raises(ValueError, match="--split=time needs a time"):
        by_time(histories("u a b"), 0.1)


def test_users_of_train_go_on_in_other_files():
    train, valid = histories("u a b", "v c"), histories("u c d", "w a b", "v c b")
    made = continued([train], valid)  # of v the file repeats what train has
    assert items(made) == ["a b c", "a b c d", "a b", "c b"]
    assert items(continued([train, valid], histories("u e"))) == ["a b c d e"]
    whole = histories("u a b c"), histories("u a b c d")  # each file repeats the ones before
    assert items(continued([train, whole[0]], whole[1])) == ["a b c d"]


def test_test_is_the_last_item_and_valid_the_one_before(monkeypatch):
    task = Task(Task.Config(test_split=True))
    monkeypatch.setattr(task, "read", lambda: {"train": histories("u a b c d", "v a b")})
    splits, held_out = task.splits()
    assert {split: items(examples) for split, examples in splits.items()} == {
        "train": ["a b", "a"], "valid": ["a b c"], "test": ["a b c d", "a b"],
    }  # fmt: skip
    assert held_out == "the last item of each user is test, and of the rest so is valid"


def test_scores_agree_with_a_count_by_hand():
    scores = rank_scores(np.array([0, 2, 7, np.inf]), np.zeros(4))  # ranks 1, 3, 8, and none
    assert scores["hr_5"] == 50 and scores["hr_10"] == scores["hr_20"] == 75
    assert scores["mrr_10"] == pytest.approx(100 * (1 + 1 / 3 + 1 / 8) / 4)
    assert scores["ndcg_10"] == pytest.approx(100 * (1 + 1 / 2 + 1 / np.log2(9)) / 4)
    assert [*scores] == [f"{name}_{k}" for name in ("hr", "ndcg", "mrr") for k in CUTOFFS]


def test_items_of_equal_scores_are_in_every_order_equally_often():
    # The right item is among three of equal scores behind four better ones: rank 5, 6 or 7.
    scores = rank_scores(np.array([4]), np.array([2]))
    assert scores["hr_5"] == pytest.approx(100 / 3) and scores["hr_10"] == 100
    assert scores["mrr_10"] == pytest.approx(100 * np.mean([1 / 5, 1 / 6, 1 / 7]))


def test_the_rank_is_that_among_all_candidates():
    scores = np.array([9.0, 8, 5, 7, 5, 6, 5])
    assert rank_of(scores, 2, np.array([0, 1])) == (2, 2)
    assert rank_of(scores, 2, np.array([0, 1, 3, 4])) == (1, 1)
    assert rank_of(scores, 2, np.array([0, 1, 2])) == (np.inf, 0)


def test_baselines_are_the_counts_of_their_definitions():
    data = [[2, 3, 4], [2, 4], [3, 4], [4, 5]]
    assert popularity(data, 6)([]).tolist() == [0, 0, 2, 2, 4, 1]
    np.testing.assert_allclose(item_knn(data, 6)([2]), [0, 0, 0, 1 / 2, 2 / np.sqrt(2 * 4), 0])
    np.testing.assert_allclose(item_knn(data, 6)([2, 5])[4], 2 / np.sqrt(8) + 1 / np.sqrt(4))
    assert markov(data, 6)([5, 2]).tolist() == [0, 0, 0, 1 / 2, 1 / 2, 0]
    assert not item_knn(data, 6)([]).any() and not markov(data, 6)([]).any()


def test_the_mix_learns_its_weights_from_train():
    chain = [[*np.roll(range(2, 8), -start)[:4]] for start in range(6)] * 5  # each item has one successor
    made = recommenders(chain, 8)
    assert [*made] == ["popularity", "item-kNN", "Markov chain", "best mix"]
    for history in ([2, 3], [7]):
        assert made["best mix"](history).argmax() == made["Markov chain"](history).argmax() == 2 + (history[-1] - 1) % 6


def test_ranking_losses_are_those_of_the_paper():
    z, y = np.random.default_rng(0).normal(size=(1, 2, 5)).astype("float32"), np.array([[1, 3]])
    for kind in ("bpr_max", "top1_max"):
        found = RankingLoss(kind, regularization=0.5, reduction="none")(y, z)
        for t in range(2):
            r, others = z[0, t, y[0, t]], np.delete(z[0, t], y[0, t])
            s, sigmoid = np.exp(others) / np.exp(others).sum(), lambda x: 1 / (1 + np.exp(-x))
            bpr = -np.log((s * sigmoid(r - others)).sum()) + 0.5 * (s * others**2).sum()
            top1 = (s * (sigmoid(others - r) + sigmoid(others**2))).sum()
            np.testing.assert_allclose(found[0, t], bpr if kind == "bpr_max" else top1, rtol=1e-5)


def test_a_line_is_a_history_however_it_is_separated():
    assert items_of("a b  c", blanks=False) == items_of("a|b | c", blanks=False) == ["a", "b", "c"]
    assert items_of("Heat (1995) | Alien", blanks=True) == ["Heat (1995)", "Alien"]
    assert items_of("Heat (1995)", blanks=True) == ["Heat (1995)"] and items_of("", blanks=True) == []
    assert items_of('["a | b", 7]', blanks=False) == ["a | b", "7"]
    with pytest.raises(ValueError, match="should be a JSON list of items"):
        items_of('["a", ', blanks=False)


@pytest.fixture(scope="module")
def ranker():
    keras.utils.set_random_seed(0)
    return NextItems(language_model(9, dim=4, rnn="gru", units=5, layers=1), count=4)


def test_all_items_that_the_user_has_not_seen_are_candidates(ranker):
    tokens, labels = np.array([[1, 2, 3], [1, 8, 0]]), np.array([[0, 0, 5], [0, 8, 0]])
    weights = (labels > 0).astype("float32")
    logits = np.asarray(ranker.reader([tokens, np.zeros((2, 5))])[0])
    for repeats in (False, True):
        found = ranker({"tokens": tokens}, labels, weights, repeats)
        for row, (last, seen) in enumerate(((2, {2, 3}), (1, {8}))):
            candidates = [i for i in range(2, 9) if repeats or i not in seen]
            scores, right = logits[row, last], labels[row, last]
            best = sorted(candidates, key=lambda i: -scores[i])[:4]
            p = np.exp(scores[best]) / np.exp(scores[candidates]).sum()
            assert found["items"][row].tolist() == best
            np.testing.assert_allclose(found["probabilities"][row], p, rtol=1e-4)
            rank = sum(scores[i] > scores[right] for i in candidates) if right in candidates else 9
            assert (found["higher"][row], found["equal"][row]) == (rank, 0)
    exact = [np.log(np.exp(z).sum()) - z[y] for z, y in ((logits[0, 2], 5), (logits[1, 1], 8))]
    assert ranker.mean_loss()["loss"] == pytest.approx(np.mean(exact), rel=1e-4) and ranker.mean_loss() == {}


def test_who_has_seen_all_items_gets_no_answer(ranker):
    tokens = np.arange(1, 9)[None]
    found = ranker({"tokens": tokens}, tokens, np.zeros((1, 8)), False)
    assert not found["probabilities"].any()


def test_items_that_training_lacks_are_left_out_and_named():
    task = Task(Task.Config(), Task().learn(histories("u a b c d", "v a b")))
    encode = task.encoder()
    assert encode(task.example("b x c"))[0]["tokens"].tolist() == encode(task.example("b c"))[0]["tokens"].tolist()
    assert encode(task.example(""))[0]["tokens"].tolist() == [1]
    assert task.answer(task.example("x b x"), None) == {"history": ["x", "b", "x"], "next": [], "unknown": ["x"]}
    tokens, labels, weights = encode({"user": "u", "items": ["a", "b", "x"]})
    assert labels.tolist() == [0, 0, 1] and not weights.any() and task.unknown_labels({"items": ["a", "x"]}) == ["x"]


def test_in_training_each_item_is_predicted_once_also_of_a_long_history():
    task = Task(Task.Config(piece=2), Task().learn(histories("u a b c d")))
    pieces = task.encoder(training=True)({"user": "u", "items": ["a", "b", "c", "d"]})
    a, b, c, d = task.assets["items"].encode("abcd")
    assert [(x["tokens"].tolist(), y.tolist()) for x, y, _ in pieces] == [([1, a], [a, b]), ([b, c], [c, d])]


def test_items_that_are_dropped_in_training_are_neither_read_nor_predicted():
    task = Task(Task.Config(drop_items=0.9), {})
    encoded, augment = ({"tokens": np.arange(1, 9)}, np.arange(2, 10), np.ones(8, "float32")), task.augmenter()
    lengths = set()
    for seed in range(50):
        inputs, following, weights = augment({}, encoded, np.random.default_rng(seed))
        assert inputs["tokens"][0] == 1 and (inputs["tokens"][1:] == following[:-1]).all()
        assert (np.diff(following) > 0).all() and len(weights) == len(following)
        lengths.add(len(following))
    assert {1, 8} < lengths and Task(Task.Config(), {}).augmenter() is None


def test_answers_are_shown_with_the_right_item_and_unknown_ones(tmp_path):
    answer = {"line": 3, "history": [*"abcdefg", "<x>"], "unknown": ["<x>"], "gold": "h & i", "rank": 1, "equal": 0}
    answer["next"] = [{"item": "h & i", "probability": 0.5}, {"item": "j", "probability": 0.25}]
    console = Console(file=io.StringIO(), width=200)
    print_recommended(answer, console)
    assert console.file.getvalue().splitlines() == [
        "... | c | d | e | f | g | <x>", " 50.00% * h & i", " 25.00%   j",
        "never seen in training, and left out: <x>", "right: h & i, rank 1",
    ]  # fmt: skip
    html = "".join(recommended_articles([answer, {"history": [], "next": [], "unknown": []}]))
    assert "<strong>h &amp; i</strong>" in html and "&lt;x&gt;" in html and "(no items)" in html
    recommended_plot([answer], tmp_path / "next.png")
    assert (tmp_path / "next.png").stat().st_size > 1000


def test_the_last_item_goes_on_with_a_series_and_co_occurrence_does_not_tell_it():
    made = {split: [*examples] for split, examples in DATASETS["episodes"](sizes={"train": 300, "valid": 50}).items()}
    for example in made["valid"]:
        *history, (series, number) = [item.split() for item in example["items"]]
        assert len({*example["items"]}) == len(example["items"]) and [series, str(int(number) - 1)] in history
    ids = {}
    train, valid = ([[ids.setdefault(i, len(ids) + 2) for i in e["items"]] for e in made[k]] for k in made)
    for method in (popularity, item_knn):
        score = method(train, len(ids) + 2)
        ranks = np.array([rank_of(score(h[:-1]), h[-1], np.array(h[:-1])) for h in valid])
        assert rank_scores(*ranks.T)["hr_5"] < 30
