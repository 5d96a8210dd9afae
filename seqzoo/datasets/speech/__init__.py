"""Recordings with their texts, in the layouts in which corpora come."""
