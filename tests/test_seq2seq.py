"""The encoder-decoder: reading step by step equals reading at once, whatever it is made of; padding changes nothing."""

import functools
import math
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops
from marks import slow, variants

from seqzoo.backend.gradients import compiled, gradient
from seqzoo.decoding.sampling import Sampler
from seqzoo.decoding.search import BeamPredictor
from seqzoo.inputs import frames
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.layers.masks import from_lengths
from seqzoo.models import Seq2SeqDecoder, scheduled, seq2seq
from seqzoo.models.scheduled import SAMPLING_SCHEDULES, Scheduled, share_sampled
from seqzoo.options import Decoding

V, W = 11, 9  # tokens of the source, of the target
S, T = 7, 6
SOURCE_LENGTHS, LENGTHS = np.array([7, 4, 2]), np.array([6, 3, 5])

CASES = {
    "additive": {},
    "general_deep": {"attention": "general", "layers": 2, "encoder_layers": 2, "dropout": 0.3, "input_dropout": 0.2},
    "dot": {"attention": "dot", "encoder": "lstm", "encoder_units": 5, "rnn": "peephole_lstm", "tied": False},
    "location_monotonic": {
        "attention": "location", "longest": 5, "local": "monotonic", "attention_window": 2, "rnn": "rnn"
    },
    "concat_predictive": {
        "attention": "concat", "local": "predictive", "attention_window": 2, "encoder": "bigru", "rnn": "gru"
    },
    "convolutional": {"attention": "convolutional", "encoder": "bisimple_gru", "rnn": "simple_gru", "layers": 2},
    "coverage": {"coverage": True, "encoder": "bimin_lstm", "rnn": "min_lstm", "encoder_layers": 2},
    "feeding": {
        "input_feeding": True, "layers": 2, "encoder_layers": 3, "dropout": 0.3, "recurrent_dropout": 0.2,
        "weight_drop": 0.2, "residual": True, "layer_norm": True,
    },
    "feeding_all": {
        "input_feeding": True, "coverage": True, "attention": "convolutional", "local": "monotonic",
        "attention_window": 2,
        "rnn": "gru", "attention_units": 3, "tied": "joint", "source_tokens": W,
    },
    "sutskever": {"attention": "none", "encoder": "gru", "rnn": "gru", "units": 4},
    "no_recurrence": {"encoder": "none", "rnn": "none"},
    "cho": {"attention": "none", "context": "step", "encoder": "birnn", "rnn": "min_gru", "layers": 2},
}  # fmt: skip
FEW = ("additive", "feeding", "no_recurrence")  # the others are for `pytest -m slow`


@functools.cache
def make(name):
    arguments = {"source_tokens": V, "dim": 4, "units": 5, "encoder_units": 3, **CASES[name]}
    model = seq2seq(target_tokens=W, **arguments)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:  # fresh zeros would hide what padding does
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def batch(more=0, seed=1):
    """(inputs, labels, weights) of three pairs, padded by some more steps."""
    rng = np.random.default_rng(seed)

    def padded(high, length, lengths):
        values = rng.integers(1, high, (3, length)) * (np.arange(length) < lengths[:, None])
        return np.pad(values, [(0, 0), (0, more)]).astype("int32")

    inputs = {"source": padded(W, S, SOURCE_LENGTHS), "target": padded(W, T, LENGTHS)}
    labels = padded(W, T, LENGTHS)
    return inputs, labels, (labels > 0).astype("float32")


def loss_of():
    return SmoothedCrossentropy(0.1)


def results(model, inputs, labels, weights):
    """Logits, loss, and gradients."""
    loss, gradients = weight_gradients(
        lambda: loss_of()(labels, model(inputs), sample_weight=weights), model.trainable_variables
    )
    # Without recurrence nothing reads the first state of the decoder: its weights have no gradient.
    return model(inputs), loss, [ops.convert_to_numpy(g) for g in gradients if g is not None]


