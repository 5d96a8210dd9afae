"""Similarity of two texts: heads and losses against NumPy, the network, the nearest lines, and what a run needs."""

import dataclasses
import json
import random

import numpy as np
import pytest

from seqzoo.datasets import DATASETS, Examples
from seqzoo.datasets.generated.paraphrases import sample_pair
from seqzoo.inputs import frames, words
from seqzoo.layers.similarity import Align, Comparison, Cosine, InBatchNegatives, Manhattan, ScaleDivergence
from seqzoo.metrics.similarity import correlation_scores, ranks, retrieval_scores, yes_no_scores
from seqzoo.models import siamese, similarity_decoder
from seqzoo.models.siamese import Tower
from seqzoo.task import TASKS
from seqzoo.text.baselines import overlap_baseline, tfidf
from seqzoo.text.lines import Lines
from seqzoo.text.nearest import lines_at, nearest, vectors_beside
from seqzoo.training.folder import Run

RNG = np.random.default_rng(0)
KIND = TASKS["similarity"]


# --- Layers and losses ----------------------------------------------------------------------------


def test_heads_are_their_equations():
    a, b = RNG.normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(Manhattan()(a, b)[:, 0], np.exp(-np.abs(a - b).sum(1)), rtol=1e-5)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(Cosine()(a, b)[:, 0], 1 / (1 + np.exp(-5 * (cosine - 0.5))), rtol=1e-5)
    head = Comparison(points=3, hidden=2)
    z = head(a, b)
    (w, bias), (w_p, bias_p) = head.to_hidden.get_weights(), head.to_points.get_weights()
    h = 1 / (1 + np.exp(-(np.concatenate([a * b, np.abs(a - b)], 1) @ w + bias)))
    np.testing.assert_allclose(z, h @ w_p + bias_p, rtol=1e-4)
    np.testing.assert_allclose(head(a[:1], b), head(np.repeat(a[:1], 3, 0), b), rtol=1e-5)  # one against several


def test_the_target_on_a_scale_lies_between_two_points():
    z = RNG.normal(size=(2, 5)).astype("float32")
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    t = np.array([[0, 0, 0.4, 0.6, 0], [0, 0, 0, 0, 1]])  # 3.6 and 5 of 1 to 5
    expected = (t * (np.log(np.maximum(t, 1e-7)) - log_p)).sum(1)
    np.testing.assert_allclose(ScaleDivergence(reduction=None)([[2.6 / 4], [1.0]], z), expected, rtol=1e-5)


def test_negatives_are_the_other_pairs_of_a_batch_but_not_equal_texts():
    vectors = RNG.normal(size=(3, 2, 4))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    vectors[2, 1] = vectors[0, 1]  # the second text of pairs 0 and 2 is the same
    z = vectors[:, 0] @ vectors[:, 1].T / 0.1
    p = np.exp(z) * [[1, 1, 0], [1, 1, 1], [0, 1, 1]]
    rows, columns = np.log((p * [[1, 1, 1], [0.5, 1, 0.5], [1, 1, 1]]).sum(1)), np.log(p.sum(0))
    loss, ids = InBatchNegatives(0.1, reduction=None), np.array([[1, 7], [2, 8], [3, 7]])
    np.testing.assert_allclose(loss(ids, vectors), (rows + columns) / 2 - np.diag(z), rtol=1e-4, atol=1e-5)
    filled = np.concatenate([vectors, vectors[:1], vectors[:1]]), np.array([*ids, *ids[[0, 0]]])
    np.testing.assert_allclose(loss(filled[1], filled[0])[:3], loss(ids, vectors), rtol=1e-4, atol=1e-5)
    # Text 8 answers 1 in the second pair, so in the third one it is no negative of the first.
    expected = (z[0, 0] + np.logaddexp(z[0, 0], z[2, 0])) / 2 - z[0, 0]
    np.testing.assert_allclose(loss(np.array([[1, 7], [1, 8], [2, 8]]), vectors)[0], expected, atol=1e-5)


