import numpy as np
import pytest

from seqzoo.data import Batches as AnyBatches
from seqzoo.data import Skip
from seqzoo.data import batches as batching
from seqzoo.inputs import words
from seqzoo.layers.crf import CRFLoss
from seqzoo.models import tagger

AXES = {"tokens": "time", "characters": "time", "labels": "time"}
WHOLE = {"tokens": "time"}  # labels of whole examples


def Batches(examples, encode, *args, axes=AXES, **kwargs):
    """Batches with the axes of a tagger."""
    return AnyBatches(examples, encode, axes, *args, **kwargs)


def sentences(lengths, seed=0):
    """Examples, each with its number, which all its tokens repeat: so each can be told in a batch."""
    return [[number + 1] * length for number, length in enumerate(lengths)]


def encode(example):
    tokens = np.array(example, "int32")
    spelled = np.ones((len(tokens), 1 + len(tokens) % 4), "int32")
    return {"tokens": tokens, "characters": spelled}, tokens % 3, np.ones(len(tokens), "float32")


LENGTHS = [int(n) for n in np.random.default_rng(0).integers(1, 30, 60)]


def epoch_of(batches, number=0):
    return [
        ({name: array.numpy() for name, array in inputs.items()}, labels.numpy(), weights.numpy())
        for inputs, labels, weights in batches.epoch(number)
    ]


def order_of(batches, number=0):
    """The numbers of the examples in the order of an epoch."""
    found = []
    for inputs, _, weights in epoch_of(batches, number):
        found += [int(n) for n in inputs["tokens"][weights.any(axis=1), 0]]
    return found


def kinds(**more):
    return [
        {"cache_tokens": cache, "static_shapes": static, **more} for cache in (2_000_000, 0) for static in (False, True)
    ]


@pytest.mark.parametrize("kwargs", kinds(batch_size=7), ids=str)
def test_each_example_comes_exactly_once_an_epoch_and_whole(kwargs, monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)
    batches = Batches(sentences(LENGTHS), encode, **kwargs)
    assert batches.size == 60 and batches.tokens == sum(LENGTHS)
    for number in (0, 1):
        seen = {}
        for inputs, labels, weights in epoch_of(batches, number):
            for tokens, tags, weight in zip(inputs["tokens"], labels, weights, strict=True):
                if weight.any():
                    real = int(weight.sum())
                    assert tokens[0] not in seen
                    seen[int(tokens[0])] = real
                    assert (tokens == np.where(weight, tokens[0], 0)).all()  # right padding with 0
                    assert (weight[:real] == 1).all()
                    assert (tags == np.where(weight, tokens[0] % 3, 0)).all()
                assert tokens[0] > 0  # no row is empty
        assert seen == {number + 1: length for number, length in enumerate(LENGTHS)}


@pytest.mark.parametrize("cache", [2_000_000, 0])
def test_the_order_is_a_function_of_seed_and_epoch(cache, monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)

    def order(seed, number):
        return order_of(Batches(sentences(LENGTHS), encode, batch_size=7, seed=seed, cache_tokens=cache), number)

    reference = order(0, 0)
    assert order(0, 0) == reference
    one = Batches(sentences(LENGTHS), encode, batch_size=7, cache_tokens=cache)
    assert order_of(one, 3) == order(0, 3)  # whatever was read before
    assert order_of(one, 0) == reference
    assert sorted(reference) != reference
    assert len({tuple(order(seed, number)) for seed in (0, 1) for number in (0, 1)}) == 4


@pytest.mark.parametrize("static", [False, True])
def test_the_token_budget_holds_and_a_longer_example_goes_alone(static):
    lengths = [*LENGTHS, 50, 70]
    batches = Batches(sentences(lengths), encode, batch_size=0, batch_tokens=48, static_shapes=static)
    rows = []
    for inputs, _, weights in epoch_of(batches):
        B, T = inputs["tokens"].shape
        assert B * T <= 48 or B == 1
        rows.append(B)
        if weights.sum(axis=1).max() > 48:
            assert B == 1
    assert max(rows) > 1


