"""Dynamic evaluation: a language model keeps learning from the text that it is scored on."""

from typing import TYPE_CHECKING

import numpy as np

from seqzoo.data import Streams

if TYPE_CHECKING:
    from seqzoo.models.language_model import LanguageModelDecoder


def dynamic_nats(decoder: "LanguageModelDecoder", streams: Streams, window: int, rate: float, decay: float) -> float:
    """Sums -log p of all tokens of a text while the weights follow the gradient of each window.

    A window is scored before the weights learn from it. Then, with g its gradient and w0 the trained weights::

        w <- w - rate g / (RMS + eps) + decay_i (w0 - w)        RMS = sqrt(mean of g^2), one number a weight

    The mean of g^2 is over the windows so far; eps is the mean of RMS over all weights, and decay_i is `decay` RMS /
    eps, at most 1. The weights are restored at the end.

    Source: Krause et al., 2018, Dynamic Evaluation of Neural Sequence Models, section 4, equations 5 to 7. They compute
    the mean of g^2 on the training text, and their eps is a constant; here both come from the scored text up to the
    window, so that no other text is needed.

    Args:
        decoder: models.LanguageModelDecoder, on the TensorFlow backend.
        streams: data.streams.Streams.
        window: tokens between two updates.
        rate: size of an update, about 1e-3.
        decay: how fast the weights return to the trained ones, about 0.02.

    Raises:
        ValueError: Keras runs on another backend.
    """
    import tensorflow as tf

    from seqzoo.layers.tokens import log_probabilities

    check_backend()
    weights = [variable.value for variable in decoder.reader.trainable_variables]
    trained = [tf.identity(weight) for weight in weights]
    squares = [tf.Variable(tf.zeros_like(weight)) for weight in weights]

    @tf.function(reduce_retracing=True)
    def step(ids, next_ids, state, count):
        with tf.GradientTape() as tape:
            logits, state = decoder.read(ids, state)
            scores = log_probabilities(logits, next_ids)
            loss = -tf.reduce_mean(scores)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
        for square, g in zip(squares, gradients, strict=True):
            square.assign_add((g * g - square) / count)
        sizes = [tf.sqrt(square) for square in squares]
        mean = sum(tf.reduce_sum(size) for size in sizes) / sum(tf.size(s, tf.float32) for s in sizes)
        for weight, start, size, g in zip(weights, trained, sizes, gradients, strict=True):
            back = tf.minimum(decay * size / mean, 1.0)
            weight.assign_add(back * (start - weight) - rate * g / (size + mean))
        return tf.reduce_sum(scores), state

    nats, state = 0.0, decoder.initial_state(1)
    try:
        for count, (ids, next_ids, _) in enumerate(streams.windows(1, 0, window), 1):
            total, state = step(tf.constant(ids), tf.constant(next_ids), state, tf.constant(float(count)))
            nats -= float(np.asarray(total))
    finally:
        for weight, start in zip(weights, trained, strict=True):
            weight.assign(start)
    return nats


def check_backend() -> None:
    """Raises a ValueError unless Keras runs on TensorFlow: the weights change within a graph."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"--dynamic_rate needs KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()}")
