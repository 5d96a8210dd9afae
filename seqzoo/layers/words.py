"""Word embeddings with frozen pretrained rows, and words replaced by the unknown word in training."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("seqzoo")
class WordEmbedding(keras.layers.Layer):
    """A vector for each word, from two tables stacked one on the other:

        y_t = E[i_t]          if i_t < R     E: [R, D], trained
        y_t = P[i_t - R]      otherwise      P: [V - R, D], frozen

    The first R ids are the words of the training data (including padding and unknown); the others only have pretrained
    vectors. No training example has a word of P, so only weight decay would change its row. Because P is not trainable,
    a file of 400,000 vectors costs the optimizer neither time nor memory.

    On TensorFlow the gradient of E is an `IndexedSlices` of the rows that were read, for optimizers that use it. The
    row of id 0 is an ordinary row, as masked steps are never read.

    Args:
        vocabulary_size: V, the number of ids.
        dim: D, the width of a vector.
        trainable_rows: R, the number of ids with a trained row. Default: all.
        vectors: initial values, a NumPy array [V, D] as returned by `seqzoo.text.vectors.load_vectors`. It is not part
            of the config: a saved model holds the values in its weights.
        embeddings_initializer: initializer of E if there are no `vectors`; P is then zeros until weights are loaded.
            Default: uniform within +-sqrt(3 / D), which has variance 1 / D (Ma and Hovy, 2016, End-to-end
            Sequence Labeling via Bi-directional LSTM-CNNs-CRF, section 3.1).

    Shapes: ids [B, T] -> [B, T, D]; any shape [...] of ids gives [..., D].
    """

    def __init__(
        self,
        vocabulary_size: int,
        dim: int,
        trainable_rows: int | None = None,
        vectors: np.ndarray | None = None,
        embeddings_initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        trainable_rows = vocabulary_size if trainable_rows is None else trainable_rows
        if not 1 <= trainable_rows <= vocabulary_size:
            raise ValueError(
                f"trainable_rows should be from 1 to vocabulary_size, {vocabulary_size}. Received: {trainable_rows}"
            )
        if vectors is not None and vectors.shape != (vocabulary_size, dim):
            raise ValueError(
                f"vectors should be of shape (vocabulary_size, dim), {(vocabulary_size, dim)}. "
                f"Received: {vectors.shape}"
            )
        # In half precision, only the rows that were read are cast, not the whole table at each step.
        self.autocast = False
        self.vocabulary_size = vocabulary_size
        self.dim = dim
        self.trainable_rows = trainable_rows
        self.vectors = vectors
        bound = math.sqrt(3 / dim)
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer or keras.initializers.RandomUniform(-bound, bound)
        )

    def build(self, ids_shape: Sequence[int | None]) -> None:
        rows, frozen_rows = self.trainable_rows, self.vocabulary_size - self.trainable_rows
        trained, frozen = self.embeddings_initializer, "zeros"
        if self.vectors is not None:
            trained, frozen = self.vectors[:rows], self.vectors[rows:]
            self.vectors = None  # the weights hold them from here on
        self.trained = self.add_weight((rows, self.dim), trained, name="trained")  # E
        self.frozen = None
        if frozen_rows:
            self.frozen = self.add_weight((frozen_rows, self.dim), frozen, name="frozen", trainable=False)  # P

    def call(self, ids: keras.KerasTensor) -> keras.KerasTensor:
        ids = ops.cast(ids, "int32")  # [B, T]
        if self.frozen is None:
            vectors = _look_up(self.trained, ids)  # [B, T, D]
        else:
            rows = self.trainable_rows
            known = ids < rows  # [B, T]
            # Words of the frozen table read row 0 of the trained one, which gets no gradient from them.
            trained = _look_up(self.trained, ops.where(known, ids, 0))  # [B, T, D]
            frozen = _look_up(self.frozen, ops.where(known, 0, ids - rows))  # [B, T, D]
            vectors = ops.where(known[..., None], trained, frozen)  # [B, T, D]
        return ops.cast(vectors, self.compute_dtype)

    def compute_output_shape(self, ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*ids_shape, self.dim)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dim": self.dim,
            "trainable_rows": self.trainable_rows,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }


def _look_up(table, ids):
    """Returns rows of a variable: table [V, D], ids [B, T] -> [B, T, D]."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras's own look-up reads the whole variable first, which copies it once an optimizer has updated single rows:
        # 14 ms a step at 400,000 rows, where this takes no time.
        return tf.gather(table.value, ids)
    return ops.take(table, ids, axis=0)


@keras.saving.register_keras_serializable("seqzoo")
class UnknownWords(keras.layers.Layer):
    """Replaces rare words at random by the unknown word in training, so that the vector of the latter is trained:

        y_t = 1      with probability `rate`, if first_rare <= i_t < end_rare, in training
        y_t = i_t    otherwise

    Ids are ordered by falling frequency, so the words seen once in training are one range of ids.

    Source: Lample et al., 2016, Neural Architectures for Named Entity Recognition, section 4.1: "we replace singletons
    with the UNK embedding with a probability 0.5".

    Args:
        first_rare: the first id that may be replaced; at least 2, as 0 is padding and 1 is unknown.
        end_rare: the first id after the rare ones. With `end_rare == first_rare` nothing is replaced.
        rate: the probability.
        seed: seed of the random numbers.

    Shapes: ids [B, T] -> ids [B, T].
    """

    def __init__(self, first_rare: int, end_rare: int, rate: float = 0.5, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 2 <= first_rare <= end_rare:
            raise ValueError(
                f"first_rare and end_rare should be in order and at least 2. Received: {first_rare}, {end_rare}"
            )
        if not 0 <= rate <= 1:
            raise ValueError(f"rate should be from 0 to 1. Received: {rate}")
        self.first_rare = first_rare
        self.end_rare = end_rare
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, ids: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        if not training:
            return ids
        rare = (ids >= self.first_rare) & (ids < self.end_rare)  # [B, T]
        hit = keras.random.uniform(ops.shape(ids), seed=self.seed_generator) < self.rate  # [B, T]
        return ops.where(rare & hit, ops.ones_like(ids), ids)  # [B, T]

    def compute_output_shape(self, ids_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return ids_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "first_rare": self.first_rare,
            "end_rare": self.end_rare,
            "rate": self.rate,
            "seed": self.seed,
        }