def test_alignment_finds_equal_steps_and_never_reads_padding():
    a, b = RNG.normal(size=(1, 3, 8)).astype("float32"), RNG.normal(size=(1, 5, 8)).astype("float32")
    b[:, 2], mask = a[:, 1], np.array([[True, True, True, False, False]])
    align = Align()
    c = np.array(align(a, b, mask))
    align.s.assign(1000.0)
    np.testing.assert_allclose(align(a, b, mask)[0, 1], a[0, 1], atol=1e-4)
    align.s.assign(10.0)
    b[:, 3:] = np.nan
    np.testing.assert_allclose(align(a, b, mask), c, atol=1e-6)


# --- The network ----------------------------------------------------------------------------------

MODELS = [
    {"head": "comparison", "pooling": ("max", "mean")},
    {"head": "manhattan", "pooling": ("last",), "rnn": "lstm"},
    {"head": "cosine", "pooling": ("max",), "layers": 0},
    {"head": "comparison", "aligned": True},
    {"head": "", "pooling": ("mean",)},
]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("settings", MODELS, ids=lambda settings: "_".join(map(str, settings.values())))
def test_the_order_of_the_texts_and_padding_change_nothing(settings):
    model = siamese(words(20, word_dim=5), points=4, units=3, **settings)
    for weight in model.trainable_weights:
        weight.assign(RNG.normal(0, 0.4, weight.shape))
    decoder, a, b = similarity_decoder(model), np.array([[5, 3, 2], [4, 9, 0]]), np.array([[7, 2], [3, 8]])

    def similarity(a, b):
        return np.array(decoder({"first_tokens": a, "second_tokens": b})["similarity"])

    found = similarity(a, b)
    np.testing.assert_allclose(similarity(b, a), found, rtol=1e-5)
    np.testing.assert_allclose(similarity(np.pad(a, [(0, 0), (0, 3)]), b), found, rtol=1e-4)
    np.testing.assert_allclose(similarity(a[1:, :2], b[1:]), found[1:], rtol=1e-4)
    if not settings.get("aligned"):
        tower = Tower(model)
        vectors = [tower({"tokens": x})["vector"] for x in (a, b)]
        for number, query in enumerate(vectors[0]):
            np.testing.assert_allclose(tower.similarity(query[None], vectors[1])[number], found[number], rtol=1e-4)


def test_any_front_can_be_read_twice():
    model = siamese(frames(width=6), head="cosine", units=3)
    assert set(model.input) == {f"{side}_frames{end}" for side in ("first", "second") for end in ("", "_length")}
    with pytest.raises(ValueError, match="head should be one of comparison, manhattan, cosine"):
        siamese(frames(width=6), head="dot")
    with pytest.raises(ValueError, match="--aligned"):
        Tower(siamese(frames(width=6), units=3, aligned=True))


# --- Scores and baselines -------------------------------------------------------------------------


