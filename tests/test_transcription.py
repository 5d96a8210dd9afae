"""Transcription: error rates, what a row says, pronunciations, and lists that a language model reorders."""

import json
import types

import numpy as np
import pytest
from marks import slow
from test_contract import batch_of, tiny, total_loss

from seqzoo import run
from seqzoo.data import Skip
from seqzoo.datasets.generated.spellings import SHARES, phones, spellings
from seqzoo.datasets.splits import split_by_key
from seqzoo.families import searching
from seqzoo.families.transcription import Predicting
from seqzoo.metrics.transcripts import phone_scores, word_scores
from seqzoo.task import TASKS

PRONUNCIATION, TRANSLATION = TASKS["pronunciation"], TASKS["translation"]


def test_error_rates_are_edits_of_the_references():
    # A word is missing, one is another one, and two are too many, of 7; so are 4, 1 and 7 characters, of 23.
    scores = word_scores(["the sat", "a dig here", "on it now"], ["the cat sat", "a dog here", "it"])
    expected = {"wer": 4 / 7, "insertions": 2 / 7, "deletions": 1 / 7, "substitutions": 1 / 7}
    assert {name: scores[name] for name in expected} == pytest.approx({k: 100 * v for k, v in expected.items()})
    assert scores["cer"] == pytest.approx(100 * (4 + 1 + 7) / (11 + 10 + 2))
    scores = phone_scores(["k æ t", "", "d ɒ"], ["k æ t", "ʌ p", "d ɒ g"])
    assert scores["wer"] == pytest.approx(200 / 3) and scores["per"] == scores["deletions"] == pytest.approx(300 / 8)
    with pytest.raises(ValueError, match="1 transcripts for 2 references"):
        word_scores(["a"], ["a", "b"])


@pytest.mark.parametrize(
    "word, expected",
    [
        ("cage", "k eɪ dʒ"), ("city", "s ɪ t y"), ("gossip", "g ɒ s ɪ p"), ("rose", "r oʊ z"), ("pass", "p æ s"),
        ("quaxing", "k w æ k s ɪ ŋ g"), ("phthoack", "f θ oʊ k"), ("accent", "æ s ɛ n t"), ("e", "ɛ"),
    ],
)  # fmt: skip
def test_the_rules_of_the_invented_spelling(word, expected):
    assert " ".join(phones(word)) == expected


def test_invented_words_are_of_one_split_and_no_table_of_letters_says_them():
    splits = {split: [*examples] for split, examples in spellings(sizes={"train": 400, "valid": 100}).items()}
    for split, examples in splits.items():
        assert len({example["source"] for example in examples}) == len(examples)
        assert all(split_by_key(example["source"], SHARES) == split for example in examples)
    task = PRONUNCIATION()
    (answer,) = task.baselines(splits["train"]).values()
    assert task.scores(splits["valid"], [*map(answer, splits["valid"])])["wer"] > 70


def test_words_with_more_phones_than_frames_are_named_in_training_and_count_as_errors_alone_elsewhere():
    task, data = tiny("pronunciation", upsample=1)
    assert "1 left out (more labels than frames; the first: ax, whose 3 labels need 3 of 2)" in data.summary["train"]
    long = {"source": "ax", "target": "æ k s"}
    with pytest.raises(Skip):
        task.encoder(training=True)(long)
    assert [task.encoder()(example)[2] for example in (long, {"source": "go", "target": "g oʊ"})] == [0, 1]
    batch = batch_of(task, [long, {"source": "go", "target": "g oʊ"}])
    assert np.isfinite(float(total_loss(task, task.build(), batch)))
    assert task.unknown_labels({"source": "a", "target": "ʘ æ"}) == ["ʘ"]


def test_a_row_gives_the_text_confidence_and_letters_of_each_phone():
    task, _ = tiny("pronunciation", upsample=2)
    ids = task.assets["labels"].encode("k eɪ dʒ")[0]
    row = {
        "labels": np.array([[*ids, 0, 0], [*ids[:2], 0, 0, 0], [0, 0, 0, 0, 0]]),
        "begin": np.array([[0, 2, 5, 0, 0]] * 3),
        "end": np.array([[1, 5, 6, 0, 0]] * 3),
        "confidence": np.array([[0.9, 0.5, 1, 0, 0]] * 3),
        "log_probability": np.array([-0.5, -1.25, -np.inf]),
    }
    answer = task.answer({"source": "cage", "target": "k eɪ dʒ"}, row)
    assert answer["transcript"] == answer["reference"] == "k eɪ dʒ" and answer["log_probability"] == -0.5
    assert answer["tokens"] == [
        {"text": "k", "confidence": 0.9, "begin": 0, "end": 1},
        {"text": "eɪ", "confidence": 0.5, "begin": 1, "end": 3},
        {"text": "dʒ", "confidence": 1.0, "begin": 2, "end": 3},
    ]
    assert [(entry["text"], entry["score"]) for entry in answer["n_best"]] == [("k eɪ dʒ", -0.5), ("k eɪ", -1.25)]
    assert json.loads(json.dumps(answer)) == answer
    assert task.answer({"source": ""}, None)["transcript"] == ""


