"""Masks: which time steps are real. Made once, handed on by name."""

from keras import ops


def from_ids(ids):
    """Mask of padded ids: [B, T] integers, 0 is padding -> [B, T] booleans, True at real steps."""
    return ops.not_equal(ids, 0)


def from_lengths(lengths, steps):
    """Mask of true lengths: [B] integers and the padded length T -> [B, T] booleans, True at real steps."""
    return ops.arange(steps)[None, :] < ops.cast(lengths, "int32")[:, None]
