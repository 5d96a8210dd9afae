"""The translation task from the command line: a made-up language of seven words, and names that no vocabulary has."""

import io
import json
import math
import random

import keras
import numpy as np
import pytest

from seqzoo import run
from seqzoo.decoding.search import n_best
from seqzoo.families.text_to_text import Predicting
from seqzoo.task import TASKS
from seqzoo.tasks.translation import without_blank
from seqzoo.text.codec import UNITS, Codec
from seqzoo.training.folder import Run, load

TASK = TASKS["translation"]
WORDS = {"red": "rilo", "old": "volo", "big": "gralo", "cat": "keto", "dog": "duno", "owl": "huvo", "sees": "vidi"}
SMALL = ["--task=translation", "--dataset=parallel", "--dim=16", "--units=24", "--encoder_units=12", "--dropout=0"]
SMALL += ["--input_dropout=0", "--average=0"]
SIDES = "--columns=source=en,target=zz"


def pairs(seed, size):
    """Each word is another one, in the same order; names, each seen once, are the same in both languages."""
    draw, found = random.Random(seed), []
    for _ in range(size):
        words = [draw.choice([*WORDS, f"N{draw.randrange(10**9)}"]) for _ in range(draw.randint(2, 4))]
        found.append((" ".join(words), " ".join(WORDS.get(word, word) for word in words)))
    return found


def write(folder, **splits):
    """Files of both languages of each split."""
    folder.mkdir(exist_ok=True)
    for split, found in splits.items():
        for place, ending in enumerate(("en", "zz")):
            (folder / f"{split}.{ending}").write_text("".join(pair[place] + "\n" for pair in found), "utf-8")
    return folder


def table(path, found):
    path.write_text("".join(f"{source}\t{target}\n" for source, target in found), "utf-8")
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write(tmp_path_factory.mktemp("corpus"), train=pairs(0, 600), valid=pairs(1, 30))


