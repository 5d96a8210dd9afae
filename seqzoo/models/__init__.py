"""Model builders: each returns a ``keras.Model`` and needs no task, flag or dataset.

Whoever loads a saved model imports this package first: it makes all layers known to Keras.
"""

from seqzoo.models.classifier import class_decoder, classifier
from seqzoo.models.generator import GeneratorDecoder, generator
from seqzoo.models.language_model import LanguageModelDecoder, language_model, streamed
from seqzoo.models.scheduled import scheduled
from seqzoo.models.seq2seq import Seq2SeqDecoder, seq2seq
from seqzoo.models.tagger import decoder, tagger
from seqzoo.rnns import RNNS

__all__ = [
    "GeneratorDecoder",
    "LanguageModelDecoder",
    "Seq2SeqDecoder",
    "class_decoder",
    "classifier",
    "decoder",
    "generator",
    "language_model",
    "scheduled",
    "seq2seq",
    "streamed",
    "tagger",
]

for _name in RNNS.names():
    RNNS[_name]  # imports its file, which registers its layers
