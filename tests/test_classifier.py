"""The contract of the classifier, whatever it is made of, and regularization that makes its answers alike."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from marks import FORWARD

from seqzoo.backend.gradients import gradient
from seqzoo.inputs import frames, images, words
from seqzoo.layers import POOLINGS, pooling
from seqzoo.models import class_decoder, classifier, explaining
from seqzoo.models.classifier import cut
from seqzoo.models.explaining import integrated_gradients, log_odds, occlusion
from seqzoo.models.regularized import regularized

K, V, C = 3, 20, 9  # classes, words, characters
B, T, W = 3, 6, 4
LENGTHS = np.array([6, 2, 4])

SPELLED = {"character_vocabulary": C, "char_dim": 5, "char_units": 6}
VECTORS = {"trainable_words": 12, "vectors": np.zeros((V, 7), "float32"), "vectors_trainable": False}
FRONTS = {
    "words": lambda **more: words(V, 5, **more),
    "spelling_lengths": lambda: words(V, 5, characters="rnn", **SPELLED, lengths=True),
    "vectors_beside": lambda: words(V, 5, **VECTORS, characters="cnn", **SPELLED, casing=True),
    "frames": lambda: frames(2),
    "image": lambda: images(4, filters=(3, 4)),
}
CLASSIFIERS = {
    "max": ("words", {"layers": 1}),
    "last_forward": ("words", {"pooling": ("last",), "rnn": "gru", "layers": 1}),
    "last_pieces": ("words", {"pooling": ("last", "mean"), "segment": 2, "rnn": "lstm", "layers": 1}),
    "everything": ("words", {"pooling": POOLINGS, "segment": 4, "rnn": "bilstm", "layers": 1}),
    "bag_of_words": ("words", {"pooling": ("mean",), "layers": 0}),
    "bag_last": ("words", {"pooling": ("last", "attention"), "layers": 0, "segment": 3}),
    "deep_lengths": (
        "spelling_lengths",
        {"pooling": ("attention",), "segment": 3, "rnn": "birnn", "layers": 2, "residual": True, "layer_norm": True},
    ),
    "frozen_vectors": ("vectors_beside", {"pooling": ("last", "max"), "rnn": "bisimple_gru", "layers": 1}),
    "frames": ("frames", {"pooling": ("last", "attention"), "rnn": "none", "layers": 1}),
    "image": ("image", {"pooling": ("last", "mean"), "segment": 2, "layers": 1}),
    "convolution": ("frames", {"filters": 5, "kernel_size": 4, "pool": 4, "pooling": POOLINGS, "layers": 1}),
}
TINY = "words", {"units": 4, "pooling": ("mean", "attention"), "rnn": "bilstm", "layers": 1}


def randomized(model, spread=0.5):
    rng = np.random.default_rng(0)
    for weight in model.weights:  # fresh zeros would hide what padding does
        weight.assign(rng.normal(0, spread, weight.shape))
    return model


def make(front, arguments, word_dropout=0.0):
    made = FRONTS[front](word_dropout=word_dropout) if word_dropout else FRONTS[front]()
    return randomized(classifier(K, made, **{"units": 4, **arguments}))


def loss_of(multi_label=False):
    kind = keras.losses.BinaryCrossentropy if multi_label else keras.losses.SparseCategoricalCrossentropy
    return kind(from_logits=True, reduction="mean_with_sample_weight")


def batch(steps=T, width=W):
    """(inputs, labels, weights) of three texts; behind their ends there is garbage wherever that is allowed."""
    rng, garbage, floats = (np.random.default_rng(seed) for seed in (0, 99, 7))
    real = np.arange(steps) < LENGTHS[:, None]

    def padded(low, high, shape, behind):
        values = np.concatenate([rng.integers(low, high, (B, T, *shape)), np.zeros((B, steps - T, *shape), int)], 1)
        return np.where(real.reshape(*real.shape, *[1] * len(shape)), values, behind).astype("int32")

    spelled = padded(1, C, (W,), garbage.integers(0, C, (B, steps, W)))
    inputs = {
        "tokens": padded(1, V, (), 0),
        "characters": np.pad(spelled, [(0, 0), (0, 0), (0, width - W)]),
        "casing": padded(0, 3, (), 1),
        "frames": np.where(
            real[..., None], np.pad(floats.normal(size=(B, T, 2)), [(0, 0), (0, steps - T), (0, 0)]), 1e3
        ),
        "image": np.where(
            real[:, None, :, None],
            np.pad(floats.normal(size=(B, 4, T, 1)), [(0, 0), (0, 0), (0, steps - T), (0, 0)]),
            1e3,
        ),
        **dict.fromkeys(("lengths", "frames_length", "image_width"), LENGTHS.astype("int32")),
    }
    return inputs, np.array([0, 2, 1]), np.array([1, 2, 0.5], "float32")


def rows(data, which, length=None):
    axes = {"image": 2}  # of time; lengths have none
    inputs = {
        name: array[which] if array.ndim == 1 else array[which][(slice(None),) * axes.get(name, 1) + (slice(length),)]
        for name, array in data[0].items()
    }
    return inputs, data[1][which], data[2][which]


def inputs_of(model, inputs):
    return {name: inputs[name] for name in model.input}


def results(model, decoded, data):
    """Probabilities, loss, and the gradient of every weight."""
    inputs, labels, weights = data
    inputs = inputs_of(model, inputs)
    loss, gradients = weight_gradients(
        lambda: loss_of()(labels, model(inputs), sample_weight=weights), model.trainable_variables
    )
    return np.array(decoded(inputs)["probabilities"]), np.array(loss), [ops.convert_to_numpy(g) for g in gradients]


def close(received, expected, tolerance=1e-4):
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_padding_changes_nothing(name):
    model = make(*CLASSIFIERS[name])
    decoded = class_decoder(model)
    data = batch()
    probabilities, loss, gradients = results(model, decoded, data)
    close(probabilities.sum(-1), 1)
    assert loss > 0.3 and max(np.abs(g).max() for g in gradients) > 0.01

    mean_loss, mean_gradients = 0.0, [0.0] * len(gradients)
    for row, length in enumerate(LENGTHS):
        alone = results(model, decoded, rows(data, slice(row, row + 1), length))
        close(alone[0][0], probabilities[row])
        share = data[2][row] / data[2].sum()
        mean_loss += share * alone[1]
        mean_gradients = [mean + share * g for mean, g in zip(mean_gradients, alone[2], strict=True)]
    close(loss, mean_loss)
    for received, expected in zip(gradients, mean_gradients, strict=True):
        close(received, expected)

    order = [2, 0, 1]
    other = results(model, decoded, rows(batch(steps=T + 3, width=W + 2), order))
    close(other[0], probabilities[order])
    close(other[1], loss)
    for received, expected in zip(other[2], gradients, strict=True):
        close(received, expected)


@pytest.mark.parametrize("name", ["everything", "deep_lengths"])
def test_masks_are_handed_over_and_what_lies_behind_them_is_never_read(name):
    model = make(*CLASSIFIERS[name])
    inputs = inputs_of(model, batch(steps=T + 1)[0])
    embed, read = cut(model)
    x, mask = (np.array(tensor) for tensor in embed(inputs))  # arrays carry no hidden mask
    np.testing.assert_array_equal(mask, np.arange(T + 1) < LENGTHS[:, None])
    x = ops.convert_to_tensor(np.where(mask[..., None], x, 1e4).astype("float32"))

    def logits(x):
        return read([x, ops.convert_to_tensor(mask)])["logits"]

    close(logits(x), model(inputs))
    behind = np.any(np.array(gradient(logits, x)) != 0, axis=-1)
    np.testing.assert_array_equal(behind, mask)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("padding", [7.0, np.nan, np.inf])
def test_an_empty_row_is_pooled_to_zeros_and_changes_no_other_row(padding, dtype):
    mask = np.array([[True, True, False], [False, False, False], [True, False, False]])
    real = np.random.default_rng(0).normal(size=(3, 3, 4)).astype(dtype)
    x = ops.convert_to_tensor(np.where(mask[..., None], real, np.array(padding, dtype)))
    ways = {
        "max": pooling.masked_max,
        "mean": pooling.masked_mean,
        "last": pooling.last_state,
        "both": lambda x, mask: pooling.last_state(x, mask, bidirectional=True),
    }
    for name, pool in ways.items():
        pooled = np.array(pool(x, ops.convert_to_tensor(mask)))
        assert np.isfinite(pooled).all() and not pooled[1].any(), name
        alone = np.array(pool(x[:1], ops.convert_to_tensor(mask[:1])))
        np.testing.assert_array_equal(pooled[:1], alone)
        assert pooled[0].any() and pooled[2].any()
        slopes = np.array(gradient(lambda x, pool=pool: pool(x, ops.convert_to_tensor(mask)), x))
        assert np.isfinite(slopes).all() and not slopes[~mask].any()
    assert ways["max"](x, mask).dtype == x.dtype


@pytest.mark.parametrize("rnn", ["bilstm", "none"])
def test_an_empty_text_in_a_batch_of_the_classifier_gives_no_nan(rnn):
    model = randomized(classifier(K, words(V, 5), units=4, layers=1, rnn=rnn, pooling=POOLINGS))
    tokens = np.array([[2, 3, 4], [0, 0, 0]], "int32")
    logits = np.array(model({"tokens": tokens}))
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits[:1], np.array(model({"tokens": tokens[:1]})), atol=1e-5)
    bias = np.array(model.get_layer("reader").get_layer("logits").bias)
    np.testing.assert_allclose(logits[1], bias, atol=1e-6)  # pooled to zeros


def test_pooling_agrees_with_numpy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(B, T, 4)).astype("float32") - 5  # all below 0, so that a 0 behind the end would be the maximum
    mask = np.arange(T) < LENGTHS[:, None]
    pieces = [row[:length] for row, length in zip(x, LENGTHS, strict=True)]
    close(pooling.masked_max(x, mask), [piece.max(0) for piece in pieces])
    close(pooling.masked_mean(x, mask), [piece.mean(0) for piece in pieces])
    close(pooling.last_state(x, mask), [piece[-1] for piece in pieces])
    means = [np.stack([piece[k::3].mean(0) for k in range(min(3, len(piece)))]) for piece in pieces]
    close(pooling.codon_mean(x, mask), [mean.max(0) for mean in means])
    both = [np.concatenate([piece[-1, :2], piece[0, 2:]]) for piece in pieces]
    close(pooling.last_state(x, mask, bidirectional=True), both)

    layer = pooling.AttentionWeights(units=3)
    a = layer(x + 5, mask=mask)
    W_, b, u = (rng.normal(size=weight.shape) for weight in layer.weights)
    layer.set_weights([W_, b, u])
    a = np.array(layer(x + 5, mask=mask))
    assert (a[~mask] == 0).all()
    for row, piece in zip(a, pieces, strict=True):
        scores = np.exp(np.tanh((piece + 5) @ W_ + b) @ u)[:, 0]
        close(row[: len(piece)], scores / scores.sum())


def test_the_last_state_is_the_one_that_keras_returns():
    for name, layers in ("bilstm", 1), ("gru", 2):
        model = make("words", {"pooling": ("last",), "rnn": name, "layers": layers})
        _, read = cut(model)
        layer = [layer for layer in read.layers if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional)][-1]
        pooled = keras.Model(read.input, [layer.input[0], read.get_layer("logits").input])
        x, mask = cut(model)[0](inputs_of(model, batch()[0]))
        below, received = pooled([x, mask])
        parts = [layer.forward_layer, layer.backward_layer] if name == "bilstm" else [layer]
        for part in parts:
            part.return_sequences = False
            part.zero_output_for_mask = False  # on JAX, Keras takes the last step's output, 0 where it is masked
        close(received, np.concatenate([part(below, mask=mask) for part in parts], axis=-1))


def test_segments_are_read_apart_and_pooled_together():
    N, H = 4, 4
    arguments = {"units": H, "rnn": "bilstm", "layers": 2, "pooling": ("last", "max", "mean")}
    whole, chopped, longer = (make("words", {**arguments, "segment": segment}) for segment in (0, N, 50))
    inputs = inputs_of(whole, batch(steps=T + 3)[0])
    close(longer(inputs), whole(inputs), 1e-5)
    assert np.abs(np.array(chopped(inputs) - whole(inputs))).max() > 0.01

    def pooled(model, tokens):
        read = cut(model)[1]
        x, mask = cut(model)[0]({"tokens": tokens})
        return np.array(keras.Model(read.input, read.get_layer("logits").input)([x, mask]))

    received = pooled(chopped, inputs["tokens"])
    for row, length in enumerate(LENGTHS):
        pieces = [inputs["tokens"][row : row + 1, i : min(i + N, length)] for i in range(0, length, N)]
        last, top, mean = np.split(np.concatenate([pooled(whole, piece) for piece in pieces]), 3, axis=1)
        expected = np.concatenate([last[-1, :H], last[0, H:], top.max(0)])
        close(received[row, : 4 * H], expected)
        close(received[row, 4 * H :], np.average(mean, axis=0, weights=[piece.size for piece in pieces]))


def test_every_registered_rnn_makes_a_classifier():
    inputs = batch()[0]
    for name in FORWARD:
        model = make("words", {"rnn": name, "layers": 1, "pooling": ("last",)})
        logits = np.array(model(inputs_of(model, inputs)))
        assert logits.shape == (B, K) and np.isfinite(logits).all(), name


def test_unknown_poolings_are_refused():
    for wrong in (), ("max", "sum"):
        with pytest.raises(ValueError, match="pooling should be one or more of last, max, mean, attention"):
            classifier(K, words(V), pooling=wrong)


@pytest.mark.slow
@pytest.mark.variant
def test_a_classifier_learns_one_batch():
    model = make(*CLASSIFIERS["everything"])
    model.compile(keras.optimizers.Adam(0.03), loss_of())
    inputs, labels, weights = batch()
    inputs = inputs_of(model, inputs)
    first = loss_of()(labels, model(inputs), sample_weight=weights)
    model.fit(inputs, labels, sample_weight=weights, batch_size=len(labels), epochs=60, shuffle=False, verbose=0)
    assert loss_of()(labels, model(inputs), sample_weight=weights) < 0.1 * first
    np.testing.assert_array_equal(np.argmax(class_decoder(model)(inputs)["probabilities"], -1), labels)


@pytest.mark.slow
@pytest.mark.variant
def test_a_classifier_in_pieces_trains_under_xla():
    model = make(*CLASSIFIERS["everything"])
    inputs, labels, weights = batch()
    inputs = inputs_of(model, inputs)
    expected = loss_of()(labels, model(inputs), sample_weight=weights)
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile("adam", loss_of(), jit_compile=True)
    close(model.train_on_batch(inputs, labels, weights), expected)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.isfinite(weight).all() and (np.array(weight) != old).any()


def test_each_label_of_several_is_a_yes_or_no_of_its_own():
    model = make(*TINY)
    inputs = inputs_of(model, batch()[0])
    received = class_decoder(model, multi_label=True)(inputs)["probabilities"]
    close(received, 1 / (1 + np.exp(-np.array(model(inputs)))))


@pytest.mark.slow
@pytest.mark.variant
def test_a_saved_classifier_is_the_same_in_a_fresh_process(tmp_path):
    data = batch()
    names = ["everything", "deep_lengths", "frozen_vectors", "frames", "image"]
    models = {name: make(*CLASSIFIERS[name]) for name in names}
    expected = {}
    trained = regularized(make(*TINY), adversarial=1.0, seed=0)
    models["plain"] = keras.Model(trained.input, trained.output, name=trained.name)  # as a run saves it
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
        for key, value in class_decoder(model)(inputs_of(model, data[0])).items():
            expected[f"{name}/{key}"] = value
    assert sum(key.endswith("attention") for key in expected) == 4
    class_decoder(models["everything"]).save(tmp_path / "decoder.keras")
    np.savez(tmp_path / "inputs.npz", **data[0])
    np.savez(tmp_path / "expected.npz", **expected)
    script = """
