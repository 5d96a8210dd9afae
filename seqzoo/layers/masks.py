"""Masks: which time steps are real. Made once, handed on by name."""

from keras import ops


def from_ids(ids):
    """Mask of padded ids: [B, T] integers, 0 is padding -> [B, T] booleans, True at real steps."""
    return ops.not_equal(ids, 0)


def from_lengths(lengths, ids):
    """Mask of true lengths: [B] integers, and padded ids [B, T] of which only the shape counts -> [B, T] booleans."""
    steps = ops.cumsum(ops.ones_like(ids, dtype="int32"), axis=1)  # 1, 2 ... T; the T of a symbolic shape is unknown
    return steps <= ops.cast(lengths, "int32")[:, None]
