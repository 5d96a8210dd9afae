"""The features of a token: word vector, spelling and casing, joined. What every model of words begins with."""

import inspect

import keras
from keras import ops

from seqzoo.layers import masks
from seqzoo.layers.characters import CharacterCNN, CharacterRNN
from seqzoo.layers.stack import drop
from seqzoo.layers.words import UnknownWords, WordEmbedding
from seqzoo.text.casing import CASES


def features(
    words=0,
    word_dim=100,
    trainable_words=None,
    vectors=None,
    tune_vectors=True,
    rare=(0, 0),
    unknown_rate=0.0,
    token_dropout=0.0,
    word_dropout=0.0,
    characters=None,
    character_vocabulary=0,
    char_dim=30,
    char_units=50,
    char_dropout=0.0,
    casing=False,
    lengths=False,
):
    """The inputs of a model of words, and the vector of each token.

    Args:
        words: size of the word vocabulary, V; 0: no word embeddings.
        word_dim: width of trained word embeddings; where `vectors` are tuned, their width counts.
        trainable_words: the first so many words are trained, the rest stays as in `vectors`; None: all.
        vectors: NumPy array [V, D] of pretrained vectors.
        tune_vectors: train the vectors of the first words; or else leave all as they are, and put trained embeddings of
            the first words beside them, in which the others are the unknown word.
        rare: (first, end) of the ids of rare words, that become unknown words at `unknown_rate` in training.
        token_dropout: share of all words that become unknown words in training (Iyyer et al., 2015).
        word_dropout: dropout of the joined features of a token, locked over time.
        characters: "cnn", "rnn" or None.
        character_vocabulary: number of characters.
        char_dim, char_units: width of character embeddings; filters of the CNN or units a direction of the RNN.
        char_dropout: dropout of the character features.
        casing: whether there is a casing input.
        lengths: take the mask from an input of true lengths instead of the padding of the tokens.

    Returns:
        (inputs, x, mask). inputs: dict of "tokens" [B, T] ids, 0 padding; with `characters` "characters" [B, T, W];
        with `casing` "casing" [B, T]; with `lengths` "lengths" [B]. x: [B, T, D]. mask: [B, T], True at real steps.

    Raises:
        ValueError: no features at all are asked for.
    """
    inputs = {"tokens": keras.Input((None,), dtype="int32", name="tokens")}  # [B, T]
    tokens = inputs["tokens"]
    if lengths:
        inputs["lengths"] = keras.Input((), dtype="int32", name="lengths")  # [B]
        mask = masks.from_lengths(inputs["lengths"], tokens)  # [B, T]
    else:
        mask = masks.from_ids(tokens)  # [B, T]
    parts = []
    if words:
        if token_dropout:
            tokens = UnknownWords(2, words, rate=token_dropout)(tokens)  # [B, T]
        known = UnknownWords(*rare, rate=unknown_rate)(tokens) if unknown_rate else tokens  # [B, T]
        if vectors is None or tune_vectors:
            word_dim = word_dim if vectors is None else vectors.shape[1]
            parts.append(WordEmbedding(words, word_dim, trainable_words, vectors)(known))  # [B, T, D]
        else:
            parts.append(WordEmbedding(words, vectors.shape[1], 1, vectors)(tokens))  # [B, T, D]; trained: padding
            if word_dim:
                trained = trainable_words or words
                known = ops.where(known < trained, known, 1)  # [B, T]
                parts.append(WordEmbedding(trained, word_dim)(known))  # [B, T, D]
    if characters:
        inputs["characters"] = keras.Input((None, None), dtype="int32", name="characters")  # [B, T, W]
        layers = {"cnn": CharacterCNN, "rnn": CharacterRNN}
        if characters not in layers:
            raise ValueError(f"characters should be 'cnn', 'rnn' or None. Received: {characters!r}")
        spelled = layers[characters](character_vocabulary, char_dim, char_units)(inputs["characters"])  # [B, T, F]
        parts.append(drop(spelled, char_dropout, variational=False))
    if casing:
        inputs["casing"] = keras.Input((None,), dtype="int32", name="casing")  # [B, T]
        parts.append(keras.layers.Embedding(len(CASES), 10)(inputs["casing"]))  # [B, T, 10]
    if not parts:
        raise ValueError("A model of words needs features: words, characters or casing.")
    x = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]  # [B, T, D]
    x = drop(x, word_dropout)
    # Named, so that a model can be cut here: what comes before depends on ids, what comes after is differentiable.
    return inputs, keras.layers.Identity(name="features")(x), keras.layers.Identity(name="mask")(mask)


def take_arguments(arguments):
    """Removes the arguments of `features` from a dict and returns them."""
    return {name: arguments.pop(name) for name in inspect.signature(features).parameters if name in arguments}
