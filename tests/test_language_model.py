"""Language models: nothing is lost between text and ids, streams are one long text, draws are what was asked for."""

import dataclasses
import functools
import io
import json
import math
import os
import sys
import threading

import keras
import numpy as np
import pytest
from keras import ops
from marks import FORWARD, variants

from seqzoo import run
from seqzoo.data.streams import Streams
from seqzoo.datasets import Examples
from seqzoo.decoding.dynamic import dynamic_nats
from seqzoo.decoding.generation import sample_texts
from seqzoo.decoding.sampling import Sampler, Samples, choose
from seqzoo.decoding.scoring import alternatives, stream_nats
from seqzoo.decoding.steps import Categorical
from seqzoo.layers.tokens import ActivationPenalty, TokenEmbedding
from seqzoo.layers.weight_drop import WeightDrop
from seqzoo.models import LanguageModelDecoder, language_model, streamed
from seqzoo.options import Scoring
from seqzoo.rnns import RNNS
from seqzoo.task import TASKS
from seqzoo.text.codec import Codec
from seqzoo.training import load, train

V = 11
FEW = ["lstm", "min_gru", "mlstm", "none"]
CELLS = [*FEW, *variants(*(name for name in FORWARD if name not in FEW))]
CODE = 'def area(width, height):\n    """How large."""\n    return width * height  # never negative\n\n\n' * 8


def small(rnn="lstm", seed=0, **arguments):
    model = language_model(V, dim=4, rnn=rnn, units=5, **{"layers": 2, **arguments})
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).integers(1, V, shape).astype("int32")


class Digits:
    """A codec whose tokens are the digits."""

    tokens, end = ["<pad>", "<unk>", "<end>", *"0123456789"], 2

    def encode(self, text):
        return [self.tokens.index(c) if c in self.tokens else 1 for c in text], [
            c for c in text if c not in self.tokens
        ]


def digits(*documents, **arguments):
    return Streams([{"text": text, "end": True} for text in documents], Digits(), **arguments)


# Streams.


def test_an_epoch_reads_each_row_from_window_to_window():
    streams = digits("31415926535", "8979323846264338", rows=3, window=4)
    whole = streams.read(0, 100)
    assert whole[0] == 2 and list(whole).count(2) == 2 and streams.tokens == 28  # an end mark between documents
    rows = [[] for _ in range(3)]
    for number, (inputs, labels) in enumerate(streams.epoch(0)):
        np.testing.assert_array_equal(inputs["start"], [number == 0] * 3)
        for row in range(3):
            np.testing.assert_array_equal(inputs["tokens"][row, 1:], labels[row, :-1])
            rows[row] += [*np.array(labels[row])]
    assert np.concatenate(rows).tolist() == whole[1:28].tolist()  # what does not fill a row is left out
    assert streams.characters == 27 and streams.words == 2


@pytest.mark.parametrize("rows, context, length", [(1, 0, 7), (1, 5, 1000), (3, 4, 5), (50, 2, 6)])
def test_scoring_predicts_each_token_once_and_gives_parts_a_run_up(rows, context, length):
    streams = digits("31415926535897932384626433832795028841971693993751", rows=1)
    read = []
    for ids, next_ids, counts in streams.windows(rows, context, length):
        np.testing.assert_array_equal(
            ids[:, 1:][counts[:, :-1] & counts[:, 1:]], next_ids[:, :-1][counts[:, :-1] & counts[:, 1:]]
        )
        assert (ids > 0).all()  # no row of padding alone, which cuDNN refuses
        read.append((next_ids, counts))
    rows = zip(*read, strict=True)
    next_ids, counts = (np.concatenate(parts, axis=1) for parts in rows)
    assert next_ids[counts].tolist() == streams.read(1, 100).tolist()