def test_the_number_of_examples_in_a_batch_is_limited_and_full_batches_are_full():
    shapes = [inputs["tokens"].shape for inputs, _, _ in epoch_of(Batches(sentences([5] * 20), encode, batch_size=8))]
    assert sorted(shapes) == [(4, 5), (8, 5), (8, 5)]


@pytest.mark.parametrize("cache", [2_000_000, 0])
def test_empty_examples_are_dropped_and_counted(cache):
    batches = Batches(sentences([0, 3, 0, 2, 3]), encode, cache_tokens=cache)
    assert (batches.size, batches.skipped, batches.tokens) == (3, {"empty": 2}, 8)
    assert batches.summary.endswith(", 2 left out (empty)")
    assert sorted(order_of(batches)) == [2, 4, 5]
    assert batches.skipped == {"empty": 2}  # counted once, however often the data is read
    answers = [*batches.outputs(lambda inputs, labels, weights: {"tokens": inputs["tokens"]})]
    assert [example[0] for example, row in answers if row] == [2, 4, 5]
    assert [example for example, row in answers if not row] == [[], []]


def test_no_examples_left_is_an_error_that_counts():
    with pytest.raises(ValueError, match=r"No examples left: 0 examples.* 3 left out \(empty\)"):
        Batches(sentences([0, 0, 0]), encode).epoch(0)
    with pytest.raises(ValueError, match="No examples left: 0 examples"):
        Batches([], encode, cache_tokens=0).epoch(0)
    with pytest.raises(ValueError, match="batch needs one limit"):
        Batches(sentences([1]), encode, batch_size=0, batch_tokens=0)