from seqzoo.models import class_decoder

import keras, numpy as np

inputs, expected = np.load("inputs.npz"), np.load("expected.npz")
models = {name: keras.models.load_model(name + ".keras") for name in {key.split("/")[0] for key in expected}}
assert {type(model).__name__ for model in models.values()} == {"Functional"}
answers = {
    name: class_decoder(model)({key: inputs[key] for key in model.input}) for name, model in models.items()
}
for key in expected:
    name, output = key.split("/")
    np.testing.assert_allclose(answers[name][output], expected[key], atol=1e-5, err_msg=key)
decoded = keras.models.load_model("decoder.keras")({"tokens": inputs["tokens"]})
for output in ("probabilities", "attention"):
    np.testing.assert_allclose(decoded[output], expected["everything/" + output], atol=1e-5)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]


TERMS = {"rdrop": {"rdrop": 1.0}, "adversarial": {"adversarial": 1.0}, "virtual": {"virtual": 1.0}}


def training_loss(data, terms, multi_label=False, dropout=0.0):
    """The loss of a training step, without regularization and with it, and the gradient of every weight."""
    keras.utils.set_random_seed(0)  # the same dropout each time
    front, arguments = TINY
    model = make(front, {**arguments, "dropout": dropout}, word_dropout=dropout)
    model = regularized(model, multi_label=multi_label, seed=0, **terms)
    model.compile(loss=loss_of(multi_label))
    inputs, labels, weights = data
    inputs = inputs_of(model, inputs)

    def loss_with(training):
        return model.compute_loss(inputs, labels, model(inputs, training=True), weights, training)

    loss, gradients = weight_gradients(lambda: loss_with(True), model.trainable_variables)
    return float(loss_with(False)), float(loss), [ops.convert_to_numpy(g) for g in gradients]


