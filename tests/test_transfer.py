"""Training that starts from language models, with layers that learn one after the other, and weighed batches."""

import functools

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from rich.console import Console
from test_contract import check_killed, randomized

from seqzoo.assets import save_assets
from seqzoo.backend.distribution import Devices
from seqzoo.backend.weighing import weigh_batches
from seqzoo.data import Batches
from seqzoo.data.streams import Streams
from seqzoo.datasets import Examples
from seqzoo.decoding.scoring import score_texts
from seqzoo.inputs import words
from seqzoo.layers.words import WordEmbedding
from seqzoo.models import LanguageModelDecoder, classifier, language_model, tagger
from seqzoo.options import Training
from seqzoo.task import TASKS
from seqzoo.text.codec import Codec
from seqzoo.training import load, loop, transfer
from seqzoo.training.folder import prepare
from seqzoo.training.optimizers import optimizer
from seqzoo.training.stacks import depths, layers_within

pytestmark = pytest.mark.usefixtures("eagerly")
TEXT = "the cat saw the mouse\nThe dog saw the cat\nthe cat sat\nit sat\n"
H = 6


def given(kind, config, examples):
    """A task with these examples as train and valid."""
    task = kind(config)
    read = {split: Examples(functools.partial(iter, examples), task.needs, "given") for split in ("train", "valid")}
    task.read = lambda: read
    return task


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """{name: folder of a run of a language model with random weights}."""
    folders, kind = {}, TASKS["language_model"]
    changes = {"forward": {}, "backward": {"reverse": True, "dim": 4}, "characters": {"tokenizer": "characters"}}
    for name, own in changes.items():
        config = {"batch_size": 1, "window": 4, "dim": 5, "units": H, "layers": 2, "tokenizer": "whitespace", **own}
        task = given(kind, kind.Config(**config), [{"text": TEXT, "end": True}])
        task.load()
        folders[name] = tmp_path_factory.mktemp(name)
        prepare(folders[name], task)
        save_assets(folders[name], task.assets)
        keras.utils.set_random_seed(len(folders))
        randomized(task.build(), seed=len(folders)).save(folders[name] / "model.keras")
    return folders


def started(name, folders, examples, **changes):
    """(task, model, the lines that are printed) of a training that starts from runs of language models."""
    init_from = ",".join(map(str, folders))
    settings = transfer.inherited(name, {"init_from": init_from, **changes})
    task = given(TASKS[name], TASKS[name].Config(**settings), examples)
    source = transfer.source(task)
    task.load()
    keras.utils.set_random_seed(7)
    model = task.build()
    return task, model, transfer.start(model, task, source)


def last_states(folder, text):
    """The outputs of the last layer of a language model after each token of a text, from zeros: [T, H]."""
    run = load(folder)
    ids, reader = run.task.assets["tokens"].encode(text)[0], run.model.get_layer("reader")
    states = [np.zeros((1, H), "float32")] * 4  # h and c of two LSTMs
    return [np.array(reader([np.array([ids[: n + 1]]), *states])[3])[0] for n in range(len(ids))]


def outputs(task, model, tokens):
    """The outputs of the last recurrent layer of a model for the tokens of one sentence: [T, 2 H]."""
    inputs = {name: array[None] for name, array in task.assets["words"].encoder()(tokens).items()}
    embeddings, mask = [], np.ones((1, len(tokens)), bool)
    for layer in layers_within(model):
        if isinstance(layer, WordEmbedding):
            embeddings.append(layer(inputs["tokens"]))
    more = (
        np.random.default_rng(0).normal(size=(1, len(tokens), 99)).astype("float32")
    )  # what else the first layer reads
    stack = [layer for layer in layers_within(model) if isinstance(layer, keras.layers.Bidirectional)]
    width = stack[0].forward_layer.cell.kernel.shape[0]
    x = ops.concatenate([*embeddings, more], axis=-1)[..., :width]
    for layer in stack:
        x = layer(x, mask=mask)
    return np.array(x)[0]


REVIEWS = [{"text": "The cat sat", "label": "good"}, {"text": "a bird saw the dog", "label": "bad"}]