def test_an_encoder_leaves_examples_out_for_a_reason_or_makes_several_rows():
    def encode_parts(example):
        if len(example) > 4:
            raise Skip("longer than 4", f"{len(example)} words")
        return [encode(example[:2]), encode(example[2:])] if len(example) > 2 else encode(example)

    batches = Batches(sentences([1, 6, 4, 5]), encode_parts)
    assert (batches.size, batches.skipped) == (3, {"longer than 4": 2})
    assert batches.summary.endswith("2 left out (longer than 4; the first: 6 words)")
    answers = batches.outputs(lambda inputs, labels, weights: {"tokens": inputs["tokens"]})
    assert [(example[0], row and row["tokens"].tolist()) for example, row in answers] == [
        (1, [1]), (2, None), (3, [3, 3]), (3, [3, 3]), (4, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arrays, words",
    [
        (
            lambda n: ({"tokens": np.ones(n, "int32")}, np.ones(n + 1, "int32"), 1.0),
            "'labels' should have as many steps",
        ),
        (lambda n: ({"tokens": np.ones((n, n)[: n - 2], "int32")}, 0, 1.0), "'tokens' should be int32 of rank 1"),
        (
            lambda n: ({"tokens": np.ones(n, f"int{16 * (n - 2)}")}, 0, 1.0),
            "'tokens' should be int16 of rank 1. Received: int32",
        ),
        (lambda n: ({"tokens": np.ones(n, "int32")}, np.ones(n, "int32"), np.ones(n - 1)), "Weights of 'labels'"),
        (lambda n: ({"tokens": np.ones(n, "int32")}, 0, {"other": 1.0}), "Weights need the names of their labels"),
        (lambda n: ({"tokens": np.ones(n), **({"z": 1} if n == 3 else {})}, 0, 1.0), "'z' should be int64 of rank 0"),
        (lambda n: ({"token": np.ones(n)}, 0, 1.0), "No array is on a declared axis. Declared: tokens"),
    ],
)
def test_an_array_that_is_not_what_was_declared_is_named(arrays, words):
    axes = AXES if "label" in words else WHOLE
    with pytest.raises(ValueError, match=words):
        Batches([3, 4], arrays, axes=axes)


def test_labels_and_weights_of_several_outputs_are_padded_by_their_own_axes():
    def encode_both(example):
        n = len(example)
        labels = {"tags": np.full(n, n, "int32"), "letters": np.full(n // 2, n, "int32"), "intent": np.int32(n)}
        weights = {"tags": np.ones(n, "float32"), "letters": np.float32(1), "intent": np.float32(2)}
        picture = np.ones((2 * n, 3), "float32")  # a value: its height is not padded with the rest
        return {"tokens": np.array(example), "picture": picture}, labels, weights

    axes = {"tokens": "time", "tags": "time", "letters": "text"}
    for static, (T, U) in {False: (18, 9), True: (32, 16)}.items():
        batches = Batches(sentences([18, 17]), encode_both, 2, axes=axes, static_shapes=static)
        ((inputs, labels, weights),) = batches.epoch(0).as_numpy_iterator()
        assert inputs["tokens"].shape == labels["tags"].shape == weights["tags"].shape == (2, T)
        assert labels["letters"].shape == (2, U) and inputs["picture"].shape == (2, 36, 3)
        assert labels["intent"].shape == weights["letters"].shape == (2,)
        assert sorted(labels["intent"]) == [17, 18] and batches.tokens == 35


@pytest.mark.parametrize("kwargs", kinds(batch_size=7, batch_tokens=90), ids=str)
def test_steps_and_padding_are_those_of_an_epoch(kwargs, monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)
    # Below 16 steps a bucket has one length. Above, the longest of a batch, and so its padding, depends on the order.
    for lengths, slack in ([n % 15 + 1 for n in LENGTHS], 1e-9), (LENGTHS, 1e-9 if kwargs["static_shapes"] else 0.02):
        batches = Batches(sentences(lengths), encode, **kwargs)
        epoch = epoch_of(batches, 1)
        assert batches.steps == len(epoch) == batches.epoch(1).cardinality()
        steps = sum(weights.size for _, _, weights in epoch)
        assert batches.padding == pytest.approx(1 - sum(lengths) / steps, abs=slack)


def test_rows_are_padded_by_an_eighth_at_most():
    for inputs, _, weights in epoch_of(Batches(sentences(range(1, 200)), encode)):
        assert weights.sum(axis=1).min() >= inputs["tokens"].shape[1] / 1.125 - 1


def test_a_stream_holds_no_more_than_its_window(monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)
    read = []

    class Source:
        def __iter__(self):
            for example in sentences(LENGTHS):
                read.append(example[0])
                yield example

    limit = sum(LENGTHS[:5])
    batches = Batches(Source(), encode, batch_size=1, cache_tokens=limit)
    assert len(read) == 6 + 60  # until they are too many to hold, and once to count them
    read.clear()
    held, order = [], []
    for number, (example, *_) in enumerate(batches._shuffled(0)):
        held.append(len(read) - number)
        order.append(example[0])
    assert max(held) == 17  # the window, and the one that is on its way out
    assert max(order[:8]) < 8 + 17 and min(order[:8]) < 17 and sorted(order[:8]) != order[:8]
    assert sorted(read) == [number + 1 for number in range(60)]
    read.clear()
    first = next(batches.outputs(lambda inputs, labels, weights: {"tokens": inputs["tokens"]}))
    assert first[0][0] == 1 and len(read) == 16


def test_static_shapes_are_few_and_batches_full():
    batches = Batches(sentences(LENGTHS), encode, batch_size=8, batch_tokens=128, static_shapes=True)
    epochs = [batch for number in range(3) for batch in epoch_of(batches, number)]
    shapes = {inputs["tokens"].shape for inputs, _, _ in epochs}
    assert shapes == {(8, 8), (8, 16), (4, 32)}
    assert any((weights.sum(axis=1) == 0).any() for _, _, weights in epochs)  # there are rows that fill up


def test_rows_that_fill_up_change_no_loss():
    model = tagger(tags=3, front=words(10, word_dim=4), units=4, layers=1, rnn="rnn")
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(0, 0.7, weight.shape))
    losses, rows = [], []
    for static in (False, True):
        # All tokens of an example are one word, so the loss depends on which examples count.
        ((inputs, labels, weights),) = epoch_of(Batches(sentences([3, 3, 3]), encode, static_shapes=static))
        losses.append(CRFLoss()(labels, model({"tokens": inputs["tokens"]}), sample_weight=weights))
        rows.append(len(labels))
    assert rows == [3, 32]
    assert losses[0] > 0.1
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("kwargs", kinds(batch_size=7), ids=str)
def test_outputs_come_in_the_order_of_the_data(kwargs, monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)
    examples = sentences(LENGTHS)
    batches = Batches(examples, encode, **kwargs)
    sizes = []

    def function(inputs, labels, weights):
        sizes.append(len(labels))
        return {"twice": 2 * inputs["tokens"], "tags": labels}

    answers = list(batches.outputs(function))
    assert [example for example, _ in answers] == examples
    for example, rows in answers:
        np.testing.assert_array_equal(rows["twice"][: len(example)], 2 * np.array(example))
        np.testing.assert_array_equal(rows["tags"][: len(example)], np.array(example) % 3)
    assert 4 <= len(sizes) < len(examples) and max(sizes) <= 7


def test_one_label_an_example_is_a_batch_of_labels():
    def encode_one(example):
        return {"tokens": np.array(example)}, np.int32(example[0] % 2), np.float32(1)

    ((inputs, labels, weights),) = epoch_of(Batches(sentences([2, 2, 2]), encode_one, axes=WHOLE))
    assert (labels == inputs["tokens"][:, 0] % 2).all()
    assert weights.tolist() == [1, 1, 1]


def test_weights_are_numbers_even_if_the_first_is_an_integer():
    def encode_one(example):
        return {"tokens": np.array(example)}, 0, 1 if example[0] == 1 else 0.5

    ((_, _, weights),) = epoch_of(Batches([[1, 2], [3, 4]], encode_one, axes=WHOLE))
    assert sorted(weights.tolist()) == [0.5, 1]


@pytest.mark.parametrize("kwargs", kinds(batch_size=7), ids=str)
@pytest.mark.parametrize("several", [False, True])
def test_labels_of_a_whole_example_are_not_padded_in_time(several, kwargs, monkeypatch):
    monkeypatch.setattr(batching, "WINDOW", 16)
    C = 4  # as many labels as some examples have steps

    def encode_one(example):
        label = np.eye(C, dtype="int32")[example[0] % C] if several else np.int32(example[0] % C)
        return {"tokens": np.array(example)}, label, np.float32(1)

    lengths = [4, 4, 4, 4, *LENGTHS]
    batches = Batches(sentences(lengths), encode_one, axes=WHOLE, **kwargs)
    seen, fillers = [], 0
    for inputs, labels, weights in epoch_of(batches):
        rows = len(inputs["tokens"])
        assert labels.shape == ((rows, C) if several else (rows,)) and weights.shape == (rows,)
        if kwargs["static_shapes"]:
            assert inputs["tokens"].shape in {(7, 8), (7, 16), (7, 32)}
        first = inputs["tokens"][:, 0]
        assert (first > 0).all()  # no row is empty
        assert (labels == (np.eye(C)[first % C] if several else first % C)).all()
        assert set(weights) <= {0, 1}
        seen += first[weights == 1].tolist()
        fillers += (weights == 0).sum()
    assert sorted(seen) == [number + 1 for number in range(len(lengths))]
    assert (fillers > 0) == kwargs["static_shapes"]
    answers = list(batches.outputs(lambda inputs, labels, weights: {"labels": labels, "weights": weights}))
    assert [example[0] for example, _ in answers] == [number + 1 for number in range(len(lengths))]
    for example, rows in answers:
        assert rows["weights"] == 1
        np.testing.assert_array_equal(rows["labels"], encode_one(example)[1])


def test_a_source_and_its_target_are_each_padded_by_themselves():
    def encode_pair(example):
        source, target = (np.full(n, n, "int32") for n in example)
        return {"source": source, "target": target}, target + 1, np.ones(len(target), "float32")

    axes = {"source": "source", "target": "target", "labels": "target"}
    pairs = [(3, 5), (6, 2), (5, 6), (2, 2)]
    batches = Batches(pairs, encode_pair, 2, axes=axes)
    assert batches.tokens == 5 + 6 + 6 + 2
    for inputs, labels, weights in batches.epoch(0).as_numpy_iterator():
        for array in (inputs["source"], inputs["target"]):
            assert array.shape[1] == array.max() and (np.sort(array, axis=1)[:, -1] == (array > 0).sum(axis=1)).all()
        assert labels.shape == weights.shape == inputs["target"].shape
        np.testing.assert_array_equal(weights > 0, inputs["target"] > 0)
    static = Batches(pairs, encode_pair, 2, axes=axes, static_shapes=True)
    assert {(i["source"].shape, i["target"].shape) for i, _, _ in static.epoch(0).as_numpy_iterator()} == {
        ((2, 8), (2, 8))
    }


def test_augmentation_is_a_function_of_seed_and_epoch_and_may_change_lengths():
    def augment(example, encoded, rng):
        tokens = encoded[0]["tokens"][: rng.integers(1, len(example) + 1)]
        return {"tokens": tokens}, tokens, np.ones(len(tokens), "float32")

    batches = Batches(["abcdefgh"] * 9, letters, 4, augment=augment)
    first, again, other = ([b[0]["tokens"] for b in batches.epoch(n).as_numpy_iterator()] for n in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert len(first) == batches.steps == 3
    whole = list(batches.outputs(lambda inputs, labels, weights: {"tokens": inputs["tokens"]}))
    assert all((row["tokens"] > 0).sum() == 8 for _, row in whole)  # what is scored is not augmented


def test_an_augmented_example_may_be_longer_where_shapes_are_static():
    def augment(example, encoded, rng):
        tokens = np.repeat(encoded[0]["tokens"], 5)
        return {"tokens": tokens}, tokens, np.ones(len(tokens), "float32")

    batches = Batches(["abcdefgh"] * 32, letters, 32, 256, static_shapes=True, augment=augment)
    ((inputs, _, weights),) = batches.epoch(0).as_numpy_iterator()
    assert inputs["tokens"].shape == (32, 64) and weights.sum() == 32 * 40


def test_the_width_of_a_picture_can_decide_the_bucket_and_its_height_never_does():
    def encode_picture(width):
        return {"image": np.ones((9, width, 1), "float32")}, np.int32(0), np.float32(1)

    axes = {"image": (None, "width")}
    batches = Batches([5, 29, 6, 30], encode_picture, 2, axes=axes)
    assert batches.tokens == 70
    shapes = sorted(inputs["image"].shape for inputs, _, _ in batches.epoch(0).as_numpy_iterator())
    assert shapes == [(1, 9, 5, 1), (1, 9, 6, 1), (2, 9, 30, 1)]
    static = Batches([5, 29, 6, 30], encode_picture, 2, axes=axes, static_shapes=True)
    shapes = sorted(inputs["image"].shape for inputs, _, _ in static.epoch(0).as_numpy_iterator())
    assert shapes == [(2, 9, 8, 1), (2, 9, 32, 1)]


def letters(text):
    tokens = np.array([ord(letter) for letter in text], "int32")
    return {"tokens": tokens}, tokens, np.ones(len(tokens), "float32")


def test_large_frames_count_by_their_kilobytes():
    clips = [np.zeros((2, 32, 32, 1), "float32")] * 3  # 2 frames and 8 kilobytes each

    def encode(frames):
        return {"frames": frames}, np.int32(0), np.float32(1)

    for limit, cached in ((24, True), (23, False)):
        batches = Batches(clips, encode, axes={"frames": "time"}, cache_tokens=limit)
        assert (batches._cache is not None) == cached and batches.size == 3
