"""The classifier: a label, or several, for a whole sequence. Many to one."""

from collections.abc import Sequence

import keras

from seqzoo.layers import POOLINGS
from seqzoo.layers.convolution import MaximumOver, convolved
from seqzoo.layers.pooling import AttentionWeights, codon_mean, last_state, masked_max, masked_mean, weighted_sum
from seqzoo.layers.segments import Chop, Join
from seqzoo.layers.stack import stack
from seqzoo.models.builder import builder, check_front
from seqzoo.rnns import RNNS


@builder
def classifier(
    classes: int,
    front: tuple,
    pooling: Sequence[str] = ("max",),
    segment: int = 0,
    filters: int = 0,
    kernel_size: int = 9,
    pool: int = 1,
    rnn: str = "bilstm",
    layers: int = 2,
    **options,
) -> keras.Model:
    """A recurrent classifier: front -> recurrent stack -> pooling over time -> a score for each class.

    With `filters` a convolution precedes the stack, as in DanQ (Quang & Xie, 2016).

    Args:
        classes: number of classes, C; 2 for a binary classifier. The model gives scores: the loss and the decoder
            decide whether classes exclude one another (softmax) or not (multi-label, sigmoid).
        front: (inputs, x, mask), as returned by `seqzoo.inputs.words`, `ids`, `frames` or `images`.
        pooling: one or more of "last" (the last real state), "max", "mean", "attention" and "codons" (of the
            convolution's output, or of the front's: see `layers.pooling.codon_mean`), joined.
        segment: steps that share one state; longer sequences are chopped into pieces that are pooled together (Johnson
            & Zhang, 2016). 0: no chopping.
        filters: of a convolution that the recurrent layers read, see `layers.convolution.convolved`; 0: none.
        kernel_size: steps that a filter sees.
        pool: steps of the convolution that are max-pooled into one.
        rnn: name in RNNS.
        layers: recurrent layers; 0: none, so that "mean" pooling of words makes a bag of words.
        options: of `layers.stack.stack` (units, dropout ...).

    Returns:
        keras.Model. Inputs: those of the front; no sequence may be empty. Output: logits [B, C];
        ``class_decoder(model)`` turns them into probabilities.

    Raises:
        ValueError: an unknown pooling, or none; a front with a name of the model's own layers.

    Example::

        model = classifier(classes=2, front=words(len(vocabulary)), pooling=("max", "attention"), units=128, layers=1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    """
    if not pooling or set(pooling) - set(POOLINGS):
        raise ValueError(f"pooling should be one or more of {', '.join(POOLINGS)}. Received: {pooling!r}")
    inputs, features, features_mask = check_front(front, "features", "mask", "reader")  # [B, T, D], [B, T]
    # Named, so that `cut` finds them: the part before depends on ids, the part after is differentiable.
    features = keras.layers.Identity(name="features")(features)
    features_mask = keras.layers.Identity(name="mask")(features_mask)
    x_in = x = keras.Input((None, features.shape[-1]), name="x")  # [B, T, D]
    mask = keras.Input((None,), dtype="bool", name="mask")  # [B, T]
    options = {"rnn": rnn, "layers": layers, **options}
    local = x = convolved(x, mask, filters, kernel_size, options.get("dropout", 0.0))  # [B, T, F]
    x, steps = MaximumOver(pool)(x, mask) if pool > 1 else (x, mask)  # [B, T / pool, F], [B, T / pool]
    if segment:
        pieces, piece_mask = Chop(segment)(x, steps)  # [B*S, N, D], [B*S, N]
        x = Join()(stack(pieces, piece_mask, **options), steps)  # [B, T, H]
    else:
        x = stack(x, steps, **options)  # [B, T, H]
    outputs, pooled = {}, []
    for kind in pooling:
        if kind == "last":
            bidirectional = isinstance(RNNS[rnn](2), keras.layers.Bidirectional) and layers > 0
            pooled.append(last_state(x, steps, bidirectional))
        elif kind == "attention":
            outputs["attention"] = AttentionWeights(name="attention")(x, mask=steps)  # [B, T]
            pooled.append(weighted_sum(outputs["attention"], x, steps))
        elif kind == "codons":
            pooled.append(codon_mean(local, mask))
        else:
            pooled.append({"max": masked_max, "mean": masked_mean}[kind](x, steps))
    y = keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]  # [B, sum of widths]
    outputs["logits"] = keras.layers.Dense(classes, name="logits")(y)  # [B, C]
    reader = keras.Model([x_in, mask], outputs, name="reader")
    return keras.Model(inputs, reader([features, features_mask])["logits"], name="classifier")


def class_decoder(model: keras.Model, multi_label: bool = False) -> keras.Model:
    """Returns the classifier `model`, or the average of several, with its scores decoded.

    Its outputs are {"probabilities": [B, C]}, which sum to 1 in each row unless `multi_label`, and, if a single model
    pools by attention, {"attention": [B, T]}.
    """
    if any(layer.name == "reader" for layer in model.layers):
        embed, read = cut(model)
        outputs = dict(read(embed.output))
    else:
        outputs = {"logits": model.output}
    activation = "sigmoid" if multi_label else "softmax"
    outputs["probabilities"] = keras.layers.Activation(activation, dtype="float32")(outputs.pop("logits"))
    return keras.Model(model.input, outputs, name="class_decoder")


def cut(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Cuts a classifier after its front into two models that share its weights.

    Returns:
        (embed, read): ``[x, mask] = embed(inputs)``, x [B, T, D], mask [B, T]; ``read([x, mask])`` gives
        {"logits": [B, C]} and with attention {"attention": [B, T]}.
    """
    embed = keras.Model(model.input, [model.get_layer("features").output, model.get_layer("mask").output])
    return embed, model.get_layer("reader")
