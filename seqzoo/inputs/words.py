"""From the tokens of a text to the inputs of a model: what the tasks of words share.

Training's words give vocabularies, vocabularies give ids, and the config gives the arguments of a model builder.
"""

import collections
import functools

import numpy as np

from seqzoo.data.batches import is_static
from seqzoo.text.casing import casing
from seqzoo.text.vectors import load_vectors
from seqzoo.text.vocabulary import PADDING, UNKNOWN, Vocabulary, by_frequency


def learn_words(config, token_lists, data):
    """Puts the words and characters of the training texts, most frequent first, into `data`, with their vectors.

    Args:
        config: options of the groups Words and Data.
        token_lists: iterable of lists of tokens, one a text; it is gone through once.
        data: task.Data; gets vocabularies, facts and vectors.
    """
    words, characters = collections.Counter(), collections.Counter()
    for tokens in token_lists:
        words.update(map(str.lower, tokens) if config.lowercase else tokens)
        for token in tokens:
            characters.update(token)
    kept = [w for w, count in by_frequency(words) if count >= config.min_count and w not in (PADDING, UNKNOWN)]
    known = Vocabulary(kept)
    data.facts["words"] = f"{len(kept):,}, {sum(words[word] == 1 for word in kept):,} of them seen once"
    if config.vectors:
        extra, data.vectors, coverage = load_vectors(
            config.vectors, known.tokens, words, config.vectors_limit or None, seed=config.seed
        )
        words_share, text_share = coverage["missing_types"], coverage["missing_tokens"]
        data.facts["vectors"] = (
            f"{data.vectors.shape[1]} wide, {len(extra):,} more words; "
            f"{words_share:.1%} of training's words ({text_share:.1%} of its text) lack one"
        )
        known = Vocabulary([*kept, *extra])
    data.vocabularies |= {
        "words": known,
        "characters": Vocabulary([character for character, _ in by_frequency(characters)]),
        # What the training data had, for scores on known and unknown words; the last of them were seen once.
        "known_words": Vocabulary(kept),
        "rare_words": Vocabulary([word for word in kept if words[word] == 1], unknown=False),
    }


def token_inputs(config, vocabularies):
    """The function from T tokens to the inputs of a model: {"tokens": [T], "characters": [T, W], "casing": [T]}."""
    words, characters = vocabularies["words"], vocabularies["characters"]
    static = is_static(config.static_shapes)

    @functools.lru_cache(100_000)
    def spell(token):
        head = config.max_word_length // 2
        tail = config.max_word_length - head
        return characters.encode(token if len(token) <= config.max_word_length else token[:head] + token[-tail:])

    def encode(tokens):
        inputs = {"tokens": np.array(words.encode(map(str.lower, tokens) if config.lowercase else tokens), "int32")}
        if config.characters != "none":
            rows = [spell(token) for token in tokens]
            width = config.max_word_length if static else max(map(len, rows), default=0)
            inputs["characters"] = np.zeros((len(rows), width), "int32")
            for row, ids in zip(inputs["characters"], rows, strict=True):
                row[: len(ids)] = ids
        if config.casing:
            inputs["casing"] = np.array([casing(token) for token in tokens], "int32")
        return inputs

    return encode


def model_arguments(config, data):
    """The arguments of `layers.features.features` and `layers.stack.stack` that a config and its data ask for."""
    words = data.vocabularies["words"]
    known, rare = len(data.vocabularies["known_words"]), len(data.vocabularies["rare_words"])
    return {
        "words": len(words) if config.word_dim or config.vectors else 0,
        "word_dim": config.word_dim,
        "trainable_words": known,
        "vectors": data.vectors,
        "tune_vectors": config.vectors_trainable,
        "rare": (known - rare, known),
        "unknown_rate": config.unknown_rate if rare else 0.0,
        "token_dropout": config.token_dropout,
        "word_dropout": config.word_dropout,
        "characters": None if config.characters == "none" else config.characters,
        "character_vocabulary": len(data.vocabularies["characters"]),
        "char_dim": config.char_dim,
        "char_units": config.char_units,
        "char_dropout": config.char_dropout,
        "casing": config.casing,
        "rnn": config.rnn,
        "units": config.units,
        "layers": config.layers,
        "dropout": config.dropout,
        "variational": config.variational,
        "recurrent_dropout": config.recurrent_dropout,
        "residual": config.residual,
        "layer_norm": config.layer_norm,
        "activation": config.activation,
    }
