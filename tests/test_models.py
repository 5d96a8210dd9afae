"""The contract of the model builders: a tagger keeps it whatever it is made of."""

import inspect
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from marks import FORWARD, variants

from seqzoo.backend.gradients import compiled
from seqzoo.inputs import frames, ids, images, video, words
from seqzoo.layers.crf import CRFLoss
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.models import class_decoder, classifier, decoder, seq2seq, tagger
from seqzoo.options import Recurrent, Training
from seqzoo.text.casing import CASES
from seqzoo.training.optimizers import optimizer

K, V, C = 4, 20, 9  # tags, words, characters
B, T, W = 3, 6, 4
LENGTHS = np.array([6, 2, 4])
LENGTH_INPUTS = ("lengths", "frames_length", "joint_length", "video_length", "image_width")

SPELLED = {"character_vocabulary": C, "char_dim": 5, "char_units": 6}
ALLOWED = (np.array([1, 1, 1, 0]), np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 1]]), np.ones(4))
VECTORS = {"trainable_words": 12, "vectors": np.zeros((V, 7), "float32")}
FRONTS = {
    "words": lambda: words(V),
    "vectors": lambda: words(V, **VECTORS, characters="cnn", **SPELLED, casing=True),
    "vectors_beside": lambda: words(V, **VECTORS, vectors_trainable=False, word_dim=5),
    "words_and_spelling": lambda: words(V, characters="rnn", **SPELLED),
    "spelling": lambda: words(characters="cnn", **SPELLED),
    "words_and_casing": lambda: words(V, casing=True),
    "words_lengths": lambda: words(V, lengths=True),
    "vectors_lengths": lambda: words(V, **VECTORS, characters="cnn", **SPELLED, casing=True, lengths=True),
    "ids": lambda: ids(V, 5),
    "frames": lambda: frames(2, mean=[0.1, 0.2], std=[2.0, 0.0]),
    "velocities": lambda: frames(3, mean=0.1, std=2.0, velocities=True, per_clip=True, name="joint"),
    "video": lambda: video(4, 3, 2, filters=(3,), mean=0.1, std=[2.0, 0.0], name="video"),
    "convlstm": lambda: video(4, 3, 2, filters=(3,), convlstm=2, name="video"),
    "image": lambda: images(4, filters=(3, 4), width_pooling=(1, 1)),
}
TAGGERS = {
    "words_softmax": ("words", {"crf": False, "rnn": "bilstm", "layers": 2}),
    "frozen_vectors_crf": ("vectors", {"rnn": "lstm", "layers": 1}),
    "vectors_beside_softmax": ("vectors_beside", {"crf": False, "rnn": "lstm", "layers": 1}),
    "deep_crf": ("words_and_spelling", {"rnn": "bigru", "layers": 2, "residual": True, "layer_norm": True}),
    "characters_softmax": ("spelling", {"crf": False, "rnn": "bisimple_gru", "layers": 1}),
    "constrained_crf": ("words_and_casing", {"allowed": ALLOWED, "rnn": "birnn", "layers": 1}),
    "peephole_crf": ("words", {"rnn": "peephole_lstm", "units": 16, "layers": 1, "activation": "crelu"}),
    "ids_plain": ("ids", {"rnn": "none", "units": 16, "crf": False, "layers": 1}),
    "frames_softmax": ("frames", {"rnn": "gru", "crf": False, "layers": 1}),
    "velocities_softmax": ("velocities", {"rnn": "lstm", "crf": False, "layers": 1}),
    "video_softmax": ("video", {"rnn": "lstm", "crf": False, "layers": 1}),
    "convlstm_softmax": ("convlstm", {"rnn": "none", "crf": False, "layers": 1}),
    "image_crf": ("image", {"rnn": "bilstm", "layers": 1}),
}
FEW = ("frozen_vectors_crf", "ids_plain", "frames_softmax", "convlstm_softmax")  # the others are for `pytest -m slow`


def make(front, arguments):
    model = tagger(K, FRONTS[front](), **{"units": 8, **arguments})
    rng = np.random.default_rng(0)
    for weight in model.weights:  # fresh zeros would hide what padding does
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def loss_of(model):
    if len(model.output.shape) == 4:
        return CRFLoss()
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")


