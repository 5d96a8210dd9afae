from collections import Counter, defaultdict

import numpy as np
import pytest

from seqzoo.text.ngrams import AddK, KneserNey, best_k

SIZE = 30


def zipf(length, size=SIZE, seed=0):
    """Random ids, a few of them frequent, with some memory of the one before."""
    ids = np.random.default_rng(seed).zipf(1.3, length)
    ids[1:] += ids[:-1] % 3
    return ids % (size - 1) + 1


def kneser_ney(ids, order, size):
    """Probability of an id after a tuple of ids: the formulas of Chen and Goodman, n-gram by n-gram."""
    seen = [Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)) for n in range(order + 1)]
    followers, discounts = [], []
    for n in range(1, order + 1):
        counts = seen[n] if n == order else Counter(gram[1:] for gram in seen[n + 1])
        followers.append(defaultdict(dict))
        for gram, count in counts.items():
            followers[-1][gram[:-1]][gram[-1]] = count
        one, two, three, four = (sum(count == i for count in counts.values()) for i in (1, 2, 3, 4))
        discounts.append([0.5, 1, 1.5])
        if one and two and three and four:
            y = one / (one + 2 * two)
            found = [1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three]
            if min(found) > 0:
                discounts[-1] = found

    def probability(id_, context):
        lower = probability(id_, context[1:]) if context else 1 / (size - 1)
        counts = followers[len(context)].get(context)
        if not counts:
            return lower
        discount = {i: discounts[len(context)][min(count, 3) - 1] for i, count in counts.items()}
        own = counts[id_] - discount[id_] if id_ in counts else 0
        return (own + sum(discount.values()) * lower) / sum(counts.values())

    return probability, discounts


def models(ids, order, size):
    return [KneserNey(ids, order, size), AddK(ids, order, size, 0.1)]


@pytest.mark.parametrize("order", [1, 2, 4])
def test_each_distribution_sums_to_1_and_gives_every_id_a_probability(order):
    ids = zipf(500)
    contexts = [[], ids[:1], ids[:3], ids[-3:], ids[:50], [SIZE - 1] * 3, [SIZE - 1, ids[0]], [SIZE - 1] * 9]
    contexts += list(np.random.default_rng(1).integers(1, SIZE, (50, 3)))
    for model in models(ids, order, SIZE):
        for context in contexts:
            distribution = model.distribution(context)
            assert distribution.shape == (SIZE,)
            assert distribution[0] == 0 and (distribution[1:] > 0).all()
            assert distribution.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("length", [0, 1, 3, 200])
def test_log_probabilities_equal_those_of_the_distributions(order, length):
    ids = zipf(length, seed=1)
    for model in models(zipf(500), order, SIZE):
        expected = [np.log(model.distribution(ids[:i])[ids[i]]) for i in range(length)]
        assert model.log_probabilities(ids) == pytest.approx(np.array(expected), abs=1e-12)


def test_only_the_last_ids_of_a_context_count():
    ids = zipf(500)
    for model in models(ids, 3, SIZE):
        np.testing.assert_array_equal(model.distribution(ids[:40]), model.distribution(ids[38:40]))
        assert np.abs(model.distribution(ids[39:40]) - model.distribution(ids[38:40])).max() > 0.01


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_equals_a_slow_reference(order):
    train, test = zipf(20_000), zipf(300, seed=1)
    model = KneserNey(train, order, SIZE)
    probability, discounts = kneser_ney(train.tolist(), order, SIZE)
    np.testing.assert_allclose(model.discounts, discounts, rtol=1e-12)
    assert order == 1 or tuple(model.discounts[-1]) != (0.5, 1, 1.5)
    test = test.tolist()
    expected = [probability(id_, tuple(test[max(0, i - order + 1) : i])) for i, id_ in enumerate(test)]
    np.testing.assert_allclose(np.exp(model.log_probabilities(test)), expected, rtol=1e-12)


def test_kneser_ney_is_right_by_hand():
    # Pairs: 12 and 21 twice, 13 once. Each id is seen after one other, so without context all are equally likely.
    model = KneserNey([1, 2, 1, 2, 1, 3], order=2, size=4)
    assert model.discounts == [(0.5, 1, 1.5)] * 2
    assert model.distribution([]) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    # (2 - 1) / 3 and (1 - 0.5) / 3, and 1.5 / 3 is left over.
    assert model.distribution([1]) == pytest.approx([0, 0 + 1 / 6, 1 / 3 + 1 / 6, 1 / 6 + 1 / 6])
    assert model.distribution([2]) == pytest.approx([0, 1 / 2 + 1 / 6, 1 / 6, 1 / 6])
    assert model.distribution([3]) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


def test_discounts_are_right_by_hand():
    # Four ids once, two twice, one three times, one four times: Y = 4 / (4 + 2 * 2) = 1 / 2.
    model = KneserNey([1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 8], order=1, size=11)
    assert model.discounts == [(1 - 2 / 2 * 2 / 4, 2 - 3 / 2 * 1 / 2, 3 - 4 / 2 * 1 / 1)]
    rest = (4 * 0.5 + 2 * 1.25 + 2 * 1) / 15 / 10
    expected = [0, *[0.5 / 15] * 4, *[0.75 / 15] * 2, 2 / 15, 3 / 15, 0, 0]
    assert model.distribution([]) == pytest.approx(np.array(expected) + rest * (np.arange(11) > 0))


