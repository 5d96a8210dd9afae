"""Text: tokens, vocabularies, subwords, vectors, span tags, n-grams."""
