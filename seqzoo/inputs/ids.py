"""The simplest front: one integer a step, such as a base of DNA, a byte or an item."""

from seqzoo.signatures import takes_options


@takes_options()
def ids(vocabulary: int, dim: int, dropout: float = 0.0, name: str = "tokens") -> tuple:
    """A front for integer ids: an embedding of each step.

    Args:
        vocabulary: V, the number of ids; 0 is padding, on the right.
        dim: D, the width of an embedding.
        dropout: dropout rate of the embeddings, one mask for all steps of a sequence.
        name: name of the input, and prefix of the layers.

    Returns:
        (inputs, x, mask): {name: [B, T] integers}; x [B, T, D]; mask [B, T], True at real steps.
    """
    import keras

    from seqzoo.layers import masks
    from seqzoo.layers.stack import drop
    from seqzoo.layers.words import WordEmbedding

    inputs = {name: keras.Input((None,), dtype="int32", name=name)}
    x = WordEmbedding(vocabulary, dim, name=f"{name}_embedding")(inputs[name])  # [B, T, D]
    return inputs, drop(x, dropout), masks.from_ids(inputs[name])