@pytest.fixture(scope="module")
def folder(corpus, tmp_path_factory):
    """A run that reads words, and looks at what is near."""
    folder = tmp_path_factory.mktemp("runs") / "words"
    flags = [f"--data_dir={corpus}", SIDES, "--tokenizer=words", "--min_count=3", "--attention=general"]
    flags += ["--batch_size=16", "--learning_rate=0.03", "--epochs=10", "--evaluate_every=10"]
    assert run.main([*SMALL, *flags, f"--workdir={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    return load(folder)


def predict(trained, lines, **options):
    return [*trained.task.predict(trained, lines, Predicting(**options))]


def answers(capsys, *flags):
    """The JSON lines that a command prints."""
    capsys.readouterr()
    assert run.main([*flags]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys, *flags):
    """What a command says that is refused, in one line."""
    capsys.readouterr()
    assert run.main([*flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


# A run.


def test_a_run_has_scores_with_their_signatures_and_translations_to_look_at(folder, corpus):
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["valid_exact"] > 50 and metrics["valid_beam_exact"] > 50  # of words as the vocabulary has them
    assert {"valid_bleu", "valid_chrf", "valid_perplexity", "valid_beam_bleu", "valid_beam_chrf"} <= metrics.keys()
    assert "case:mixed" in metrics["valid_beam_bleu_signature"] and "tok:13a" in metrics["valid_beam_bleu_signature"]
    shown = json.loads((folder / "predictions.json").read_text())
    assert [(row["text"], row["reference"]) for row in shown] == pairs(1, 30)
    assert sum(row["translation"] == row["reference"] for row in shown) > 15


def test_texts_come_from_an_option_a_file_or_standard_input_and_an_empty_line_is_an_empty_answer(
    folder, tmp_path, capsys, monkeypatch
):
    lines = ["red cat", "", "  ", "owl old "]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n")
    asked = ["--mode=predict", f"--workdir={folder}", "--beam=2", "--attention"]
    from_file = answers(capsys, *asked, f"--input={tmp_path / 'texts.txt'}")
    assert [answer["translation"] for answer in from_file] == ["rilo keto", "", "", "huvo volo"]
    assert [(answer["line"], answer["text"]) for answer in from_file] == [*enumerate(lines, 1)]
    first, empty = from_file[:2]
    assert empty == {"line": 2, "text": "", "translation": "", "n_best": []}
    assert first["source_tokens"] == ["red", " cat", "<end>"]
    (best,) = first["n_best"]
    assert best.keys() == {"text", "score", "log_probability", "tokens", "attention"}
    assert all(len(str(weight)) <= 5 for step in best["attention"] for weight in step)
    assert best["tokens"] == ["rilo", " keto"] and np.shape(best["attention"]) == (2, 3)
    np.testing.assert_allclose(np.sum(best["attention"], axis=1), 1, atol=0.01)


def test_an_option_and_standard_input_give_the_lines_that_a_file_gives(folder, capsys, monkeypatch):
    monkeypatch.setattr(TASK, "predict", lambda _, run, lines, asked: ({"text": line} for line in lines))
    lines = ["red cat", "", "owl"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    for flags in ([], ["--text=" + "\n".join(lines)]):
        rows = answers(capsys, "--mode=predict", f"--workdir={folder}", *flags)
        assert [row["text"] for row in rows] == lines


def test_what_training_never_saw_is_no_obstacle(trained):
    odd = [
        "☃ Ωμέγα 日本",
        "\x00",
        "\u200b\u200b",
        "▁",
        "<unk> <end> <pad>",
        "red\tcat",
        "a\u2028b",
        "red  cat",
        "\x85\x1f",
    ]
    assert [(answer["line"], answer["text"]) for answer in predict(trained, odd)] == [*enumerate(odd, 1)]


def test_a_very_long_text_has_a_translation_of_bounded_length(trained):
    (answer,) = predict(trained, ["red cat sees old dog " * 400], beam=2, longest_ratio=0.02)
    assert len(answer["source_tokens"]) == 2001 and 0 < len(answer["n_best"][0]["tokens"]) <= 50


def test_an_answer_may_be_as_long_as_the_longest_target_of_training(trained):
    assert trained.task.assets["longest"] == 5 and trained.predictor.bounds == (5, 0)  # four words and the end mark


def test_the_best_are_different_and_fall_and_the_length_penalty_is_that_of_the_paper(trained):
    rankings = {}
    for alpha in (0.0, 1.0, 9.0):
        (answer,) = predict(trained, ["red cat sees owl"], n_best=6, length_penalty=alpha)
        best = answer["n_best"]
        assert len({(*row["tokens"],) for row in best}) == 6 and answer["translation"] == best[0]["text"]
        assert [row["score"] for row in best] == sorted((row["score"] for row in best), reverse=True)
        for row in best:
            assert row["score"] == pytest.approx(
                row["log_probability"] / ((6 + len(row["tokens"])) / 6) ** alpha, abs=1e-3
            )
        rankings[alpha] = best
    assert rankings[0.0][0]["text"] == "rilo keto vidi huvo"
    lengths = [np.mean([len(row["tokens"]) for row in rankings[alpha]]) for alpha in (0.0, 9.0)]
    assert lengths[0] < lengths[1]


def test_the_best_are_different_texts_though_other_subwords_may_be_the_same_text(tmp_path):
    task = tiny(table(tmp_path / "train.tsv", pairs(3, 40)), tokenizer="bpe", vocabulary=60)
    task.load()
    keras.utils.set_random_seed(0)
    model = task.build()
    run = Run(task, model, task.predictor(model), tmp_path)
    target = task.codecs[1]
    search = task.search(run.predictor, Predicting(), n_best=6, attention=False, score_labels=False)
    found = search({"source": np.array([[5, 6, 7]])}, None, None)
    texts = [
        target.decode(ids[:n]).strip() for ids, n in zip(found["ids"][0].tolist(), found["lengths"][0], strict=True)
    ]
    assert len({*texts}) < len(texts)
    (answer,) = predict(run, ["red cat"], n_best=6)
    assert len({row["text"] for row in answer["n_best"]}) == 6


def test_a_beam_of_one_takes_the_likeliest_token_each_step(trained):
    source, target = trained.task.codecs
    decoder = trained.predictor.decoder
    lines = [source for source, _ in pairs(7, 12) if source.count(" ") == 2]
    for line, answer in zip(lines, predict(trained, lines, beam=1), strict=True):
        fixed, state = decoder.start({"source": np.array([[*source.encode(line)[0], source.end]])})
        ids = [target.end]
        while len(ids) < 2 or ids[-1] != target.end:
            distribution, state = decoder.step(np.array(ids[-1:]), fixed, state)
            logits = np.array(distribution.logits[0])
            logits[0] = -np.inf
            ids.append(int(logits.argmax()))
        assert answer["n_best"][0]["log_probability"] <= 0
        assert len(answer["n_best"][0]["tokens"]) == len(ids) - 2
        known = [token for token, i in zip(answer["n_best"][0]["tokens"], ids[1:], strict=False) if i != 1]
        assert known == [token for token in target.token_texts(ids[1:-1]) if token != "<unk>"]


def test_an_unknown_word_is_copied_from_where_the_attention_lies(trained):
    lines = ["red Zork sees cat", "Zork old Mork", "dog <unk>"]
    copied, banned = predict(trained, lines), predict(trained, lines, replace_unknown=False)
    assert [answer["translation"] for answer in copied[:2]] == ["rilo Zork vidi keto", "Zork volo Mork"]
    assert copied[0]["n_best"][0]["tokens"] == ["rilo", " Zork", " vidi", " keto"]
    for answer in banned:
        assert not {"<unk>", "Zork", "Mork"} & {*answer["translation"].split()}


@pytest.mark.parametrize(
    "units, source, aligned, expected",
    [
        ("words", "Zork sees (Mork)", [3, 0, 2], "Mork Zork ( cat"),
        ("words", "Zork", [0, 0, 0], "Zork Zork Zork cat"),
        ("whitespace", "<unk> Mork", [0, 1, 0], "<unk> Mork <unk> cat"),
    ],
)
def test_copied_words_keep_their_spaces(units, source, aligned, expected):
    codec = Codec.learn(units, ["a cat"], 0)
    ids = [1, 1, 1, codec.encode("a cat")[0][1]]
    row = {"ids": np.array([ids]), "lengths": [4], "scores": [0.0], "log_probabilities": [0.0]}
    (answer,) = n_best({**row, "aligned": np.array([[*aligned, 0]])}, codec, codec, source)
    assert answer["text"] == expected and len(answer["tokens"]) == 4


def test_unknown_words_are_never_aligned_to_the_end_mark(trained):
    source = trained.task.codecs[0]
    search = trained.task.search(trained.predictor, Predicting(), score_labels=False)
    ids = [[*source.encode(text)[0], source.end] for text in ("Zork", "red")]
    assert not search({"source": np.array(ids)}, None, None)["aligned"].any()


def test_a_translation_begins_without_a_space():
    codec = Codec.learn("words", ["a cat"], 0)
    row = {"ids": np.array([[codec.tokens.index(" cat")]]), "lengths": [1], "scores": [0.0], "log_probabilities": [0.0]}
    assert n_best(row, codec, codec, "a")[0]["text"] == "cat"


def test_pages_and_images_of_the_attention_are_written(folder, tmp_path, capsys):
    flags = ["--mode=predict", f"--workdir={folder}", f"--html={tmp_path / 'a.html'}", f"--png={tmp_path / 'a.png'}"]
    rows = answers(capsys, *flags, "--text=\nred <b> & cat\nowl", "--n_best=2", "--beam=2")
    assert [len(row["n_best"]) for row in rows] == [0, 2, 2]
    page = (tmp_path / "a.html").read_text()
    assert page.count("<article") == 3 and page.count("<table") == 4
    assert "<p>red &lt;b&gt; &amp; cat</p>" in page and "rilo ← red" in page
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("units", UNITS)
def test_every_text_that_is_not_blank_has_tokens(units):
    codec = Codec.learn(units, ["The red cat sees a big dog, and an old owl."] * 3, 50)
    blank = [c for c in map(chr, [*range(0xD800), *range(0xE000, 0x11000)]) if c.strip() and not codec.encode(c)[0]]
    assert not blank  # else the answers would stand beside other texts


# Scores.


def test_given_translations_are_scored_and_a_right_one_is_likelier(folder, tmp_path, capsys):
    (tmp_path / "pairs.tsv").write_text("red cat\trilo keto\nred cat\trilo duno\nred cat\t\nred cat\trilo Zork\n")
    rows = answers(capsys, "--mode=score", f"--workdir={folder}", f"--input={tmp_path / 'pairs.tsv'}")
    right, wrong, empty, unknown = rows
    assert right["log_probability"] > max(wrong["log_probability"], empty["log_probability"]) + 1
    for number, row in enumerate(rows, 1):
        total = sum(token["log_probability"] for token in row["tokens"])
        assert row["log_probability"] == pytest.approx(total, abs=1e-3) and row["line"] == number
        assert row["perplexity"] == pytest.approx(math.exp(-total / len(row["tokens"])), rel=1e-3)
        assert "".join(token["text"] for token in row["tokens"][:-1]) == row["text"]
    assert empty["text"] == "" and [token["text"] for token in empty["tokens"]] == ["<end>"]
    assert [token["known"] for token in unknown["tokens"]] == [True, False, True]
    ranked = answers(capsys, "--mode=score", f"--workdir={folder}", "--rank", f"--input={tmp_path / 'pairs.tsv'}")
    assert ranked[0]["line"] == 1 and sum(row["share"] for row in ranked) == pytest.approx(1)
    found = {row["line"]: row["log_probability"] for row in ranked}
    assert [*found.values()] == sorted(found.values(), reverse=True)
    assert all(found[row["line"]] == row["log_probability"] for row in (right, wrong, empty))
    assert found[4] < unknown["log_probability"] - 4 * math.log(257)  # the unknown word costs its spelling, too


@pytest.mark.parametrize("line", ["red cat", "\trilo", "red\trilo\tketo", ""])
def test_a_line_that_is_no_pair_is_refused_with_its_number(trained, line):
    with pytest.raises(ValueError, match="Line 2 should be a text and its translation, with a tab between. Rec"):
        [*trained.task.score(trained, ["red\trilo", line])]


def test_a_run_is_evaluated_on_another_folder_by_the_beam_that_is_asked_for(trained, tmp_path):
    found = [*pairs(5, 12), ("red", "")]
    other = write(tmp_path / "other", test=[*found, ("", "rilo")])  # without a source there is nothing to translate
    assert run.main(["--mode=evaluate", f"--workdir={trained.folder}", f"--data_dir={other}", "--beam=2"]) == 0
    (saved,) = trained.folder.glob("evaluate-*other-beam-2*.json")
    scores = json.loads(saved.read_text())
    said = predict(trained, [source for source, _ in found], beam=2)
    same = [answer["translation"] == target for answer, (_, target) in zip(said, found, strict=True)]
    assert scores["test_exact"] == pytest.approx(100 * np.mean(same)) and any(same)
    assert scores["test_bleu_signature"].startswith("nrefs:1") and 0 < scores["test_chrf"] <= 100


@pytest.mark.slow
@pytest.mark.variant
def test_a_run_twice_is_the_run_and_others_must_have_its_vocabularies(folder, spelled, trained, capsys):
    lines = ["red cat owl", "big dog sees"]
    alone = predict(trained, lines, beam=2, attention=True)
    twice = predict(trained, lines, beam=2, attention=True, ensemble=str(folder))
    for one, two in zip(alone, twice, strict=True):
        assert one["translation"] == two["translation"]
        assert one["n_best"][0]["score"] == pytest.approx(two["n_best"][0]["score"], abs=2e-4)
        np.testing.assert_allclose(one["n_best"][0]["attention"], two["n_best"][0]["attention"], atol=2e-3)
    asked = ["--mode=predict", f"--workdir={folder}", "--text=red"]
    assert f"{spelled[0]} is not a translation run with the same vocab" in refused(
        capsys, *asked, f"--ensemble={spelled[0]}"
    )
    assert "is not a run folder" in refused(capsys, *asked, "--ensemble=/nowhere")


# A run that is killed before its first score, of characters, without attention, of one file without valid.


@pytest.fixture(scope="module")
def spelled(tmp_path_factory):
    """(folder, what was printed before and after the kill)."""
    from rich.console import Console

    from seqzoo.training import loop as training

    place = tmp_path_factory.mktemp("spelled")
    rows = [(a.upper(), b.title()) for a, b in pairs(2, 400) if 8 < max(len(a), len(b)) < 15]
    rows += [("", "nothing"), ("nothing", " "), ("a" * 20, "b")]
    path = table(place / "train.tsv", rows)
    config = TASK.Config(
        dataset="parallel", data_dir=str(path.parent), joint=True, lowercase=True, longest=15, attention="none",
        context="step", scheduled_sampling="linear", sampling_epochs=2, static_shapes=True, cache_tokens=0,
        dim=16, units=24, encoder_units=12, epochs=3, evaluate_every=2, batch_size=32, seed=3,
    )  # fmt: skip
    out, save = [], training.checkpoint

    def killed(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            training.train(TASK(config), place / "run", Console(file=io.StringIO()))
    assert not (place / "run" / "model.keras").exists()
    with pytest.raises(ValueError, match="no model yet"):
        load(place / "run")
    for _ in range(2):
        console = Console(file=io.StringIO(), width=200)
        training.train(TASK(config), place / "run", console)
        out.append(console.file.getvalue())
    return place / "run", out


@pytest.mark.slow
@pytest.mark.slow
def test_a_run_killed_before_its_first_score_goes_on_and_counts_its_sampling_steps(spelled):
    folder, (out, again) = spelled
    history = json.loads((folder / "history.json").read_text())
    assert ["valid_bleu" in epoch for epoch in history] == [False, True, True]  # the last one always
    lines = [line for line in out.splitlines() if line.startswith("epoch ")]
    assert "continuing after epoch 1" in out and ["valid_bleu" in line for line in lines] == [True, True]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["best_epoch"] in (2, 3) and (folder / "history.png").exists() and "already finished" in again
    trained = load(folder)
    steps = 3 * TASK(trained.task.config).load().splits["train"].steps
    with np.load(folder / "checkpoint.npz") as arrays:
        numbers = [arrays[name] for name in arrays.files if name.startswith("model") and not arrays[name].ndim]
    assert steps in numbers


@pytest.mark.slow
def test_left_out_and_held_out_examples_are_reported(spelled):
    folder, (out, _) = spelled
    out = " ".join(out.split())
    assert "held out: about every 20th target of train is valid" in out and "no test split: scores are on valid" in out
    assert "1 left out (empty source), 1 left out (empty target), 1 left out (more than 15 tokens)" in out
    assert "vocabulary: " in out
    assert [*load(folder).task.assets] == ["joint", "longest"]


@pytest.mark.slow
def test_capitals_are_small_letters_in_texts_and_in_scores(spelled):
    folder, _ = spelled
    assert not any(token != token.lower() for token in load(folder).task.assets["joint"].tokens)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert "case:lc" in metrics["valid_beam_bleu_signature"] and "tok:char" in metrics["valid_beam_bleu_signature"]
    assert all(
        row["reference"] == row["reference"].lower() for row in json.loads((folder / "predictions.json").read_text())
    )


@pytest.mark.slow
def test_a_run_without_attention_has_pages_without_tables_and_refuses_what_needs_it(spelled, tmp_path, capsys):
    asked = ["--mode=predict", f"--workdir={spelled[0]}", "--text=RED cat\nŽ日", "--beam=1"]
    assert len(answers(capsys, *asked, f"--html={tmp_path / 'a.html'}")) == 2
    page = (tmp_path / "a.html").read_text()
    assert page.count("<article") == 2 and "<table" not in page
    assert "Showing attention needs a run with attention" in refused(capsys, *asked, f"--png={tmp_path / 'a.png'}")
    assert "--coverage_penalty needs a run with attention" in refused(capsys, *asked[:-1], "--coverage_penalty=0.2")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.slow
@pytest.mark.variant
def test_patience_counts_epochs_between_scores(tmp_path, monkeypatch):
    from rich.console import Console

    from seqzoo.training import loop as training

    scores = iter([5.0, 4.0, 3.0])
    monkeypatch.setattr(TASK, "evaluate", lambda *_: {"bleu": next(scores, 0.0)})
    monkeypatch.setattr(TASK, "report", lambda *_: ({"valid_bleu": 5.0}, [], []))
    path = table(tmp_path / "train.tsv", [("red", "rilo")] * 30)
    task = tiny(path, rnn="gru", encoder="gru", epochs=9, evaluate_every=2, patience=1)
    training.train(task, tmp_path / "run", Console(file=io.StringIO()))
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    # Epoch 3 was not scored, so it says nothing against going on. Epoch 4 was, and was no better.
    assert [epoch.get("valid_bleu") for epoch in history] == [None, 5.0, None, 4.0]


# What is learned from.


def tiny(path, **options):
    small = {"dim": 6, "units": 8, "encoder_units": 4, "batch_size": 8}
    return TASK(TASK.Config(**{"dataset": "parallel", "data_dir": str(path.parent), **small, **options}))


@pytest.mark.parametrize(
    "options",
    [
        {"input_feeding": True, "tokenizer": "bpe", "vocabulary": 40, "bpe_dropout": 0.3, "joint": True},
        {"coverage": True, "layers": 2, "encoder_layers": 2, "tied": False},
        {"attention": "convolutional", "tokenizer": "unigram", "vocabulary": 40},
        {"attention": "general", "local": "predictive", "attention_window": 2, "label_smoothing": 0.1},
        {"attention": "location", "longest": 20, "tokenizer": "whitespace"},
        {"attention": "dot", "encoder": "bigru", "rnn": "gru", "scheduled_sampling": "inverse_sigmoid"},
        {"rnn": "none"},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_kind_of_model_learns_a_step(options, tmp_path):
    task = tiny(table(tmp_path / "train.tsv", pairs(3, 20)), **options)
    train = task.load().splits["train"]
    model = task.training_model(task.build(), train.steps)
    model.compile("sgd", task.loss(), run_eagerly=True)
    before = [np.array(weight) for weight in model.trainable_variables]
    inputs, labels, weights = next(iter(train.epoch(0)))
    assert np.isfinite(model.train_on_batch(inputs, labels, weights))
    after = [np.array(weight) for weight in model.trainable_variables]
    # Without recurrence the state is not read.
    unread = {"bridge0"} if options.get("rnn") == "none" else set()
    changed = [np.any(a != b) for a, b in zip(before, after, strict=True)]
    named = zip(model.trainable_variables, changed, strict=True)
    assert np.mean([change for v, change in named if v.path.split("/")[-2] not in unread]) > 0.9
    if options.get("rnn") == "none":
        assert not any("recurrent_kernel" in v.path or "bidirectional" in v.path for v in model.trainable_variables)


def test_subwords_of_an_epoch_are_decided_by_seed_and_epoch(tmp_path):
    path = table(tmp_path / "train.tsv", pairs(3, 40))
    task = tiny(path, tokenizer="bpe", vocabulary=60, bpe_dropout=0.4, joint=True)
    train = task.load().splits["train"]
    first, same, other = ([*train.epoch(number).as_numpy_iterator()] for number in (1, 1, 2))
    for (one, labels, _), (two, again, _) in zip(first, same, strict=True):
        np.testing.assert_array_equal(labels, again)
        np.testing.assert_array_equal(one["source"], two["source"])
    codec = task.assets["joint"]
    texts, written = [
        sorted(function(row) for inputs, _, _ in other for row in inputs["source"].tolist())
        for function in (codec.decode, lambda row: [i for i in row if i])
    ]
    assert texts == sorted(pair["source"] for pair in train.examples)
    assert written != sorted([i for i in row if i] for inputs, _, _ in first for row in inputs["source"].tolist())
    assert sum(map(len, written)) > sum(len(arrays["source"]) for _, (arrays, _, _) in train.encoded())


def test_a_pair_of_valid_counts_though_its_reference_is_empty(trained):
    rows = [("red", ""), ("", "rilo"), (" ".join(["red"] * 101), "rilo")]
    examples = [{"source": source, "target": target} for source, target in rows]
    assert [len(inputs["source"]) for _, (inputs, _, _) in trained.task.feed(examples).encoded()] == [2, 102]
    assert not trained.task.feed(examples, training=True).size


def test_the_loss_is_that_of_the_references_and_padding_changes_nothing(tmp_path):
    path = table(tmp_path / "train.tsv", pairs(3, 12))
    static, plain = (tiny(path, static_shapes=shapes, tokenizer="words") for shapes in (True, False))
    examples = [{"source": source, "target": target} for source, target in pairs(3, 12)]
    plain.assets = static.assets = plain.learn(examples)
    keras.utils.set_random_seed(0)
    model = plain.build()
    loss = plain.loss()
    batch = plain.feed(examples).epoch(0)
    losses = [(float(loss(y, model(x), sample_weight=w)), float(np.sum(w))) for x, y, w in batch]
    expected = sum(value * weight for value, weight in losses) / sum(weight for _, weight in losses)
    for task in (static, plain):
        scores = task.evaluate(task.predictor(model), task.feed(examples))
        assert scores["loss"] == pytest.approx(expected, abs=1e-4)
        assert scores["perplexity"] == pytest.approx(math.exp(expected), rel=1e-3)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--name=few"], "few-train.tsv: one example. Expected two or more: one is held out as valid."),
        (
            ["--bpe_dropout=0.1"],
            "--bpe_dropout=0.1 has no effect with --tokenizer=characters: it needs --tokenizer=bpe",
        ),
        (["--dataset=grammar", "--data_dir=", "--name="], "the task needs source, target: choose another --dataset"),
        (
            ["--longest=1", "--tokenizer=words"],
            "no example is left for train: 0 examples, 0 steps, 0.0% padding, 24 left out (more",
        ),
        (["--rnn=bilstm"], "reads forward"),
        (["--layers=0"], "--layers=0"),
        (["--label_weights=a=2"], "label_weights"),
        (["--attention=dot", "--units=7"], "as wide as the decoder"),
        (["--attention=none", "--coverage"], "--coverage=true has no effect with --attention=none"),
        (["--beam=2"], "--beam is for --mode="),
        (["--prime=a"], "prime"),
    ],
)
def test_what_can_not_be_learned_is_one_line(flags, words, tmp_path, capsys):
    path = table(tmp_path / "train.tsv", [("red cat", "rilo keto")] * 25)
    table(tmp_path / "few-train.tsv", [("red cat", "rilo keto")])
    flags = ["--name=train", *flags] if "--name=few" not in flags else flags
    error = refused(capsys, *SMALL, f"--data_dir={path.parent}", f"--workdir={tmp_path / 'run'}", *flags)
    assert words in error


def test_files_that_differ_in_their_lines_are_refused_with_both_counts(tmp_path, capsys):
    folder = write(tmp_path / "data", train=pairs(0, 5))
    with (folder / "train.en").open("a") as file:
        file.write("red\n")
    error = refused(capsys, *SMALL, f"--data_dir={folder}", SIDES, f"--workdir={tmp_path / 'run'}")
    assert "train.en has 6 lines" in error and "train.zz has 5" in error


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--mode=predict", "--units=3"], "--units is fixed by the run"),
        (["--mode=predict", "--beam=0"], "beam should be at least 1"),
        (["--mode=evaluate", "--n_best=2"], "--n_best is for --mode=predict"),
        (["--mode=score", "--beam=2"], "--beam is for --mode="),
        (["--mode=generate"], "has no --mode=generate"),
        (["--mode=predict", "--temperature=1"], "temperature"),
    ],
)
def test_a_wrong_option_is_one_line(folder, flags, words, capsys):
    assert words in refused(capsys, f"--workdir={folder}", "--text=red", *flags)


def test_scores_of_a_text_to_be_copied_are_those_of_the_text_that_was_given():
    task = TASKS["translation"](TASKS["translation"].Config(copy=True, tokenizer="words"))
    codec = Codec.learn("words", [" cat red"], 0)
    text = task.read_text("cat red")
    found = without_blank(codec.scored(text, [*codec.encode(text), codec.end], [-1.0, -2, -3]))
    assert found["text"] == "cat red" and found["log_probability"] == -6
    assert [(t["text"], t["start"], t["end"]) for t in found["tokens"]] == [
        ("cat", 0, 3),
        (" red", 3, 7),
        ("<end>", 7, 7),
    ]