def test_without_dropout_and_change_the_terms_are_nothing_or_the_plain_loss():
    data = batch()
    plain, loss, reference = training_loss(data, {})
    assert plain == pytest.approx(loss, rel=1e-6)
    for name, factor in ("rdrop", 1), ("adversarial", 2), ("virtual", 1):
        plain, loss, gradients = training_loss(data, {**TERMS[name], "perturbation": 0.0})
        close(loss, factor * plain, 1e-6)
        for received, expected in zip(gradients, reference, strict=True):
            close(received, factor * expected)


@pytest.mark.slow
def test_terms_make_the_loss_greater_and_reach_every_weight():
    data = batch()
    for name in TERMS:
        more = {"dropout": 0.5} if name == "rdrop" else {}
        for multi_label in (False, True):
            labels = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]]) if multi_label else data[1]
            received = {
                scale: training_loss(
                    (data[0], labels, data[2]), {name: scale, "perturbation": 0.2}, multi_label, **more
                )
                for scale in (1e-3, 1.0)
            }
            assert received[1.0][1] > received[1e-3][1] + 1e-4, name
            assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in received[1.0][2]), name
    plain, loss, _ = training_loss(data, {"adversarial": 1.0, "perturbation": 0.2})
    assert loss > 2 * plain  # along the gradient the loss grows