def test_negative_discounts_fall_back_to_the_defaults():
    # n3 is so large against n2 that D2 would be below 0.
    ids = [1, 2, 3, *[4] * 2, *[id_ for id_ in range(5, 15) for _ in range(3)], *[15] * 4]
    assert KneserNey(ids, 1, 20).discounts == [(0.5, 1, 1.5)]


def test_an_n_gram_seen_only_at_the_start_uses_the_lower_orders():
    # Nothing is before 1 and so before 12: the pair 12 has no count, and after 1 comes what comes anywhere.
    model = KneserNey([1, 2, 3, 2, 3], order=3, size=4)
    np.testing.assert_array_equal(model.distribution([1]), model.distribution([]))
    assert model.distribution([2])[3] > model.distribution([])[3]
    assert KneserNey([1], 2, 3).distribution([]) == pytest.approx([0, 0.5, 0.5])


def test_add_k_is_right_by_hand():
    model = AddK([1, 2, 1, 2, 1, 3], order=2, size=4, k=0.5)
    assert model.distribution([]) == pytest.approx(np.array([0, 3.5, 2.5, 1.5]) / 7.5)
    assert model.distribution([1]) == pytest.approx(np.array([0, 0.5, 2.5, 1.5]) / 4.5)
    assert model.distribution([3, 2]) == pytest.approx(np.array([0, 2.5, 0.5, 0.5]) / 3.5)
    assert model.distribution([3]) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert np.exp(model.log_probabilities([2, 1, 1])) == pytest.approx([2.5 / 7.5, 2.5 / 3.5, 0.5 / 4.5])
    model.k = 2
    assert model.distribution([1]) == pytest.approx(np.array([0, 2, 4, 3]) / 9)


def test_a_higher_order_finds_what_a_lower_one_cannot():
    rng = np.random.default_rng(0)
    ids = [1, 1]
    for noise in rng.random(5000) < 0.1:  # the sum of the two before, but for some noise
        ids.append(int(rng.integers(1, 8)) if noise else (ids[-1] + ids[-2]) % 7 + 1)
    train, test = ids[:4000], ids[4000:]
    for learn in (KneserNey, AddK):
        one, two, three = (-learn(train, order, 8).log_probabilities(test).mean() for order in (1, 2, 3))
        assert three < 0.7 < 1.8 < min(one, two)
    # An order that is too high costs Kneser-Ney little.
    assert -KneserNey(train, 6, 8).log_probabilities(test).mean() < 0.75


def test_the_best_k_is_small_where_contexts_are_informative_and_large_otherwise():
    periodic = np.tile([1, 2, 3, 4, 5], 100)
    assert best_k(periodic, 3, 50) == 0.0001
    assert best_k(np.random.default_rng(0).integers(1, 50, 500), 2, 50) == 1
    assert best_k(periodic, 3, 50, choices=[0.5, 2, 0.7]) == 0.5
    assert best_k([1, 2], 5, 3) > 0


def test_the_best_k_maximizes_the_probability_of_the_held_out_ids():
    ids = zipf(400)
    choices = (3, 0.3, 0.03)
    scores = [AddK(ids[:300], 2, SIZE, k).log_probabilities(ids[299:])[1:].sum() for k in choices]
    assert best_k(ids, 2, SIZE, choices, part=0.25) == choices[np.argmax(scores)] == 0.3


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_ids_may_be_of_any_integer_type(dtype):
    ids = zipf(300)
    for model, same in zip(models(ids, 3, SIZE), models(ids.astype(dtype), 3, SIZE), strict=True):
        np.testing.assert_array_equal(same.log_probabilities(ids.astype(dtype)), model.log_probabilities(ids))
        np.testing.assert_array_equal(same.distribution(ids[:2].astype(dtype)), model.distribution(ids[:2].tolist()))


def test_an_order_above_the_number_of_ids_is_fine():
    for model in models([1, 2], 5, 4):
        assert np.isfinite(model.log_probabilities([1, 2, 3, 1, 2, 3])).all()
        assert model.distribution([1, 2, 3, 1, 2]).sum() == pytest.approx(1)


@pytest.mark.parametrize("learn", [KneserNey, AddK])
def test_malformed_ids_are_refused(learn):
    for ids, order, message in [
        ([1, 2], 0, "at least 1, not 0"),
        ([], 2, "is empty"),
        ([1, 0], 2, "size 4 should be from 1 to 3, not 0"),
        ([1, 4], 2, "from 1 to 3, not 4"),
        ([1, -1], 2, "not -1"),
        ([[1, 2]], 2, "1 dimension, not 2"),
        ([1.0, 2.0], 2, "integers, not float64"),
    ]:
        with pytest.raises(ValueError, match=message):
            learn(ids, order, 4)
    model = learn([1, 2], 2, 4)
    with pytest.raises(ValueError, match="not 4"):
        model.log_probabilities([1, 4])
    with pytest.raises(ValueError, match="not 0"):
        model.distribution([0])


def test_an_invalid_k_is_refused():
    for k in (0, -1, float("nan")):
        with pytest.raises(ValueError, match=f"above 0, not {k}"):
            AddK([1, 2], 2, 4, k)
    with pytest.raises(ValueError, match="above 0, not 0"):
        best_k([1, 2], 2, 4, choices=[1, 0])
    with pytest.raises(ValueError, match="not 1 and 9"):
        best_k([1], 2, 4)
    with pytest.raises(ValueError, match="not 2 and 0"):
        best_k([1, 2], 2, 4, choices=[])
    with pytest.raises(ValueError, match="between 0 and 1, not 1"):
        best_k([1, 2], 2, 4, part=1)