def test_a_classifier_reads_as_the_language_models_of_both_directions_do(models):
    folders = models["forward"], models["backward"]
    task, model, lines = started("sentiment", folders, REVIEWS, tokenizer="whitespace")
    config = task.config
    assert (config.rnn, config.word_dim, config.units, config.layers) == ("bilstm", 9, H, 2)
    sentence = "the cat sat"
    states = outputs(task, model, ["The", "cat", "sat"])  # in lower case, as the task reads
    np.testing.assert_allclose(states[:, :H], last_states(folders[0], sentence), atol=1e-6)
    backward = last_states(folders[1], "sat cat the")[::-1]
    np.testing.assert_allclose(states[:, H:], backward, atol=1e-6)
    assert np.abs(states).max() > 0.01
    assert lines == [
        f"initial weights: {folders[0]}: embeddings of 5 of the 7 words of training and of 2 more, layer 1 forward, "
        f"layer 2 forward; {folders[1]}: embeddings of 5 of the 7 words of training and of 2 more, layer 1 backward, "
        "layer 2 backward",
        "fresh: 2 words, logits",
    ]


def test_words_that_the_language_model_lacks_are_fresh_and_those_that_training_lacks_are_known(models):
    task, model, _ = started("sentiment", [models["forward"]], REVIEWS, tokenizer="whitespace", rnn="lstm")
    keras.utils.set_random_seed(7)
    new, (table,) = task.build(), [layer for layer in layers_within(model) if isinstance(layer, WordEmbedding)]
    before = np.array(next(layer for layer in layers_within(new) if isinstance(layer, WordEmbedding)).trained)
    run, own = load(models["forward"]), task.assets["words"].words
    codec = run.task.assets["tokens"]
    rows = np.concatenate([np.array(weight) for weight in table.weights])
    theirs = np.array(run.model.get_layer("reader").get_layer("embedding").embeddings)

    def row(word):
        return rows[own.encode([word])[0]]

    for word in ("bird", "a"):
        np.testing.assert_array_equal(row(word), before[own.encode([word])[0]])
    for word in ("cat", "the", "mouse"):  # of "the" and "The" the more frequent one
        np.testing.assert_array_equal(row(word), theirs[codec.encode(word)[0][0]])
    np.testing.assert_array_equal(rows[1], theirs[1])
    assert own.encode(["mouse"])[0] >= table.trainable_rows  # not trained, as it never occurs


SENTENCES = [{"tokens": ["The", "cat", "met", "May"], "pos": ["DET", "NOUN", "VERB", "PROPN"], "ner": ["O"] * 4}]


def test_a_tagger_reads_forward_as_the_language_model_whatever_else_it_reads(models):
    task, model, lines = started("ner", [models["forward"]], SENTENCES, lowercase=False)
    states = outputs(task, model, ["The", "cat", "saw"])
    np.testing.assert_allclose(states[:, :H], last_states(models["forward"], "The cat saw"), atol=1e-6)
    assert lines[1] == (
        "fresh: 2 words, layer 1 backward, layer 2 backward, character_cnn, embedding, emissions, crf"
        .replace("character_cnn, embedding", ", ".join(features_of(model)))
    )  # fmt: skip


def features_of(model):
    names = [layer.name for layer in layers_within(model) if layer.trainable_weights]
    return [name for name in names if name.startswith(("character", "casing", "embedding"))]


def test_unused_and_fresh_weights_are_reported(models):
    _, _, lines = started("pos", [models["forward"]], SENTENCES, rnn="bigru", characters="none", casing=False)
    assert lines[0].endswith("embeddings of 2 of the 4 words of training and of 5 more")
    assert lines[1] == (
        "fresh: 2 words, layer 1 forward, layer 1 backward, layer 2 forward, layer 2 backward, emissions; "
        f"not used: layer 1 of {models['forward']}, layer 2 of {models['forward']}"
    )
    _, _, lines = started("pos", [models["forward"]], SENTENCES, layers=1)
    assert lines[1].endswith(f"not used: layer 2 of {models['forward']}")


