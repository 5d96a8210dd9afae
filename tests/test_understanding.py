"""Requests with slots and an intent: their readers, the gate, and the scores of the task."""

import json

import numpy as np
import pytest

from seqzoo.datasets import DATASETS
from seqzoo.models.understander import SlotGate
from seqzoo.task import TASKS
from seqzoo.text.spans import tags_of_offsets
from seqzoo.text.tokenizer import tokenize

PLAY = {"tokens": ["play", "New", "York", "now"], "slots": ["O", "B-song", "I-song", "O"], "intent": "play_music"}


def only(splits):
    ((_, examples),) = splits.items()
    return [*examples]


def test_parallel_files_are_requests(tmp_path):
    for split, scheme in (("train", "O B-song I-song O"), ("valid", "O B-song E-song O")):
        (tmp_path / split).mkdir()
        for name, line in (("seq.in", "play New York now"), ("seq.out", scheme), ("label", "play_music")):
            (tmp_path / split / name).write_text(f"{line}\n")
    splits = DATASETS["slot_files"](data_dir=tmp_path)
    assert {split: [*examples] for split, examples in splits.items()} == {"train": [PLAY], "valid": [PLAY]}
    assert only(DATASETS["slot_files"](data_dir=tmp_path / "valid")) == [PLAY]
    (tmp_path / "train" / "label").write_text("play_music\nstop\n")
    with pytest.raises(ValueError, match=r"seq.in ends before line 2"):
        [*splits["train"]]
    (tmp_path / "valid" / "seq.out").write_text("O B-song\n")
    with pytest.raises(ValueError, match=r"seq.out:1: 2 tags for 4 words"):
        [*splits["valid"]]
    (tmp_path / "valid" / "label").unlink()
    with pytest.raises(ValueError, match="valid has no label"):
        DATASETS["slot_files"](data_dir=tmp_path)


YAML = """
version: "3.1"
nlu:
- intent: play_music
  examples: |
    - play [New York](song) now
    - play [New York]{"entity": "song", "value": "NY"} now
    - play [New York](song:NY) now
- synonym: NY
  examples: |
    - New York
"""


def test_files_of_rasa_are_requests(tmp_path):
    entity = {"start": 5, "end": 13, "entity": "song", "value": "NY"}
    row = {"text": "play New York now", "intent": "play_music", "entities": [entity]}
    (tmp_path / "train.yml").write_text(YAML)
    (tmp_path / "valid.json").write_text(json.dumps({"rasa_nlu_data": {"common_examples": [row]}}))
    (tmp_path / "test.jsonl").write_text(json.dumps(row))
    splits = DATASETS["rasa"](data_dir=tmp_path)
    assert {split: [*rows] for split, rows in splits.items()} == {"train": [PLAY] * 3, "valid": [PLAY], "test": [PLAY]}


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("train.yml", "stories: []", "expected a list nlu"),
        ("train.yml", "nlu: [", "expected a list nlu"),
        ("train.yml", "nlu:\n- intent greet", "expected a list nlu"),
        ("train.yml", "nlu:\n- intent: a\n  examples: [5]", "example 1: expected a text and an intent. Received: 5"),
        ("train.yml", "nlu:\n- intent: a\n  examples: [{word: b}]", "example 1: expected a text and an intent"),
        ("train.json", "[]", "rasa_nlu_data"),
        ("train.jsonl", '{"text": "", "intent": "a"}', "line 1: expected a text and an intent"),
        ("train.jsonl", '{"text": "a", "intent": 3}', "line 1: expected a text and an intent"),
        ("train.jsonl", '{"text": "a \\ud83d", "intent": "b"}', "line 1: half of a character"),
        ("train.jsonl", '{"text": "a", "intent": "b", "entities": [{"start": 4, "end": 5, "entity": "c"}]}', "no word"),
        ("train.jsonl", '{"text": "a", "intent": "b", "entities": [{"start": 0}]}', "bad entities of 'a'"),
        ("train.yml", 'nlu:\n- intent: a\n  examples: |\n    - "[x]{}"', "an entity without its kind"),
    ],
)
def test_malformed_files_of_rasa_are_named(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}.*{words}"):
        only(DATASETS["rasa"](data_dir=tmp_path / name))


def test_a_word_of_which_a_part_is_marked_belongs_to_the_entity():
    tokens = tokenize("to Ann's house")
    assert tags_of_offsets(tokens, [(3, 6, "person"), (9, 11, "place")]) == ["O", "B-person", "O", "B-place"]
    with pytest.raises(ValueError, match="shares a word"):
        tags_of_offsets(tokens, [(3, 6, "a"), (4, 5, "b")])


def test_the_gate_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    h, c = rng.normal(size=(2, 3, 4)).astype("float32"), rng.normal(size=(2, 5)).astype("float32")
    gate = SlotGate()
    found = np.array(gate(h, c))
    v, W = map(np.array, gate.get_weights())
    for b in range(2):
        for t in range(3):
            g = (v * np.tanh(h[b, t] + c[b] @ W)).sum()
            np.testing.assert_allclose(found[b, t], h[b, t] * (1 + g), rtol=1e-5, atol=1e-6)


def test_scores_count_requests_with_both_right():
    kind = TASKS["dialogue_understanding"]
    config, rows, _ = kind.tiny()
    task, examples = kind(config), rows["valid"]
    answers = [{"intent": e["intent"], "tokens": [{"tag": tag} for tag in e["slots"]]} for e in examples]
    assert task.scores(examples, answers)["exact"] == 100
    answers[0]["intent"] = "stop"
    answers[1]["tokens"][1]["tag"] = "O"
    scores = task.scores(examples, answers)
    assert scores["exact"] == 50 and scores["intent_accuracy"] == 75
    assert scores["slot_f1"] == pytest.approx(2 / 3 * 100)  # of 3 spans one begins in another place
