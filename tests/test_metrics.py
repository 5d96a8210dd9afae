import math
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

from seqzoo.display.plots import (
    accuracy_interval,
    attention_plot,
    confusion_plot,
    history_plot,
    merged_bins,
    reliability_plot,
)
from seqzoo.metrics.diversity import compared, corpus_diversity, diversity, longest_repetition
from seqzoo.metrics.labels import calibration, class_scores, label_set_scores, matthews, one_against_rest
from seqzoo.metrics.measure import Measure
from seqzoo.metrics.tags import accuracy_scores, common_errors, confusion, span_scores
from seqzoo.metrics.text import pair_scores
from seqzoo.metrics.translation import translation_scores
from seqzoo.text.baselines import lookup_baseline, naive_bayes_baseline
from seqzoo.text.spans import spans

# The tables of conlleval: the pairs of prefixes, before and here, between which a span of one type starts or ends.
STARTS = {"BB", "IB", "OB", "OI", "EE", "EI", "OE"}
ENDS = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"}
# What it lacks: S is a span of its own, and E ends one before B too.
STARTS_BIOES = STARTS | {"EB", "BS", "IS", "OS", "ES", "SB", "SI", "SE", "SS"}
ENDS_BIOES = ENDS | {"EB", "BS", "IS", "ES", "SB", "SI", "SE", "SS", "SO"}


def conlleval(gold, predicted, starts=STARTS, ends=ENDS):
    """Counts (correct, found, gold) spans in one pass over the tokens, as the Perl script does."""
    correct, inside = 0, False
    count = [0, 0]
    before = [("O", ""), ("O", "")]
    sentences = zip(gold, predicted, strict=True)
    for pair in [pair for tags in sentences for pair in [*zip(*tags, strict=True), ("O", "O")]]:
        here = [tuple(tag.partition("-")[::2]) for tag in pair]
        ended, started = [], []
        for side in (0, 1):
            (prefix_before, type_before), (prefix, type_) = before[side], here[side]
            changes = type_before != type_
            ended.append(prefix_before + prefix in ends or (prefix_before != "O" and changes))
            started.append(prefix_before + prefix in starts or (prefix != "O" and changes))
            count[side] += started[side]
        if inside and (any(ended) or here[0][1] != here[1][1]):
            correct += all(ended)
            inside = False
        if all(started) and here[0][1] == here[1][1]:
            inside = True
        before = here
    return correct, count[1], count[0]


def percents(correct, found, gold):
    precision = 100 * correct / found if found else 0
    recall = 100 * correct / gold if gold else 0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0
    return pytest.approx([precision, recall, f1])


def micro(scores):
    return [scores[name] for name in ("precision", "recall", "f1")]


@pytest.mark.parametrize(
    "gold, predicted, expected",
    [
        ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC", (2, 2, 2)),
        ("B-PER I-PER O B-LOC", "B-PER O O B-LOC", (1, 2, 2)),  # half a span is no span
        ("B-PER I-PER O", "I-PER I-PER O", (1, 1, 1)),  # I after O starts one
        ("B-PER I-PER", "B-PER B-PER", (0, 2, 1)),
        ("B-PER I-LOC", "B-PER B-LOC", (2, 2, 2)),  # so does another type
        ("B-PER I-PER I-PER", "B-PER I-LOC I-PER", (0, 3, 1)),
        ("I-PER B-PER", "I-PER I-PER", (0, 1, 2)),  # IOB1
        ("B-PER", "B-LOC", (0, 1, 1)),
        ("O O", "O B-LOC", (0, 1, 0)),
    ],
)
def test_spans_are_counted_as_conlleval_counts_them(gold, predicted, expected):
    gold, predicted = [gold.split()], [predicted.split()]
    assert conlleval(gold, predicted) == expected
    assert micro(span_scores(gold, predicted)) == percents(*expected)


@pytest.mark.parametrize("prefixes, tables", [("BI", (STARTS, ENDS)), ("BIES", (STARTS_BIOES, ENDS_BIOES))])
def test_random_tags_score_as_in_conlleval(prefixes, tables):
    rng = random.Random(0)
    tags = ["O"] + [f"{prefix}-{kind}" for prefix in prefixes for kind in ("PER", "LOC", "WORK-OF-ART")]
    for _ in range(200):
        gold = [[rng.choice(tags) for _ in range(rng.randint(0, 6))] for _ in range(5)]
        predicted = [[tag if rng.random() < 0.7 else rng.choice(tags) for tag in sentence] for sentence in gold]
        counts = conlleval(gold, predicted, *tables)
        assert micro(span_scores(gold, predicted)) == percents(*counts)
        assert counts[2] == sum(len(spans(sentence)) for sentence in gold)