def test_scores_agree_with_counts_by_hand():
    assert correlation_scores([1, 2, 3], [2, 4, 6]) == pytest.approx({"pearson": 100, "spearman": 100, "mse": 14 / 3})
    assert correlation_scores([1, 2, 4], [3, 3, 3])["pearson"] == 0
    found = yes_no_scores(["yes", "yes", "no", "new"], ["yes", "no", "yes", "no"], "yes")  # one that nobody knows
    assert found == {"accuracy": 25.0, "precision": 50.0, "recall": 50.0, "f1": 50.0}
    first, second = np.eye(4), np.array([[1, 0, 0, 0], [0.5, 0.4, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    found = ranks(first, second, [7, 8, 9, 7])  # the last is the first again: three candidates
    assert found.tolist() == [1, 1, 2, 2.5]
    assert retrieval_scores(found) == pytest.approx(
        {"recall_at_1": 50, "recall_at_5": 100, "recall_at_10": 100, "mrr": 100 * (1 + 1 + 1 / 2 + 1 / 2.5) / 4}
    )


def test_the_baseline_is_a_line_through_the_cosines_of_bags():
    vector = tfidf([["a", "b"], ["a", "c"]])
    a, b = vector(["a"]), vector(["a", "b"])
    rare = 1 + np.log(3 / 2)
    assert a == {"a": 1.0} and b["a"] == pytest.approx(1 / np.hypot(1, rare)) and vector([]) == {}
    guess = overlap_baseline([(a, a, 1.0), (a, vector(["b"]), 0.0)])
    assert guess(a, b) == pytest.approx(b["a"])


def test_generated_pairs_of_both_labels_have_the_same_words():
    for seed in range(200):
        same, exchanged = (sample_pair(random.Random(seed), label, "train") for label in (True, False))
        assert same[0] == exchanged[0] and same[1] != exchanged[1]
        assert sorted(same[1].lower().rstrip(".").split()) == sorted(exchanged[1].lower().rstrip(".").split())


# --- The nearest lines ----------------------------------------------------------------------------


def test_the_search_is_exact_whatever_the_blocks(monkeypatch):
    monkeypatch.setattr("seqzoo.text.nearest.BLOCK", 7)
    vectors, queries = RNG.normal(size=(30, 4)).astype("float32"), RNG.normal(size=(3, 4)).astype("float32")
    vectors[4] = np.nan
    vectors[20] = vectors[11]
    positions, similarities = nearest(queries, vectors, lambda query, block: (block * query).sum(1), 5)
    expected = np.nan_to_num((queries[:, None] * vectors).sum(-1), nan=-np.inf)
    np.testing.assert_array_equal(positions, np.argsort(-expected, kind="stable")[:, :5])
    np.testing.assert_allclose(similarities, -np.sort(-expected)[:, :5])
    assert nearest(queries, vectors[:2], lambda query, block: block @ query[0], 5)[0].shape == (3, 2)


def test_vectors_are_kept_beside_a_file_until_it_or_the_model_changes(tmp_path):
    path, made = tmp_path / "lines.txt", []
    path.write_text("a\n\nccc\n")

    def embed(texts):
        for text in texts:
            made.append(text)
            yield np.full(2, len(text), "float32") if text else None

    kept = vectors_beside(path, "run", "model 1", 2, embed)
    assert isinstance(kept, np.memmap) and kept[[0, 2]].tolist() == [[1, 1], [3, 3]] and np.isnan(kept[1]).all()
    assert (tmp_path / "lines.txt.run.npy").is_file() and made == ["a", "", "ccc"]
    vectors_beside(path, "run", "model 1", 2, embed)
    assert len(made) == 3
    vectors_beside(path, "run", "model 2", 2, embed)
    path.write_text("a\n\ncc\n")
    assert vectors_beside(path, "run", "model 2", 2, embed)[2].tolist() == [2, 2] and len(made) == 9
    (tmp_path / "lines.txt.run.npy").write_bytes(b"\x93NUMPY")  # cut off
    assert len(vectors_beside(path, "run", "model 2", 2, embed)) == 3 and len(made) == 12
    assert lines_at(path, [2, 0]) == {0: "a", 2: "cc"}
    path.write_text("")
    with pytest.raises(ValueError, match="lines.txt has no lines"):
        vectors_beside(path, "run", "model 2", 2, embed)


# --- The task -------------------------------------------------------------------------------------

PAIRS = [
    {"first": "the cat saw the dog", "second": "the dog was seen", "score": 4.5, "label": "yes"},
    {"first": "a dog", "second": "the dog saw it", "score": 1.0, "label": "no"},
    {"first": "it saw a cat", "second": "it was seen", "score": 2.5, "label": "yes"},
]


def task_of(goal, examples=PAIRS, **options):
    config, _, _ = KIND.tiny()
    task = KIND(dataclasses.replace(config, **{"goal": goal, **options}))
    features = {feature: type(value) for feature, value in examples[0].items() if feature != "line"}
    task.read = lambda: {
        split: Examples(lambda: iter(examples), features, f"{split}.csv") for split in ("train", "valid")
    }
    return task


@pytest.mark.parametrize(
    ("goal", "options", "points"),
    [
        ("regression", {}, ["1", "2", "3", "4", "5"]),
        ("regression", {"scale": "0..1000"}, ["0", "250", "500", "750", "1000"]),
        ("regression", {"scale": "0..1234564"}, ["0", "308641", "617282", "925923", "1234564.0"]),
        ("paraphrase", {}, ["no", "yes"]),
        ("paraphrase", {"positive": "no"}, ["yes", "no"]),
    ],
)
def test_the_scale_is_that_of_the_data_or_the_given_one(goal, options, points):
    task = task_of(goal, **options)
    task.load()
    assert task.assets["scale"].tokens == points


def test_an_answer_is_on_the_scale_of_the_data():
    task = task_of("regression")
    task.load()
    row = {"similarity": np.float32(0.25)}
    texts = {side: PAIRS[0][side] for side in ("first", "second")}
    assert task.answer(PAIRS[0], row) == {**texts, "score": 2.0, "gold_score": 4.5, "gold_label": "yes"}
    assert json.dumps(task.judged(0.25)) == '{"score": 2.0}' and task.target(PAIRS[0])[0].tolist() == [0.875]
    task = task_of("paraphrase")
    task.load()
    assert task.judged(0.75) == {"label": "yes", "probability": 0.75} and task.target(PAIRS[1])[0].tolist() == [0]
    assert task.unknown_labels({"label": "perhaps"}) == ["perhaps"] and task.target({"label": "perhaps"})[1] == 0


@pytest.mark.parametrize(
    ("goal", "change", "options", "message"),
    [
        (
            "regression",
            {"score": 3.0},
            {},
            r"train.csv: all pairs have the score 3.0: .*--goal=retrieval needs no scores",
        ),
        ("paraphrase", {"label": "yes"}, {}, "train.csv: all pairs have the label 'yes'"),
        ("regression", {}, {"scale": "1..4"}, r"train.csv:12: the score 4.5 is outside of the scale 1..4"),
        ("paraphrase", {}, {"positive": "maybe"}, r"train.csv: paraphrases need two labels, .*Found: no, yes"),
    ],
)
def test_gold_that_teaches_nothing_or_does_not_fit_is_refused(goal, change, options, message):
    examples = [{**example, **change, "line": number} for number, example in enumerate(PAIRS, 12)]
    with pytest.raises(ValueError, match=message):
        task_of(goal, examples, **options).load()


def test_pairs_of_both_labels_are_held_out():
    pairs = [{"first": f"a {n}", "second": f"b {n}", "label": str(n % 2)} for n in range(80)]
    examples = Examples(lambda: iter(pairs), {"first": str, "second": str, "label": str}, "pairs")
    train, valid, _ = KIND().hold_out(examples)
    assert sorted(example["label"] for example in valid) == ["0", "0", "1", "1"]
    assert [*train] == [example for example in pairs if example not in [*valid]]


def test_options_and_columns_of_another_goal_are_refused():
    for scale in ("5..1", "1-5", "low..high"):
        with pytest.raises(ValueError, match="--scale should be two numbers"):
            KIND.Config(goal="regression", scale=scale)
    unlabelled = [{key: value for key, value in example.items() if key != "label"} for example in PAIRS]
    task = task_of("paraphrase", unlabelled)
    for examples in task.read().values():
        with pytest.raises(ValueError, match="has no label, which --goal=paraphrase needs. Choose --goal=regression"):
            task.check(examples)


def test_retrieval_ranks_all_texts_of_a_split_and_learns_from_paraphrases_alone():
    task = task_of("retrieval")
    data = task.load()
    assert data.splits["train"].size == 2 and data.splits["train"].skipped == {"no paraphrase": 1}
    examples = PAIRS[:1] + PAIRS[2:]
    answers = [{"vectors": np.eye(2)}, {"vectors": np.array([[1.0, 0], [1, 0]])}]
    scores = task.scores(examples, answers)
    assert [answer["rank"] for answer in answers] == [2, 1] and scores["mrr"] == 75
    bags = [*map(task.baselines(task.read()["train"])["bag of words"], examples)]
    assert task.scores(examples, bags)["recall_at_1"] == 100


def test_a_line_without_a_tab_or_with_an_empty_side_names_file_and_line(tmp_path):
    task, path = KIND(KIND.tiny()[0], {}), tmp_path / "pairs.tsv"
    for text in ("a cat\ta dog\na cat a dog\n", "a cat\ta dog\n\ta dog\n"):
        path.write_text(text)
        with (
            path.open("rb") as file,
            pytest.raises(ValueError, match=r"pairs.tsv:2: A line should be two texts with a"),
        ):
            [*task.predict(None, Lines(file, path))]


def test_a_run_gives_vectors_and_the_nearest_lines_of_a_file(tmp_path, capsys, monkeypatch):
    task = task_of("regression")
    task.load()
    model = task.build()
    model.save(tmp_path / "model.keras")
    run, kind = Run(task, model, task.predictor(model), tmp_path), KIND.requests["predict"]
    texts = ["a dog", "", "the dog saw it", "it was seen"]
    answers = [*task.predict(run, texts[:2], kind(vector=True))]
    assert len(answers[0]["vector"]) == 32 and answers[1] == {"line": 2, "text": "", "vector": None}
    monkeypatch.setattr("seqzoo.families.vectors.CHUNK", 2)
    assert [answer["line"] for answer in task.predict(run, texts * 2, kind(vector=True))] == [*range(1, 9)]
    (tmp_path / "lines.txt").write_text("\n".join(texts))
    request = kind(index=str(tmp_path / "lines.txt"), nearest=2)
    found = [*task.predict(run, ["it saw a cat", ""], request)]
    assert [answer["line"] for answer in found] == [1, 2] and found[1]["nearest"] == []
    pairs = [*task.predict(run, [f"it saw a cat\t{text}" for text in texts if text])]
    best = sorted(((pair["score"], pair["second"]) for pair in pairs), reverse=True)[:2]
    assert [row["text"] for row in found[0]["nearest"]] == [text for _, text in best]
    assert [row["score"] for row in found[0]["nearest"]] == pytest.approx([score for score, _ in best], abs=1e-3)
    assert texts[found[0]["nearest"][0]["line"] - 1] == best[0][1]
    assert "4 vectors of" in capsys.readouterr().err
    [*task.predict(run, ["it saw a cat"], request)]
    assert not capsys.readouterr().err
    with pytest.raises(ValueError, match="--index: no file"):
        [*task.predict(run, ["a dog"], kind(index="nowhere.txt"))]


# --- Reading pairs --------------------------------------------------------------------------------

FILES = {
    "train.csv": 'sentence_A,sentence_B,id,relatedness_score\n"a, b",c,7,4.5\nd,e,8,1\n',
    "train.tsv": "sentence1\tsentence2\tid\tscore\na, b\tc\t7\t4.5\nd\te\t8\t1\n",
    "train.jsonl": '{"text1": "a, b", "text2": "c", "score": 4.5}\n{"text1": "d", "text2": "e", "score": "1"}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_pairs_are_read_from_columns_of_any_format(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    first = 1 if name.endswith("jsonl") else 2
    assert [*DATASETS["pairs"](data_dir=tmp_path)["train"]] == [
        {"first": "a, b", "second": "c", "score": 4.5, "line": first},
        {"first": "d", "second": "e", "score": 1.0, "line": first + 1},
    ]


def test_columns_of_pairs_are_chosen_by_name_or_index(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b,3,no\nc,d,4,yes\n")
    columns = {"first": 0, "second": 1, "label": -1}
    found = [*DATASETS["pairs"](data_dir=path, columns=columns)["test"]]
    assert found[1] == {"first": "c", "second": "d", "label": "yes", "line": 2} and len(found) == 2
    path.write_text("x,y,z\na,b,3\n")
    (found,) = DATASETS["pairs"](data_dir=path, columns={"first": 0, "second": 1, "score": 2})["test"]
    assert found["line"] == 2  # the first line is a header: z is no score
    (found,) = DATASETS["pairs"](data_dir=path, columns={"first": "y", "second": "x"})["test"]
    assert found == {"first": "b", "second": "a", "line": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first,second,score\na,,3\n", "x.csv:2: the second text is empty: 'a |  | 3'"),
        ("first,second,score\na,b,3\na,b,high\n", "x.csv:3: the score should be a number, found 'high'"),
        ("first,second,score\na,b,nan\n", "x.csv:2: the score should be a number"),
        ("first,second,score\na,b\n", "x.csv:2: expected 3 fields"),
        ("first,second,label\na,b, \n", "x.csv:2: the label is empty"),
        ("first,score\na,3\n", "x.csv: no column for the second: looked for second or sentence2"),
        ("first,second,score\n", "x.csv holds no examples: its only line is a header"),
        ("", "x.csv holds no examples"),
    ],
)
def test_a_malformed_pair_names_file_and_line(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError) as caught:
        [*DATASETS["pairs"](data_dir=tmp_path / "x.csv")["test"]]
    assert message in str(caught.value)
