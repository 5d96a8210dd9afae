"""Clips: the common parts of tasks whose examples have the feature "frames", such as skeletons or sensors."""

from typing import TYPE_CHECKING

from seqzoo.datasets.splits import fold
from seqzoo.task import Task

if TYPE_CHECKING:
    from seqzoo.datasets import Examples


class Clips(Task):
    """A task of frames. Groups that the data name, such as subjects, are never divided between splits."""

    def group(self, example: dict) -> object:
        return example.get("group", example["frames"])

    def content(self, example: dict) -> str:
        return ""  # no text

    def hold_out(self, train: "Examples") -> "tuple[Examples, Examples, str]":
        """Holds out whole groups, such as subjects, if the data name them."""
        groups = {example["group"] for example in train} if "group" in train.features else ()
        if len(groups) < 2:
            return super().hold_out(train)
        folds = min(len(groups), round(1 / getattr(self.config, "valid_fraction", 0.1)))
        rest, held = fold(train, folds, 1, self.config.seed, self.group)
        named = ", ".join(sorted({example["group"] for example in held}))
        return rest, held, f"all clips of {named} are valid, of {len(groups)} groups"
