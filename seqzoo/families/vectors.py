"""Vectors of texts: --mode=predict answers a text with its vector, or with the nearest lines of a file."""

import dataclasses
import functools
import hashlib
import itertools
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.config import Config as Options
from seqzoo.config import option
from seqzoo.data import Batches
from seqzoo.data.batches import chunks
from seqzoo.families.texts import OfTexts
from seqzoo.task import CHUNK
from seqzoo.text.nearest import lines_at, nearest, vectors_beside

if TYPE_CHECKING:
    import keras

    from seqzoo.models.siamese import Tower
    from seqzoo.training.folder import Run


TOGETHER = 2048  # texts whose vectors are computed together


@dataclasses.dataclass(frozen=True)
class Predicting(Options):
    """Predictions."""

    index: str = option(
        "", "Read one text a line, and answer with the nearest lines of this file, whose vectors are kept beside it.",
        path=True,
    )  # fmt: skip
    nearest: int = option(5, "Number of these lines.", minimum=1, needs="index")
    vector: bool = option(False, "Read one text a line, and answer with its vector.")


class Embedded(OfTexts):
    """A task of texts whose model is `models.siamese`, with `requests["predict"]` a `Predicting`."""

    def judged(self, y: float | None) -> dict:
        """Returns the part of an answer that says how similar two texts are, from the model's similarity y."""
        raise NotImplementedError

    def predict(self, run: "Run", lines: Iterable[str], request: Predicting | None = None) -> Iterator[dict]:
        if not request or not (request.index or request.vector):
            yield from super().predict(run, lines, request)
            return
        if request.index and request.vector:
            raise ValueError("--index and --vector are both given: choose one.")
        answer = self.searcher(run, request.index, request.nearest) if request.index else plain_vectors
        numbers = itertools.count(1)
        for chunk in chunks(lines, CHUNK):
            answers = answer([*self.vectors(run, chunk)])
            for text, found, number in zip(chunk, answers, numbers, strict=False):
                yield {"line": number, "text": text, **found}

    def vectors(self, run: "Run", texts: Iterable[str]) -> Iterator[np.ndarray | None]:
        """Yields the vector [H] of each text, None for a text without words.

        Raises:
            ValueError: the run has no vectors, since it reads both texts of a pair together.
        """
        encode, tower = self.assets["words"].encoder(self.config.static_shapes), tower_of(run.model)
        axes = dict.fromkeys(("tokens", "characters", "casing"), "time")
        settings = {name: getattr(self.config, name) for name in ("batch_size", "batch_tokens", "static_shapes")}
        for chunk in chunks(texts, TOGETHER):
            feed = Batches(
                chunk, lambda text: (encode(self.tokens(text)), np.zeros(1), np.float32(1)), axes, **settings
            )
            yield from (row and row["vector"] for _, row in feed.outputs(lambda inputs, *_: tower(inputs)))

    def searcher(self, run: "Run", path: str, count: int) -> Callable[[list], list[dict]]:
        """Returns a function from vectors of queries to {"nearest": [{"line", "text", ...}]}, lines of a file."""
        tower = tower_of(run.model)
        if not pathlib.Path(path).is_file():
            raise ValueError(f"--index: no file {path!r}.")
        model = hashlib.blake2b((run.folder / "model.keras").read_bytes(), digest_size=16).hexdigest()

        def embed(texts):
            return self.vectors(run, texts)

        def log(line):
            print(line, file=sys.stderr)

        kept = vectors_beside(path, run.folder.absolute().name, model, tower.width, embed, log)

        def search(vectors):
            asked = [number for number, vector in enumerate(vectors) if vector is not None]
            positions, similarities = nearest([vectors[i] for i in asked], kept, tower.similarity, count)
            texts = lines_at(path, positions.flatten().tolist())
            found = [{"nearest": []} for _ in vectors]
            for number, *best in zip(asked, positions.tolist(), similarities.tolist(), strict=True):
                rows = zip(*best, strict=True)
                found[number]["nearest"] = [{"line": i + 1, "text": texts[i], **self.judged(y)} for i, y in rows]
            return found

        return search


def plain_vectors(vectors: list[np.ndarray | None]) -> list[dict]:
    """Returns {"vector": a list of numbers, or None} for each vector, with the digits of 32 bits."""
    return [{"vector": None if vector is None else [float(f"{x:.8g}") for x in vector]} for vector in vectors]


@functools.lru_cache(4)  # making the graph takes longer than reading a text
def tower_of(model: "keras.Model") -> "Tower":
    """Returns the `models.siamese.Tower` of a model."""
    from seqzoo.models.siamese import Tower

    return Tower(model)
