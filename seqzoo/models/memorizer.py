"""The memorizer: one recurrent layer with a chosen initialisation, and numbers for each step. Many to many, aligned."""

import keras

from seqzoo.models.builder import check_front
from seqzoo.rnns import RNNS
from seqzoo.rnns.initialization import recurrent_initializer, set_forget_bias


def memorizer(
    outputs: int,
    front: tuple,
    rnn: str = "ntm",
    units: int = 100,
    activation: str = "tanh",
    initialization: str = "",
    forget_bias: str | float = "",
    length: int = 20,
    seed: int = 0,
    **options,
) -> keras.Model:
    """A model for comparisons of recurrent layers: front -> one layer -> K numbers for each step.

    Args:
        outputs: K.
        front: (inputs, x, mask), as returned by `seqzoo.inputs.frames` or another front.
        rnn: name in RNNS.
        units: H; for an NTM, of its controller.
        activation: name of the activation of the new content.
        initialization: of the recurrent kernel, see `rnns.initialization.recurrent_initializer`; "": the layer's own.
        forget_bias: of the forget gate, see `rnns.initialization.set_forget_bias`; "": the layer's own.
        length: T, for which ``forget_bias="chrono"`` sets the biases.
        seed: seed of the random biases.
        options: of the layer, such as ``rows`` and ``width`` of an NTM, see `rnns.ntm.ntm`.

    Returns:
        keras.Model. Inputs: those of the front. Output: logits [B, T, K].

    Raises:
        ValueError: a front with a name of the model's own layers, or an unknown layer.
    """
    inputs, x, mask = check_front(front, "memory", "logits")  # [B, T, D], [B, T]
    if initialization:
        options["recurrent_initializer"] = recurrent_initializer(initialization, units)
    layer = RNNS[rnn](units, activation=activation, return_sequences=True, name="memory", **options)
    y = layer(x, mask=mask)  # [B, T, H]
    if forget_bias != "":
        set_forget_bias(layer, rnn, units, forget_bias, length, seed)
    logits = keras.layers.Dense(outputs, name="logits")(y)  # [B, T, K]
    return keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(logits), name="memorizer")
