"""Dialogues: their readers, what is read of a history, the generated bookings, scores and the chat."""

import collections
import gzip
import json

import pytest

from seqzoo import run
from seqzoo.datasets import DATASETS
from seqzoo.datasets.dialogue.rnnlg import delexicalized
from seqzoo.metrics.dialogue import reply_scores, slot_error
from seqzoo.task import TASKS
from seqzoo.text.codec import Codec
from seqzoo.text.turns import join_turns, read_turns, split_turns

BABI = "1 la_taza R_phone 12\n2 la_taza R_price cheap\n3 hi\thello\n4 <SILENCE>\tla_taza ?\n\n1 bye\tgoodbye\n"


def pairs(examples):
    return [(example["history"], example["reply"]) for example in examples]


def test_turns_are_read_with_their_speakers_and_nobody_can_forge_one():
    history = "<user> hi <bot> hello <user> a < bot > table <bot> <user>"
    assert read_turns("hi\thello\ta <BOT> table\t<SILENCE>\t") == history.replace("< bot >", "< BOT >")
    assert read_turns(history) == history and join_turns(split_turns(history)) == history
    assert split_turns(history)[-3:] == [("<user>", "a < bot > table"), ("<bot>", ""), ("<user>", "")]
    assert read_turns("<facts> la_taza R_phone 12\thi") == "<facts> la_taza R_phone 12 <user> hi"
    assert read_turns("hi\t<bot> hello\t<user> a table") == "<user> hi <bot> hello <user> a table"
    assert read_turns("<user> hi\thello\t<facts> la_taza\t<user>") == "<user> hi <bot> hello <facts> la_taza <user>"
    assert read_turns(" ") == ""


def test_words_keep_marks_and_placeholders_whole():
    text = "<user> hi, <b> [value_name]."
    codec = Codec.learn("words", [text], 0)
    assert {"<user>", " [value_name]", " <", "b"} <= {*codec.tokens}
    assert codec.decode(codec.encode(text)[0]) == text


def test_babi_dialogues_have_facts_and_silence(tmp_path):
    (tmp_path / "dialog-task3-trn.txt").write_text(BABI)
    (tmp_path / "dialog-task3-tst-OOV.txt").write_text(BABI)
    with gzip.open(tmp_path / "dialog-task3-tst.txt.gz", "wt") as file:
        file.write("1 hi\thello\n")
    splits = DATASETS["babi_dialog"](data_dir=tmp_path, name="task3")
    assert pairs(splits["test"]) == [("<user> hi", "hello")]
    facts = "<facts> la_taza R_phone 12 la_taza R_price cheap <user> hi"
    train = [*splits["train"]]
    assert pairs(train) == [(facts, "hello"), (f"{facts} <bot> hello <user>", "la_taza ?"), ("<user> bye", "goodbye")]
    assert [(example["dialogue"], example["last"]) for example in train] == [(1, False), (1, True), (2, True)]
    (tmp_path / "bad.txt").write_text("1 hi\thello\nhow are you\tfine\n")
    with pytest.raises(ValueError, match="bad.txt:2: expected a number"):
        [*DATASETS["babi_dialog"](data_dir=tmp_path / "bad.txt")["test"]]


