"""The siamese network: reads two sequences with the same weights and scores their similarity. Two to one."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled
from seqzoo.layers import HEADS
from seqzoo.layers.pooling import last_state, masked_max, masked_mean
from seqzoo.layers.similarity import Align, Comparison, Cosine, Manhattan, unit
from seqzoo.layers.stack import stack
from seqzoo.models.builder import builder, check_front
from seqzoo.rnns import RNNS

SIDES = ("first", "second")


@builder
def siamese(
    front: tuple,
    head: str = "comparison",
    points: int = 5,
    hidden: int = 50,
    pooling: tuple[str, ...] = ("max", "mean"),
    aligned: bool = False,
    rnn: str = "bilstm",
    layers: int = 1,
    **options,
) -> keras.Model:
    """A siamese network: front -> recurrent stack -> pooling over time, for each of two sequences -> their similarity.

    Both sides have the same weights, and the answer does not depend on which of them is the first.

    Args:
        front: (inputs, x, mask), as returned by `seqzoo.inputs.words`, `ids`, `frames` or `images`.
        head: compares the vectors of both sides, see `layers.similarity`: "comparison" (scores of the points of a
            scale; Tai et al., 2015), "manhattan" (MaLSTM; Mueller & Thyagarajan, 2016), "cosine"; "": no head, for
            retrieval, where a loss compares the vectors of a whole batch.
        points: K, of the scale of "comparison"; 2 for yes or no.
        hidden: width of the layer in "comparison".
        pooling: one or more of "last", "max" and "mean", joined.
        aligned: before pooling, compare each step with similar steps of the other side (Parikh et al., 2016; Chen et
            al., 2017). A single sequence then has no vector of its own.
        rnn: name in RNNS.
        layers: recurrent layers; 0: none.
        options: of `layers.stack.stack` (units, dropout ...).

    Returns:
        keras.Model. Inputs: those of the front twice, as first_tokens and second_tokens; no sequence may be empty.
        Output: for "comparison" logits [B, K], trained with `layers.similarity.ScaleDivergence`; for "manhattan" and
        "cosine" similarities [B, 1] from 0 to 1; without a head vectors [B, 2, H] of length 1, trained with
        `layers.similarity.InBatchNegatives`. ``similarity_decoder(model)`` turns all of them into similarities, and
        ``model.get_layer("tower")`` gives the vector of a sequence.

    Raises:
        ValueError: an unknown head or pooling; a front with a name of the model's own layers.

    Example::

        model = siamese(front=words(len(vocabulary)), head="manhattan", pooling=("last",), rnn="lstm", units=50)
        model.compile("adam", "mse")
    """
    if head and head not in HEADS:
        raise ValueError(f"head should be one of {', '.join(HEADS)}, or '' for none. Received: {head!r}")
    if not pooling or set(pooling) - {"last", "max", "mean"}:
        raise ValueError(f"pooling should be one or more of last, max, mean. Received: {pooling!r}")
    inputs, x, mask = check_front(front, "tower", "embedder", "reader", "align", "head")  # [B, T, D], [B, T]
    sides = [
        {name: keras.Input(t.shape[1:], dtype=t.dtype, name=f"{side}_{name}") for name, t in inputs.items()}
        for side in SIDES
    ]
    options = {"rnn": rnn, "layers": layers, **options}

    def pooled(x, mask):
        bidirectional = isinstance(RNNS[rnn](2), keras.layers.Bidirectional) and layers > 0
        kinds = {"last": lambda *args: last_state(*args, bidirectional), "max": masked_max, "mean": masked_mean}
        parts = [kinds[kind](x, mask) for kind in pooling]
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]  # [B, H]

    if aligned:
        embedder, align = keras.Model(inputs, [x, mask], name="embedder"), Align(name="align")
        reader = _reader(x.shape[-1], pooled, options)
        (a, a_mask), (b, b_mask) = map(embedder, sides)
        vectors = [reader([a, align(a, b, b_mask), a_mask]), reader([b, align(b, a, a_mask), b_mask])]  # [B, H] each
    else:
        tower = keras.Model(inputs, pooled(stack(x, mask, **options), mask), name="tower")
        vectors = [tower(side) for side in sides]  # [B, H] each
    if head:
        kinds = {
            "comparison": lambda name: Comparison(points, hidden, name=name),
            "manhattan": Manhattan,
            "cosine": Cosine,
        }
        output = kinds[head](name="head")(*vectors)
    else:
        output = ops.stack([unit(vector) for vector in vectors], axis=1)  # [B, 2, H]
    return keras.Model({t.name: t for side in sides for t in side.values()}, output, name="siamese")


def _reader(width: int, pooled: Callable, options: dict) -> keras.Model:
    """Returns a model from the steps of a side, their aligned steps [B, T, D] and mask [B, T] to a vector [B, H]."""
    x, other = keras.Input((None, width), name="x"), keras.Input((None, width), name="other")
    mask = keras.Input((None,), dtype="bool", name="mask")
    y = keras.layers.Concatenate()([x, other, ops.abs(x - other), x * other])  # [B, T, 4 D]
    return keras.Model([x, other, mask], pooled(stack(y, mask, **options), mask), name="reader")


def similarity_decoder(model: keras.Model) -> keras.Model:
    """Returns the siamese `model` with its output decoded.

    Its outputs are {"similarity": [B], from 0 to 1, or the cosine without a head}; with the head "comparison" also
    {"probabilities": [B, K]} of the points; without a head also {"vectors": [B, 2, H]}.
    """
    head = _head(model)
    if head is None:
        outputs = {"vectors": model.output, "similarity": ops.sum(model.output[:, 0] * model.output[:, 1], axis=-1)}
    elif isinstance(head, Comparison):
        outputs = {"probabilities": ops.softmax(ops.cast(model.output, "float32"), axis=-1)}
        outputs["similarity"] = _expected(outputs["probabilities"])
    else:
        outputs = {"similarity": ops.cast(model.output[:, 0], "float32")}
    return keras.Model(model.input, outputs, name="similarity_decoder")


class Tower:
    """The tower of a siamese `model`: computes the vector of one sequence, and compares two vectors.

    Call it with the inputs of the front, a dict of arrays; it returns {"vector": NumPy array [B, H]}.

    Attributes:
        width: H.

    Raises:
        ValueError: the model is `aligned`: it reads each sequence together with the other.
    """

    def __init__(self, model: keras.Model):
        tower = next((layer for layer in model.layers if layer.name == "tower"), None)
        if tower is None:
            raise ValueError(
                "A text has a vector of its own only if both are read separately; --aligned reads them together."
            )
        self.width, self._tower, self._head = tower.output.shape[-1], tower, _head(model)
        self._run = compiled(self.tensors, (dict(tower.input),))
        vectors = [keras.KerasTensor([size, self.width], tower.output.dtype) for size in (1, None)]
        self._compare = compiled(self._similarity, tuple(vectors))

    def __call__(self, inputs: dict) -> dict:
        given = {name: ops.convert_to_tensor(inputs[name]) for name in self._tower.input}
        return {"vector": np.asarray(self._run(given), "float32")}

    def tensors(self, inputs: dict) -> keras.KerasTensor:
        """Returns the vectors [B, H] of input tensors, as a tensor; ignores inputs that the front does not have."""
        return ops.cast(self._tower({name: inputs[name] for name in self._tower.input}, training=False), "float32")

    def similarity(self, query: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Returns the similarities [N] of a vector [1, H] and others [N, H], as in `similarity_decoder`."""
        return np.asarray(self._compare(ops.convert_to_tensor(query), ops.convert_to_tensor(vectors)))

    def _similarity(self, a, b):
        if self._head is None:
            return ops.sum(unit(a) * unit(b), axis=-1)
        y = self._head(a, b)
        return (
            _expected(ops.softmax(ops.cast(y, "float32"), axis=-1)) if isinstance(self._head, Comparison) else y[..., 0]
        )


def _expected(p):
    """Returns the mean of a distribution [..., K] over points from 0 to 1."""
    return ops.sum(p * ops.arange(p.shape[-1], dtype="float32"), axis=-1) / (p.shape[-1] - 1)


def _head(model):
    return next((layer for layer in model.layers if layer.name == "head"), None)
