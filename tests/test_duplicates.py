from seqzoo.datasets import duplicates as module
from seqzoo.datasets.duplicates import duplicates
from seqzoo.music.score import Note, Score, transpose
from seqzoo.task import TASKS

WORDS = [f"w{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(400)]


def text(*spans):
    return " ".join(" ".join(WORDS[start:stop]) for start, stop in spans)


def count(train, valid):
    return duplicates(train, valid, lambda example: example)


def test_equal_texts_are_counted_whatever_their_case_and_digits_and_short_ones_are_not_compared():
    valid = ["In 1996 it rained 3 times", "in 2024 IT rained 7 times", "yes it is", text((0, 30)), text((50, 80))]
    assert count(["IN 1234 it rained 5 times", "yes it is", text((100, 130))], valid) == (
        "2 of 4 valid examples are also in train (ignoring case and digits)"
    )
    assert count(valid[2:3], valid[2:3]) == ""


def test_near_duplicates_are_those_whose_5_grams_agree_to_four_fifths():
    def similarity(one, other):
        one, other = (
            {tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (one.split(), other.split())
        )
        return len(one & other) / len(one | other)

    for extra in range(1, 60):
        one, other = text((0, 100)), text((0, 100), (200, 200 + extra))
        near = similarity(one, other) >= 0.8
        for train, valid in ((one, other), (other, one)):
            assert ("1 more nearly" in count([text((300, 350)), train], [valid, text((150, 190))])) == near, extra


def test_large_data_are_compared_in_part_and_the_summary_says_so(monkeypatch):
    monkeypatch.setattr(module, "CHARACTERS", {"valid": 10_000, "train": 250})
    train, valid = [text((start, start + 25)) for start in (0, 50, 100)], [text((100, 125)), text((0, 25))]
    assert count(train, valid) == (
        "1 of 2 valid examples are also in train (ignoring case and digits; compared: the first 2 of train)"
    )


def test_a_transposed_piece_is_the_same_piece():
    task = TASKS["music"](*[TASKS["music"].tiny()[0]])
    piece = Score([Note(start, 1, 60 + start % 5 + start % 3) for start in range(12)])
    splits = {split: [{"score": score}] for split, score in (("train", piece), ("valid", transpose(piece, 3)))}
    task.assets = task.learn(splits["train"])
    assert duplicates(splits["train"], splits["valid"], task.content) == (
        "1 of 1 valid examples are also in train (ignoring case and digits)"
    )
