"""Text: tokens, vocabularies, tags, n-grams."""
