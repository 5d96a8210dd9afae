"""Marks of single parameters of tests."""

import pytest


def slow(*values):
    """Parameters that only ``pytest -m slow`` runs."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def variants(*values):
    """Slow parameters beside others that cover the same code; .ci/run leaves them to a nightly ``pytest -m slow``."""
    return [pytest.param(value, marks=[pytest.mark.slow, pytest.mark.variant]) for value in values]