def test_scores_per_class_and_accuracy_are_right_by_hand():
    scores = span_scores(
        [["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "O"]],
        [["B-PER", "I-PER", "O", "B-ORG"], ["B-PER", "B-PER"]],
    )
    assert scores == {
        "precision": 50,
        "recall": pytest.approx(200 / 3),
        "f1": pytest.approx(400 / 7),
        "support": 3,
        "accuracy": pytest.approx(400 / 6),
        "classes": {
            "LOC": {"precision": 0, "recall": 0, "f1": 0, "support": 1},
            "ORG": {"precision": 0, "recall": 0, "f1": 0, "support": 0},
            "PER": {"precision": pytest.approx(200 / 3), "recall": 100, "f1": 80, "support": 2},
        },
    }


@pytest.mark.parametrize("gold", [[["B-PER", "O"]], [["O", "O"]], [[]], []])
def test_no_predicted_spans_score_zero_without_a_warning(gold):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = span_scores(gold, [["O"] * len(tags) for tags in gold])
    assert micro(scores) == [0, 0, 0]


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match="Sentence 1 .* 2 gold tags and 1 predicted tags"):
        span_scores([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="2 sentences of gold tags and 1 of predicted"):
        confusion([["O"], ["O"]], [["O"]])
    with pytest.raises(ValueError, match="'NOUN'"):
        span_scores([["NOUN"]], [["NOUN"]])
    with pytest.raises(ValueError, match="U-PER.*to_bio"):
        span_scores([["U-PER"]], [["U-PER"]])


@pytest.mark.parametrize("known", [{"cats", "sleep"}, lambda word: word in ("cats", "sleep")])
def test_accuracy_of_known_and_unknown_words(known):
    scores = accuracy_scores(
        [["NOUN", "VERB", "ADV"], ["NOUN"]],
        [["NOUN", "NOUN", "ADV"], ["NOUN"]],
        [["cats", "sleep", "well"], ["cats"]],
        known,
    )
    assert scores == {
        "accuracy": 75,
        "known_accuracy": pytest.approx(200 / 3),
        "unknown_accuracy": 100,
        "sentence_accuracy": 50,
        "known_count": 3,
        "unknown_count": 1,
    }


def test_confusion_counts_tags_and_types():
    labels, counts = confusion([["NOUN", "VERB", "NOUN"]], [["NOUN", "NOUN", "ADJ"]])
    assert labels == ["NOUN", "VERB", "ADJ"]
    assert counts.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]
    labels, counts = confusion([["B-PER", "I-PER", "O"]], [["B-PER", "B-PER", "B-LOC"]])
    assert labels == ["PER", "O", "LOC"]
    assert counts.tolist() == [[2, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_errors_of_tags_are_counted_with_different_examples():
    tokens = [["they", "run"], ["they", "run"], ["a", "run"], ["so"]]
    gold = [["PRON", "VERB"], ["PRON", "VERB"], ["DET", "VERB"], ["ADV"]]
    predicted = [["PRON", "NOUN"], ["PRON", "NOUN"], ["DET", "NOUN"], ["ADV"]]
    (error,) = common_errors(tokens, gold, predicted)
    examples = ["they [[ run ]]", "a [[ run ]]"]
    assert error == {
        "kind": "tag", "gold": "VERB", "predicted": "NOUN", "text": "run", "count": 3, "examples": examples
    }  # fmt: skip


@pytest.mark.parametrize(
    "gold, predicted, expected",
    [
        ("B-PER I-PER O O", "B-LOC I-LOC O O", [("type", "PER", "LOC", "a b", "[[ a b ]] c d")]),
        ("B-PER I-PER O O", "O B-PER I-PER O", [("boundary", "PER", "PER", "a b -> b c", "[[ a b c ]] d")]),
        ("B-PER I-PER O O", "B-LOC O O O", [("boundary and type", "PER", "LOC", "a b -> a", "[[ a b ]] c d")]),
        ("B-PER I-PER O O", "O O O O", [("missed", "PER", None, "a b", "[[ a b ]] c d")]),
        ("O O O O", "O O O B-PER", [("spurious", None, "PER", "d", "a b c [[ d ]]")]),
        # One span found as two: the longer part is the boundary error, the other one is spurious.
        (
            "B-PER I-PER I-PER O",
            "B-LOC I-LOC B-PER O",
            [
                ("boundary and type", "PER", "LOC", "a b c -> a b", "[[ a b c ]] d"),
                ("spurious", None, "PER", "c", "a b [[ c ]] d"),
            ],
        ),
    ],
)
def test_errors_of_spans_are_classified(gold, predicted, expected):
    errors = common_errors([list("abcd")], [gold.split()], [predicted.split()])
    assert [(e["kind"], e["gold"], e["predicted"], e["text"], *e["examples"]) for e in errors] == expected


def test_the_baseline_gives_each_word_its_most_frequent_tag():
    tag = lookup_baseline(
        [(["run", "run", "a"], ["NOUN", "VERB", "DET"]), (["run", "dog", "cat"], ["VERB", "NOUN", "NOUN"])]
    )
    assert tag(["run", "a", "zebra"]) == ["VERB", "DET", "NOUN"]
    with pytest.raises(ValueError, match="empty"):
        lookup_baseline([])


def test_plots_are_written_without_pyplot_and_nothing_here_waits_for_tensorflow(tmp_path):
    code = f"""
import sys
import seqzoo.display.pages, seqzoo.display.tables, seqzoo.display.terminal, seqzoo.metrics, seqzoo.text.tokenizer
assert not {{"matplotlib", "seqeval", "sklearn"}} & set(sys.modules)
from seqzoo.display.plots import attention_plot, confusion_plot, history_plot
history = [{{"epoch": 1, "loss": 2.0, "valid_f1": 10.0}}, {{"epoch": 2, "loss": float("nan")}}]
from seqzoo.metrics.measure import Measure
measures = {{"f1": Measure("F1", "max", "%"), "recall": Measure("$_R", "max", "%"), "loss": Measure("Loss", "min")}}
history_plot(history, "f1", measures, {str(tmp_path / "history.png")!r})
history[0]["valid_loss"] = 1.0
history_plot(history, "loss", measures, {str(tmp_path / "loss.png")!r})
confusion_plot(["O", "PER"], [[12345, 1], [0, 0]], {str(tmp_path / "confusion.png")!r})
assert not {{"matplotlib.pyplot", "tensorflow", "keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], check=True)
    assert all(
        (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("history", "loss", "confusion")
    )
    with pytest.raises(ValueError, match="valid_bleu"):
        history_plot([{"epoch": 1, "loss": 2.0}], "bleu", {"bleu": Measure("BLEU", "max")}, tmp_path / "none.png")
    confusion_plot(["$_$"], np.zeros((1, 1), int), tmp_path / "empty.svg")


def test_scores_of_labels_are_right_by_hand():
    scores = class_scores(["good", "good", "good", "bad"], ["good", "good", "bad", "odd"])
    assert scores == {
        "accuracy": 50,
        "macro_f1": pytest.approx((80 + 0 + 0) / 3),
        "classes": {
            "bad": {"precision": 0, "recall": 0, "f1": 0, "support": 1},
            "good": {"precision": 100, "recall": pytest.approx(200 / 3), "f1": 80, "support": 3},
            "odd": {"precision": 0, "recall": 0, "f1": 0, "support": 0},
        },
    }
    assert class_scores(["good", "good"], ["good", None])["classes"] == {
        "good": {"precision": 100, "recall": 50, "f1": pytest.approx(200 / 3), "support": 2}
    }
    assert class_scores([], []) == {"accuracy": 0, "macro_f1": 0, "classes": {}}
    with pytest.raises(ValueError, match="2 texts with gold labels and 1 with"):
        class_scores(["good", "bad"], ["good"])


def test_scores_of_sets_of_labels_are_right_by_hand():
    scores = label_set_scores([{"a", "b"}, {"a"}, set(), {"b"}], [{"a"}, {"a", "c"}, set(), {"b"}])
    assert scores == {
        "precision": 75,
        "recall": 75,
        "f1": 75,
        "macro_f1": pytest.approx((100 + 200 / 3 + 0) / 3),
        "accuracy": 50,
        "classes": {
            "a": {"precision": 100, "recall": 100, "f1": 100, "support": 2},
            "b": {"precision": 100, "recall": 50, "f1": pytest.approx(200 / 3), "support": 2},
            "c": {"precision": 0, "recall": 0, "f1": 0, "support": 0},
        },
    }
    empty = label_set_scores([set()], [set()])
    assert (empty["accuracy"], empty["f1"], empty["macro_f1"], empty["classes"]) == (100, 0, 0, {})
    with pytest.raises(ValueError, match="1 texts with gold labels and 0 with"):
        label_set_scores([{"a"}], [])


def test_calibration_is_right_by_hand():
    error, bins = calibration([0.0, 0.5, 0.75, 0.75, 0.75, 1.0], [True, False, True, True, False, False], bins=2)
    assert bins == [
        {"confidence": 25, "accuracy": 50, "count": 2},  # an edge belongs to the bin below
        {"confidence": 81.25, "accuracy": 50, "count": 4},
    ]
    assert error == pytest.approx((2 * 25 + 4 * 31.25) / 6)
    assert calibration([0.0, 1.0], [False, True]) == (
        0,
        [{"confidence": 0, "accuracy": 0, "count": 1}, {"confidence": 100, "accuracy": 100, "count": 1}],
    )
    # In floating point 0.07 * 100 is above 7, but 0.07 is the upper edge of the bin that 0.065 is in.
    assert [row["count"] for row in calibration(np.array([0.065, 0.07]), np.array([1, 0]), bins=100)[1]] == [2]
    assert calibration(np.float32([1.0000001]), [True])[0] == 0


def test_calibration_refuses_what_is_no_probability():
    for confidences, correct, message in [
        ([], [], "at least one answer"),
        ([1.1], [True], "not 1.1"),
        ([float("nan")], [True], "not nan"),
        ([0.5], [], "1 confidences and 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            calibration(confidences, correct)
    with pytest.raises(ValueError, match="0 bins"):
        calibration([0.5], [True], bins=0)


def test_a_reliability_plot_is_written(tmp_path):
    error, bins = calibration([0.55, 0.7, 0.9, 0.99], [True, False, True, True])
    for name, chosen in (("some", bins), ("none", [])):
        reliability_plot(chosen, error, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_bins_of_few_answers_are_joined_with_their_neighbours():
    rows = [(50, 100, 1), (60, 0, 3), (70, 50, 6), (80, 80, 12), (90, 100, 2)]
    bins = [dict(zip(("confidence", "accuracy", "count"), row, strict=True)) for row in rows]
    assert merged_bins(bins, 1) == bins and merged_bins([], 10) == []
    assert merged_bins(bins, 10) == [
        {"confidence": 65, "accuracy": 40, "count": 10},  # (50 + 3 * 60 + 6 * 70) / 10, (100 + 6 * 50) / 10
        {"confidence": pytest.approx(1140 / 14), "accuracy": pytest.approx(1160 / 14), "count": 14},
    ]
    assert [row["count"] for row in merged_bins(bins, 100)] == [24]


def test_an_accuracy_of_few_answers_has_a_wide_interval():
    assert accuracy_interval(50, 10) == pytest.approx((23.66, 76.34), abs=0.01)
    assert accuracy_interval(100, 10) == pytest.approx((72.25, 100), abs=0.01)
    low, high = accuracy_interval(50, 1000)
    assert high - low == pytest.approx(6.19, abs=0.01)


def test_costs_of_other_scales_are_not_drawn_beside_the_objective(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *args, **kwargs: drawn.append(figure))
    history = [{"epoch": 1, "loss": 2.0, "valid_bits": 3.0, "valid_word_bits": 20.0, "valid_f1": 8.0, "valid_p": 9.0}]
    measures = {"bits": Measure("bits", "min", "bits"), "word_bits": Measure("bits a word", "min", "bits")}
    measures |= {"f1": Measure("F1", "max", "%"), "p": Measure("precision", "max", "%")}
    for objective, names in (("bits", ["bits"]), ("f1", ["F1", "precision"])):
        history_plot(history, objective, measures, tmp_path / "history.png")
        *lines, best = drawn[-1].axes[1].get_legend_handles_labels()[1]
        assert lines == names and best.startswith("best: ")
    history_plot([*history, {**history[0], "epoch": 2}], "f1", measures, tmp_path / "history.png", best=2)
    assert drawn[-1].axes[1].get_legend_handles_labels()[1][-1] == "best: 8 in epoch 2"


def test_naive_bayes_is_right_by_hand():
    texts = [("good good film", "pos"), ("good", "pos"), ("bad film", "neg"), ("bad bad", "neg"), ("dull film", "neg")]
    classify = naive_bayes_baseline((text.split(), label) for text, label in texts)
    # Of 4 words: P(good|pos) = 3/7, P(film|pos) = 2/7, others 1/7; P(film|neg) = P(bad|neg) = 3/9, P(dull|neg) = 2/9.
    assert classify(["film"]) == "neg"  # 2/5 * 2/7 < 3/5 * 3/9
    assert classify(["good", "film"]) == "pos"  # 2/5 * 3/7 * 2/7 = 0.049 > 3/5 * 1/9 * 3/9 = 0.022
    assert classify(["good", "bad"]) == "pos"  # 2/5 * 3/7 * 1/7 = 0.0245 > 3/5 * 1/9 * 3/9 = 0.0222
    # Once a text is enough: bad counted twice would be 0.0035 < 0.0074.
    assert classify(["good", "bad", "bad"]) == "pos"
    assert classify(["good", "bad", "dull", "unseen"]) == "neg"  # 0.0035 < 0.0049
    assert classify([]) == classify(["unseen"]) == "neg"


def test_naive_bayes_needs_texts_and_smoothing():
    with pytest.raises(ValueError, match="no training examples"):
        naive_bayes_baseline([])
    with pytest.raises(ValueError, match="above 0, not 0"):
        naive_bayes_baseline([(["a"], "b")], smoothing=0)
    assert naive_bayes_baseline([([], "b")])(["a"]) == "b"


def test_translations_score_as_bleu_is_by_hand():
    # 5 words of 6, n-grams of 5/5, 3/4, 2/3, 1/2; too short by a word: e^(1 - 6/5).
    scores = translation_scores(["the cat sat on mat"], ["the cat sat on the mat"])
    assert scores["bleu"] == pytest.approx(100 * math.exp(1 - 6 / 5) * (1 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert scores["exact"] == 0 and 0 < scores["chrf"] < 100
    assert scores.keys() == {"bleu", "chrf", "exact", "bleu_signature", "chrf_signature"}
    same = translation_scores(["A b c d", "x"], ["a b c d", "y"], tokenize="char", lowercase=True)
    assert same["exact"] == 50 and same["bleu_signature"].startswith("nrefs:1|case:lc|eff:no|tok:char")
    assert translation_scores(["A b c d"], ["a b c d"])["exact"] == 0
    assert translation_scores(["a", ""], ["", ""])["exact"] == 50


def test_pairs_are_scored_in_all_and_by_group():
    assert pair_scores([("2 attractors", True), ("none", True), ("none", False)]) == {
        "accuracy": pytest.approx(200 / 3),
        "support": 3,
        "classes": {"2 attractors": {"accuracy": 100, "support": 1}, "none": {"accuracy": 50, "support": 2}},
    }
    with pytest.raises(ValueError, match="no pairs"):
        pair_scores([])


def test_scores_of_labels_agree_with_scikit_learn():
    from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

    rng = random.Random(0)
    gold, predicted = ([rng.choice("abcd") for _ in range(200)] for _ in range(2))
    scores = class_scores(gold, predicted)
    found = [[each[name] for name in ("precision", "recall", "f1", "support")] for each in scores["classes"].values()]
    precision, recall, f1, support = precision_recall_fscore_support(gold, predicted)
    np.testing.assert_allclose(found, np.array([100 * precision, 100 * recall, 100 * f1, support]).T)
    assert scores["accuracy"] == pytest.approx(100 * accuracy_score(gold, predicted))
    assert scores["macro_f1"] == pytest.approx(100 * f1.mean())
    labels, counts = confusion([gold], [predicted])
    np.testing.assert_array_equal(counts, confusion_matrix(gold, predicted, labels=labels))


def test_a_measure_knows_its_label_its_format_and_its_sign():
    assert Measure("F1", "max", "%").label == "F1 (%)" and Measure("Support").label == "Support"
    assert Measure("Nats a step", "min", "nats").label == "Nats a step"
    values = (1234, np.int64(1234), 1234.5, None)
    assert [Measure("x").format(value) for value in values] == ["1,234", "1,234", "1,234.50", ""]
    assert Measure.format(math.exp(700)) == "1.01e+304" and Measure.format(float("nan")) == "nan"
    assert [Measure("x", direction).sign for direction in ("max", "min", "")] == [1, -1, 0]
    with pytest.raises(ValueError, match="direction of 'F1'.*'up'"):
        Measure("F1", "up")


@pytest.mark.parametrize("numbers", [(0, 0), (1, 2), (2, 1)])
def test_translations_and_references_are_as_many(numbers):
    with pytest.raises(ValueError, match="There are {} translations for {} references".format(*numbers)):
        translation_scores(*(["a"] * number for number in numbers))


@pytest.mark.parametrize("source, target", [(1, 1), (4, 0), (700, 3), (2, 700)])
def test_attention_is_drawn_in_an_image_of_bounded_size(source, target, tmp_path):
    from matplotlib.image import imread

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = ["$a_{1", "日", "b" * 500]
        weights = np.full((target, source), 0.5).tolist()
        rows = [(names * 300)[:number] for number in (source, target)]
        attention_plot(*rows, weights, tmp_path / "a.png", "$x_{ " + "long " * 9)
    assert max(imread(tmp_path / "a.png").shape) < 5000


def test_diversity_counts_distinct_ngrams_and_the_longest_that_comes_twice():
    found = diversity(["a b a b".split(), "a b c d".split()])
    assert found["distinct_1"] == pytest.approx(100 * (2 / 4 + 4 / 4) / 2)
    assert found["distinct_2"] == pytest.approx(100 * (2 / 3 + 3 / 3) / 2)
    assert found["longest_repetition"] == (2 + 0) / 2
    assert longest_repetition([7, 7, 7, 7]) == 3 and longest_repetition([1]) == longest_repetition([]) == 0
    assert longest_repetition([1, 2, 3, 9, 1, 2, 3, 8, 2, 3]) == 3


def test_self_bleu_is_the_mean_bleu_of_all_pairs():
    from sacrebleu import sentence_bleu

    rng = random.Random(0)
    pieces = [[rng.choice("abcde") for _ in range(12)] for _ in range(4)]
    pairs = [(one, other) for one in pieces for other in pieces if one is not other]
    expected = [sentence_bleu(" ".join(one), [" ".join(other)], tokenize="none").score for one, other in pairs]
    assert diversity(pieces)["self_bleu"] == pytest.approx(np.mean(expected))
    assert diversity([pieces[0], pieces[0]])["self_bleu"] == pytest.approx(100)


def test_samples_are_compared_with_pieces_of_the_corpus_of_their_size():
    text = " ".join(f"word{n % 37} ." for n in range(60))  # 120 words and marks
    corpus = corpus_diversity([text, text, text[:100]])
    assert [*corpus] == ["25", "50", "100"]
    samples = [" ".join(["Again!"] * 30)] * 2 + ["short"]
    found = compared(samples, corpus)
    assert found["words"] == 50 and found["corpus"] == corpus["50"]
    assert found["samples"]["distinct_1"] == 4 and found["samples"]["longest_repetition"] == 48
    assert compared(samples[1:], corpus) == compared(["a"] * 9, corpus) == {} == compared([], {})


def test_matthews_coefficient_is_that_of_scikit_learn_for_any_number_of_classes():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = random.Random(0)
    for classes in ("ab", "abc", "a"):
        gold, predicted = ([rng.choice(classes) for _ in range(50)] for _ in range(2))
        assert matthews(gold, predicted) == pytest.approx(sklearn.matthews_corrcoef(gold, predicted))
    assert matthews("aabb", "aabb") == 1 and matthews("aabb", "bbaa") == -1
    # Of 3 a and 2 b one each is wrong: tp 2, tn 1, fp 1, fn 1.
    rows = one_against_rest("aaabb", "aabab")
    assert rows["a"] == {"specificity": 50, "mcc": pytest.approx((2 * 1 - 1 * 1) / 6)}
    assert rows["b"]["mcc"] == rows["a"]["mcc"]
