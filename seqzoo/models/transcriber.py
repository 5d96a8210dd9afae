"""The transcriber: writes a sequence's labels in order, without their times. Many to many, by CTC."""

import keras

from seqzoo.decoding.ctc import CTCDecode
from seqzoo.layers.ctc import force_blank
from seqzoo.layers.stack import stack, state_sizes
from seqzoo.layers.subsampling import subsample as subsampled
from seqzoo.layers.subsampling import upsample as upsampled
from seqzoo.models.builder import builder, check_front
from seqzoo.rnns import RNNS


@builder
def transcriber(
    labels: int,
    front: tuple,
    subsample: int = 1,
    upsample: int = 1,
    filters: int = 128,
    rnn: str = "bilstm",
    units: int = 128,
    layers: int = 2,
    **options,
) -> keras.Model:
    """A recurrent transcriber that is trained by CTC, such as that of Graves et al. (2013).

    Front -> convolutions that join steps, or copies of each step -> recurrent stack -> scores of labels and the blank.

    Sources: Graves et al., 2006, Connectionist Temporal Classification; Graves et al., 2013, Speech Recognition with
    Deep Recurrent Neural Networks.

    Args:
        labels: V, the number of labels, including the blank, id 0.
        front: (inputs, x, mask), as returned by `seqzoo.inputs.frames`, `ids`, `words` or `images`.
        subsample: number of steps that convolutions join into one: 1, 2, 4 ... Fewer steps are faster to read, but
            CTC gives at most one label a step.
        upsample: how often each step is repeated, for outputs longer than their inputs, such as words with more
            sounds than letters.
        filters: width of the convolutions.
        rnn: name in RNNS; units: H of each layer (and direction); layers: their number.
        options: more of `layers.stack.stack`.

    Returns:
        keras.Model. Inputs: those of the front. Output: logits [B, S, V], S = T upsample / subsample, with padded steps
        forced to the blank: train with ``layers.ctc.CTCLoss``, where labels are ids from 1, followed by 0;
        ``transcription_decoder(model)`` turns them into labels.

    Raises:
        ValueError: an impossible factor; a front with a name of the model's own layers.

    Example::

        model = transcriber(labels=30, front=frames(40), subsample=2, units=128)
        model.compile("adam", CTCLoss())
    """
    inputs, x, mask = check_front(front, "features", "mask", "reader")  # [B, T, D], [B, T]
    x, mask = upsampled(*subsampled(x, mask, subsample, filters), upsample)
    # Named, so that `cut` finds them.
    features, real = keras.layers.Identity(name="features")(x), keras.layers.Identity(name="mask")(mask)
    x, mask = keras.Input((None, features.shape[-1]), name="x"), keras.Input((None,), dtype="bool", name="mask")
    options = {"rnn": rnn, "units": units, "layers": layers, **options}
    if layers and not RNNS.trait(rnn, "bidirectional", False):
        state = [keras.Input((size,), name=f"state{i}") for i, size in enumerate(state_sizes(rnn, units, layers))]
        hidden, after = stack(x, mask, initial_state=state, **options)  # [B, S, H]
    else:  # layers that read in both directions have to see the whole sequence
        hidden, state, after = stack(x, mask, **options), [], []
    logits = keras.layers.Dense(labels, name="logits")(hidden)  # [B, S, V]
    reader = keras.Model([x, mask, *state], [force_blank(logits, mask), *after], name="reader")
    begin = [keras.ops.tile(keras.ops.zeros_like(features[:, 0, :1]), (1, part.shape[-1])) for part in state]
    return keras.Model(inputs, reader([features, real, *begin])[0], name="transcriber")


def transcription_decoder(model: keras.Model, beam: int = 1, n_best: int = 1) -> keras.Model:
    """Returns the transcriber `model` with its logits decoded, see `decoding.ctc.CTCDecode`."""
    return keras.Model(model.input, CTCDecode(beam, n_best)(model.output), name="transcription_decoder")


def cut(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Cuts a transcriber before its recurrent layers into two models that share its weights.

    Returns:
        (embed, read): ``x, mask = embed(inputs)``, [B, S, D] and [B, S]; ``logits, *state = read([x, mask, *state])``.
        The state is the one after the last real step, so that a long sequence can be read in pieces; it begins with
        zeros. Layers that read in both directions have none.
    """
    embed = keras.Model(model.input, [model.get_layer("features").output, model.get_layer("mask").output])
    return embed, model.get_layer("reader")