@pytest.mark.parametrize("model", ["ctc", *slow("attention")])
def test_both_models_answer_with_different_transcripts_best_first(model, eagerly):
    task, data = tiny("pronunciation", model=model)
    predictor = task.predictor(task.build())
    assert np.isfinite(task.evaluate(predictor, data.splits["valid"], Predicting(beam=2))["loss"])
    search = task.search(predictor, Predicting(beam=2), n_best=3, score_labels=False)
    _, (answer, *_) = task.answers(search, data.splits["valid"])
    texts, scores = zip(*((entry["text"], entry["score"]) for entry in answer["n_best"]), strict=True)
    assert len({*texts}) == len(texts) > 1 and [*scores] == sorted(scores, reverse=True)
    assert (
        answer["transcript"] == texts[0]
        and task.search(predictor, Predicting(beam=2), n_best=3, score_labels=False) is search
    )
    if model == "ctc":
        with pytest.raises(ValueError, match="--length_penalty has no effect with --model=ctc"):
            task.search(predictor, Predicting(length_penalty=0.0))


def test_a_word_to_predict_is_normalized_as_those_of_train():
    task = PRONUNCIATION(PRONUNCIATION.tiny()[0])
    assert task.word(task.example(" caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT} ")) == "caf\xe9"


def test_runs_that_read_by_ctc_have_no_steps_to_average(monkeypatch):
    task, _ = tiny("pronunciation", model="attention")
    other = types.SimpleNamespace(folder="runs/ctc", predictor=types.SimpleNamespace())
    monkeypatch.setattr("seqzoo.training.folder.load_alike", lambda folders, task: [other])
    with pytest.raises(ValueError, match="--ensemble averages the steps of decoders, but runs/ctc has none"):
        task.search(task.predictor(task.build()), Predicting(ensemble="runs/ctc"))


SALADS = ["the apple and the pair salad", "the apple and the pear salad"]


def salads():
    return {"text": "", "n_best": [{"text": text, "score": -k} for k, text in enumerate(SALADS, 1)]}


def test_a_language_model_is_added_to_the_scores_of_the_search(monkeypatch):
    log_p = dict(zip(SALADS, (-9.0, -6.0), strict=True))
    monkeypatch.setattr(searching, "text_log_probabilities", lambda folder, texts: [*map(log_p.get, texts)])
    settings = Predicting(language_model="runs/lm", language_model_weight=0.5)
    answer = TRANSLATION().rescored(salads(), settings)
    assert [(entry["text"], entry["score"]) for entry in answer["n_best"]] == [(SALADS[1], -5.0), (SALADS[0], -5.5)]
    assert answer["translation"] == SALADS[1] and answer["n_best"][0]["language_model"] == -6.0
    weak = TRANSLATION().rescored(salads(), Predicting(language_model="runs/lm", language_model_weight=0.2))
    assert weak["translation"] == SALADS[0]
    assert TRANSLATION().rescored(salads(), Predicting()) == salads()


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", ["words", "characters", "bpe"])
def test_any_language_model_hears_the_pear_in_the_salad(tokenizer, tmp_path):
    lines = ["the apple and the pear salad", "a pair of shoes", "the plum and the pear cake", "the pair of socks"]
    (tmp_path / "text.txt").write_text("".join(f"{line}\n" for line in 100 * lines), "utf-8")
    flags = f"--task=language_model --dataset=text --data_dir={tmp_path}/text.txt --tokenizer={tokenizer} --units=32"
    flags += " --dim=16 --epochs=6 --batch_size=4 --window=20 --learning_rate=0.02 --ngram=0 --average=0"
    flags += " --vocabulary=60" if tokenizer == "bpe" else ""
    assert run.main([*flags.split(), f"--workdir={tmp_path}/run"]) == 0
    answer = TRANSLATION().rescored(salads(), Predicting(language_model=f"{tmp_path}/run", language_model_weight=1.0))
    assert answer["translation"] == SALADS[1]
    with pytest.raises(ValueError, match="zoo:dates is a run of --task=translation. It should be one of --task=lang"):
        searching.language_model("zoo:dates")
