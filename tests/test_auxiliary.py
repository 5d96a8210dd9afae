"""The auxiliary language model of a tagger, against NumPy, and the contents of runs with it."""

import dataclasses

import keras
import numpy as np
import pytest
from backends import weight_gradients
from marks import variants
from test_contract import check_killed, randomized, tiny

from seqzoo.backend.distribution import Devices
from seqzoo.inputs import words
from seqzoo.layers.crf import CRFLoss
from seqzoo.models import auxiliary, tagger
from seqzoo.training import loop
from seqzoo.training.folder import checkpoint

pytestmark = pytest.mark.usefixtures("eagerly")
IDS = np.array([[2, 9, 3, 4], [5, 2, 0, 0]], "int32")  # 9 is not among the five words that are predicted
TAGS = IDS % 3
REAL = (IDS > 0).astype("float32")


def made(rnn="bilstm", **options):
    keras.utils.set_random_seed(0)
    plain = tagger(3, words(10, word_dim=4), rnn=rnn, units=5, layers=2, **options)
    model = auxiliary(plain, words=5, weight=0.1)
    model.compile("sgd", CRFLoss())
    return randomized(model)


def states_of(model, ids):
    return model({"tokens": ids}, training=True)["states"]


def loss_of(model, ids=IDS, tags=TAGS, weights=REAL):
    x = {"tokens": keras.ops.convert_to_tensor(ids)}
    return model.compute_loss(x, tags, model(x, training=True), weights)


@pytest.mark.parametrize("rnn", ["bilstm", "lstm"])
def test_it_predicts_the_words_after_and_before_and_both_borders_of_a_sentence(rnn):
    model = made(rnn)
    scores = [keras.ops.convert_to_numpy(z) for z in model.word_scores(states_of(model, IDS))]
    log_p = [z - np.log(np.exp(z).sum(-1, keepdims=True)) for z in scores]
    after, before = [[1, 3, 4, 0], [2, 0]], [[0, 2, 1, 3], [0, 5]]  # 9 is the unknown word
    expected = 0.0
    for p, targets in zip(log_p, (after, before), strict=False):
        expected -= sum(p[row, t, v] for row, line in enumerate(targets) for t, v in enumerate(line)) / 6
    tags = CRFLoss()(TAGS, model({"tokens": IDS}, training=False), sample_weight=REAL)
    assert float(loss_of(model)) == pytest.approx(float(tags) + 0.1 * expected, rel=1e-5)


def test_no_state_has_seen_the_word_that_it_predicts():
    model, other = made(), IDS.copy()
    other[0, 2] = 7
    for direction, unchanged in enumerate([slice(0, 2), slice(3, 4)]):
        a, b = (np.array(model.word_scores(states_of(model, ids))[direction])[0] for ids in (IDS, other))
        np.testing.assert_array_equal(a[unchanged], b[unchanged])
        assert np.abs(a[2] - b[2]).max() > 1e-4  # the word itself has been read there


def test_padding_and_rows_that_fill_up_a_batch_change_nothing():
    model = made()
    wide = [np.pad(array, [(0, 1), (0, 3)]) for array in (IDS, TAGS, REAL)]
    wide[0][-1] = wide[0][0]  # as the batches of static shapes do
    loss, gradients = weight_gradients(lambda: loss_of(model), model.trainable_variables)
    other, others = weight_gradients(lambda: loss_of(model, *wide), model.trainable_variables)
    assert float(other) == pytest.approx(float(loss), rel=1e-5)
    for a, b in zip(gradients, others, strict=True):
        a, b = (keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(g)) for g in (a, b))
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_row_counts_if_any_of_several_labels_has_a_weight():
    model = made()
    states, slots = states_of(model, IDS), REAL * [[0], [1]]
    whole, part = (float(model.word_loss(IDS, states, weights)) for weights in (REAL, slots))
    assert float(model.word_loss(IDS, states, {"slots": slots, "intent": np.ones(2, "float32")})) == whole != part


def test_a_model_that_would_see_the_words_it_predicts_is_refused():
    with pytest.raises(ValueError, match="convolution before"):
        auxiliary(tagger(3, words(10), filters=4))
    with pytest.raises(ValueError, match="has none"):
        auxiliary(tagger(3, words(10), layers=0))


@pytest.mark.parametrize("name", ["ner", *variants("dialogue_understanding")])
def test_its_weights_are_trained_and_checkpointed_but_not_saved(name, tmp_path):
    task, data = tiny(name, auxiliary_lm=0.1)
    plain, model = loop._build(task, data, Devices(), None, None)
    kernels = [part.kernel for head in model.heads for part in head]
    before = [*map(keras.ops.convert_to_numpy, kernels)]
    Devices().fit(model, data.splits["train"].epoch(0).take(1), 0, keras.callbacks.CallbackList())
    after = [*map(keras.ops.convert_to_numpy, kernels)]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    checkpoint(tmp_path, model, [])
    with np.load(tmp_path / "checkpoint.npz") as file:
        kept = [file[part].shape for part in file.files if part.startswith("model")]
    assert all(kernel.shape in kept for kernel in kernels)
    plain.save(tmp_path / "model.keras")
    saved = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert [w.shape for w in saved.weights] == [w.shape for w in tiny(name)[0].build().weights]


@pytest.mark.slow
@pytest.mark.variant
def test_a_killed_run_ends_like_an_uninterrupted_one(tmp_path):
    check_killed("ner", tmp_path, auxiliary_lm=0.1)


def test_it_learns_no_more_words_than_training_has():
    task, data = tiny("pos", auxiliary_lm=0.5)
    trained = task.training_model(task.build(), data.splits["train"].steps)
    assert trained.classes == task.assets["words"].known and trained.weight == 0.5
    task.config = dataclasses.replace(task.config, auxiliary_words=3)
    assert task.training_model(task.build(), 1).classes == 5
