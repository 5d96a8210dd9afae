import keras
import numpy as np
import pytest
from backends import weight_gradients
from keras import ops

from seqzoo.layers.characters import CharacterCNN, CharacterRNN

LAYERS = {
    "cnn": lambda **kwargs: CharacterCNN(12, dim=4, filters=5, kernel_sizes=(2, 3), **kwargs),
    "lstm": lambda **kwargs: CharacterRNN(12, dim=4, units=3, rnn="lstm", **kwargs),
    "bilstm": lambda **kwargs: CharacterRNN(12, dim=4, units=3, **kwargs),
}
WORDS = np.array([[[3, 4, 5], [7, 0, 0]], [[9, 2, 0], [0, 0, 0]]])  # [B, T, W] = [2, 2, 3]; the last word is padding
all_layers = pytest.mark.parametrize("name", LAYERS)


def built(name, **kwargs):
    layer = LAYERS[name](**kwargs)
    layer.build((None, None, None))
    random = np.random.default_rng(0)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def gradients(layer, ids, upstream):
    """Of sum(y * upstream), by each weight of the layer."""
    return [
        ops.convert_to_numpy(g)
        for g in weight_gradients(lambda: ops.sum(layer(ids) * upstream), layer.trainable_variables)[1]
    ]


@all_layers
def test_padding_changes_nothing(name):
    layer = built(name)
    longer = np.pad(WORDS, [(0, 1), (0, 2), (0, 4)])  # an empty sentence, two padding words, wider words
    y, z = ops.convert_to_numpy(layer(WORDS)), ops.convert_to_numpy(layer(longer))
    np.testing.assert_allclose(z[:2, :2], y, atol=1e-6)
    assert not z[:, 2:].any() and not z[2].any() and not y[1, 1].any()
    alone = ops.convert_to_numpy(layer(WORDS[:1, 1:, :1]))  # the word of one character, alone
    np.testing.assert_allclose(alone[0, 0], y[0, 1], atol=1e-6)

    upstream = np.random.default_rng(1).normal(size=z.shape).astype("float32")
    for a, b in zip(gradients(layer, WORDS, upstream[:2, :2]), gradients(layer, longer, upstream), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not gradients(layer, longer, upstream)[0][0].any()  # of the padding's embedding


@all_layers
def test_a_batch_without_any_word_is_zero(name):
    assert not ops.convert_to_numpy(built(name)(np.zeros((2, 3, 4), "int32"))).any()


def test_the_cnn_is_its_equation():
    layer = built("cnn")
    embeddings = np.array(layer.embedding.trained)
    y = ops.convert_to_numpy(layer(WORDS))
    for word, result in zip(WORDS.reshape(-1, 3)[:3], y.reshape(-1, 10)[:3], strict=True):
        e = [embeddings[character] for character in word if character]
        expected = []
        for convolution in layer.convolutions:
            K, b = (np.array(weight) for weight in convolution.weights)
            k = len(K)
            answers = [
                b + sum(e[i] @ K[j] for j in range(k) if 0 <= (i := w + j - (k - 1) // 2) < len(e))
                for w in range(len(e))
            ]
            expected.extend(np.max(answers, axis=0))
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_the_rnn_reads_a_word_both_ways():
    layer = built("bilstm")
    word, drow = np.array([[[3, 4, 5]]]), np.array([[[5, 4, 3]]])
    weights = layer.reader.get_weights()
    y = ops.convert_to_numpy(layer(word))
    layer.reader.set_weights(weights[3:] + weights[:3])  # directions exchanged
    np.testing.assert_allclose(ops.convert_to_numpy(layer(drow))[..., [3, 4, 5, 0, 1, 2]], y, atol=1e-6)
    assert np.abs(y[..., :3] - y[..., 3:]).max() > 0.1


@all_layers
def test_dropout_acts_in_training_only(name):
    layer = built(name, dropout=0.5, seed=1)
    y = [ops.convert_to_numpy(layer(WORDS, training=training)) for training in (False, False, True, True)]
    np.testing.assert_array_equal(y[0], y[1])
    assert np.abs(y[2] - y[0]).max() > 0.01 and np.abs(y[3] - y[2]).max() > 0.01
    assert not y[2][1, 1].any()
    assert len(layer.variables) > len(layer.weights)  # the random state


@all_layers
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near(name, dtype):
    half = built(name, dtype=dtype)(WORDS)
    assert keras.backend.standardize_dtype(half.dtype) == dtype.removeprefix("mixed_")
    full = ops.convert_to_numpy(built(name)(WORDS))
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(half, "float32")), full, atol=0.02 * np.abs(full).max())


@all_layers
def test_saved_is_loaded(name, tmp_path):
    layer = built(name, dropout=0.25)
    ids = keras.Input((None, None), dtype="int32")
    model = keras.Model(ids, layer(ids))
    assert model.output_shape == (None, None, layer(WORDS).shape[-1])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(WORDS), model(WORDS))
    assert again.layers[-1].get_config() == layer.get_config()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"\[B, T, W\]. Received: \(2, 3\)"):
        built("cnn")
        CharacterCNN(12)(np.zeros((2, 3), "int32"))
    with pytest.raises(ValueError, match="Unknown RNN 'bilsmt'. Did you mean 'bilstm'"):
        CharacterRNN(12, rnn="bilsmt")
