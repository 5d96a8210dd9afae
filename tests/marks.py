"""Marks of single parameters of tests, and the recurrent layers as such parameters."""

import pytest

from seqzoo.rnns import RNNS


def slow(*values):
    """Parameters that only ``pytest -m slow`` runs."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def variants(*values):
    """Slow parameters beside others that cover the same code; .ci/run leaves them to a nightly ``pytest -m slow``."""
    return [pytest.param(value, marks=[pytest.mark.slow, pytest.mark.variant]) for value in values]


FORWARD = [name for name in RNNS.names() if not RNNS.trait(name, "bidirectional", False)]
BOTH = ["bilstm", *variants(*(f"bi{name}" for name in FORWARD if f"bi{name}" in RNNS and name != "lstm"))]
LAYERS = [*FORWARD, *BOTH]  # parameters of a test of each recurrent layer: one wrapper makes all that read both ways