def batch(steps=T, width=W, seed=0):
    """(inputs, labels, weights) of three sentences; behind their ends there is garbage wherever that is allowed."""
    rng = np.random.default_rng(seed)
    real = np.arange(steps) < LENGTHS[:, None]
    garbage, floats = np.random.default_rng(99), np.random.default_rng(7)

    def padded(low, high, shape, behind):
        values = np.concatenate([rng.integers(low, high, (B, T, *shape)), np.zeros((B, steps - T, *shape), int)], 1)
        return np.where(real.reshape(*real.shape, *[1] * len(shape)), values, behind).astype("int32")

    spelled = padded(1, C, (W,), garbage.integers(0, C, (B, steps, W)))
    letters = padded(1, W + 1, (), 2)  # of each word
    spelled[np.arange(W) >= letters[..., None]] = 0
    inputs = {
        "tokens": padded(1, V, (), 0),
        "characters": np.pad(spelled, [(0, 0), (0, 0), (0, width - W)]),
        "casing": padded(0, len(CASES), (), 1),
        **{
            name: np.where(
                real.reshape(*real.shape, *[1] * len(shape)),
                np.pad(floats.normal(size=(B, T, *shape)), [(0, 0), (0, steps - T), *[(0, 0)] * len(shape)]),
                1e3,
            )
            for name, shape in {"frames": (2,), "joint": (3,), "video": (4, 3, 2)}.items()
        },
        "image": np.where(
            real[:, None, :, None],
            np.pad(floats.normal(size=(B, 4, T, 1)), [(0, 0), (0, 0), (0, steps - T), (0, 0)]),
            1e3,
        ),
        **dict.fromkeys(LENGTH_INPUTS, LENGTHS.astype("int32")),
    }
    # Tag 3, which ALLOWED restricts, stands only behind the ends.
    labels = padded(0, 3, (), garbage.integers(0, K, (B, steps)))
    return inputs, labels, real.astype("float32")


def inputs_of(model, inputs):
    return {name: inputs[name] for name in model.input}


def results(model, decoded, inputs, labels, weights):
    """Decoded tags and confidence, loss, and the gradient of every weight."""
    inputs = inputs_of(model, inputs)
    loss, gradients = weight_gradients(
        lambda: loss_of(model)(labels, model(inputs), sample_weight=weights), model.trainable_variables
    )
    output = compiled(decoded)({name: ops.convert_to_tensor(array) for name, array in inputs.items()})
    return (
        np.array(output["tags"]),
        np.array(output["confidence"]),
        np.array(loss),
        [ops.convert_to_numpy(g) for g in gradients],
    )


def rows(data, which, length=None, width=None):
    inputs, labels, weights = data
    axes = {"image": 2}  # of time; lengths have none
    inputs = {
        name: array[which] if array.ndim == 1 else array[which][(slice(None),) * axes.get(name, 1) + (slice(length),)]
        for name, array in inputs.items()
    }
    inputs["characters"] = inputs["characters"][:, :, :width]
    return inputs, labels[which, :length], weights[which, :length]


def close(received, expected, tolerance=1e-4):
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [*FEW, *variants(*sorted(TAGGERS.keys() - {*FEW}))])
def test_padding_changes_nothing(name):
    model = make(*TAGGERS[name])
    decoded = decoder(model)
    data = batch()
    real = data[2] > 0
    tags, confidence, loss, gradients = results(model, decoded, *data)
    assert loss > 0.5 and max(np.abs(g).max() for g in gradients) > 0.01

    mean_loss, mean_gradients = 0.0, [0.0] * len(gradients)
    for row, length in enumerate(LENGTHS):
        width = max(1, int((data[0]["characters"][row, :length] > 0).sum(-1).max()))
        alone = results(model, decoded, *rows(data, slice(row, row + 1), length, width))
        np.testing.assert_array_equal(tags[row, :length], alone[0][0])
        close(confidence[row, :length], alone[1][0])
        share = length / LENGTHS.sum()
        mean_loss += share * alone[2]
        mean_gradients = [mean + share * g for mean, g in zip(mean_gradients, alone[3], strict=True)]
    close(loss, mean_loss)
    for received, expected in zip(gradients, mean_gradients, strict=True):
        close(received, expected)

    order = [2, 0, 1]
    longer = batch(steps=T + 3, width=W + 2)
    other = results(model, decoded, *rows(longer, order))
    np.testing.assert_array_equal(other[0][:, :T][real[order]], tags[order][real[order]])
    close(other[1][:, :T][real[order]], confidence[order][real[order]])
    close(other[2], loss)
    for received, expected in zip(other[3], gradients, strict=True):
        close(received, expected)


