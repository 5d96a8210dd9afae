"""CTC against the sum over all paths, and padding that changes nothing."""

import itertools

import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops

from seqzoo.inputs import frames
from seqzoo.layers.ctc import CTCDecode, CTCLoss, force_blank, frames_needed
from seqzoo.models import tagger

B, T, V = 4, 5, 3
LENGTHS = np.array([5, 3, 4, 2])
LABELS = np.array([[1, 1, 2], [2, 0, 0], [1, 2, 1], [0, 0, 0]])
MASK = np.arange(T) < LENGTHS[:, None]


def logits(steps=T, seed=0):
    """Random logits, with large ones at the padded frames."""
    real = np.random.default_rng(seed).normal(size=(B, T, V))
    garbage = 50 * np.random.default_rng(9).normal(size=(B, steps, V))
    garbage[:, :T] = np.where(MASK[..., None], real, garbage[:, :T])
    return garbage.astype("float32"), np.arange(steps) < LENGTHS[:, None]


def collapsed(path):
    return [label for label, _ in itertools.groupby(path) if label]


def log_probability(z, labels):
    """log of the sum over all paths of logits z [T, V] that stand for the labels."""
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    paths = itertools.product(range(V), repeat=len(z))
    with np.errstate(divide="ignore"):
        return np.log(sum(p[range(len(z)), path].prod() for path in paths if collapsed(path) == labels))


def losses(z, mask, labels=LABELS):
    return np.array(CTCLoss(reduction=None)(labels, force_blank(z, ops.convert_to_tensor(mask))))


def test_the_loss_is_the_sum_over_all_paths():
    z, mask = logits()
    expected = [-log_probability(row[:n], [y for y in ys if y]) for row, n, ys in zip(z, LENGTHS, LABELS, strict=True)]
    np.testing.assert_allclose(losses(z, mask), expected, rtol=1e-5)


def test_padded_frames_labels_and_rows_change_neither_loss_nor_gradient():
    def results(steps, rows=slice(None), more=0):
        z, mask = logits(steps)
        z = keras.Variable(z[rows])
        labels, weights = np.pad(LABELS[rows], [(0, 0), (0, more)]), np.array([1.0, 2.0, 0.5, 0.0])[rows]

        def loss():
            return CTCLoss()(labels, force_blank(z, ops.convert_to_tensor(mask[rows])), sample_weight=weights)

        value, (gradient,) = weight_gradients(loss, [z])
        return float(value), ops.convert_to_numpy(gradient)

    value, gradient = results(T)
    assert not gradient[~MASK].any() and np.isfinite(gradient).all() and np.abs(gradient).max() > 0.01
    for other in (results(T + 17, more=2), results(T, slice(0, 3))):
        np.testing.assert_allclose(other[0], value, rtol=1e-6)
        np.testing.assert_allclose(other[1][:, :T], gradient[: len(other[1])], atol=1e-6)
        assert not other[1][:, T:].any()
    alone = losses(logits()[0][1:2, :3], MASK[1:2, :3], LABELS[1:2, :1])
    np.testing.assert_allclose(losses(logits(T + 17)[0], logits(T + 17)[1])[1:2], alone, rtol=1e-6)


def test_labels_without_enough_frames_have_an_infinite_loss_and_no_gradient():
    assert [frames_needed(labels) for labels in ([], [3], [1, 2], [1, 1, 2], [2, 2, 2])] == [0, 1, 2, 4, 5]
    for labels in LABELS:
        labels = labels[labels > 0]
        z = np.zeros((frames_needed(labels), V))
        assert np.isfinite(log_probability(z, [*labels]))
        assert not len(labels) or np.isinf(log_probability(z[1:], [*labels]))
    z, mask = logits()
    long = np.array([[1, 1, 1, 1], [1, 1, 2, 0], [1, 2, 1, 2], [2, 2, 0, 0]])
    np.testing.assert_array_equal(np.isinf(losses(z, mask, long)), [True, True, False, True])
    z = keras.Variable(z)
    _, (gradient,) = weight_gradients(lambda: CTCLoss()(long, force_blank(z, ops.convert_to_tensor(mask))), [z])
    moved = np.abs(ops.convert_to_numpy(gradient)).max(axis=(1, 2)) > 0
    np.testing.assert_array_equal(moved, [False, False, True, False])


def test_greedy_decoding_merges_repeats_and_drops_blanks():
    paths = np.array([[1, 1, 0, 1, 2], [0, 2, 2, 1, 1], [2, 1, 2, 0, 0], [0, 0, 1, 1, 1]])
    z = 4.0 * np.eye(V)[paths] + np.random.default_rng(0).normal(size=(B, T, V))
    for more in (0, 3):
        mask = np.arange(T + more) < LENGTHS[:, None]
        answer = CTCDecode()(force_blank(np.pad(z, [(0, 0), (0, more), (0, 0)]), ops.convert_to_tensor(mask)))
        for row, length in enumerate(LENGTHS):
            expected = collapsed(paths[row, :length])
            assert [*answer["labels"][row]] == expected + [0] * (T + more - len(expected))
            log_p = z[row, :length] - np.log(np.exp(z[row, :length]).sum(-1, keepdims=True))
            np.testing.assert_allclose(answer["log_probability"][row], log_p.max(-1).sum(), rtol=1e-4)


def transcriber():
    front = frames(2)
    model = tagger(V, front, crf=False, units=8, layers=1)
    return keras.Model(model.input, force_blank(model.output, front[2]))


@pytest.mark.slow
def test_a_model_learns_to_transcribe_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(B, T, 2)).astype("float32")
    inputs = {"frames": x, "frames_length": LENGTHS}
    model = transcriber()
    model.compile(keras.optimizers.Adam(0.05), CTCLoss())
    history = model.fit(inputs, LABELS, epochs=150, batch_size=B, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    predictor = keras.Model(model.input, CTCDecode()(model.output))
    np.testing.assert_array_equal(predictor(inputs)["labels"][:, :3], LABELS)
    predictor.save(tmp_path / "model.keras")
    model.save(tmp_path / "trained.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(inputs)["labels"], predictor(inputs)["labels"])
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "trained.keras").evaluate(inputs, LABELS, batch_size=B, verbose=0),
        model.evaluate(inputs, LABELS, batch_size=B, verbose=0), rtol=1e-5,
    )  # fmt: skip


@pytest.mark.tensorflow("compares graph and eager")
def test_the_loss_compiles_under_xla():
    z, mask = logits()
    model = transcriber()
    model.compile("adam", CTCLoss(), jit_compile=True)
    inputs = {"frames": z[..., :2], "frames_length": LENGTHS}
    expected = CTCLoss()(LABELS, model(inputs))
    np.testing.assert_allclose(model.train_on_batch(inputs, LABELS), expected, rtol=1e-4)
