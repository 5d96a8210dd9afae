"""Readers of music."""
