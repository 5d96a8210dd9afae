"""The tagger: a label for each step of a sequence. Many to many, aligned."""

import keras
from keras import ops

from seqzoo.layers.convolution import convolved
from seqzoo.layers.crf import CRF, marginals, viterbi
from seqzoo.layers.stack import stack
from seqzoo.models.builder import builder, check_front


@builder
def tagger(
    tags: int,
    front: tuple,
    crf: bool = True,
    allowed: tuple | None = None,
    filters: int = 0,
    kernel_size: int = 9,
    **options,
) -> keras.Model:
    """A tagger like those of Huang et al. (2015), Lample et al. (2016) and Ma & Hovy (2016).

    Front -> recurrent stack -> a score for each tag -> softmax or CRF.

    Args:
        tags: number of tags, K.
        front: (inputs, x, mask), as returned by `seqzoo.inputs.words`, `ids`, `frames` or `images`.
        crf: add a linear-chain CRF; otherwise the scores are those of a softmax.
        allowed: hard constraints of the CRF (see layers.crf.CRF and text.spans.allowed).
        filters: of a convolution that the recurrent layers read, see `layers.convolution.convolved`; 0: none.
        kernel_size: steps that a filter sees.
        options: of `layers.stack.stack` (rnn, units, layers, dropout ...).

    Returns:
        keras.Model. Inputs: those of the front. Output: potentials [B, T, K, K] with a CRF (train with
        ``layers.crf.CRFLoss``), else logits [B, T, K]; ``decoder(model)`` turns either into tags.

    Raises:
        ValueError: a front with a name of the model's own layers.

    Example::

        model = tagger(tags=17, front=words(len(vocabulary)), rnn="bilstm", units=128, crf=False)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"))
    """
    inputs, x, mask = check_front(front, "emissions", "crf")  # [B, T, D], [B, T]
    x = convolved(x, mask, filters, kernel_size, options.get("dropout", 0.0))  # [B, T, D]
    x = stack(x, mask, **options)  # [B, T, H]
    scores = keras.layers.Dense(tags, name="emissions")(x)  # [B, T, K]
    if crf:
        scores = CRF(allowed, name="crf")(scores, mask=mask)  # [B, T, K, K]
    return keras.Model(inputs, scores, name="tagger")


@keras.saving.register_keras_serializable("seqzoo")
class Decode(keras.layers.Layer):
    """Potentials [B, T, K, K] or logits [B, T, K] -> the best tags and their confidences, both [B, T].

    With a CRF the tags are the best sequence (Viterbi) and a confidence is the tag's marginal probability.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})  # 16 bits are too few for probabilities
        self.supports_masking = True  # otherwise Keras warns about the implicit mask that it still passes on

    def compute_mask(self, scores: keras.KerasTensor, mask: keras.KerasTensor | None = None) -> None:
        return None

    def call(self, scores: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        if len(scores.shape) == 4:
            tags, probabilities = viterbi(scores)[0], marginals(scores)  # [B, T], [B, T, K]
        else:
            # Not Keras's argmax, which compares bits: LiteRT and ONNX lack this operation.
            tags, probabilities = ops.top_k(scores, 1)[1][..., 0], ops.softmax(scores)
        # A sum, because LiteRT lacks take_along_axis.
        chosen = ops.one_hot(tags, scores.shape[-1], dtype=probabilities.dtype)  # [B, T, K]
        confidence = ops.sum(chosen * probabilities, axis=-1)
        return {"tags": tags, "confidence": confidence}


def decoder(model: keras.Model) -> keras.Model:
    """Returns the tagger `model` with its scores decoded: {"tags": [B, T], "confidence": [B, T]}."""
    return keras.Model(model.input, Decode()(model.output), name="tagger_decoder")
