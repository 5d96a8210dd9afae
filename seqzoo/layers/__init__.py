"""Layers and losses that Keras lacks."""

# How the classifier pools a sequence into one vector, see layers.pooling. Defined here so that it imports no Keras.
POOLINGS = ("last", "max", "mean", "attention", "codons")
HEADS = ("comparison", "manhattan", "cosine")  # of `models.siamese`
