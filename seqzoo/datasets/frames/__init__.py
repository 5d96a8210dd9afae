"""Sequences of frames of numbers, or of pictures: skeletons, sensors, cepstra, video."""
