import keras
import numpy as np
import pytest

from seqzoo.layers.words import UnknownWords, WordEmbedding
from seqzoo.text.casing import CASES, casing


def test_both_tables_are_one_to_the_reader():
    vectors = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    ids = np.array([[0, 1, 3], [4, 8, 3]])
    for rows in (None, 1, 4, 9):
        layer = WordEmbedding(9, 3, rows, vectors)
        np.testing.assert_array_equal(layer(ids), vectors[ids])
        assert len(layer.weights) == (1 if rows in (None, 9) else 2)


def test_frozen_rows_and_unread_rows_never_move():
    vectors = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    layer = WordEmbedding(9, 3, 4, vectors)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.array([[1, 3, 4, 8]] * 4), np.ones((4, 4, 1)), epochs=3, verbose=0)
    after = np.concatenate([layer.trained, layer.frozen])
    # Row 0 and 2 have no word in the batch; words of the frozen table must not reach row 0 either.
    assert (np.abs(after - vectors).max(axis=1) > 0).tolist() == [False, True, False, True] + [False] * 5
    assert (5, 3) not in [tuple(variable.shape) for variable in model.optimizer.variables]


@pytest.mark.tensorflow("gradients in rows are TensorFlow's")
@pytest.mark.parametrize("rows", [4, 9])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_gradient_stays_sparse(rows, dtype):
    import tensorflow as tf

    layer = WordEmbedding(9, 3, rows, dtype=dtype)
    layer.build((None, None))

    @tf.function
    def gradient(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(ids) ** 2)
        (slices,) = tape.gradient(loss, layer.trainable_variables)
        assert isinstance(slices, tf.IndexedSlices)
        return tf.convert_to_tensor(slices), slices.indices

    ids = np.array([[1, 2, 2, 0], [8, 8, 1, 0]])
    assert layer(ids).dtype == layer.compute_dtype
    times = np.bincount(ids[ids < rows], minlength=rows)[:, None]
    dense, touched = gradient(ids)
    assert set(touched.numpy()) == {*ids[ids < rows]}  # words of the frozen table count as padding
    np.testing.assert_allclose(dense, 2 * layer.trained * times, rtol=0.02)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="vectors should be of shape .*9, 3.*Received: .*8, 3"):
        WordEmbedding(9, 3, vectors=np.zeros((8, 3)))
    with pytest.raises(ValueError, match="trainable_rows .*Received: 10"):
        WordEmbedding(9, 3, trainable_rows=10)
    with pytest.raises(ValueError, match="first_rare .*Received: 1, 5"):
        UnknownWords(1, 5)
    with pytest.raises(ValueError, match="rate .*Received: 50"):
        UnknownWords(2, 5, rate=50)


def test_only_rare_words_become_unknown_and_only_in_training():
    ids = np.random.default_rng(0).integers(0, 30, (100, 100))
    layer = UnknownWords(10, 20, rate=0.3, seed=1)
    np.testing.assert_array_equal(layer(ids), ids)
    seen = np.array(layer(ids, training=True))
    rare = (ids >= 10) & (ids < 20)
    np.testing.assert_array_equal(seen[~rare], ids[~rare])
    replaced = seen[rare] != ids[rare]
    assert (seen[rare][replaced] == 1).all()
    assert 0.27 < replaced.mean() < 0.33
    assert (np.array(layer(ids, training=True)) != seen).any()
    assert len(layer.variables) == 1  # the random state


def test_saved_is_loaded(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    vectors = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    y = WordEmbedding(9, 3, 4, vectors)(UnknownWords(3, 4)(ids))
    model = keras.Model(ids, y)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    batch = np.arange(9)[None]
    np.testing.assert_array_equal(again(batch), model(batch))
    np.testing.assert_array_equal(again(batch), vectors[batch])


def test_casing():
    examples = {
        "padding": [""],
        "lower": ["of", "re-elect", "n't"],
        "upper": ["EU", "U.S.", "I"],
        "initial": ["Peter", "Al-ayn", "Über"],
        "mixed": ["McCoy", "iPhone", "re-Elect", "-Peter"],
        "numeric": ["1996-08-22", "$5", "3"],
        "digit": ["F16", "3rd"],
        "other": ["--", ".", "東京"],
    }
    assert tuple(examples) == CASES
    for case, tokens in examples.items():
        assert [CASES[casing(token)] for token in tokens] == [case] * len(tokens)
