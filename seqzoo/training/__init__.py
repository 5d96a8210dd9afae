"""Training: one run is one folder. `train` fills it, `load` reads it."""

from seqzoo.training.loop import load, train

__all__ = ["load", "train"]