@pytest.mark.parametrize("few", [False, True])
def test_varied_windows_differ_by_epoch_and_not_by_run_and_more_than_memory_lies_on_disk(few, monkeypatch):
    monkeypatch.setattr("seqzoo.data.streams.is_static", lambda asked: few)
    text = "0123456789" * 300
    plain, on_disk = (digits(text, rows=2, window=40, varied=True, cache_tokens=n) for n in (10_000, 10))
    lengths = [[*plain.lengths(epoch)] for epoch in range(3)]
    assert all(sum(one) == 1500 for one in lengths) and lengths[0] != lengths[1]
    assert set(lengths[0]) == {20, 40} if few else len(set(lengths[0])) > 3
    assert lengths[0] == [*on_disk.lengths(0)] and abs(plain.steps - 1500 / 39) < 1
    assert plain.ids is not None and on_disk.ids is None
    for (a, _), (b, _) in zip(plain.epoch(1), on_disk.epoch(1), strict=True):
        np.testing.assert_array_equal(a["tokens"], b["tokens"])


def test_a_text_with_fewer_tokens_than_rows_is_refused():
    with pytest.raises(ValueError, match="3 tokens to predict, too few for 4 streams"):
        digits("314", rows=4)


# Models.


@pytest.mark.parametrize("rnn", [*CELLS, *variants(1, 3)])
def test_streamed_windows_score_as_one_long_pass(rnn):
    arguments = {"rnn": rnn} if rnn in FORWARD else {"context": rnn}
    model = small(**arguments)
    ids = numbers(3, 24)
    whole = np.array(model({"tokens": ids}))
    stream = streamed(model, 3)
    for start, end in ((0, 7), (7, 8), (8, 24)):  # varied lengths, one among them
        inputs = {"tokens": ids[:, start:end], "start": np.full(3, start == 0)}
        np.testing.assert_allclose(stream(inputs, training=True), whole[:, start:end], atol=1e-5)
    again = stream({"tokens": ids[:, :5], "start": np.array([True, True, False])}, training=True)
    np.testing.assert_allclose(again[:2], whole[:2, :5], atol=1e-5)
    if rnn not in (1, "none"):  # which have no state
        assert np.abs(np.array(again[2]) - whole[2, :5]).max() > 1e-4

    decoder = LanguageModelDecoder(model)
    _, state = decoder.start({"tokens": ids[:, :20]})
    for t in range(20, 24):  # step by step, as it is sampled
        distribution, state = decoder.step(ids[:, t], [], state)
        np.testing.assert_allclose(distribution.logits, whole[:, t], atol=1e-5)


@pytest.mark.parametrize("rnn", [*CELLS, 3])
def test_padding_changes_no_score_and_no_state(rnn):
    arguments = {"rnn": rnn} if rnn in FORWARD else {"context": rnn}
    decoder = LanguageModelDecoder(small(**arguments))
    ids = numbers(2, 9)
    ids[1, 6:] = 0
    scores, state = decoder.score_window(ids[:, :-1], ids[:, 1:], decoder.initial_state(2))
    alone, alone_state = decoder.score_window(ids[1:, :5], ids[1:, 1:6], decoder.initial_state(1))
    np.testing.assert_allclose(scores[1, :5], alone[0], atol=1e-5)
    read = np.where(np.arange(8) < 5, ids[:, :-1], 0)
    _, five = decoder.score_window(read, ids[:, 1:], decoder.initial_state(2))
    for part, expected in zip(five, alone_state, strict=True):
        np.testing.assert_allclose(part[1], expected[0], atol=1e-5)
    assert decoder.score({}, ids[:0]).shape == (0, 9) and decoder.score({}, ids[:, :0]).shape == (2, 0)


@pytest.mark.slow
@pytest.mark.variant
def test_a_language_model_learns_and_is_the_same_when_loaded(tmp_path):
    model = streamed(language_model(13, dim=8, units=16, layers=1), 2)
    streams = digits("0123456789" * 60, rows=2, window=20)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = [model.fit(streams.epoch(epoch), verbose=0).history["loss"][0] for epoch in range(4)]
    assert losses[-1] < 0.3 < losses[0]
    plain = keras.Model(model.input, model.output)
    plain.save(tmp_path / "model.keras")
    loaded = LanguageModelDecoder(keras.models.load_model(tmp_path / "model.keras", compile=False))
    ids, next_ids, _ = next(streams.windows(1, 0, 50))
    scores, _ = LanguageModelDecoder(model).score_window(ids, next_ids, loaded.initial_state(1))
    np.testing.assert_allclose(loaded.score_window(ids, next_ids, loaded.initial_state(1))[0], scores, atol=1e-6)
    assert scores[0, 20:].mean() > -0.1


