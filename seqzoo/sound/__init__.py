"""Sound: recordings that are read when they are needed, how training varies them, and pictures of them."""

from seqzoo.sound.recording import Clip, Joined, Recording, Samples, UnreadableError, Upload

__all__ = ["Clip", "Joined", "Recording", "Samples", "UnreadableError", "Upload"]
