"""Data: examples become padded, weighted batches, or streams."""
