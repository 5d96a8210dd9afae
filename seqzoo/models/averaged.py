"""The average of several models, used as one."""

from collections.abc import Sequence

import keras


def averaged(models: Sequence[keras.Model]) -> keras.Model:
    """A model whose scores are the means of the scores of several models, whose weights it shares.

    Its distribution is the normalised geometric mean of theirs. For logits this holds at each label, for the potentials
    of CRFs for whole sequences of tags, as the score of a sequence is a sum: a logarithmic opinion pool with equal
    weights (Smith, Cohn & Osborne, 2005, Logarithmic Opinion Pools for Conditional Random Fields).

    Args:
        models: two or more classifiers or taggers with the same inputs and outputs.

    Returns:
        keras.Model. Inputs: those of the first model. Output: as theirs, such as logits [B, T, K], in float32.

    Raises:
        ValueError: the models differ in their inputs or in the shapes of their outputs.

    Example::

        tagger_of_two = decoder(averaged([first, second]))
    """
    inputs = models[0].input
    signatures = [keras.tree.map_structure(lambda x: x.shape, [model.input, model.output]) for model in models]
    for signature in signatures[1:]:
        if signature != signatures[0]:
            raise ValueError(
                f"Averaged models should have the same inputs and outputs. Received: {signatures[0]} and {signature}"
            )
    # Keras wants each part of a model to have a name of its own.
    members = [keras.Model(model.input, model.output, name=f"member_{n}") for n, model in enumerate(models)]
    outputs = [member(inputs) for member in members]
    mean = keras.tree.map_structure(lambda *scores: keras.layers.Average(dtype="float32")(scores), *outputs)
    return keras.Model(inputs, mean, name="averaged")
