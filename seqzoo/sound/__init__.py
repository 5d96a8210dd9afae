"""Sound: recordings that are read on demand, their perturbation in training, and pictures of them."""

from seqzoo.sound.recording import Clip, Joined, Recording, Samples, UnreadableError, Upload

__all__ = ["Clip", "Joined", "Recording", "Samples", "UnreadableError", "Upload"]
