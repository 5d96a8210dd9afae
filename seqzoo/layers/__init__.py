"""Layers and losses that Keras lacks."""

# How the classifier makes one vector of a sequence, see layers.pooling. Here, so that reading it imports no Keras.
POOLINGS = ("last", "max", "mean", "attention", "codons")
HEADS = ("comparison", "manhattan", "cosine")  # of `models.siamese`