def test_the_adversarial_change_is_as_long_as_it_should_be_and_along_the_gradient():
    inputs, labels, weights = batch()
    model = make(*TINY)
    embed, read = cut(model)
    x, mask = embed(inputs_of(model, inputs))

    def loss(x):
        return loss_of()(labels, read([x, mask])["logits"], sample_weight=weights)

    g, real = np.array(gradient(loss, x)), np.array(mask)[..., None]
    norms = [np.sqrt(np.square(v * real).sum((1, 2), keepdims=True)) for v in (np.array(x), g)]
    moved = read([x + 0.2 * norms[0] * g / norms[1], mask])["logits"]
    expected = loss(x) + loss_of()(labels, moved, sample_weight=weights)
    close(training_loss((inputs, labels, weights), {"adversarial": 1.0, "perturbation": 0.2})[1], expected, 1e-5)


@pytest.mark.slow
def test_padding_and_rows_of_weight_0_change_no_term():
    data = batch()
    data = data[0], data[1], np.array([1, 2, 0], "float32")
    longer = batch(steps=T + 3)
    two = rows(data, slice(0, 2))
    for terms in {"adversarial": 1.0}, {"rdrop": 1.0}:
        _, loss, gradients = training_loss(data, terms)
        for other in (longer[0], longer[1], data[2]), two:
            received = training_loss(other, terms)
            close(received[1], loss, 1e-5)
            for ours, theirs in zip(received[2], gradients, strict=True):
                close(ours, theirs)
    # The virtual term's noise has another shape in another batch, but the label of a row of weight 0 is still nothing.
    other = {name: array.copy() for name, array in data[0].items()}
    other["tokens"][2, :4] = 7
    _, loss, _ = training_loss(data, TERMS["virtual"])
    close(training_loss((other, data[1], data[2]), TERMS["virtual"])[1], loss, 1e-5)