@pytest.mark.parametrize(
    "task, names, changes, message",
    [
        ("ner", ["forward"], {"word_dim": 8}, "--word_dim is fixed by the run to start from, .*, which has 5"),
        ("sentiment", ["forward"], {"tokenizer": "bpe"}, "reads whitespace, and the task bpe"),
        ("pos", ["characters"], {}, "reads characters, and the task words"),
        ("ner", ["forward", "forward"], {}, "one should read forward and one backward"),
        ("ner", ["forward"], {"vectors": "glove.txt"}, "--novectors_trainable"),
        ("translation", ["forward"], {}, "is a run of task language_model. Received: --task=translation$"),
    ],
)
def test_weights_that_can_not_be_taken_over_are_refused(task, names, changes, message, models):
    with pytest.raises(ValueError, match=message):
        transfer.inherited(task, {"init_from": ",".join(str(models[name]) for name in names), **changes})


def test_no_word_in_common_is_an_error(models):
    with pytest.raises(ValueError, match="knows none of the 2 words of training"):
        started("pos", [models["forward"]], [{"tokens": ["x", "y"], "pos": ["A", "B"]}])


@pytest.mark.slow
def test_a_killed_run_that_started_from_language_models_ends_like_an_uninterrupted_one(models, tmp_path):
    init_from = f"{models['forward']},{models['backward']}"
    settings = transfer.inherited("sentiment", {"init_from": init_from, "tokenizer": "whitespace"})
    changes = {"unfreeze_every": 1, "layer_decay": 0.4, "weigh_batches": True, "batch_size": 2}
    check_killed("sentiment", tmp_path, **settings, **changes)


# --- Reading from right to left -------------------------------------------------------------------


def test_a_reversed_stream_is_the_text_from_its_end_to_its_beginning():
    documents = [{"text": "abc", "end": False}, {"text": "d", "end": True}, {"text": "eab"}]
    codec = Codec.learn("characters", ["abcde"], 0)
    for cache in (100, 0):
        forward, backward = (Streams(documents, codec, 1, 3, cache_tokens=cache, reverse=r) for r in (False, True))
        text = [*codec.encode("abcd")[0], codec.end, *codec.encode("eab")[0]]
        assert forward.read(0, 99).tolist() == [codec.end, *text]
        assert backward.read(0, 99).tolist() == [codec.end, *text[::-1]]
        assert backward.read(2, 3).tolist() == text[::-1][1:4] and not len(backward.read(9, 3))
        assert backward.tokens == forward.tokens == 8 and backward.counts().tolist() == forward.counts().tolist()


def test_a_text_scored_from_right_to_left_has_its_tokens_in_order():
    codec = Codec.learn("characters", ["abc\n"], 0)
    decoder = LanguageModelDecoder(randomized(language_model(len(codec.tokens), dim=4, units=5)), codec.newline)
    ((backward,), (forward,)) = (score_texts(decoder, codec, [t], r) for t, r in (("aabc", True), ("cbaa", False)))
    assert [token["text"] for token in backward["tokens"]] == ["a", "a", "b", "c", "\n"]
    scores = [[token["log_probability"] for token in answer["tokens"]] for answer in (backward, forward)]
    assert scores[0] == [*scores[1][:4][::-1], scores[1][4]] and len({*scores[0]}) == 5


@pytest.mark.parametrize("mode", ["generate", "inspect", "export"])
def test_what_reads_from_left_to_right_is_refused(mode):
    task = TASKS["language_model"](TASKS["language_model"].Config(reverse=True), {})
    with pytest.raises(ValueError, match=f"--mode={mode} reads from left to right.*--reverse"):
        {
            "generate": lambda: [*task.generate(None, None, print)],
            "inspect": lambda: task.inspect(None, [], None, None),
            "export": lambda: task.signatures(None, None),
        }[mode]()


# --- Rates of layers ------------------------------------------------------------------------------