def test_a_layer_that_reads_from_the_end_is_refused():
    with pytest.raises(ValueError, match="reads forward is needed. Received: rnn='bilstm'"):
        language_model(V, rnn="bilstm")
    with pytest.raises(ValueError, match="Unknown .* 'nonsense'"):
        language_model(V, rnn="nonsense", context=3)
    with pytest.raises(ValueError, match="context=3 is a network without recurrent layers. Received: rnn='gru'"):
        language_model(V, rnn="gru", context=3)


def test_tied_embeddings_share_one_table_and_padding_has_no_probability():
    tied, apart = language_model(V, dim=4, units=4), language_model(V, dim=4, units=4, tied=False)
    assert apart.count_params() - tied.count_params() == V * 4
    p = np.array(ops.softmax(tied({"tokens": numbers(2, 3)})))
    assert p[..., 0].max() == 0 and np.allclose(p.sum(-1), 1)


def test_embedding_dropout_drops_tokens_wherever_they_stand():
    layer = TokenEmbedding(V, 4, dropout=0.5)
    ids = numbers(4, 30)
    layer(ids)
    x = np.array(layer(ids, training=True))
    dropped = {int(i): (x[ids == i] == 0).all(axis=-1) for i in np.unique(ids)}
    assert all(marks.all() or not marks.any() for marks in dropped.values())
    assert {bool(marks[0]) for marks in dropped.values()} == {False, True}
    np.testing.assert_array_equal(layer(ids), np.array(layer.embeddings)[ids])


@pytest.mark.parametrize("rnn", ["rnn", "gru", "lstm", "peephole_lstm", "simple_gru", "bilstm"])
def test_weight_drop_drops_recurrent_weights_in_training_only(rnn):
    plain = RNNS[rnn](5, return_sequences=True)
    layer = WeightDrop(plain, 0.4)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer.build(x.shape)
    for weight in layer.trainable_variables:
        weight.assign(np.random.default_rng(1).normal(0, 0.7, weight.shape))
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-6)
    once, again = (np.array(layer(x, training=True)) for _ in range(2))
    steps = slice(0, 1) if rnn != "bilstm" else slice(0, 0)
    np.testing.assert_allclose(once[:, steps], np.array(plain(x))[:, steps], atol=1e-6)  # from a state of zeros
    assert np.abs(once - again).max() > 1e-3
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-6)


def test_activation_penalties_are_those_of_the_paper():
    layer = ActivationPenalty(size=2.0, slowness=3.0)
    raw = np.arange(12, dtype="float32").reshape(1, 4, 3)
    dropped = raw * [1, 0, 2]
    np.testing.assert_array_equal(layer(dropped, raw, training=True), dropped)
    assert float(sum(layer.losses)) == pytest.approx(2 * np.mean(dropped**2) + 3 * 9)
    layer(dropped, raw)
    assert not layer.losses


# Drawing.


class Fixed:
    """A decoder whose next token always has the same probabilities, except that a 4 follows a 3."""

    begin = 5
    logits = np.log(np.array([0.02, 0.08, 0.4, 0.25, 0.2, 0.05], "float32"))

    def step(self, values, fixed, state):
        after_3 = ops.equal(values, 3)[..., None]
        return Categorical(ops.where(after_3, ops.one_hot(4, 6) * 50.0, self.logits)), [state[0] + 1]


def draw(rows=4000, steps=1, **arguments):
    noise = np.random.default_rng(0).random((steps, rows))
    start = Samples(np.full(rows, Fixed.begin), [], [ops.zeros((rows, 1))], np.zeros(rows, bool))
    ids, after = Sampler(Fixed(), **arguments).draw(start, noise)
    return ids, np.array(after.done)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"banned": ()}, [0.02, 0.08, 0.4, 0.25, 0.2, 0.05]),
        ({}, np.array([0, 0, 0.4, 0.25, 0.2, 0.05]) / 0.9),
        ({"temperature": 0.5}, np.array([0, 0, 0.16, 0.0625, 0.04, 0.0025]) / 0.265),
        ({"top_k": 2}, np.array([0, 0, 0.4, 0.25, 0, 0]) / 0.65),
        ({"top_p": 0.7}, np.array([0, 0, 0.4, 0.25, 0, 0]) / 0.65),  # .444 and .278 reach it
        ({"top_p": 0.75}, np.array([0, 0, 0.4, 0.25, 0.2, 0]) / 0.85),
        ({"top_p": 0.01}, [0, 0, 1, 0, 0, 0]),
        ({"temperature": 0}, [0, 0, 1, 0, 0, 0]),
        ({"top_k": 99}, np.array([0, 0, 0.4, 0.25, 0.2, 0.05]) / 0.9),
    ],
)
def test_draws_follow_the_probabilities_that_were_asked_for(arguments, expected):
    ids, _ = draw(**arguments)
    shares = np.bincount(ids[:, 0], minlength=6) / len(ids)
    np.testing.assert_allclose(shares, expected, atol=0.025)
    assert not shares[np.array(expected) == 0].any()


