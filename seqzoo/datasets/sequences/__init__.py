"""Sequences of letters: DNA, RNA, proteins."""
