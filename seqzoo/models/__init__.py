"""Model builders: each returns a ``keras.Model`` and needs no task, flag or dataset."""

from seqzoo.models.tagger import decoder, tagger

__all__ = ["decoder", "tagger"]
