"""Scores of tags, labels, texts and translations, and the errors behind them.

Scores are dicts ``{measure: number}``. Per-class scores are nested below "classes", ``{label: {measure: number}}``.
"""