def test_drawn_tokens_are_read_and_a_stop_ends_its_row_alone():
    ids, done = draw(rows=200, steps=30, stop=(5,))
    assert done.any()
    for row, ended in zip(ids.tolist(), done, strict=True):
        stop = row.index(5) if ended else len(row)
        assert not any(row[stop + 1 :]) and all(row[:stop]) and (ended or 5 not in row)
        assert all(b == 4 for a, b in zip(row[:stop], row[1:stop], strict=False) if a == 3)


def test_blocks_go_on_where_the_last_one_ended_and_noise_decides():
    sampler = Sampler(LanguageModelDecoder(small("gru")), temperature=0.8)
    noise = np.random.default_rng(3).random((20, 2))
    start = sampler.start({"tokens": numbers(2, 4)}, np.array([2, 3]))
    whole, _ = sampler.draw(start, noise)
    head, samples = sampler.draw(start, noise[:7])
    tail, _ = sampler.draw(samples, noise[7:])
    np.testing.assert_array_equal(np.concatenate([head, tail], axis=1), whole)
    assert not np.isin(whole, (0, 1)).any()


@pytest.mark.parametrize("length", [1, 64, 200])
def test_a_text_ends_at_the_stop_string_and_is_written_as_it_grows(length):
    codec = Codec.learn("characters", ["abcdefgh\n"], 0)
    decoder = LanguageModelDecoder(language_model(len(codec.tokens), dim=4, units=5, layers=1))
    samples, pieces = [], []
    for stop in ("", "ab"):
        pieces.append([])
        samples.append([*sample_texts(decoder, codec, "abc", length, 3, stop=stop, seed=1, write=pieces[-1].append)])
    for whole, stopped in zip(*samples, strict=True):
        head, found, _ = whole["text"].partition("ab")
        assert stopped["text"] == head and stopped["ended_by"] == ("stop" if found else whole["ended_by"])
    for written, first in zip(pieces, samples, strict=True):
        assert "".join(written) == "abc" + first[0]["text"]
    assert all(len(sample["text"]) == length or sample["ended_by"] == "end" for sample in samples[0])


@pytest.mark.parametrize("temperature", [0, 1e-3, 1, 1e3, 1e9, 1e30])
@pytest.mark.parametrize("more", [{}, {"top_k": 4}, {"top_p": 0.99}])
def test_bars_stay_bars_at_any_temperature(temperature, more):
    ids, _ = draw(rows=500, banned=(0, 1, 5), temperature=temperature, **more)
    assert {*ids[:, 0].tolist()} <= {2, 3, 4}
    if temperature >= 1e3:
        assert np.bincount(ids[:, 0], minlength=5)[2:].min() > (0 if more else 120)  # nearly uniform
    barred = np.log(np.array([[0.5, 0.3, 0.2]] * 500)) + np.array([-1e9, 0, 0])  # a decoder's own bar
    drawn = choose(barred, np.linspace(0, 0.999, 500), temperature or 1, **more)
    assert {*np.array(drawn).tolist()} <= {1, 2}


@pytest.mark.parametrize(
    "arguments",
    [
        *({"temperature": value} for value in (-1, np.inf, np.nan, 1e-320, 9e-4)),
        {"top_p": 0}, {"top_p": 1.1}, {"top_p": np.nan}, {"top_k": -1},
    ],
)  # fmt: skip
def test_draws_out_of_bounds_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        Sampler(Fixed(), **arguments)


