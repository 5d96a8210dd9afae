"""The classifier: a label, or several, for a whole sequence. Many to one."""

import keras
from keras import ops

from seqzoo.backend.gradients import compiled, gradient
from seqzoo.inputs.front import features, take_arguments
from seqzoo.layers.pooling import AttentionWeights, last_state, masked_max, masked_mean
from seqzoo.layers.segments import Chop, Join
from seqzoo.layers.stack import stack
from seqzoo.rnns import RNNS

POOLINGS = ("last", "max", "mean", "attention")


def classifier(classes, pooling=("max",), segment=0, rnn="bilstm", **arguments):
    """A recurrent text classifier: token features -> recurrent stack -> pooling over time -> a score for each class.

    Args:
        classes: number of classes, C; 2 for a binary one. Whether the scores exclude one another (softmax) or not
            (multi-label, sigmoid) is the loss's and the decoder's matter: the model gives scores.
        pooling: one or more of "last" (the last real state), "max", "mean" and "attention", joined.
        segment: time steps that are read with one state; longer sequences are chopped into pieces that are pooled
            together (Johnson & Zhang, 2016). 0: all in one.
        rnn: name in RNNS; with layers=0 there is none, and "mean" pooling makes a bag of words.
        arguments: of `layers.features.features` (words, word_dim, vectors, characters ...) and of
            `layers.stack.stack` (units, layers, dropout ...).

    Returns:
        keras.Model. Inputs: those of `layers.features.features`, no sequence empty. Output: logits [B, C];
        ``class_decoder(model)`` turns them into probabilities.

    Raises:
        ValueError: an unknown pooling, or no features.

    Example::

        model = classifier(classes=2, words=len(vocabulary), pooling=("max", "attention"), units=128, layers=1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    """
    if not pooling or set(pooling) - set(POOLINGS):
        raise ValueError(f"pooling should be one or more of {', '.join(POOLINGS)}. Received: {pooling!r}")
    inputs, features_x, features_mask = features(**take_arguments(arguments))  # [B, T, D], [B, T]
    # What reads the features is a model of its own, differentiable by them: see `cut`.
    x_in = x = keras.Input((None, features_x.shape[-1]), name="x")  # [B, T, D]
    mask = keras.Input((None,), dtype="bool", name="mask")  # [B, T]
    if segment:
        pieces, piece_mask = Chop(segment)(x, mask)  # [B*S, N, D], [B*S, N]
        x = Join()(stack(pieces, piece_mask, rnn=rnn, **arguments), mask)  # [B, T, H]
    else:
        x = stack(x, mask, rnn=rnn, **arguments)  # [B, T, H]
    outputs, pooled = {}, []
    for kind in pooling:
        if kind == "last":
            both = isinstance(RNNS[rnn](2), keras.layers.Bidirectional) and arguments.get("layers", 2) > 0
            pooled.append(last_state(x, mask, bidirectional=both))
        elif kind == "attention":
            a = outputs["attention"] = AttentionWeights(name="attention")(x, mask=mask)  # [B, T]
            x32 = ops.cast(x, "float32")
            pooled.append(ops.sum(ops.cast(a, "float32")[..., None] * ops.where(mask[..., None], x32, 0.0), axis=1))
        else:
            pooled.append({"max": masked_max, "mean": masked_mean}[kind](x, mask))
    y = keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]  # [B, sum of widths]
    outputs["logits"] = keras.layers.Dense(classes, name="logits")(y)  # [B, C]
    reader = keras.Model([x_in, mask], outputs, name="reader")
    return keras.Model(inputs, reader([features_x, features_mask])["logits"], name="classifier")


def class_decoder(model, multi_label=False):
    """The classifier `model` with its scores decoded.

    Returns:
        keras.Model giving {"probabilities": [B, C]}, each text's summing to 1 unless `multi_label`, and, if the model
        pools by attention, {"attention": [B, T]}.
    """
    embed, read = cut(model)
    outputs = dict(read(embed.output))
    activation = "sigmoid" if multi_label else "softmax"
    outputs["probabilities"] = keras.layers.Activation(activation, dtype="float32")(outputs.pop("logits"))
    return keras.Model(model.input, outputs, name="class_decoder")


def cut(model):
    """A classifier as two models that share its weights, cut at the features of its tokens.

    Returns:
        (embed, read): ``[x, mask] = embed(inputs)``, x [B, T, D], mask [B, T]; ``read([x, mask])`` is
        {"logits": [B, C]} and with attention {"attention": [B, T]}.
    """
    embed = keras.Model(model.input, [model.get_layer("features").output, model.get_layer("mask").output])
    return embed, model.get_layer("reader")


def saliency(model):
    """How much each token speaks for a class: its features times the gradient of the class's lead, by them.

    Args:
        model: a classifier, or its decoder.

    Returns:
        The function (inputs, classes [B]) -> NumPy array [B, T], 0 at padding, of the class asked about for each text;
        its lead is its score less the best other one.

    Source: Shrikumar et al., 2017, Learning Important Features Through Propagating Activation Differences, section 2
    (gradient times input); Li et al., 2016, Visualizing and Understanding Neural Models in NLP.
    """
    embed, read = cut(model)

    @compiled
    def weights(inputs, classes):
        x, mask = embed(inputs)

        def lead(x):
            logits = read([x, mask])["logits"]  # [B, C]
            mine = ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype)
            others = ops.max(ops.where(mine > 0, float("-inf"), logits), axis=-1) if logits.shape[-1] > 1 else 0.0
            return ops.sum(mine * logits, axis=-1) - others

        return ops.where(mask, ops.cast(ops.sum(gradient(lead, x) * x, axis=-1), "float32"), 0.0)  # [B, T]

    def run(inputs, classes):
        inputs = {name: ops.convert_to_tensor(array) for name, array in inputs.items()}
        return ops.convert_to_numpy(weights(inputs, ops.convert_to_tensor(classes)))

    return run
