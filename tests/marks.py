"""Marks of single parameters of tests."""

import pytest


def slow(*values):
    """Parameters that only ``pytest -m slow`` runs."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
