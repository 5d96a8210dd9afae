"""seqzoo: a zoo of recurrent sequence models in TensorFlow and Keras 3.

Four ways in: ``python -m seqzoo.run --task=ner`` trains, ``python -m seqzoo.sweep --task=ner --sweep=rnn,units``
searches, ``from seqzoo.models import tagger`` gives a model, and ``seqzoo.load("zoo:ner-english")`` a trained one.
"""

import os
import pathlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqzoo.training.folder import Run


__version__ = "0.1.0"

# The tasks are imported as `seqzoo.tasks`. Installed, they are in this folder; in a checkout tasks/ is beside it.
_here = pathlib.Path(__file__).resolve().parent
if not (_here / "tasks").is_dir():
    __path__.append(str(_here.parent))


def load(folder: str | os.PathLike) -> "Run":
    """Loads the trained run in a folder or of the zoo: ``seqzoo.load("zoo:ner-english")``, see `training.Run`.

    Args:
        folder: of a run, or ``zoo:NAME``.

    Raises:
        ValueError: it is not a run, or has no model yet.
    """
    from seqzoo.training import load  # which imports TensorFlow

    return load(folder)
