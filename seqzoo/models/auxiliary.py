"""An auxiliary language model: in training, a tagger's first recurrent layer also predicts the neighbouring words."""

import keras
from keras import ops

from seqzoo.backend.distribution import replicas
from seqzoo.layers.losses import SmoothedCrossentropy
from seqzoo.layers.masks import from_ids
from seqzoo.layers.weight_drop import WeightDrop

HIDDEN = 50  # width of the layer before the softmax, as in Rei's code; with as many as the states, the F1 is lower


class Auxiliary(keras.Model):
    """A model of words that adds a language model's loss to its training loss. Made by `auxiliary`.

    The first recurrent layer gives f_t, which has read w_1 ... w_t, and, if it reads in both directions, b_t, which has
    read w_n ... w_t. Each direction has weights of its own::

        p(w_(t+1) | f_t) = softmax(tanh(f_t W + c) V + d)
        p(w_(t-1) | b_t) = softmax(tanh(b_t W + c) V + d)
        L = L_tags - g mean_t (log p(w_(t+1) | f_t) + log p(w_(t-1) | b_t))

    An end mark follows the last word, and a begin mark precedes the first: both are id 0. Ids above those of the most
    frequent words become the unknown word, id 1. The mean is over the words of rows in which any label has a weight.

    Only the tagger itself is saved as the model; checkpoints also keep the weights of the language model.

    Source: Rei, 2017, Semi-supervised Multitask Learning for Sequence Labeling, equations 6 to 10.
    """

    def predict_words(self, words: int, weight: float) -> "Auxiliary":
        layer = first_recurrent(self)
        both = isinstance(_inner(layer), keras.layers.Bidirectional)
        self.tapped = keras.Model(self.input, {"outputs": self.output, "states": layer.output})
        self.crossentropy, self.weight, self.classes = SmoothedCrossentropy(0.0), weight, words + 2
        width = layer.output.shape[-1] // (1 + both)
        self.heads = []
        for direction in ("next", "previous")[: 1 + both]:
            hidden = keras.layers.Dense(HIDDEN, "tanh", name=f"{direction}_hidden")
            scores = keras.layers.Dense(self.classes, name=f"{direction}_word")
            hidden.build((None, None, width))
            scores.build((None, None, HIDDEN))
            self.heads.append([hidden, scores])
        return self

    def call(
        self,
        inputs: dict[str, keras.KerasTensor],
        training: bool | None = None,
        mask: dict[str, keras.KerasTensor | None] | None = None,
    ) -> keras.KerasTensor | dict:
        return self.tapped(inputs, training=True) if training else super().call(inputs, training=training)

    def word_scores(self, states: keras.KerasTensor) -> list:
        """Returns [logits of the next words, logits of the previous words if bidirectional], [B, T, V] each.

        Args:
            states: [B, T, H] or [B, T, 2H], outputs of the first recurrent layer.
        """
        parts = ops.split(states, len(self.heads), axis=-1)  # forward, backward
        return [scores(hidden(part)) for part, (hidden, scores) in zip(parts, self.heads, strict=True)]

    def word_loss(
        self,
        tokens: keras.KerasTensor,
        states: keras.KerasTensor,
        sample_weight: keras.KerasTensor | dict[str, keras.KerasTensor] | None = None,
    ) -> keras.KerasTensor:
        """Returns - mean_t (log p(w_(t+1) | f_t) + log p(w_(t-1) | b_t)), see the class; tokens [B, T], 0: padding."""
        weights = ops.cast(from_ids(tokens), "float32")  # [B, T]
        if sample_weight is not None:
            labelled = 0.0
            for own in keras.tree.flatten(sample_weight):
                own = ops.reshape(ops.cast(own, "float32"), (ops.shape(tokens)[0], -1))
                labelled += ops.max(own, axis=1, keepdims=True)  # [B, 1]
            # A row that only fills up a batch repeats another one, with weight 0.
            weights = weights * ops.cast(labelled > 0, "float32")
        words = ops.where(tokens < self.classes, tokens, 1)
        mark = ops.zeros_like(words[:, :1])
        # The id after the last word of a row is 0: padding or the mark added here.
        targets = [ops.concatenate([words[:, 1:], mark], axis=1), ops.concatenate([mark, words[:, :-1]], axis=1)]
        return sum(
            self.crossentropy(target, scores, sample_weight=weights)
            for target, scores in zip(targets, self.word_scores(states), strict=False)
        )

    def compute_loss(
        self,
        x: dict[str, keras.KerasTensor] | None = None,
        y: keras.KerasTensor | dict[str, keras.KerasTensor] | None = None,
        y_pred: keras.KerasTensor | dict | None = None,
        sample_weight: keras.KerasTensor | dict[str, keras.KerasTensor] | None = None,
        training: bool = True,
    ) -> keras.KerasTensor:
        if not isinstance(y_pred, dict) or "states" not in y_pred:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = super().compute_loss(x, y, y_pred["outputs"], sample_weight, training)
        own = self.word_loss(ops.convert_to_tensor(x["tokens"]), y_pred["states"], sample_weight)
        share = replicas() if isinstance(sample_weight, dict) else 1  # several losses are summed over the devices
        return loss + ops.cast(self.weight * own / share, loss.dtype)


def first_recurrent(model: keras.Model) -> keras.layers.Layer:
    """Returns the first recurrent layer of a functional model.

    Raises:
        ValueError: there is none, or a convolution precedes it, so that it has seen the neighbouring words.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D):
            raise ValueError(
                "An auxiliary language model predicts words from states that have not seen them, but this model has a "
                "convolution before its recurrent layers."
            )
        if isinstance(_inner(layer), keras.layers.RNN | keras.layers.Bidirectional):
            return layer
    raise ValueError("An auxiliary language model needs a recurrent layer. The model has none.")


def _inner(layer):
    return layer.layer if isinstance(layer, WeightDrop) else layer


def auxiliary(model: keras.Model, words: int = 7500, weight: float = 0.1) -> Auxiliary:
    """Adds the loss of a language model to the training of a model of words, such as a tagger; see `Auxiliary`.

    Args:
        model: a functional model with an input "tokens" [B, T], in which the features of a word depend on that word
            alone. Its weights are shared.
        words: number of words to predict, the most frequent ones: ids 2 to words + 1, as ids are ranked by frequency.
        weight: g.

    Raises:
        ValueError: see `first_recurrent`.

    Example::

        model = tagger(tags=17, front=words(len(vocabulary)))
        trained = auxiliary(model, words=5000)
        trained.compile("adam", CRFLoss())
        trained.fit({"tokens": ids}, tags, sample_weight=(ids > 0).astype("float32"))
    """
    return Auxiliary(model.input, model.output, name=model.name).predict_words(words, weight)
