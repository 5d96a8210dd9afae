"""Starts: the first frames of some training clips, with which samples can begin."""

import os
import pathlib
from collections.abc import Iterable

import numpy as np

from seqzoo.assets import Asset

CLIPS, FRAMES = 100, 10  # the most that are kept


class Starts(Asset):
    """The first frames of some clips, and their labels.

    Args:
        frames: [T, D] arrays.
        labels: one for each clip, "" if it has none.
    """

    suffix = ".npz"

    def __init__(self, frames: list[np.ndarray], labels: list[str]):
        self.frames, self.labels = frames, labels

    @classmethod
    def learn(cls, examples: Iterable[dict], labels: Iterable[str]) -> "Starts":
        """Keeps the starts of examples with ``frames``, the same number for each label if there are labels."""
        labels = [*labels]
        left, kept = dict.fromkeys(labels or [""], max(1, CLIPS // max(1, len(labels)))), ([], [])
        for example in examples:
            label = example["label"] if labels else ""
            if left[label]:
                left[label] -= 1
                kept[0].append(np.asarray(example["frames"][:FRAMES], "float32"))
                kept[1].append(label)
        return cls(*kept)

    def draw(self, label: str, rng: np.random.Generator) -> np.ndarray:
        """Returns the first frames [T, D] of a random clip with a label; "": of any clip."""
        fitting = [x for x, own in zip(self.frames, self.labels, strict=True) if label in ("", own)]
        return fitting[rng.integers(len(fitting))]

    def save(self, path: str | os.PathLike) -> None:
        lengths = [len(x) for x in self.frames]
        with pathlib.Path(path).open("wb") as file:
            np.savez_compressed(file, frames=np.concatenate(self.frames), lengths=lengths, labels=self.labels)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Starts":
        with np.load(path, allow_pickle=False) as file:
            frames = np.split(file["frames"], np.cumsum(file["lengths"])[:-1])
            return cls(frames, file["labels"].tolist())

    def __eq__(self, other):
        if type(self) is not type(other) or self.labels != other.labels:
            return False
        return all(map(np.array_equal, self.frames, other.frames))

    __hash__ = None