def test_depths_go_by_recurrent_layers_from_the_output_down():
    front = words(9, word_dim=3, casing=True)
    model = tagger(3, front, rnn="bilstm", units=2, layers=2, weight_drop=0.1, layer_norm=True)
    found = dict(
        zip((v.path for v in model.trainable_variables), depths(model, model.trainable_variables), strict=True)
    )
    kinds = {"word_embedding": {3}, "embeddings": {3}, "lstm": {2, 1}, "emissions": {0}, "crf": {0}}
    for kind, expected in kinds.items():
        assert {depth for path, depth in found.items() if kind in path} == expected, (kind, found)
    model = classifier(2, words(9, word_dim=3), rnn="gru", units=2, layers=1)
    assert sorted({*depths(model, model.trainable_variables)}) == [0, 1, 2]
    with pytest.raises(ValueError, match="there are no recurrent layers"):
        depths(classifier(2, words(9, word_dim=3), layers=0), [])


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_lower_layers_wait_for_their_epoch_and_then_learn_at_lower_rates(name):
    off = {"schedule": "constant", "clip_norm": 0.0, "average": 0.0, "weight_decay": 0.1}
    config = Training(optimizer=name, learning_rate=0.1, init_from="run", layer_decay=0.5, unfreeze_every=1, **off)
    plain = Training(optimizer=name, learning_rate=0.1, **off)
    ours, theirs = ([keras.Variable(np.ones(2, "float32")) for _ in range(3)] for _ in range(2))
    made, usual = optimizer(config, 2, depths=[2, 1, 0]), optimizer(plain, 2)
    for step in range(6):  # of three epochs
        before = [[np.array(v) for v in own] for own in (ours, theirs)]
        for one, own in ((made, ours), (usual, theirs)):
            one.apply([ops.convert_to_tensor([1.0, -0.5])] * 3, own)
        moved = [np.array(v) - b for v, b in zip(ours, before[0], strict=True)]
        whole = np.array(theirs[0]) - before[1][0]
        decay = -0.01 * (before[0][2] - before[1][0])  # of weights that are somewhere else by now
        np.testing.assert_allclose(moved[2], whole + decay, rtol=1e-4)
        for depth in (1, 2):
            decay = -0.01 * (before[0][2 - depth] - before[1][0])
            share = 0.5**depth * (step >= 2 * depth)
            np.testing.assert_allclose(moved[2 - depth], share * (whole + decay), rtol=2e-3, atol=1e-7)


# --- Weighed batches ------------------------------------------------------------------------------


def test_in_weighed_batches_every_decision_counts_alike():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3, 2)).astype("float32"), rng.integers(0, 3, (5, 3))
    weights = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 2]], "float32")
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile("sgd", loss)

    def gradients(rows):
        batch = x[rows], y[rows], weights[rows]

        def of_batch():
            return model.compute_loss(batch[0], batch[1], model(batch[0]), batch[2], training=True)

        value, found = weight_gradients(of_batch, model.trainable_variables)
        return float(value), [np.array(g) for g in found]

    parts = slice(0, 1), slice(1, 3), slice(3, 5)
    whole, expected = gradients(slice(0, 5))
    values = [gradients(rows)[0] for rows in parts]
    weigh_batches(model, weights.sum() / 3)
    weighed = [gradients(rows) for rows in parts]
    assert [value for value, _ in weighed] == pytest.approx(values)  # what is shown stays the mean of a batch
    for number, gradient in enumerate(expected):
        mean = np.mean([found[number] for _, found in weighed], axis=0)
        np.testing.assert_allclose(mean, gradient, rtol=1e-4, atol=1e-7)
    assert float(model.compute_loss(x, y, model(x), weights, training=False)) == pytest.approx(whole)


def test_decisions_are_counted_by_their_weights():
    def encode(n):
        labels = {"tags": np.zeros(n, "int32"), "intent": np.int32(0)}
        return {"tokens": np.ones(n, "int32")}, labels, {"tags": np.full(n, 0.5, "float32"), "intent": np.float32(1)}

    for cache in (1000, 0):
        batches = Batches([3, 1, 4], encode, {"tokens": "time", "tags": "time"}, batch_size=2, cache_tokens=cache)
        assert batches.decisions() == 4 + 3
    codec = Codec.learn("characters", ["abcde"], 0)
    assert Streams([{"text": "abcdeabcde"}], codec, 3, 2).decisions() == 9  # a token is left over


def test_the_options_reach_the_training(models):
    changes = {"unfreeze_every": 1, "layer_decay": 0.4, "weigh_batches": True}
    task, _, _ = started("pos", [models["forward"]], SENTENCES, **changes)
    task.assets = None
    _, model = loop._build(task, task.load(), Devices(), None, Console(quiet=True))
    assert {*model.optimizer.depths} == {0, 1, 2, 3} and model.optimizer.layer_decay == 0.4
    assert model.optimizer.unfreeze_steps == 1 and "compute_loss" in vars(model)
