"""Texts: the common parts of tasks that read whole texts in words, characters or subwords."""

import dataclasses
from collections.abc import Callable, Iterable

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.inputs import Words
from seqzoo.task import Task
from seqzoo.text.subwords import KINDS, Subwords
from seqzoo.text.tokenizer import TOKENIZERS, splitter


@dataclasses.dataclass(frozen=True)
class Tokens(Options):
    """Texts."""

    tokenizer: str = option(
        "words",
        "What a text is split into: words and punctuation of raw text, tokens separated by spaces, "
        "characters, or subwords learned from the training texts.",
        choices=TOKENIZERS,
    )
    subwords: int = option(8000, "Maximum number of subwords.", minimum=10, needs="tokenizer=bpe|unigram")
    max_tokens: int = option(
        0, "Maximum number of tokens read; longer texts keep both ends. 0: no limit.", minimum=0, shapes=False
    )

    def __post_init__(self):
        super().__post_init__()
        if getattr(self, "vectors", "") and self.tokenizer not in ("words", "whitespace"):
            raise ValueError(
                "--vectors holds vectors of words: choose --tokenizer=words or whitespace, or leave it out. "
                f"Received: --tokenizer={self.tokenizer}"
            )


class OfTexts(Task):
    """A task that reads texts. Its Config has the groups `Tokens`, `options.Words` and `options.Characters`."""

    def learn_words(self, texts: Iterable[str], again: Iterable[str]) -> dict:
        """Learns the assets "words" and, if the tokenizer needs them, "subwords".

        Args:
            texts, again: the training texts, given twice since they are read twice.
        """
        assets, config = {}, self.config
        if config.tokenizer in KINDS:
            assets["subwords"] = Subwords.learn(texts, config.subwords, config.tokenizer, config.lowercase)
        split = splitter(config.tokenizer, assets.get("subwords"), config.unicode)
        return {**assets, "words": Words.learn(config, ([token for token, _, _ in split(text)] for text in again))}

    @property
    def split(self) -> Callable[[str], list[tuple[str, int, int]]]:
        """The function text -> [(token, start, end)] of the run's tokenizer."""
        return splitter(self.config.tokenizer, self.assets.get("subwords"), self.config.unicode)

    def offsets(self, text: str) -> list[tuple[str, int, int]]:
        """Returns [(token, start, end)] of the tokens of a text that the model reads."""
        return both_ends(self.split(text), self.config.max_tokens)

    def tokens(self, text: str) -> list[str]:
        """Returns the tokens of a text that the model reads."""
        return [token for token, _, _ in self.offsets(text)]

    def known_words(self, text: str) -> list[bool]:
        """Returns whether the run knows each word of a text."""
        return [self.assets["words"].has_id(token) for token in self.tokens(text) if any(map(str.isalnum, token))]

    def bag(self, text: str) -> list[str]:
        """Returns all tokens of a text for baselines to count, in lower case if the run reads them so."""
        return [token.lower() if self.config.lowercase else token for token, _, _ in self.split(text)]

    def export_notes(self) -> list[str]:
        from seqzoo.export.notes import of_texts

        return of_texts(self.config.unicode, self.config.tokenizer)


def both_ends(items: list, most: int) -> list:
    """Keeps the first and last items of a long list, `most` in total; 0: all."""
    if not most or len(items) <= most:
        return items
    head = most // 2
    return [*items[:head], *items[head - most :]]
