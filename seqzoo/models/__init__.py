"""Model builders: each returns a ``keras.Model`` and needs no task, flag or dataset.

Importing this package makes all layers known to Keras, which a saved model needs::

    import seqzoo.models

    model = keras.models.load_model("run/model.keras")
"""

import importlib
import pkgutil

from seqzoo import layers, rnns
from seqzoo.models.auxiliary import auxiliary
from seqzoo.models.averaged import averaged
from seqzoo.models.classifier import class_decoder, classifier
from seqzoo.models.generator import GeneratorDecoder, generator
from seqzoo.models.language_model import LanguageModelDecoder, language_model, on_targets, streamed
from seqzoo.models.memorizer import memorizer
from seqzoo.models.scheduled import scheduled
from seqzoo.models.seq2seq import Seq2SeqDecoder, seq2seq
from seqzoo.models.siamese import siamese, similarity_decoder
from seqzoo.models.tagger import decoder, tagger
from seqzoo.models.transcriber import transcriber, transcription_decoder
from seqzoo.models.understander import understander
from seqzoo.models.vectors import VectorDecoder

__all__ = [
    "GeneratorDecoder",
    "LanguageModelDecoder",
    "Seq2SeqDecoder",
    "VectorDecoder",
    "auxiliary",
    "averaged",
    "class_decoder",
    "classifier",
    "decoder",
    "generator",
    "language_model",
    "memorizer",
    "on_targets",
    "scheduled",
    "seq2seq",
    "siamese",
    "similarity_decoder",
    "streamed",
    "tagger",
    "transcriber",
    "transcription_decoder",
    "understander",
]

# A saved model may contain a layer from any file, including newly added ones: importing a file registers its layers.
for _path, _package in ((__path__, __name__), (layers.__path__, layers.__name__), (rnns.__path__, rnns.__name__)):
    for _module in pkgutil.walk_packages(_path, f"{_package}."):
        importlib.import_module(_module.name)
