"""Training: one run is one folder. `train` fills it, `load` reads it."""

from seqzoo.training.folder import Run, load
from seqzoo.training.loop import train

__all__ = ["Run", "load", "train"]