def test_camrest_is_delexicalised_with_its_database(tmp_path):
    place = {"name": "la taza", "phone": "01223 35", "postcode": "C.B 2, 1 A.B", "area": "south", "food": "thai"}
    (tmp_path / "CamRest.db.json").write_text(f"# a comment\n{json.dumps([place])}")
    turn = {"usr": {"transcript": "A Thai place?"}, "sys": {"sent": "La Taza: 0122335, C.B 2, 1 A.B."}}
    (tmp_path / "valid.json").write_text(json.dumps([{"dial": [turn]}]))
    splits = DATASETS["camrest676"](data_dir=tmp_path)
    expected = "<user> a [value_food] place ?", "[value_name] : [value_phone] , [value_postcode] ."
    assert pairs(splits["valid"]) == [expected]
    (tmp_path / "valid.json").write_text('[{"dial": [{"usr": {}}]}]')
    with pytest.raises(ValueError, match="valid.json: dialogue 1: expected"):
        [*splits["valid"]]
    turn["sys"]["sent"] = "\ud83d"
    (tmp_path / "valid.json").write_text(json.dumps([{"dial": [turn]}]))
    with pytest.raises(ValueError, match="valid.json:dialogue 1: half of a character"):
        [*splits["valid"]]
    (tmp_path / "valid.json").write_text("null")
    with pytest.raises(ValueError, match="valid.json: expected a list. Received: None"):
        [*splits["valid"]]
    (tmp_path / "CamRest.db.json").write_text('[{"phone": 12}]')
    with pytest.raises(ValueError, match="CamRest.db.json: expected objects with texts under name"):
        DATASETS["camrest676"](data_dir=tmp_path)


@pytest.mark.parametrize("act, sentence, expected", [
    ("inform(name='la taza';near=park;kidsallowed=no)", "la taza near Park has no kids",
     ("inform [value_name] [value_near] kidsallowed = no", "[value_name] near [value_near] has no kids")),
    ("?select(area=soma;area='soma west')", "soma west or soma ?",
     ("?select [value_area] [value_area_2]", "[value_area_2] or [value_area] ?")),
    ("inform(name='x y';area='x y')", "x y is in x y",
     ("inform [value_name] [value_name]", "[value_name] is in [value_name]")),
    ("?request(area)", "which area ?", ("?request area", "which area ?")),
    ("goodbye()", "bye", ("goodbye", "bye")),
])  # fmt: skip
def test_acts_are_delexicalised_with_their_sentences(act, sentence, expected):
    assert delexicalized(act, sentence) == expected


def test_an_item_that_is_no_act_and_sentence_is_named(tmp_path):
    (tmp_path / "train.json").write_text('[["goodbye()", "bye"], {"act": "goodbye()"}]')
    examples = DATASETS["rnnlg"](data_dir=tmp_path)["train"]
    with pytest.raises(ValueError, match=r"item 2: expected \[act, sentence\]"):
        list(examples)
    (tmp_path / "train.json").write_text('[["goodbye()", "bye \\ud83d"]]')
    with pytest.raises(ValueError, match="train.json:item 1: half of a character"):
        list(examples)


def test_own_dialogues_are_lists_of_turns_or_tables(tmp_path):
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    lines = [["hi", "hello", "a table", ""], {"messages": turns}, [{"from": "Ann", "value": "hi"}]]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "valid.csv").write_text('Context,Response\n"hi\nhello\na table",for when?\nhi,\n')
    (tmp_path / "one").mkdir()
    (tmp_path / "one/test.tsv").write_text("hello\t0\thi\n")
    splits = DATASETS["dialogues"](data_dir=tmp_path)
    assert pairs(splits["train"]) == [("<user> hi", "hello")] * 2
    assert pairs(splits["valid"]) == [("<user> hi <bot> hello <user> a table", "for when?")]
    by_index = DATASETS["dialogues"](data_dir=tmp_path / "one", columns={"history": -1, "reply": 0})
    assert pairs(by_index["test"]) == [("<user> hi", "hello")]
    with pytest.raises(ValueError, match="test.tsv: no column for the history"):
        DATASETS["dialogues"](data_dir=tmp_path / "one")
    with pytest.raises(ValueError, match="looked for its index"):
        DATASETS["dialogues"](data_dir=tmp_path / "one", columns={"history": 0})
    with pytest.raises(ValueError, match="train.jsonl: JSON lines of turns have no columns"):
        DATASETS["dialogues"](data_dir=tmp_path / "train.jsonl", columns={"history": 0, "reply": 1})
    prompted = {"conversations": [{"from": w, "value": w} for w in ("system", "human", "gpt")]}
    (tmp_path / "one/train.jsonl").write_text(json.dumps(prompted))
    assert pairs(DATASETS["dialogues"](data_dir=tmp_path / "one/train.jsonl")["test"]) == [
        ("<user> system <user> human", "gpt")
    ]
    (tmp_path / "train.jsonl").write_text('["hi", {"text": "hello"}]')
    with pytest.raises(ValueError, match="train.jsonl:1: expected one dialogue per line: a turn should be"):
        [*splits["train"]]


