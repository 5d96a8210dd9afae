"""Layers that Keras lacks: one file a family."""
