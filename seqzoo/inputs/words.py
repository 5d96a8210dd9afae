"""A front for words: their vectors, spelling and casing; and the vocabularies that turn tokens into its inputs."""

import collections
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.assets import Asset
from seqzoo.config import Config
from seqzoo.data.batches import is_static
from seqzoo.signatures import takes_options
from seqzoo.text.casing import CASES
from seqzoo.text.casing import casing as casing_of
from seqzoo.text.vectors import load_vectors
from seqzoo.text.vocabulary import PADDING, UNKNOWN, Vocabulary, by_frequency, seen_once

if TYPE_CHECKING:
    import keras


@takes_options()
def words(
    vocabulary: int = 0,
    word_dim: int = 100,
    trainable_words: int | None = None,
    vectors: np.ndarray | None = None,
    vectors_trainable: bool = True,
    rare: tuple[int, int] = (0, 0),
    unknown_rate: float = 0.0,
    token_dropout: float = 0.0,
    word_dropout: float = 0.0,
    characters: str = "none",
    character_vocabulary: int = 0,
    char_dim: int = 30,
    char_units: int = 50,
    char_dropout: float = 0.0,
    casing: bool = False,
    contextual: int = 0,
    lengths: bool = False,
    name: str = "",
) -> tuple:
    """A front for words: the vector, the spelling and the casing of each, joined.

    Args:
        vocabulary: V, the number of word ids; 0: no word embeddings.
        word_dim: width of trained word embeddings. Trainable `vectors` have their own width instead.
        trainable_words: number of ids to train, from the first on; the others keep their `vectors`. None: all.
        vectors: [V, D] array of pretrained vectors.
        vectors_trainable: True: train the vectors of the first words. False: freeze all vectors and add trained
            embeddings of the first words, in which every other word is the unknown word.
        rare: (first, end) of the ids of rare words, which become the unknown word at `unknown_rate` in training.
        unknown_rate: see `rare`.
        token_dropout: rate at which any word becomes the unknown word in training (Iyyer et al., 2015).
        word_dropout: dropout rate of the joined features of a token, one mask for all steps of a sequence.
        characters: "cnn", "rnn" or "none".
        character_vocabulary: number of character ids.
        char_dim, char_units: width of character embeddings; filters of the CNN or units a direction of the RNN.
        char_dropout: dropout rate of the character features.
        casing: add a casing input.
        contextual: width of an input of contextual features, such as the states of a language model; 0: none.
        lengths: take the mask from an input of true lengths instead of the padding of the tokens.
        name: prefix of the names of inputs and layers: two fronts in one model need different ones.

    Returns:
        (inputs, x, mask). inputs: {"tokens": [B, T] ids, 0 is padding on the right; with `characters`, "characters":
        [B, T, W]; with `casing`, "casing": [B, T]; with `contextual`, "contextual": [B, T, C] of 16 bits; with
        `lengths`, "lengths": [B]}, with a `name` "NAME_tokens" and so on. x: [B, T, D]. mask: [B, T], True at real
        steps.

    Raises:
        ValueError: no features at all, or an unknown kind of character features.
    """
    import keras
    from keras import ops

    from seqzoo.layers import masks
    from seqzoo.layers.characters import CharacterCNN, CharacterRNN
    from seqzoo.layers.stack import drop
    from seqzoo.layers.words import UnknownWords, WordEmbedding

    if characters not in ("cnn", "rnn", "none"):
        raise ValueError(f"characters should be 'cnn', 'rnn' or 'none'. Received: {characters!r}")
    if not (vocabulary or characters != "none" or casing or contextual):
        raise ValueError(
            "A model of words needs features: a vocabulary of words, characters, casing or contextual features."
        )
    prefix = f"{name}_" if name else ""
    inputs = {}

    def take(key, shape, dtype="int32"):
        inputs[prefix + key] = keras.Input(shape, dtype=dtype, name=prefix + key)
        return inputs[prefix + key]

    def called(layer):
        """The name of a layer; without a prefix, Keras chooses it."""
        return {"name": prefix + layer} if name else {}

    tokens = take("tokens", (None,))  # [B, T]
    mask = masks.from_lengths(take("lengths", ()), tokens) if lengths else masks.from_ids(tokens)  # [B, T]
    parts = []
    if vocabulary:
        if token_dropout:
            tokens = UnknownWords(2, vocabulary, rate=token_dropout, **called("token_dropout"))(tokens)  # [B, T]
        known = tokens
        if unknown_rate:
            known = UnknownWords(*rare, rate=unknown_rate, **called("unknown_words"))(tokens)  # [B, T]
        if vectors is None or vectors_trainable:
            width = word_dim if vectors is None else vectors.shape[1]
            layer = WordEmbedding(vocabulary, width, trainable_words, vectors, **called("word_embedding"))
            parts.append(layer(known))  # [B, T, D]
        else:  # of the frozen vectors only the padding's row is trained
            layer = WordEmbedding(vocabulary, vectors.shape[1], 1, vectors, **called("word_vectors"))
            parts.append(layer(tokens))  # [B, T, D]
            if word_dim:
                trained = trainable_words or vocabulary
                known = ops.where(known < trained, known, 1)  # [B, T]
                parts.append(WordEmbedding(trained, word_dim, **called("word_embedding"))(known))  # [B, T, D]
    if characters != "none":
        kind = {"cnn": CharacterCNN, "rnn": CharacterRNN}[characters]
        layer = kind(character_vocabulary, char_dim, char_units, **called("spelling"))
        parts.append(drop(layer(take("characters", (None, None))), char_dropout, variational=False))  # [B, T, F]
    if casing:
        layer = keras.layers.Embedding(len(CASES), 10, **called("casing_embedding"))
        parts.append(layer(take("casing", (None,))))  # [B, T, 10]
    if contextual:
        # The reshape makes the width static, which it is not in a batch of tf.data.
        fixed = keras.layers.Reshape((-1, contextual), dtype="float32", **called("contextual_width"))
        parts.append(fixed(take("contextual", (None, contextual), "float16")))  # [B, T, C]
    x = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]  # [B, T, D]
    return inputs, drop(x, word_dropout), mask


