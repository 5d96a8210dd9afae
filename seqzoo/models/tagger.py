"""The tagger: a label for each token. Many to many, aligned."""

import keras
from keras import ops

from seqzoo.inputs.front import features, take_arguments
from seqzoo.layers.crf import CRF, marginals, viterbi
from seqzoo.layers.stack import stack


def tagger(tags, crf=True, allowed=None, **arguments):
    """A tagger of the kind of Huang et al. (2015), Lample et al. (2016) and Ma & Hovy (2016).

    Word, character and casing features, joined -> recurrent stack -> a score for each tag -> softmax or CRF.

    Args:
        tags: number of tags, K.
        crf: linear-chain CRF on top, or else softmax.
        allowed: hard constraints of the CRF (see layers.crf.CRF and spans.allowed).
        arguments: of `layers.features.features` (words, word_dim, vectors, characters ...) and of
            `layers.stack.stack` (rnn, units, layers, dropout ...).

    Returns:
        keras.Model. Inputs: those of `layers.features.features`. Output: potentials [B, T, K, K] with a CRF (train with
        ``layers.crf.CRFLoss``), else logits [B, T, K]; ``decoder(model)`` turns either into tags.

    Raises:
        ValueError: no features at all are asked for.

    Example::

        model = tagger(tags=17, words=len(vocabulary), rnn="bilstm", units=128, crf=False)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"))
    """
    inputs, x, mask = features(**take_arguments(arguments))  # [B, T, D], [B, T]
    x = stack(x, mask, **arguments)  # [B, T, H]
    scores = keras.layers.Dense(tags, name="emissions")(x)  # [B, T, K]
    if crf:
        scores = CRF(allowed, name="crf")(scores, mask=mask)  # [B, T, K, K]
    return keras.Model(inputs, scores, name="tagger")


@keras.saving.register_keras_serializable("seqzoo")
class Decode(keras.layers.Layer):
    """Potentials [B, T, K, K] or logits [B, T, K] -> the best tags and how sure they are, both [B, T].

    With a CRF the tags are the best sequence (Viterbi) and the confidence is each tag's marginal probability.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # probabilities are too much for 16 bits
        self.supports_masking = True  # Keras would warn, today, of the mask that it hands on by itself

    def compute_mask(self, scores, mask=None):
        return None

    def call(self, scores):
        if len(scores.shape) == 4:
            tags, probabilities = viterbi(scores)[0], marginals(scores)  # [B, T], [B, T, K]
        else:
            tags, probabilities = ops.argmax(scores, axis=-1), ops.softmax(scores)
        confidence = ops.take_along_axis(probabilities, ops.expand_dims(tags, -1), axis=-1)[..., 0]
        return {"tags": tags, "confidence": confidence}


def decoder(model):
    """The tagger `model` with its scores decoded: a keras.Model giving {"tags": [B, T], "confidence": [B, T]}."""
    return keras.Model(model.inputs, Decode()(model.output), name="tagger_decoder")
