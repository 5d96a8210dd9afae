"""Character features: a vector for each word, computed from its spelling.

Ids are [B, T, W]: W characters of each of T words; id 0 is padding, on the right. The features of a word do not depend
on its padding. A padding word, which has no characters, gets zeros.
"""

from collections.abc import Sequence

import keras
from keras import ops

from seqzoo.layers.masks import lowest
from seqzoo.layers.words import WordEmbedding
from seqzoo.rnns import RNNS


@keras.saving.register_keras_serializable("seqzoo")
class CharacterCNN(keras.layers.Layer):
    """Takes the maximum of each filter over the word, with e_w the embedding of the w-th character:

        y = max_w (b + sum_j K_j e_(w + j - (k-1) // 2))        j = 0 ... k-1, e = 0 outside the word

    Sources: dos Santos and Zadrozny, 2014, Learning Character-level Representations for Part-of-Speech Tagging; Ma and
    Hovy, 2016, End-to-end Sequence Labeling via Bi-directional LSTM-CNNs-CRF, whose sizes are the defaults (they drop
    half of the embeddings); with several kernel sizes Kim et al., 2016, Character-Aware Neural Language Models.

    Args:
        vocabulary_size: number of character ids.
        dim: D, width of a character's embedding.
        filters: number of filters of each kernel size.
        kernel_sizes: k, how many characters a filter sees; one or more sizes.
        dropout: dropout rate of the character embeddings' values.
        seed: seed of the dropout.

    Shapes: ids [B, T, W] -> [B, T, F], F = filters * number of kernel sizes.
    """

    def __init__(self, vocabulary_size, dim=30, filters=30, kernel_sizes=(3,), dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.filters = filters
        self.kernel_sizes = tuple(kernel_sizes)
        self.embedding = WordEmbedding(vocabulary_size, dim, dtype=self.dtype_policy)
        self.dropout = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy)
        self.convolutions = [
            keras.layers.Conv1D(filters, size, padding="same", dtype=self.dtype_policy) for size in self.kernel_sizes
        ]

    def build(self, ids_shape: Sequence[int | None]) -> None:
        _check(ids_shape)
        self.embedding.build((None, None))
        for convolution in self.convolutions:
            convolution.build((None, None, self.dim))

    def call(self, ids: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        B, T, W = ops.shape(ids)
        ids = ops.reshape(ids, (B * T, W))  # [B*T, W]
        mask = ops.not_equal(ids, 0)[..., None]  # [B*T, W, 1]
        x = self.dropout(self.embedding(ids), training=training)  # [B*T, W, D]
        # The convolution assumes zeros beyond the border.
        x = ops.where(mask, x, 0.0)  # [B*T, W, D]
        x = ops.concatenate([convolution(x) for convolution in self.convolutions], axis=-1)  # [B*T, W, F]
        x = ops.max(ops.where(mask, x, lowest(x)), axis=1)  # [B*T, F]
        x = ops.where(mask[:, 0], x, 0.0)  # [B*T, F]; the first character of a padding word is 0
        return ops.reshape(x, (B, T, x.shape[-1]))  # [B, T, F]

    def compute_output_shape(self, ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*ids_shape[:-1], self.filters * len(self.kernel_sizes))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "dropout": self.dropout.rate,
            "seed": self.dropout.seed,
        }


@keras.saving.register_keras_serializable("seqzoo")
class CharacterRNN(keras.layers.Layer):
    """Returns the last state of a recurrent layer that reads the word, joined for both directions if bidirectional:

        y = [h_n ; g_1]       h reads e_1 ... e_n, g reads e_n ... e_1, e_w is the embedding of the w-th of n characters

    Source: Lample et al., 2016, Neural Architectures for Named Entity Recognition, section 4.1, whose sizes are the
    defaults.

    Args:
        vocabulary_size: number of character ids.
        dim: D, width of a character's embedding.
        units: units of the recurrent layer, in each direction.
        rnn: name of the recurrent layer in `seqzoo.rnns.RNNS`.
        dropout: dropout rate of the character embeddings' values.
        seed: seed of the dropout.

    Shapes: ids [B, T, W] -> [B, T, F], F = 2 * units for a bidirectional layer.
    """

    def __init__(self, vocabulary_size, dim=25, units=25, rnn="bilstm", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.units = units
        self.rnn = rnn
        self.embedding = WordEmbedding(vocabulary_size, dim, dtype=self.dtype_policy)
        self.dropout = keras.layers.Dropout(dropout, seed=seed, dtype=self.dtype_policy)
        self.reader = RNNS[rnn](units, return_sequences=False, dtype=self.dtype_policy)

    def build(self, ids_shape: Sequence[int | None]) -> None:
        _check(ids_shape)
        self.embedding.build((None, None))
        self.reader.build((None, None, self.dim))

    def call(self, ids: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        B, T, W = ops.shape(ids)
        ids = ops.reshape(ids, (B * T, W))  # [B*T, W]
        mask = ops.not_equal(ids, 0)  # [B*T, W]
        some = mask[:, :1]  # [B*T, 1]; the first character of a padding word is 0
        # cuDNN refuses empty rows, so padding words are given one step, whose output is discarded.
        steps = ops.concatenate([ops.ones_like(some), mask[:, 1:]], axis=1)  # [B*T, W]
        x = self.dropout(self.embedding(ids), training=training)  # [B*T, W, D]
        x = self.reader(x, mask=steps, training=training)  # [B*T, F]
        x = ops.cast(ops.where(some, x, 0.0), self.compute_dtype)  # [B*T, F]; wrappers may return float32
        return ops.reshape(x, (B, T, x.shape[-1]))  # [B, T, F]

    def compute_output_shape(self, ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*ids_shape[:-1], self.reader.compute_output_shape((None, None, self.dim))[-1])

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
            "units": self.units,
            "rnn": self.rnn,
            "dropout": self.dropout.rate,
            "seed": self.dropout.seed,
        }


def _check(ids_shape):
    if len(ids_shape) != 3:
        raise ValueError(f"Character ids should be of shape [B, T, W]. Received: {tuple(ids_shape)}")
