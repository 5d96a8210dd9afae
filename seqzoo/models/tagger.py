"""The tagger: a label for each token. Many to many, aligned."""

import keras
from keras import ops

from seqzoo.casing import CASES
from seqzoo.layers import masks
from seqzoo.layers.characters import CharacterCNN, CharacterRNN
from seqzoo.layers.crf import CRF, marginals, viterbi
from seqzoo.layers.stack import drop, stack
from seqzoo.layers.words import UnknownWords, WordEmbedding


def tagger(
    tags,
    words=0,
    word_dim=100,
    trainable_words=None,
    vectors=None,
    tune_vectors=True,
    rare=(0, 0),
    unknown_rate=0.0,
    word_dropout=0.0,
    characters=None,
    character_vocabulary=0,
    char_dim=30,
    char_units=50,
    char_dropout=0.0,
    casing=False,
    crf=True,
    allowed=None,
    lengths=False,
    **recurrent,
):
    """A tagger of the kind of Huang et al. (2015), Lample et al. (2016) and Ma & Hovy (2016).

    Word, character and casing features, joined -> recurrent stack -> a score for each tag -> softmax or CRF.

    Args:
        tags: number of tags, K.
        words: size of the word vocabulary, V; 0: no word embeddings.
        word_dim: width of trained word embeddings; where `vectors` are tuned, their width counts.
        trainable_words: the first so many words are trained, the rest stays as in `vectors`; None: all.
        vectors: NumPy array [V, D] of pretrained vectors.
        tune_vectors: train the vectors of the first words; or else leave all as they are, and put trained embeddings of
            the first words beside them, in which the others are the unknown word.
        rare: (first, end) of the ids of rare words, that become unknown words at `unknown_rate` in training.
        word_dropout: dropout of the joined features of a token, locked over time.
        characters: "cnn", "rnn" or None.
        character_vocabulary: number of characters.
        char_dim, char_units: width of character embeddings; filters of the CNN or units a direction of the RNN.
        char_dropout: dropout of the character features.
        casing: whether there is a casing input.
        crf: linear-chain CRF on top, or else softmax.
        allowed: hard constraints of the CRF (see layers.crf.CRF and spans.allowed).
        lengths: take the mask from an input of true lengths instead of the padding of the tokens.
        recurrent: arguments of layers.stack.stack: rnn, units, layers, dropout ...

    Returns:
        keras.Model. Inputs, a dict: "tokens" [B, T] ids, 0 padding; with `characters` "characters" [B, T, W]; with
        `casing` "casing" [B, T]; with `lengths` "lengths" [B]. Output: potentials [B, T, K, K] with a CRF (train with
        ``layers.crf.CRFLoss``), else logits [B, T, K]; ``decoder(model)`` turns either into tags.

    Raises:
        ValueError: no features at all are asked for.

    Example::

        model = tagger(tags=17, words=len(vocabulary), rnn="bilstm", units=128, crf=False)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"))
    """
    inputs = {"tokens": keras.Input((None,), dtype="int32", name="tokens")}  # [B, T]
    tokens = inputs["tokens"]
    if lengths:
        inputs["lengths"] = keras.Input((), dtype="int32", name="lengths")  # [B]
        mask = masks.from_lengths(inputs["lengths"], tokens)  # [B, T]
    else:
        mask = masks.from_ids(tokens)  # [B, T]
    features = []
    if words:
        known = UnknownWords(*rare, rate=unknown_rate)(tokens) if unknown_rate else tokens  # [B, T]
        if vectors is None or tune_vectors:
            word_dim = word_dim if vectors is None else vectors.shape[1]
            features.append(WordEmbedding(words, word_dim, trainable_words, vectors)(known))  # [B, T, D]
        else:
            features.append(WordEmbedding(words, vectors.shape[1], 1, vectors)(tokens))  # [B, T, D]; trained: padding
            if word_dim:
                trained = trainable_words or words
                known = ops.where(known < trained, known, 1)  # [B, T]
                features.append(WordEmbedding(trained, word_dim)(known))  # [B, T, D]
    if characters:
        inputs["characters"] = keras.Input((None, None), dtype="int32", name="characters")  # [B, T, W]
        layers = {"cnn": CharacterCNN, "rnn": CharacterRNN}
        if characters not in layers:
            raise ValueError(f"characters should be 'cnn', 'rnn' or None. Received: {characters!r}")
        spelled = layers[characters](character_vocabulary, char_dim, char_units)(inputs["characters"])  # [B, T, F]
        features.append(drop(spelled, char_dropout, variational=False))
    if casing:
        inputs["casing"] = keras.Input((None,), dtype="int32", name="casing")  # [B, T]
        features.append(keras.layers.Embedding(len(CASES), 10)(inputs["casing"]))  # [B, T, 10]
    if not features:
        raise ValueError("A tagger needs features: words, characters or casing.")
    x = keras.layers.Concatenate()(features) if len(features) > 1 else features[0]  # [B, T, D]
    x = stack(drop(x, word_dropout), mask, **recurrent)  # [B, T, H]
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
        super().__init__(**kwargs)
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