@pytest.mark.slow
@pytest.mark.variant
def test_all_terms_train_in_a_graph_and_no_weights_count_as_ones():
    model = regularized(
        make("words", {**TINY[1], "rnn": "lstm", "dropout": 0.3}), rdrop=0.5, adversarial=0.5, virtual=0.5, seed=0
    )
    model.compile(keras.optimizers.Adam(0.02), loss_of())
    inputs, labels, _ = batch()
    inputs = inputs_of(model, inputs)
    plain = loss_of()(labels, model(inputs))
    history = model.fit(inputs, labels, batch_size=len(labels), epochs=40, verbose=0, shuffle=False)
    assert np.mean(history.history["loss"][20:]) < np.mean(history.history["loss"][:20])
    close(model.compute_loss(inputs, labels, model(inputs), training=False), loss_of()(labels, model(inputs)), 1e-6)
    assert loss_of()(labels, model(inputs)) < plain


@pytest.mark.parametrize("method", [occlusion, integrated_gradients])
def test_a_bag_of_words_is_explained_by_its_words(method, monkeypatch):
    model = classifier(2, words(6, 1), pooling=("mean",), layers=0)
    table, dense = [0, 0.5, 3, -1, 0.5, 1], [[-1.0, 1.0]]  # by how much each id speaks for class 1; the unknown is 1
    model.set_weights([np.array(table).reshape(-1, 1), np.array(dense), np.array([5.0, -5.0])])
    ids = np.array([[2, 3, 4, 5], [3, 0, 0, 0]], "int32")
    expected = [
        [1.25, -0.75, 0, 0.25],
        [3, 0, 0, 0],
    ]  # twice the mean; the second text is of class 0
    close(method(model)({"tokens": ids}, np.array([1, 0])), expected)
    monkeypatch.setattr(explaining, "READ", 5)  # one row at a time
    close(method(model)({"tokens": ids}, np.array([1, 0])), expected)
    long = np.tile([[2, 5]], (1, 150)).astype("int32")
    received = method(model)({"tokens": long}, np.array([1]))
    close(received.sum(), 3)  # 2 (3 + 1) / 2, less the 1 of unknown words
    assert (received > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("multi_label", [False, True])
def test_explanations_of_a_network_follow_their_definitions(multi_label):
    model = make(*TINY)
    inputs = inputs_of(model, rows(batch(), slice(1, 3), 5)[0])  # lengths 2 and 4
    classes, real = np.array([0, 2]), inputs["tokens"] > 0

    def odds(tokens):
        return np.array(log_odds(model({"tokens": tokens}), classes, multi_label))

    if not multi_label:
        p = np.array(class_decoder(model)(inputs)["probabilities"])[[0, 1], classes]
        close(odds(inputs["tokens"]), np.log(p / (1 - p)))
    whole, expected = odds(inputs["tokens"]), np.zeros(real.shape)
    for step in range(5):
        expected[:, step] = whole - odds(np.where((np.arange(5) == step) & real, 1, inputs["tokens"]))
    close(occlusion(class_decoder(model), multi_label)(inputs, classes), expected)
    received = integrated_gradients(class_decoder(model), multi_label)(inputs, classes)
    close(received.sum(axis=1), whole - odds(real.astype("int32")), 1e-3)  # completeness
    assert np.abs(received).max() > 0.05 and (received[~real] == 0).all()


def test_frames_are_explained_against_frames_of_zeros():
    keras.utils.set_random_seed(0)
    model = classifier(2, frames(2, mean=[5.0, 5.0], std=[1.0, 1.0]), pooling=("mean",), layers=1, units=4)
    inputs = {"frames": np.full((1, 6, 2), 7, "float32"), "frames_length": np.array([6], "int32")}
    change = log_odds(model(inputs), [1]) - log_odds(model({**inputs, "frames": 0 * inputs["frames"]}), [1])
    close(integrated_gradients(model)(inputs, np.array([1])).sum(), change[0], 1e-3)
