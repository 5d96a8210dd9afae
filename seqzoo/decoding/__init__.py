"""Decoding: generates sequences from any model that predicts the next value."""

from seqzoo.decoding.beam import Beam, Ensemble
from seqzoo.decoding.sampling import Sampler
from seqzoo.decoding.steps import Categorical, Mixture, StepDecoder

__all__ = ["Beam", "Categorical", "Ensemble", "Mixture", "Sampler", "StepDecoder"]
