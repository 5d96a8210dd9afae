"""Datasets that are generated."""
