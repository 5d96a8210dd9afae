"""seqzoo: a zoo of recurrent sequence models in TensorFlow and Keras 3.

Three ways in: ``python -m seqzoo.run --task=ner`` trains, ``python -m seqzoo.sweep --task=ner --sweep=rnn,units``
searches, and ``from seqzoo.models import tagger`` gives a model.
"""

import pathlib

__version__ = "0.1.0"

# The tasks are imported as `seqzoo.tasks`. Installed they lie in this folder; in a checkout tasks/ stands beside it.
_here = pathlib.Path(__file__).resolve().parent
if not (_here / "tasks").is_dir():
    __path__.append(str(_here.parent))