@pytest.mark.tensorflow("its step assigns weights within a graph")
def test_dynamic_evaluation_learns_from_the_text_and_puts_the_weights_back():
    decoder = LanguageModelDecoder(language_model(13, dim=6, units=8, layers=1))
    streams = digits("0123456789" * 30, rows=1)
    before = [np.array(v) for v in decoder.reader.trainable_variables]
    static = dynamic_nats(decoder, streams, 20, 0.0, 0.0)
    assert static == pytest.approx(stream_nats(decoder, streams), rel=1e-4)
    assert dynamic_nats(decoder, streams, 20, 0.1, 0.0) < 0.9 * static
    for variable, value in zip(decoder.reader.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_dynamic_evaluation_is_refused_on_another_backend_before_anything_is_scored(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    task, streams = TASKS["language_model"](), digits("0123456789", rows=1)
    with pytest.raises(ValueError, match="--dynamic_rate needs KERAS_BACKEND=tensorflow. Received: jax"):
        task.evaluate(None, streams, task.requests["evaluate"](dynamic_rate=0.01))


def test_a_long_text_is_scored_in_windows(monkeypatch):
    decoder, ids = LanguageModelDecoder(small(), begin=3), numbers(2, 150)
    whole = decoder.score({}, ids)
    monkeypatch.setattr(sys.modules[LanguageModelDecoder.__module__], "SCORES", 1)
    np.testing.assert_allclose(decoder.score({}, ids), whole, atol=1e-5)


@pytest.mark.parametrize("arguments", [*variants({"rnn": "none"}), {"rnn": "none", "context": 3}])
def test_the_network_without_recurrence_learns_its_tiny_text(arguments, tmp_path):
    kind = TASKS["language_model"]
    config, splits, _ = kind.tiny()
    splits = {split: Examples(functools.partial(iter, rows), {"text": str}, split) for split, rows in splits.items()}
    task = kind(dataclasses.replace(config, epochs=4, average=0.0, **arguments))
    task.read = lambda: dict(splits)
    metrics = train(task, tmp_path / "run")
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history[-1]["loss"] < history[0]["loss"] - 0.05
    assert metrics["valid_loss"] < history[0]["valid_loss"]


# The command line.

SMALL = [
    "--task=language_model",
    "--dataset=text",
    "--dim=8",
    "--units=16",
    "--layers=1",
    "--learning_rate=0.02",
    "--average=0",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    nouns = {"keys": "are", "doors": "are", "key": "is", "door": "is"}
    for split, count in (("train", 600), ("valid", 60)):
        chosen = rng.choice([*nouns], count)
        (folder / f"{split}.txt").write_text("".join(f" the {n} {nouns[n]} here \n" for n in chosen))
    rows = [("the keys are here <eos>", "2\tare\tis\t0"), ("the door is here <eos>", "2\tis\tare\t1"),
            ("the lock is here <eos>", "2\tis\tlie\t0")]  # fmt: skip
    (folder / "agree").mkdir()
    (folder / "agree" / "a.text").write_text("".join(text + "\n" for text, _ in rows))
    (folder / "agree" / "a.gold").write_text("".join(gold + "\n" for _, gold in rows))
    return folder


@pytest.fixture(scope="module", params=["characters", *variants("whitespace")])
def trained(request, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    flags = [f"--data_dir={corpus}", f"--tokenizer={request.param}", "--batch_size=4", "--window=20", "--epochs=8"]
    assert run.main([*SMALL, *flags, "--weight_drop=0.1", "--ngram=2", f"--workdir={folder}"]) == 0
    return folder


def answers(capsys, *flags):
    """The JSON lines that a command prints."""
    capsys.readouterr()
    assert run.main([*flags]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_run_is_scored_beside_its_baselines_in_bits(trained, corpus):
    metrics = json.loads((trained / "metrics.json").read_text())
    bits = metrics["valid_bits_per_character"]
    text = (corpus / "valid.txt").read_text()
    assert bits * len(text) == pytest.approx(metrics["valid_bits_per_word"] * 60 * 5)  # words, and line ends
    assert metrics["valid_perplexity"] == pytest.approx(np.exp(metrics["valid_loss"]))
    baselines = metrics["valid_baselines"]
    assert list(baselines) == ["2-gram Kneser-Ney", "2-gram add-k"]
    assert all({"perplexity", "bits_per_word", "seconds"} <= scores.keys() for scores in baselines.values())
    assert bits < 0.3


def test_samples_are_seeded_end_where_they_should_and_are_of_the_language(trained, capsys):
    flags = ["--mode=generate", f"--workdir={trained}", "--prime=the keys", "--length=90", "--samples=3", "--seed=4"]
    first = answers(capsys, *flags)
    assert first == answers(capsys, *flags) and len({sample["text"] for sample in first}) > 1
    assert all("<unk>" not in sample["text"] for sample in first)
    if trained.name == "whitespace":  # 90 characters are too few words
        corpus = json.loads((trained / "metrics.json").read_text())["corpus_diversity"]
        found = first[-1]["diversity"]
        assert (
            found["words"] == 50 and found["corpus"] == corpus["50"] and found["samples"].keys() == corpus["50"].keys()
        )
    (sample,) = answers(capsys, *flags[:-2], "--temperature=0", r"--stop=\n")
    assert sample["text"].split() == ["are", "here"] and sample["ended_by"] == "stop"
    (sample,) = answers(capsys, "--mode=generate", f"--workdir={trained}", "--prime=Ωμέγα", "--length=5")
    assert sample["unknown_in_prime"] and sample["ended_by"] == "length"


def test_scores_rank_alternatives_and_add_up(trained, capsys):
    flags = ["--mode=score", f"--workdir={trained}"]
    ranked = answers(capsys, *flags, "--rank", "--text=the door are here / the door is here")
    assert [row["text"] for row in ranked] == ["the door is here", "the door are here"]
    assert sum(row["share"] for row in ranked) == pytest.approx(1)
    for row in ranked:
        assert row["log_probability"] == pytest.approx(sum(t["log_probability"] for t in row["tokens"]), abs=0.01)
    assert alternatives(["either / or", " ", "both"]) == {1: "either / or", 3: "both"}
    (alone,) = answers(capsys, *flags, "--text=the door is here")
    assert alone["log_probability"] == pytest.approx(ranked[0]["log_probability"], abs=1e-3)


def test_pairs_are_judged_where_their_words_are_known(trained, corpus, capsys):
    flags = ["--mode=evaluate", f"--workdir={trained}", "--dataset=agreement", f"--data_dir={corpus / 'agree'}"]
    assert run.main(flags) == 0
    (path,) = trained.glob("evaluate-*agree.json")
    scores = json.loads(path.read_text())
    assert scores["test_unknown_support"] == 1  # "lie" and its l
    assert scores["test_classes"]["1 attractor"]["accuracy"] == 100 and scores["test_support"] == 2
    assert "test_dropped_stops" not in scores


def test_minimal_pairs_are_read_as_the_vocabulary_has_them_and_equal_ones_are_counted(trained, tmp_path, capsys):
    def pair(good, bad):
        return json.dumps({"sentence_good": good, "sentence_bad": bad, "UID": "x"})

    pairs = [
        ("The Keys are here.", "The Keys is here."),
        ("the door is.", "the door is."),
        ("the door is", "the door lie"),
    ]
    (file := tmp_path / "equal.jsonl").write_text("\n".join(pair(*both) for both in pairs))
    flags = ["--mode=evaluate", f"--workdir={trained}", "--dataset=minimal_pairs", f"--data_dir={file}"]
    assert run.main([*flags, "--match_vocabulary"]) == 0
    assert "dropped stops 4" in " ".join(capsys.readouterr().out.split())
    (path,) = trained.glob("evaluate-*equal.jsonl-match_vocabulary-true*.json")
    scores = json.loads(path.read_text())
    assert scores["test_accuracy"] == 100 and scores["test_support"] == 1
    assert (scores["test_same_support"], scores["test_unknown_support"]) == (1, 1)
    assert (scores["test_lower_cased_words"], scores["test_dropped_stops"], scores["test_spaced_stops"]) == (4, 4, 0)
    file.write_text(pair(*pairs[1]))
    assert run.main(flags) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "No pairs left to score: 0 examples" in error and "1 left out (both sentences are the same)" in error


def test_a_text_is_scored_while_its_pipe_stays_open(trained, monkeypatch):
    reading, writing = os.pipe()
    stop = threading.Timer(60, os.close, [writing])  # so that waiting for more fails this test and does not hang it
    stop.start()
    with open(reading, encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        loaded = load(trained)
        answers = loaded.task.score(loaded, run._lines(run.Command(), None), Scoring())
        for number in (1, 2):
            os.write(writing, b"the door is here\n")
            assert next(answers)["line"] == number and stop.is_alive()
        stop.cancel()
        os.close(writing)
        assert list(answers) == []


def test_long_and_empty_texts_have_finite_scores(trained, capsys):
    texts = ["the door " * 1200, "", "x" * 10_000]
    (path := trained.parent / "texts.txt").write_text("\n".join(texts) + "\n")
    for flags in ([], ["--rank"]):
        rows = answers(capsys, "--mode=score", f"--workdir={trained}", f"--input={path}", *flags)
        assert sorted(row["text"] for row in rows) == sorted(texts if not flags else texts[::2])
        for row in rows:
            numbers = [row["log_probability"], row["perplexity"], row.get("share", 1)]
            assert all(map(math.isfinite, numbers)) and row["log_probability"] < 0


def test_the_data_of_the_run_itself_are_scored_without_train(trained, corpus):
    assert run.main(["--mode=evaluate", f"--workdir={trained}", f"--data_dir={corpus}"]) == 0
    (path,) = [
        path for path in trained.glob("evaluate-*.json") if corpus.name in path.name and "agree" not in path.name
    ]
    metrics, scores = (json.loads(file.read_text()) for file in (trained / "metrics.json", path))
    assert scores["valid_loss"] == pytest.approx(metrics["valid_loss"], rel=1e-4) and "test_loss" not in scores


@pytest.mark.tensorflow("dynamic evaluation")
def test_another_file_is_scored_whole(trained, tmp_path, capsys):
    (tmp_path / "other.txt").write_text("the key is here\n" * 30)
    flags = ["--mode=evaluate", f"--workdir={trained}", "--dataset=text", f"--data_dir={tmp_path / 'other.txt'}"]
    assert run.main([*flags, "--dynamic_rate=0.01"]) == 0
    (path,) = trained.glob("evaluate-*other.txt-dynamic_rate-0.01*.json")
    scores = json.loads(path.read_text())
    assert scores["test_evaluations"]["dynamic"]["perplexity"] < scores["test_perplexity"]


@pytest.mark.parametrize(
    "text, words",
    [
        (b"\x00\x01\x02" * 50, "not text"),
        (b"\xff\xfe latin \xe9" * 50, "not UTF-8"),
        (b"", "empty"),
        (b"ab", "too few"),
    ],
)
def test_a_file_that_can_not_be_learned_from_is_one_line(text, words, tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(text)
    assert run.main([*SMALL, f"--data_dir={tmp_path / 'a.txt'}", f"--workdir={tmp_path / 'run'}"]) == 2
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_a_file_of_one_line_is_a_text(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("to and fro and " * 40)
    flags = [f"--data_dir={tmp_path / 'a.txt'}", "--batch_size=2", "--epochs=1", "--ngram=0", f"--workdir={tmp_path}/r"]
    assert run.main([*SMALL, *flags]) == 0
    (sample,) = answers(capsys, "--mode=generate", f"--workdir={tmp_path}/r", "--length=20")
    assert 0 < len(sample["text"]) <= 20
    monkeypatch.setattr("sys.stdin", io.StringIO("\nto\n"))
    empty, _ = answers(capsys, "--mode=score", f"--workdir={tmp_path}/r")
    assert empty["text"] == "" and empty["log_probability"] < 0


def test_options_of_another_mode_are_refused(trained, capsys):
    for flags, words in (
        (["--mode=score", "--temperature=0.5"], "--temperature is for --mode=generate"),
        (["--mode=generate", "--units=3"], "--units is fixed by the run"),
        (["--mode=score", "--rank", "--text=one"], "--rank needs at least two texts"),
        (["--mode=generate", "--stop=a\\"], "a backslash begins an escape"),
        (["--mode=predict", "--task=language_model"], "no --mode=predict"),
    ):
        assert run.main([*flags, f"--workdir={trained}"]) == 2
        assert words in capsys.readouterr().err.replace("\n", " ")
