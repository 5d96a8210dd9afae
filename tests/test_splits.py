import collections
import itertools
import pathlib

import numpy as np
import pytest

from seqzoo.data.batches import chunks
from seqzoo.datasets import Examples, every_nth, joined, stratified
from seqzoo.datasets.splits import SPLITS, by_target, hold_out_files, split_by_key, split_of, splits_in


def numbered(count, **features):
    features = {"n": int, **features}
    return Examples(lambda: ({"n": n, "label": "ab"[n % 4 == 0]} for n in range(1, count + 1)), features, "numbers")


def values(examples):
    return [example["n"] for example in examples]


@pytest.mark.parametrize(
    ("kind", "fine", "wrong"),
    [
        (str, ["a"], [None, 1]),
        (list, [[], [1]], [(1,), np.zeros(2)]),
        (np.ndarray, [np.zeros((2, 3))], [[1.0]]),
        (float, [1.5, 2, np.float32(1), np.int64(3)], [True, "1", np.zeros(1)]),
        (int, [1, np.int64(3)], [False, 1.0, np.float32(1)]),
        (bool, [True], [1, None]),
    ],
)
def test_a_feature_of_another_type_names_the_example(kind, fine, wrong):
    def examples(value):
        return Examples(lambda: iter([{"x": fine[0]}, {"x": value}]), {"x": kind}, "here")

    for value in fine:
        assert len([*examples(value)]) == 2
    for value in wrong:
        with pytest.raises(ValueError, match=rf"here: example 2: feature 'x' should be a {kind.__name__}. Received: "):
            list(examples(value))


def test_aligned_lists_and_arrays_have_one_length():
    rows = [{"frames": np.zeros((2, 3)), "tags": ["a", "b"], "text": "abc"}]
    kinds = {"frames": np.ndarray, "tags": list, "text": str}
    assert len([*Examples(lambda: rows, kinds, "here", aligned=True)]) == 1
    rows[0]["tags"].append("c")
    assert len([*Examples(lambda: rows, kinds, "here")]) == 1
    with pytest.raises(ValueError, match="here: example 1: features differ in length: {'frames': 2, 'tags': 3}"):
        list(Examples(lambda: rows, kinds, "here", aligned=True))


def test_stratified_holds_out_a_share_of_each_label():
    examples = numbered(40, label=str)
    rest, held = stratified(examples, 0.1, seed=0)
    assert collections.Counter(example["label"] for example in held) == {"a": 3, "b": 1}
    assert sorted(values(rest) + values(held)) == values(examples) and values(held) == sorted(values(held))
    assert values(held) == values(stratified(examples, 0.1, seed=0)[1]) != values(stratified(examples, 0.1, seed=1)[1])


def test_every_nth_counts_examples_or_units():
    rest, held = every_nth(numbered(10), 4)
    assert (values(rest), values(held)) == ([1, 2, 3, 5, 6, 7, 9, 10], [4, 8])
    rest, held = every_nth(numbered(8), 2, ends=lambda example: example["n"] % 2 == 0)
    assert (values(rest), values(held)) == ([1, 2, 5, 6], [3, 4, 7, 8])


def test_the_last_of_few_is_held_out_and_one_is_too_few():
    rest, held = every_nth(numbered(3), 20)
    assert (values(rest), values(held)) == ([1, 2], [3])
    for count in (0, 1):
        with pytest.raises(ValueError, match="numbers: (no|one) example. Expected two or more"):
            every_nth(numbered(count), 20)


def test_files_of_one_folder_are_held_out_together():
    names = ["a/1/1.mid", "a/1/versions/x.mid", "a/2/2.mid", "a/2/versions/y.mid", "b/3.mid", "4.mid"]
    files = [pathlib.Path("/data", name) for name in names]

    def held(files, every, group_by=""):
        rest, found, description = hold_out_files(files, every, group_by)
        assert rest == [file for file in files if file not in found] and description.startswith(f"every {every}th ")
        return [file.relative_to("/data").as_posix() for file in found]

    assert held(files, 2) == ["a/1/versions/x.mid", "a/2/versions/y.mid", "4.mid"]
    assert held(files, 2, "folder") == ["a/2/2.mid", "a/2/versions/y.mid", "4.mid"]
    assert held(files[:5], 10) == held(files[:5], 10, "folder") == ["b/3.mid"]
    assert held(files[:4], 10, "folder") == ["a/2/2.mid", "a/2/versions/y.mid"]  # below the folder of all
    with pytest.raises(ValueError, match="--group_by=folder: all 1 files are in one folder"):
        held(files[:1], 10, "folder")


def test_parts_are_streamed_and_keep_what_the_whole_declares():
    endless = Examples(lambda: ({"n": n} for n in itertools.count(1)), {"n": int}, "endless", aligned=True)
    rest, held = every_nth(endless, 3)
    whole = joined({"train": rest, "valid": held})
    assert values(itertools.islice(held, 3)) == [3, 6, 9] and values(itertools.islice(whole, 3)) == [1, 2, 4]
    assert (whole.features, whole.source, whole.aligned) == ({"n": int}, "endless", True)


def test_joined_gives_all_splits_one_after_the_other():
    whole = joined({"train": numbered(2), "test": numbered(1).with_read(lambda: [{"n": 9}], "more")})
    assert values(whole) == values(whole) == [1, 2, 9] and whole.source == "numbers, more"


def test_chunks_are_lists_of_a_size_and_a_rest():
    assert list(chunks(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]] and list(chunks([], 2)) == []


def test_words_in_names_mean_splits():
    assert {split_of(word) for words in SPLITS.values() for word in words} == set(SPLITS)
    assert split_of("DEV") == "valid" and split_of("devil") is None
    assert splits_in("folder/train-of-thought.test.tsv.gz") == ["train", "test"]


def test_a_key_is_always_in_the_same_split():
    found = collections.Counter(split_by_key(str(key), {"train": 8, "test": 2}) for key in range(2000))
    assert set(found) == {"train", "test"} and 300 < found["test"] < 500
    assert split_by_key("Ada", {"train": 8, "test": 2}) == split_by_key("Ada", {"train": 8, "test": 2})


def test_by_target_no_sentence_of_valid_is_in_train():
    pairs = [{"source": f"s{n % 150}", "target": f"t{n % 110}"} for n in range(500)]
    examples = Examples(lambda: iter(pairs), {"source": str, "target": str}, "pairs")
    train, valid = map(list, by_target(examples, 10))
    for side in ("source", "target"):
        assert not {pair[side] for pair in train} & {pair[side] for pair in valid}
    assert [pair for pair in pairs if pair in valid] == valid and len(valid) > 20
    assert by_target(Examples(lambda: iter(pairs[:1]), {"source": str, "target": str}, "pairs"), 10) is None