def test_bookings_follow_from_the_history_and_not_from_the_last_turn():
    splits = {split: [*examples] for split, examples in DATASETS["bookings"]().items()}
    booked = {
        split: {example["reply"] for example in examples if example["reply"].startswith("booked")}
        for split, examples in splits.items()
    }
    assert not booked["train"] & booked["valid"] and len(booked["valid"]) > 50
    replies = collections.defaultdict(set)
    for example in splits["train"]:
        replies[example["history"]].add(example["reply"])
    assert all(len(found) == 1 for found in replies.values())  # the history decides
    task = TASKS["dialogue"]()
    (look_up,) = task.baselines(splits["train"]).values()
    scores = task.scores(splits["valid"], [*map(look_up, splits["valid"])])
    assert scores["accuracy"] < 50 and scores["dialogues"] == 0


def test_scores_by_hand():
    scores = reply_scores(["<user> a", "<user> b", "<user> c"], ["x", "x", "q"], ["x", "x", "p"], [1, 1, 2])
    assert scores["accuracy"] == pytest.approx(200 / 3) and scores["dialogues"] == 50 and "slot_error" not in scores
    acts = ["<act> inform [value_name] [value_area]"] * 2
    said, others = "[value_name] is in [value_area] today", "[value_area] : [value_name] , well , yes"
    scores = reply_scores(acts, [others, said], [said, others], [1, 2], "none")
    assert scores["bleu"] == pytest.approx(100) and scores["accuracy"] == scores["slot_error"] == 0
    assert "dialogues" not in scores
    assert slot_error(acts, [said, "[value_name] [value_name]"]) == 50  # one is missing, one too many, of four
    assert slot_error(["<act> goodbye"], ["bye"]) is None


def test_of_an_act_the_answer_that_says_its_slots_comes_first():
    task = TASKS["dialogue"]()
    texts = ["[value_name] is nice", "[value_area] has [value_name]", "[value_name] is in [value_area]"]
    n_best = [{"text": text} for text in texts]
    answer = task.chosen({"text": "<act> inform [value_area] [value_name]"}, n_best)
    assert answer["reply"] == texts[1] and [best["text"] for best in answer["n_best"]] == [*texts[1:], texts[0]]
    assert task.chosen({"text": "<user> [value_area]"}, n_best)["reply"] == texts[0]


def test_the_oldest_turns_are_left_out():
    config, splits, _ = TASKS["dialogue"].tiny()
    task = TASKS["dialogue"](config)
    task.assets = task.learn(splits["train"])
    history = read_turns("\t".join(["hi", "hello", "a red cat", "how old?", "two"]))
    assert task.latest(history) == history.removeprefix("<user> hi ")  # 13 tokens are read
    assert task.latest(f"<user> {'a ' * 20}hi") == f"<user> {'a ' * 20}hi"  # never less than a turn
    task = TASKS["dialogue"](TASKS["dialogue"].Config(max_turns=1))
    assert task.latest(history) == "<user> two"


def test_a_chat_answers_with_all_that_was_said_until_an_empty_line(monkeypatch):
    typed, asked = iter(["hi", "a\ttable", "", "", "bye"]), []

    def answers(lines):
        asked.extend(lines)
        return [{"reply": f"reply\t{len(asked)}"}]

    def read(prompt):
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    run._answer(None, answers, "reply")
    assert asked == ["hi", "hi\treply 1\ta table", "bye"]