def close(received, expected, tolerance=1e-4):
    np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance)


def attention_of(model, inputs):
    """The attention [B, T, S] with which the model reads the target that is given."""
    decoder = Seq2SeqDecoder(model)
    attention = decoder.read(inputs["target"], *decoder.start(inputs))[2]
    return None if attention is None else np.array(attention)


@pytest.mark.parametrize("name", [*FEW, *variants(*sorted(CASES.keys() - {*FEW}))])
def test_padding_changes_neither_scores_nor_loss_nor_gradients_nor_attention(name):
    inputs, labels, weights = batch()
    logits, loss, gradients = results(make(name), inputs, labels, weights)
    assert loss > 0.5 and max(np.abs(g).max() for g in gradients) > 0.01
    order = [2, 0, 1]
    longer = batch(more=3)
    more = ({key: value[order] for key, value in longer[0].items()}, longer[1][order], longer[2][order])
    other, other_loss, other_gradients = results(make(name), *more)
    real = labels > 0
    close(np.array(other)[:, :T][real[order]], np.array(logits)[order][real[order]])
    close(other_loss, loss)
    for received, expected in zip(other_gradients, gradients, strict=True):
        close(received, expected)

    attention, other_attention = (attention_of(make(name), each[0]) for each in (batch(), longer))
    if CASES[name].get("attention") == "none":
        assert attention is None and not Seq2SeqDecoder(make(name)).attends
        return
    close(other_attention[:, :T, :S][real], attention[real])
    padding = np.broadcast_to((inputs["source"] == 0)[:, None], attention.shape)
    assert (attention[padding] == 0).all()
    close(attention.sum(-1), 1)


@pytest.mark.parametrize("name", [*FEW, *variants(*sorted(CASES.keys() - {*FEW}))])
def test_step_by_step_is_all_at_once_and_alone_as_in_a_batch(name):
    model, (inputs, labels, _) = make(name), batch()
    whole, real = np.array(model(inputs)), inputs["target"] > 0
    decoder = Seq2SeqDecoder(model)
    assert decoder.tokens == W
    attention = attention_of(model, inputs)
    row = 1  # the one with padding in both
    fixed, state = decoder.start(inputs)
    alone_fixed, alone = decoder.start({"source": inputs["source"][row : row + 1, : SOURCE_LENGTHS[row]]})
    for t in range(T):
        (logits, weights), state = decoder.step(inputs["target"][:, t], fixed, state)
        close(np.array(logits)[real[:, t]], whole[:, t][real[:, t]])
        if weights is not None:
            close(np.array(weights)[real[:, t]], attention[:, t][real[:, t]])
        if t < LENGTHS[row]:
            (logits, _), alone = decoder.step(inputs["target"][row : row + 1, t], alone_fixed, alone)
            close(logits[0], whole[row, t])
    for part in (*fixed, *state):
        assert part.shape[0] == 3

    begun = {**inputs, "target": np.where(labels > 0, np.pad(labels[:, :-1], [(0, 0), (1, 0)], constant_values=2), 0)}
    scores, real = decoder.score(inputs, labels), labels > 0  # `begin` is 2
    assert (scores[~real] == 0).all() and (scores[real] < 0).all()
    expected = SmoothedCrossentropy(0)(labels, model(begun), sample_weight=real.astype("float32"))
    close(-scores.sum() / real.sum(), expected)


def pairs(count=24, length=5):
    """Sequences and themselves reversed: begin mark 1, end mark 2."""
    rng = np.random.default_rng(0)
    source = rng.integers(3, W, (count, length)) * (np.arange(length) < rng.integers(2, length + 1, count)[:, None])
    labels = np.zeros((count, length + 1), "int32")
    for row, tokens in zip(labels, source, strict=True):
        tokens = tokens[tokens > 0]
        row[: len(tokens) + 1] = [*tokens[::-1], 2]
    target = np.where(labels > 0, np.pad(labels[:, :-1], [(0, 0), (1, 0)], constant_values=1), 0)
    return {"source": source.astype("int32"), "target": target.astype("int32")}, labels, (labels > 0).astype("float32")