FRONT_OF_LENGTHS = {"words_softmax": "words_lengths", "frozen_vectors_crf": "vectors_lengths"}


@pytest.mark.parametrize("name", FRONT_OF_LENGTHS)
def test_true_lengths_give_the_same_as_masking(name):
    masking, told = make(*TAGGERS[name]), make(FRONT_OF_LENGTHS[name], TAGGERS[name][1])
    told.set_weights(masking.get_weights())
    data = batch(steps=T + 1)
    real = data[2] > 0
    expected = results(masking, decoder(masking), *data)
    data[0]["tokens"] = np.where(real, data[0]["tokens"], 7).astype("int32")  # ids tell nothing now
    received = results(told, decoder(told), *data)
    np.testing.assert_array_equal(received[0][real], expected[0][real])
    close(received[1][real], expected[1][real])
    close(received[2], expected[2])
    for ours, theirs in zip(received[3], expected[3], strict=True):
        close(ours, theirs)


@pytest.mark.parametrize(
    "name",
    variants(*sorted(TAGGERS)),
)
def test_a_tagger_learns_one_batch(name):
    model = make(*TAGGERS[name])
    model.compile(keras.optimizers.Adam(0.03), loss_of(model))
    inputs, labels, weights = batch()
    frozen = [np.array(weight) for weight in model.non_trainable_weights]
    inputs = inputs_of(model, inputs)
    first = loss_of(model)(labels, model(inputs), sample_weight=weights)
    model.fit(inputs, labels, sample_weight=weights, batch_size=B, epochs=150, shuffle=False, verbose=0)
    last = loss_of(model)(labels, model(inputs), sample_weight=weights)
    assert last < 0.1 * first
    real = weights > 0
    np.testing.assert_array_equal(np.array(decoder(model)(inputs)["tags"])[real], labels[real])
    for before, after in zip(frozen, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(frozen) == ("vectors" in TAGGERS[name][0])


@pytest.mark.slow
@pytest.mark.variant
def test_a_saved_tagger_is_the_same_in_a_fresh_process_and_a_new_one_trains_there(tmp_path):
    data = batch()[0]
    np.savez(tmp_path / "inputs.npz", **data)
    expected = {}
    for name in ("frozen_vectors_crf", "deep_crf", "constrained_crf"):
        model = make(*TAGGERS[name])
        model.save(tmp_path / f"{name}.keras")
        expected[name] = decoder(model)(inputs_of(model, data))["confidence"]
    decoder(make(*TAGGERS["words_softmax"])).save(tmp_path / "decoder.keras")
    expected["decoder"] = decoder(make(*TAGGERS["words_softmax"]))({"tokens": data["tokens"]})["confidence"]
    np.savez(tmp_path / "expected.npz", real=batch()[2] > 0, **expected)
    # A stranger's program: a front and a builder, without task, flag, dataset or registry.
    script = """
from seqzoo.inputs import words
from seqzoo.models import tagger

import sys
import keras, numpy as np

model = tagger(tags=3, front=words(9), units=4, layers=1, crf=False)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
    from_logits=True, reduction="mean_with_sample_weight"))
tokens = np.array([[1, 2, 3], [4, 5, 0]])
history = model.fit({"tokens": tokens}, tokens % 3, sample_weight=(tokens > 0).astype("float32"), epochs=2, verbose=0)
assert np.isfinite(history.history["loss"]).all()
for module in ("seqzoo.tasks", "seqzoo.task", "seqzoo.datasets", "seqzoo.run", "seqzoo.options"):
    assert module not in sys.modules, module

from seqzoo.models import decoder

inputs, expected = np.load("inputs.npz"), dict(np.load("expected.npz"))
real = expected.pop("real")
for name, confidence in expected.items():
    model = keras.models.load_model(name + ".keras")
    predictor = model if name == "decoder" else decoder(model)
    names = ["tokens"] if name == "decoder" else model.input
    received = np.array(predictor({key: inputs[key] for key in names})["confidence"])
    np.testing.assert_allclose(received[real], confidence[real], atol=1e-5, err_msg=name)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.variant
def test_a_crf_tagger_trains_under_xla():
    model = make("vectors", {"rnn": "lstm", "layers": 1})
    inputs, labels, weights = batch()
    inputs = inputs_of(model, inputs)
    eager = CRFLoss()(labels, model(inputs), sample_weight=weights)
    made = optimizer(Training(learning_rate=0.01, schedule="constant"), 1)
    model.compile(made, CRFLoss(), jit_compile=True)
    losses = [model.train_on_batch(inputs, labels, weights) for _ in range(2)]
    close(losses[0], eager)
    # Keras's running mean of both losses is below the first one only if the second is.
    assert losses[1] < losses[0]


def test_every_registered_rnn_makes_a_tagger():
    inputs = batch()[0]
    for name in FORWARD:
        model = make("words", {"rnn": name, "layers": 1})
        assert np.isfinite(model(inputs_of(model, inputs))).all()


def test_wrong_options_are_refused():
    for wrong, message in {
        "no features": (words, "needs features"),
        "characters": (lambda: words(V, characters="lstm"), "'cnn', 'rnn' or 'none'. Received: 'lstm'"),
        "pooling": (lambda: images(4, width_pooling=(2, 3)), "1 or 2 for each .* Received"),
        "one pooling": (lambda: images(4, width_pooling=(2,)), "1 or 2 for each of the 2"),
    }.values():
        with pytest.raises(ValueError, match=message):
            wrong()
    for name, build in {
        "features": lambda: classifier(2, frames(3, name="features")),
        "mask": lambda: classifier(2, ids(V, 4, name="mask")),
        "emissions": lambda: tagger(K, ids(V, 4, name="emissions")),
        "encoder": lambda: seq2seq(front=ids(V, 4, name="encoder"), target_tokens=V),
        "target": lambda: seq2seq(front=ids(V, 4, name="target"), target_tokens=V),
    }.items():
        with pytest.raises(ValueError, match=f"called {name}, .* give the front another name"):
            build()
    for call, wrong, right in (
        (lambda: tagger(K, words(V), unit=3), "unit", "units"),
        (lambda: classifier(K, words(V), segments=3), "segments", "segment"),
        (lambda: words(V, charcters="cnn"), "charcters", "characters"),
    ):
        with pytest.raises(TypeError, match=f"unexpected keyword argument {wrong!r}. Did you mean {right!r}"):
            call()


@pytest.mark.parametrize("builder", [tagger, classifier])
def test_the_signature_of_a_builder_shows_every_option_with_its_type_and_default(builder):
    parameters = inspect.signature(builder).parameters
    assert all(parameter.annotation is not parameter.empty for parameter in parameters.values())
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    assert required == {tagger: ["tags", "front"], classifier: ["classes", "front"]}[builder]
    assert set(Recurrent.__dataclass_fields__) <= set(parameters)  # a group of options goes to a builder in one call
    assert not {"x", "mask", "options", "initial_state"} & set(parameters)


def test_two_fronts_of_one_kind_stand_in_one_model():
    sides = [words(V, casing=True, characters="cnn", **SPELLED, name=name) for name in ("source", "target")]
    sides += [frames(2, mean=1.0, name=name) for name in ("left", "right")]
    sides += [ids(V, 3, name=name) for name in ("before", "after")]
    sides += [images(4, filters=(3,), width_pooling=(1,), name=name) for name in ("front", "back")]
    inputs = {name: keras_input for side in sides for name, keras_input in side[0].items()}
    model = keras.Model(inputs, keras.layers.Concatenate()([side[1][:, 0] for side in sides]))
    assert {
        "source_tokens",
        "source_characters",
        "target_casing",
        "left",
        "left_length",
        "before",
        "after",
        "back",
    } <= set(model.input)
    assert {"source_word_embedding", "target_spelling", "right_normalization"} <= {layer.name for layer in model.layers}


def test_the_steps_of_a_picture_are_its_pooled_columns():
    inputs, x, mask = images(5, filters=(3, 4), width_pooling=(2, 1))
    model = keras.Model(inputs, [x, mask])
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    picture = np.random.default_rng(1).normal(size=(3, 5, 7, 1)).astype("float32")
    widths = np.array([7, 3, 4])
    steps, real = (np.array(part) for part in model({"image": picture, "image_width": widths}))
    assert steps.shape == (3, 4, 2 * 4)
    np.testing.assert_array_equal(real.sum(1), [4, 2, 2])
    for row, width in enumerate(widths):
        alone, _ = model({"image": picture[row : row + 1, :, :width], "image_width": widths[row : row + 1]})
        close(steps[row, real[row]], alone[0])


def test_frames_are_normalised_and_zeros_may_be_real():
    inputs, x, mask = frames(2, mean=[1.0, 2.0], std=[2.0, 0.0])
    model = keras.Model(inputs, [x, mask])
    given = np.array([[[0, 0], [3, 4], [np.nan, 9]]], "float32")
    x, mask = model({"frames": given, "frames_length": np.array([2])})
    np.testing.assert_array_equal(x, [[[-0.5, -2], [1, 2], [0, 0]]])
    np.testing.assert_array_equal(mask, [[True, True, False]])


def test_frames_beyond_the_range_of_16_bits_are_normalised():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inputs, x, _ = frames(1, mean=2e5, std=1e5)
        model = keras.Model(inputs, x)
    finally:
        keras.config.set_dtype_policy(policy)
    given = {"frames": np.array([[[1e5], [3e5]]], "float32"), "frames_length": np.array([2])}
    np.testing.assert_allclose(np.array(model(given), "float32"), [[[-1], [1]]], atol=1e-3)


@pytest.fixture
def half_precision():
    keras.config.set_floatx("float16")
    yield
    keras.config.set_floatx("float32")


TOKENS = np.array([[3, 4, 0], [2, 5, 6]], "int32")
CROSSENTROPY = {"from_logits": True, "reduction": "mean_with_sample_weight"}


@pytest.mark.parametrize("kind", ["tagger", "crf", "classifier", "seq2seq"])
def test_models_work_if_float16_is_the_type_of_all_floats(half_precision, kind):
    inputs, labels, weights, loss = {"tokens": TOKENS}, TOKENS % 3, (TOKENS > 0).astype("float32"), None
    if kind == "classifier":
        model = classifier(3, ids(9, 4), pooling=("max", "attention", "last"), units=4, layers=1, rnn="simple_gru")
        labels, weights = labels[:, 0], np.ones(2)
    elif kind == "seq2seq":
        model = seq2seq(9, 9, dim=4, units=4, encoder_units=4, encoder="gru", attention="general", local="monotonic")
        inputs, loss = {"source": TOKENS, "target": TOKENS}, SmoothedCrossentropy(0.1)
    else:
        model = tagger(3, ids(9, 4), crf=kind == "crf", units=4, layers=1, layer_norm=True)
        loss = CRFLoss() if kind == "crf" else None
    loss = loss or keras.losses.SparseCategoricalCrossentropy(**CROSSENTROPY)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    assert np.isfinite(model.train_on_batch(inputs, labels, sample_weight=weights))
    assert any(
        (old != keras.ops.convert_to_numpy(new)).any() for old, new in zip(before, model.trainable_weights, strict=True)
    )
    if kind == "seq2seq":
        return
    out = (class_decoder if kind == "classifier" else decoder)(model)(inputs)
    certain = keras.ops.convert_to_numpy(
        keras.ops.sum(out["probabilities"], axis=-1) if kind == "classifier" else out["confidence"]
    )
    assert np.isfinite(certain).all() and (certain <= 1.001).all()


@pytest.mark.tensorflow("export")
@pytest.mark.parametrize("build, decode, container", [(tagger, decoder, list), (classifier, class_decoder, dict)])
def test_exported_decoders_take_a_dict_of_the_inputs_of_any_front(tmp_path, build, decode, container):
    import tensorflow as tf

    mine = keras.Input((None,), dtype="int32", name="mine")
    x, mask = keras.layers.Embedding(9, 4)(mine), keras.ops.not_equal(mine, 0)
    model = decode(build(3, ({"mine": mine} if container is dict else [mine], x, mask), units=4, layers=1))
    expected = model({"mine": TOKENS})
    model.export(str(tmp_path / "served"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "served"))
    found = served.serve({"mine": tf.constant(TOKENS)})
    assert {*found} == {*expected} and all(np.allclose(found[name], expected[name], atol=1e-5) for name in found)
