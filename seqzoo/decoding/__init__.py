"""Decoding: sequences out of models that predict the next step."""