@pytest.mark.parametrize("samples", slow(False, True))
def test_an_encoder_decoder_learns_to_reverse(samples):
    keras.utils.set_random_seed(0)
    arguments = {"input_feeding": True, "rnn": "gru"} if samples else {"attention": "general"}
    model = seq2seq(W, W, dim=16, encoder="bigru", units=32, encoder_units=16, **arguments)
    trained = scheduled(model, "exponential", steps=300) if samples else model
    trained.compile(keras.optimizers.Adam(0.02), loss_of())
    inputs, labels, weights = pairs()
    trained.fit(inputs, labels, sample_weight=weights, batch_size=len(labels), epochs=120, shuffle=False, verbose=0)
    assert not samples or int(trained.steps) == 120
    logits = np.array(model(inputs))
    assert (logits.argmax(-1) == labels)[labels > 0].mean() > 0.98
    sampler = Sampler(Seq2SeqDecoder(model, begin=1), stop=(2,), temperature=0)  # and decodes it by itself
    drawn = sampler(inputs, np.zeros((labels.shape[1], len(labels))))
    assert (drawn == labels)[labels > 0].mean() > 0.9


@pytest.mark.slow
def test_a_saved_encoder_decoder_is_the_same_in_a_fresh_process(tmp_path):
    inputs, labels, _ = batch()
    expected = {}
    for name in ("feeding", "feeding_all", "cho"):
        model = make(name)
        model.save(tmp_path / f"{name}.keras")
        expected[name] = Seq2SeqDecoder(model).score(inputs, labels)
    make_scheduled = scheduled(make("additive"))
    keras.Model(make_scheduled.input, make_scheduled.output).save(tmp_path / "scheduled.keras")
    expected["scheduled"] = Seq2SeqDecoder(make("additive")).score(inputs, labels)
    np.savez(tmp_path / "expected.npz", **expected)
    np.savez(tmp_path / "data.npz", labels=labels, **inputs)
    script = """
import keras, numpy as np
from seqzoo.models import Seq2SeqDecoder

data = np.load("data.npz")
for name, scores in np.load("expected.npz").items():
    model = keras.models.load_model(name + ".keras")
    received = Seq2SeqDecoder(model).score({"source": data["source"]}, data["labels"])
    np.testing.assert_allclose(received, scores, atol=1e-5, err_msg=name)
    tables = [weight.path for weight in model.weights if weight.path.endswith("embeddings")]
    assert len(tables) == 1 + (name != "feeding_all"), tables
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]


@pytest.mark.slow
def test_an_encoder_decoder_trains_under_xla():
    model = seq2seq(V, W, dim=4, units=5, encoder="lstm", encoder_units=3)
    data = batch()
    eager = loss_of()(data[1], model(data[0]), sample_weight=data[2])
    model.compile(keras.optimizers.Adam(0.01), loss_of(), jit_compile=True)
    close(model.train_on_batch(*data), eager)


def test_dropout_is_for_training_only():
    model, (inputs, *_) = make("feeding"), batch()
    plain = np.array(model(inputs))
    once, again = (np.array(model(inputs, training=True)) for _ in range(2))
    assert np.abs(once - again).max() > 1e-2
    np.testing.assert_array_equal(model(inputs), plain)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"attention": "bahdanau"}, "attention should be one of additive"),
        ({"attention": "none", "input_feeding": True}, "need attention. Received: attention='none'"),
        ({"context": "step"}, "context='step' is for attention='none'"),
        ({"context": "both"}, "context should be state or step"),
        ({"tied": "all"}, "tied should be"),
        ({"tied": "joint"}, "needs a joint vocabulary. Received sizes: 11 and 9"),
        ({"rnn": "bilstm"}, "reads forward is needed"),
        ({"encoder_layers": 0}, "encoder_layers should be at least 1"),
        ({"attention": "dot", "units": 4, "encoder_units": 3}, "needs keys as wide as the decoder's state"),
        ({"attention": "general", "coverage": True}, "coverage needs a score with a tanh"),
    ],
)
def test_impossible_models_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        seq2seq(V, W, **arguments)


def test_a_translation_is_sampled_with_the_probabilities_of_the_model():
    model, rows = make("additive"), 3000
    decoder = Seq2SeqDecoder(model)
    source = {"source": np.tile([[3, 4, 5]], (rows, 1))}
    noise = np.random.default_rng(0).random((4, rows))
    ids = Sampler(decoder, banned=(), stop=(3,))(source, noise)
    assert not ids[:, 1:][ids[:, :-1] == 3].any()
    pairs = np.stack(np.meshgrid(np.arange(1, W), np.arange(1, W)), axis=-1).reshape(-1, 2)
    p = np.exp(decoder.score({"source": source["source"][: len(pairs)]}, pairs).sum(axis=-1))
    shares = np.array([(ids[:, :2] == pair).all(axis=1).mean() for pair in pairs])
    np.testing.assert_allclose(shares[pairs[:, 0] != 3], p[pairs[:, 0] != 3], atol=0.03)
    forced = np.zeros((4, rows), "int32")
    forced[1] = 7
    taken = Sampler(decoder, banned=())(source, noise, forced)
    np.testing.assert_array_equal(taken[:, 0], ids[:, 0])
    assert (taken[:, 1] == 7).all()


def test_the_same_noise_samples_the_same_translation_alone_and_in_a_batch():
    sampler = Sampler(Seq2SeqDecoder(make("additive")), stop=(3,), temperature=0.8)
    source, noise = batch()[0]["source"], np.random.default_rng(1).random((5, len(SOURCE_LENGTHS)))
    ids = sampler({"source": source}, noise)
    np.testing.assert_array_equal(sampler({"source": source}, noise), ids)
    np.testing.assert_array_equal(sampler({"source": source[1:2]}, noise[:, 1:2])[0], ids[1])
    assert (sampler({"source": source}, 1 - noise) != ids).any()


@pytest.mark.slow
@pytest.mark.variant
def test_a_source_of_frames_is_translated_by_beam_search_and_by_several_models():
    rng = np.random.default_rng(0)
    decoders = []
    for _ in range(3):
        model = seq2seq(front=frames(3), target_tokens=W, dim=4, units=5, encoder_units=3)
        model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
        decoders.append(Seq2SeqDecoder(model))
    inputs = {"frames": rng.normal(size=(2, 5, 3)).astype("float32"), "frames_length": np.array([5, 3])}
    np.testing.assert_array_equal(decoders[0].source_mask(inputs), np.arange(5) < [[5], [3]])
    labels, weights = np.array([[4, 5, 3], [4, 3, 0]]), np.array([[1, 1, 1], [1, 1, 0]])
    predictor = BeamPredictor(decoders[:2], 3, Decoding(beam=2, longest_ratio=0.0))
    assert predictor.attends and predictor(inputs, labels, weights)["ids"].shape[2] <= 10
    several = predictor.variant(Decoding(beam=2), lambda: decoders[2:], attention=True)
    assert several.decoders == decoders and several.attends
    answers = several(inputs, labels, weights)
    assert answers["attention"].shape[-1] == 5 and (answers["attention"][1, ..., 3:] == 0).all()
    mean = np.mean([np.exp(decoder.score(inputs, labels)) for decoder in decoders], axis=0)
    assert several.mean_loss()["loss"] == pytest.approx(-(np.log(mean) * weights).sum() / 5, abs=1e-4)


def test_an_answer_may_be_as_long_as_the_ratio_says_or_as_the_longest_that_was_learned():
    predictor, limits = BeamPredictor([Seq2SeqDecoder(make("additive"))], 3, Decoding(beam=1), bounds=(17, 0)), []
    predictor = predictor.variant(Decoding(beam=1, longest_ratio=2.0))
    search = predictor.beam
    predictor.beam = lambda inputs, limit, mask: limits.extend(limit) or search(inputs, limit, mask=mask)
    predictor({"source": np.array([[4, 5, 6, 4, 3], [4, 3, 0, 0, 0]])}, np.array([[4, 3], [4, 3]]), np.ones((2, 2)))
    assert limits == [20, 17]


def test_a_source_of_frames_is_read_and_the_saved_model_decodes_the_same(tmp_path):
    frames, length = keras.Input((None, 3), name="frames"), keras.Input((), dtype="int32", name="frames_length")
    mask = from_lengths(length, frames[..., 0])
    front = {"frames": frames, "frames_length": length}, keras.layers.Dense(6)(frames), mask
    model = seq2seq(front=front, target_tokens=W, dim=4, units=5, encoder_units=3)
    values = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    source = {"frames": values, "frames_length": np.array([5, 3])}
    ids = np.array([[3, 4, 5], [6, 3, 0]])
    scores = Seq2SeqDecoder(model).score(source, ids)
    alone = Seq2SeqDecoder(model).score({"frames": values[1:, :3], "frames_length": np.array([3])}, ids[1:])
    close(alone[0], scores[1])
    model.save(tmp_path / "model.keras")
    loaded = Seq2SeqDecoder(keras.models.load_model(tmp_path / "model.keras", compile=False), begin=2)
    close(loaded.score(source, ids), scores)
    assert Sampler(loaded)(source, np.full((4, 2), 0.5)).shape == (2, 4)


@pytest.mark.parametrize("arguments", [{}, {"front": (0, 0, 0), "source_tokens": 3, "target_tokens": 3}])
def test_a_source_is_tokens_or_a_front(arguments):
    with pytest.raises(ValueError, match="either source_tokens or a front"):
        seq2seq(**arguments)


def test_a_misspelt_option_gets_a_hint():
    with pytest.raises(TypeError, match="'weight_dropp'. Did you mean 'weight_drop'"):
        seq2seq(V, W, weight_dropp=0.1)


# Scheduled sampling.


def set_share(model, share):
    """`model` with a linear schedule at the step where it draws that share of the tokens."""
    made = scheduled(model, "linear", steps=1000, seed=3)
    made.steps.assign(round(1000 * share))
    return made


def test_schedules_are_those_of_the_paper():
    i = np.arange(0, 4000, 500)
    right = {name: np.array([1 - float(share_sampled(name, step, 2000)) for step in i]) for name in SAMPLING_SCHEDULES}
    close(right["linear"], np.maximum(0, 1 - i / 2000))
    close(right["exponential"], (2 ** (-1 / 2000)) ** i)
    k = next(k for k in np.arange(1, 2000, 0.01) if k * math.log(k) >= 2000)
    close(right["inverse_sigmoid"], k / (k + np.exp(i / k)), 1e-3)
    assert right["inverse_sigmoid"][4] == pytest.approx(0.5, abs=1e-3)
    close(1 - float(share_sampled("linear", 10**6, 2000, least=0.25)), 0.25)
    assert float(share_sampled("inverse_sigmoid", 10**6, 2000)) == 1


@pytest.mark.parametrize("name", [*slow("feeding_all"), *variants("additive")])
def test_nothing_drawn_is_teacher_forcing_and_all_drawn_is_the_loop_of_the_paper(name):
    model, (inputs, *_) = make(name), batch()
    inputs = {key: ops.convert_to_tensor(value) for key, value in inputs.items()}
    target = np.array(inputs["target"])
    np.testing.assert_array_equal(set_share(model, 0).mixed(inputs, 0.0), target)
    np.testing.assert_array_equal(set_share(model, 0)(inputs, training=True), model(inputs, training=True))

    made = set_share(model, 1)
    u = np.array(keras.random.uniform((2, 3, T), seed=keras.random.SeedGenerator(3)))
    received = np.array(compiled(made.mixed)(inputs, 0.6))
    decoder = Seq2SeqDecoder(model)
    fixed, state = decoder.start(inputs)
    ids, drawn = target[:, 0], 0
    for t in range(1, T):
        (logits, _), state = decoder.step(ids, fixed, state)
        reached = np.cumsum(np.array(ops.softmax(logits)), axis=-1)
        own = (u[0, :, t] < 0.6) & (target[:, t] > 0)
        ids = np.where(own, (reached <= u[1, :, t : t + 1]).sum(-1), target[:, t])
        np.testing.assert_array_equal(received[:, t], ids)
        drawn += own.sum()
    assert drawn > 2 and (received[target > 0] > 0).all() and (received[target == 0] == 0).all()


def test_drawn_tokens_follow_the_model_and_the_steps_are_counted():
    model, rows = make("sutskever"), 4000
    inputs = {"source": np.full((rows, 2), 3), "target": np.full((rows, 2), 4)}
    p = np.array(ops.softmax(model({key: value[:1] for key, value in inputs.items()})))[0, 0]
    made = set_share(model, 0)
    drawn = np.array(made.mixed(inputs, 1.0))[:, 1]
    close(np.bincount(drawn, minlength=W) / rows, p, 0.03)
    assert (np.array(made.mixed(inputs, 0.3))[:, 1] == 4).mean() == pytest.approx(0.7 + 0.3 * p[4], abs=0.03)

    inputs, before = batch()[0], int(made.steps)
    np.testing.assert_array_equal(made(inputs), model(inputs))
    assert int(made.steps) == before
    made(inputs, training=True)
    assert int(made.steps) == before + 1 and any(weight is made.steps for weight in made.weights)
    assert isinstance(made, Scheduled) and len(model.weights) == len(made.weights) - 1


@pytest.mark.parametrize("arguments", [{"schedule": "cubic"}, {"steps": 0}, {"least": 2}])
def test_schedules_out_of_bounds_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        scheduled(make("sutskever"), **arguments)


# The loss.


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothed_crossentropy_is_that_of_spread_labels(smoothing):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 2, (2, 4, V)).astype("float32"), rng.integers(1, V, (2, 4))
    logits[..., 0] -= 1e4  # as padding's are
    weights = rng.integers(0, 3, (2, 4)).astype("float32")
    spread = np.full((2, 4, V), smoothing / (V - 1))
    spread[..., 0] = 0
    np.put_along_axis(spread, labels[..., None], 1 - smoothing + smoothing / (V - 1), axis=-1)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -(spread * log_p).sum(-1)
    loss = SmoothedCrossentropy(smoothing)
    close(loss(labels, logits, sample_weight=weights), (each * weights).sum() / weights.sum(), 1e-5)
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    close(copy(labels, logits), each.mean(), 1e-5)
    received = gradient(lambda z: loss(labels, z, sample_weight=weights), ops.convert_to_tensor(logits))
    expected = (np.exp(log_p) - spread) * weights[..., None] / weights.sum()
    close(received, expected, 1e-5)


def test_labels_of_padding_weigh_nothing():
    logits = np.random.default_rng(0).normal(0, 2, (1, 3, V)).astype("float32")
    logits[..., 0] = -1e4
    short = SmoothedCrossentropy()(np.array([[3, 4]]), logits[:, :2], sample_weight=np.ones((1, 2)))
    long = SmoothedCrossentropy()(np.array([[3, 4, 0]]), logits, sample_weight=np.array([[1.0, 1, 0]]))
    close(short, long, 1e-6)
    with pytest.raises(ValueError, match="smoothing should be at least 0"):
        SmoothedCrossentropy(1)
