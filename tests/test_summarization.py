"""Summarization: ROUGE by hand, texts that are cut, what is left out, logs whose names have to be copied."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest

from seqzoo import options, run
from seqzoo.datasets import DATASETS, Examples
from seqzoo.decoding.search import BeamPredictor
from seqzoo.display.labels import attended
from seqzoo.metrics.summaries import rouge_intervals, rouge_scores
from seqzoo.tasks.summarization import Config, Summarization
from seqzoo.text.lines import JsonTexts


def loaded(examples, **settings):
    """A task with these examples as train and valid, and its data."""
    task = Summarization(Config(min_count=1, **settings))
    read = functools.partial(iter, examples)
    task.read = lambda: {split: Examples(read, task.needs, split) for split in ("train", "valid")}
    return task, task.load()


def test_rouge_agrees_with_a_count_by_hand():
    scores = rouge_scores(["The cats sat here"], [["a cat was here, sitting"]])
    # Stems: the cat sat here / a cat wa here sit; in common cat and here, in this order, and no pair.
    assert scores["rouge1"] == scores["rougel"] == pytest.approx(100 * 2 * (2 / 4) * (2 / 5) / (2 / 4 + 2 / 5))
    assert scores["rouge2"] == scores["exact"] == 0
    turned = rouge_scores(["here cat"], [["cat here"]])
    assert (turned["rouge1"], turned["rouge2"], turned["rougel"]) == (100, 0, 50)


def test_the_best_of_several_references_counts_for_each_score():
    scores = rouge_scores(["a b c", "x"], [["c b a", "a b"], ["y"]])
    assert scores["rouge1"] == 50 and scores["rougel"] == pytest.approx(50 * 2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert "the best of 2 references" in scores["rouge_signature"]


def test_words_of_other_scripts_and_characters_count_if_asked_for():
    texts = ["çok güzel"], [["Çok kötü"]]
    assert rouge_scores(*texts, "words")["rouge1"] == pytest.approx(50)
    assert rouge_scores(["今日晴"], [["今日雨"]], "characters")["rouge1"] == pytest.approx(200 / 3)
    assert rouge_scores(["今日晴"], [["今日晴"]])["rouge1"] == 0
    with pytest.raises(ValueError, match="--rouge=english counts words of a to z, and 2 of the first 2"):
        loaded([{"text": "今日は晴れ", "summary": "晴"}] * 2)


def test_an_interval_is_around_the_mean_as_wide_as_the_sample_is_small():
    def width(n):
        texts = ["a", "b"] * n, [["a"]] * 2 * n
        found = rouge_intervals(*texts)
        bounds = [found[end]["rouge1"] for end in ("low", "high")]
        assert bounds[0] <= rouge_scores(*texts)["rouge1"] == 50 <= bounds[1]
        return bounds[1] - bounds[0]

    # 2 * 1.96 standard errors of a share of one half: 0.5 / sqrt(2 n)
    assert width(50) == pytest.approx(100 * 2 * 1.96 * 0.5 / 10, rel=0.1)
    assert width(200) == pytest.approx(width(50) / 2, rel=0.1)


@pytest.mark.parametrize("tokenizer", ["words", "whitespace", "characters"])
def test_only_the_first_tokens_of_a_long_text_are_read_and_this_is_reported(tokenizer):
    texts = "a b c d e", "a b c", "a b\nc d e f"
    most = 5 if tokenizer == "characters" else 3
    task, data = loaded([{"text": text, "summary": "a"} for text in texts], tokenizer=tokenizer, max_tokens=most)
    assert data.summary["cut"] == f"the first {most} tokens of longer texts are read: 2 of 3 in train, 2 of 3 in valid"
    lengths = [len(arrays["source"]) for _, (arrays, *_) in data.splits["valid"].encoded()]
    assert lengths == [most + 1] * 3
    assert "e" not in "".join(task.codecs[0].tokens).replace("<end>", "")  # nothing of what is never read is learned
    row = {"ids": np.zeros((1, 0), int), "scores": np.zeros(1), "log_probabilities": np.zeros(1), "lengths": [0]}
    row["attention"] = np.ones((1, 0, most + 1))
    assert len(task.answer({"text": texts[0]}, row)["source_tokens"]) == most + 1


def test_an_empty_text_or_summary_is_left_out_and_counted():
    _, data = loaded([{"text": "a", "summary": "a"}, {"text": " \n", "summary": "a"}, {"text": "a", "summary": ""}])
    assert data.splits["train"].skipped == {"empty text": 1, "empty summary": 1}
    assert data.splits["valid"].skipped == {"empty text": 1}  # whatever is written for the other counts as wrong


def test_words_at_the_start_of_a_line_are_copied_as_those_within():
    example = {"text": "Met Zoë\nWu left", "summary": "Wu and Zoë left"}
    task, data = loaded([{"text": "met left", "summary": "and left"}])
    (_, (arrays, labels, _)), *_ = task.feed([example]).encoded()
    size = len(task.codecs[1].tokens)
    assert labels[0] == size + 3 and labels[2] == size + 1  # their positions: Met Zoë ↵ Wu left
    row = {"ids": labels[None, :-1], "scores": np.zeros(1), "log_probabilities": np.zeros(1), "lengths": [4]}
    assert task.answer(example, row)["summary"] == "Wu and Zoë left"


def test_the_baselines_are_the_first_sentence_and_as_many_tokens_as_summaries_have():
    task, data = loaded([{"text": "Dr. Wu left. Zoë\nstayed on.", "summary": "Wu left first"}])
    found = {name: answer(example) for name, answer in task.baselines(data.splits["train"].examples).items()
             for example in data.splits["valid"].examples}  # fmt: skip
    assert found == {"first sentence": {"summary": "Dr. Wu left."}, "first 3 tokens": {"summary": "Dr. Wu left"}}


def test_logs_have_names_of_their_split_alone_and_summaries_copy_them():
    names = {}
    for split, examples in DATASETS["event_logs"](sizes={"train": 300, "valid": 100, "test": 100}).items():
        found = [(example["text"].split(), example["summary"].replace(",", "").split()) for example in examples]
        names[split] = {word for text, _ in found for word in text if word.istitle()}
        for text, summary in found:
            assert {word for word in summary if word.istitle() or word.isdecimal()} <= {*text}
            assert summary[-2:] in ([*text[-4:-2]], *([a, b] for a, b in zip(text, text[1:], strict=False)))
    assert not names["train"] & names["valid"] and not names["valid"] & names["test"]


@pytest.mark.parametrize(("bounds", "limits"), [((0, 0), [12, 30]), ((20, 0), [20, 30]), ((20, 20), [20, 20])])
def test_an_answer_has_at_most_the_tokens_that_its_source_and_the_summaries_learned_allow(bounds, limits):
    class Decoder:
        attends, begin, tokens = False, 2, 4

        def source_mask(self, inputs):
            return np.arange(10) < np.array([[1], [10]])

    predictor = BeamPredictor([Decoder()], 2, options.Decoding(), bounds=bounds)
    assert predictor.variant(options.Decoding(beam=2)).bounds == bounds
    given = []
    predictor.beam = lambda inputs, limits, mask: given.extend(limits) or SimpleNamespace(_asdict=dict)
    predictor.attention, predictor.score_labels = True, False
    predictor({}, None, None)
    assert given == limits


def test_json_lines_are_texts_with_line_ends(tmp_path):
    file = tmp_path / "texts.jsonl"
    file.write_text('{"id": 1, "text": "a\\nb"}\n\n"c"\n{"body": "d"}\n', "utf-8")
    with file.open("rb") as opened:
        lines = JsonTexts(opened, file)
        assert [next(lines) for _ in range(3)] == ["a\nb", "", "c"]
        with pytest.raises(ValueError, match=r'texts.jsonl:4: should be a JSON string, or an object with a "text"'):
            next(lines)


@pytest.mark.parametrize(("task", "texts"), [("summarization", ["a\nb"]), ("translation", ["a", "b"])])
def test_a_text_of_a_document_may_have_several_lines(task, texts):
    command = run.Command(task=task, mode="predict", text="a\nb")
    assert run._lines(command, None) == texts


def test_only_the_attended_part_of_a_long_source_is_shown():
    source, row = ["x"] * 200, [0.0] * 200
    row[7], row[150] = 0.9, 0.06
    assert attended([row], source) == [7, 150]
    assert attended([row[:100]], source[:100]) == [*range(100)]
    assert len(attended([], source)) == 120  # nothing was written