class Words(Asset):
    """Turns tokens into the inputs of the front `words`, by vocabularies learned from the training texts.

    Args:
        words: vocabulary of words; those seen in training come first, by falling frequency.
        characters: vocabulary of characters; None: there are no character features.
        known: number of ids from training, including padding and unknown; later words only have pretrained vectors.
        rare: number of these ids, the last ones, that were seen once in training.
        lowercase: look words up in lower case.
        casing: give the casing of words.
        max_word_length: maximum characters of a word; of a longer word, both ends are read.
        vectors: [V, D] array of pretrained vectors, or None. It is not saved, as the weights of the model hold the
            vectors.

    Attributes:
        summary: {name: readable text}.
    """

    def __init__(
        self,
        words: Vocabulary,
        characters: Vocabulary | None,
        known: int,
        rare: int = 0,
        lowercase: bool = True,
        casing: bool = False,
        max_word_length: int = 20,
        vectors: np.ndarray | None = None,
    ):
        self.words = words
        self.characters = characters
        self.known = known
        self.rare = rare
        self.lowercase = lowercase
        self.casing = casing
        self.max_word_length = max_word_length
        self.vectors = vectors
        self.summary = {"words": f"{known - 2:,}, {rare:,} of them seen once"}

    @classmethod
    def learn(cls, config: Config, token_lists: Iterable[list[str]]) -> "Words":
        """Learns the words and characters of the training texts, and reads the pretrained vectors.

        Args:
            config: has the options of the groups `options.Words` and `options.Characters`, and the seed.
            token_lists: the tokens of each text; they are read once.
        """
        counts, characters = collections.Counter(), collections.Counter()
        for tokens in token_lists:
            counts.update(map(str.lower, tokens) if config.lowercase else tokens)
            for token in tokens:
                characters.update(token)
        kept = [w for w, count in by_frequency(counts) if count >= config.min_count and w not in (PADDING, UNKNOWN)]
        training = Vocabulary(kept)
        spelled = Vocabulary([character for character, _ in by_frequency(characters)])
        learned = cls(
            training,
            None if config.characters == "none" else spelled,
            known=len(training),
            rare=sum(counts[word] == 1 for word in kept),
            lowercase=config.lowercase,
            casing=config.casing,
            max_word_length=config.max_word_length,
        )
        if getattr(config, "tokenizer", "") in ("words", "whitespace") and (advice := seen_once(counts)):
            learned.summary["tokenizer"] = advice
        if config.vectors:
            encoding = getattr(config, "text_encoding", "utf-8")
            extra, learned.vectors, coverage = load_vectors(
                config.vectors,
                training.tokens,
                counts,
                config.vectors_limit or None,
                seed=config.seed,
                encoding=encoding,
                unicode=getattr(config, "unicode", "nfc"),
            )
            learned.words = Vocabulary([*kept, *extra])
            learned.summary["vectors"] = (
                f"{learned.vectors.shape[1]} wide, {len(extra):,} more words; {coverage['missing_types']:.1%} of "
                f"training's words ({coverage['missing_tokens']:.1%} of its text) have none"
                + "".join(f"; not read: {lines:,} lines {reason}" for reason, lines in coverage["dropped"].items())
            )
        return learned

    def extend(self, tokens: Iterable[str]) -> None:
        """Adds words that are not in the training data but will have vectors, after the words of training."""
        forms = dict.fromkeys(map(self._form, tokens))
        self.words = Vocabulary([*self.words.tokens[2:], *(form for form in forms if form not in self.words)])

    def ids_among(self, ids: dict[str, int]) -> np.ndarray:
        """Returns the ids [V] of the words in another vocabulary, {token: id}, most frequent tokens first; 0: none.

        If several tokens have the same form here, the first one counts. A word that the other vocabulary lacks is
        looked up there in lower case.
        """
        forms = {}
        for token, i in ids.items():
            forms.setdefault(self._form(token), i)
        return np.array([forms.get(word, forms.get(word.lower(), 0)) for word in self.words.tokens])

    def knows(self, token: str) -> bool:
        """Returns whether the training data had this word."""
        return 1 < self.words.encode([self._form(token)])[0] < self.known

    def has_id(self, token: str) -> bool:
        """Returns whether the training data or the vectors had this word."""
        return self.words.encode([self._form(token)])[0] > 1

    def encoder(self, static_shapes: bool = False, name: str = "") -> Callable[[list[str]], dict[str, np.ndarray]]:
        """Returns the function from T tokens to {"tokens": [T], "characters": [T, W], "casing": [T]}.

        Args:
            static_shapes: make W `max_word_length`; otherwise the longest token sets it.
            name: prefix of the arrays' names, as in `front`.
        """
        static = is_static(static_shapes)
        prefix = f"{name}_" if name else ""

        @functools.lru_cache(100_000)
        def spell(token):
            head = self.max_word_length // 2
            tail = self.max_word_length - head
            whole = len(token) <= self.max_word_length
            return self.characters.encode(token if whole else token[:head] + token[-tail:])

        def encode(tokens):
            arrays = {"tokens": np.array(self.words.encode(map(self._form, tokens)), "int32")}
            if self.characters is not None:
                rows = [spell(token) for token in tokens]
                width = self.max_word_length if static else max(map(len, rows), default=0)
                arrays["characters"] = np.zeros((len(rows), width), "int32")
                for row, ids in zip(arrays["characters"], rows, strict=True):
                    row[: len(ids)] = ids
            if self.casing:
                arrays["casing"] = np.array([casing_of(token) for token in tokens], "int32")
            return {prefix + key: array for key, array in arrays.items()}

        return encode

    def front(self, config: Config, name: str = "", contextual: int = 0) -> tuple:
        """Returns the front `words` with these vocabularies and the options of a config that `learn` lists.

        Args:
            config: the config.
            name, contextual: of `words`.
        """
        if config.vectors and self.vectors is None:
            raise ValueError("Pretrained vectors are not saved: build the model from words that were just learned.")
        return words(
            vocabulary=len(self.words) if config.word_dim or config.vectors else 0,
            word_dim=config.word_dim,
            trainable_words=self.known,
            vectors=self.vectors,
            vectors_trainable=config.vectors_trainable,
            rare=(self.known - self.rare, self.known),
            unknown_rate=config.unknown_rate if self.rare else 0.0,
            token_dropout=config.token_dropout,
            word_dropout=config.word_dropout,
            characters="none" if self.characters is None else config.characters,
            character_vocabulary=len(self.characters or ()),
            char_dim=config.char_dim,
            char_units=config.char_units,
            char_dropout=config.char_dropout,
            casing=self.casing,
            contextual=contextual,
            name=name,
        )

    def recover(self, model: "keras.Model") -> None:
        """Restores the vectors, which are not saved, from a model that was trained with these words.

        Args:
            model: a keras.Model whose front was made by `front`.
        """
        from seqzoo.layers.words import WordEmbedding

        embeddings = [layer for layer in model._flatten_layers() if isinstance(layer, WordEmbedding)]
        frozen = [layer for layer in embeddings if layer.trainable_rows == 1]  # all vectors, beside trained embeddings
        for layer in (frozen or embeddings)[:1]:
            self.vectors = np.concatenate([np.asarray(weight) for weight in layer.weights])

    def to_dict(self) -> dict:
        return {
            "words": self.words.tokens[2:],
            "characters": None if self.characters is None else self.characters.tokens[2:],
            "known": self.known,
            "rare": self.rare,
            "lowercase": self.lowercase,
            "casing": self.casing,
            "max_word_length": self.max_word_length,
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Words":
        characters = values["characters"]
        vocabularies = Vocabulary(values["words"]), None if characters is None else Vocabulary(characters)
        return cls(*vocabularies, **{key: values[key] for key in values if key not in ("words", "characters")})

    def _form(self, token):
        """Returns the form of a token in which the vocabulary holds it."""
        return token.lower() if self.lowercase else token
