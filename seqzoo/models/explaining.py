"""Explains a classifier's answer by the steps of the sequence: occlusion and integrated gradients.

Both say how much each step adds to the log-odds of a class, log p / (1 - p): a positive weight speaks for the class, a
negative one against it. A step is compared with the unknown word (id 1), or with zeros if the inputs are not ids.
"""

from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled, gradient
from seqzoo.models.classifier import cut

READ = 32_768  # steps that are read at once, or one sequence if it is longer: this bounds memory
OCCLUSIONS = 128  # at most, for each sequence; one for each step would take quadratic time
POINTS = 32  # where the integral evaluates the gradient


def occlusion(model: keras.Model, multi_label: bool = False, others: Callable | None = None) -> Callable:
    """Explains by occlusion: how far the log-odds of a class fall if a step becomes the unknown word.

    With `others` each step is replaced by every alternative, and the falls are averaged, as in in-silico mutagenesis
    (Alipanahi et al., 2015, Predicting the sequence specificities of DNA- and RNA-binding proteins by deep learning).

    In sequences longer than 128 steps, neighbours are replaced together and share the change.

    Args:
        model: a classifier, or its decoder.
        multi_label: whether an example may have several classes, so that their scores do not compete.
        others: function inputs -> list of inputs, each of which replaces every step by another one.

    Returns:
        The function (inputs, classes [B]) -> NumPy array [B, T], 0 at padding, for one class of each sequence.

    Source: Li, Monroe & Jurafsky, 2016, Understanding Neural Networks through Representation Erasure.
    """
    features, read = _features(model), cut(model)[1]

    def score(x, mask, classes):
        return log_odds(read([x, mask])["logits"], classes, multi_label)  # [R]

    score = compiled(score, _signature(read))

    def weights(inputs, classes):
        x, unknown, mask = features(inputs)
        replacements = [features(other)[0] for other in others(inputs)] if others else [unknown]
        whole = np.concatenate([score(x[part], mask[part], classes[part]) for part in _parts(len(x), x.shape[1])])
        sizes = -(-mask.sum(axis=1) // OCCLUSIONS)  # steps that are replaced together
        first = [(row, step) for row, size in enumerate(sizes) for step in range(0, mask[row].sum(), size)]
        rows, steps = np.array(first).T
        found = np.zeros(mask.shape, "float32")
        for part in _parts(len(rows), x.shape[1]):
            row, distance = rows[part], np.arange(x.shape[1]) - steps[part, None]
            hidden = (distance >= 0) & (distance < sizes[row, None]) & mask[row]  # [R, T]
            for replacement in replacements:
                changed = np.where(hidden[..., None], replacement[row], x[row])
                change = whole[row] - score(changed, mask[row], classes[row])
                np.add.at(found, row, hidden * (change / hidden.sum(axis=1))[:, None])
        return found / len(replacements)

    return weights


def substitutions(name: str) -> Callable:
    """Returns the `others` of `occlusion` for steps that are letters, one-hot or distributions: all other letters.

    Args:
        name: the input that holds them, [B, T, D].
    """

    def others(inputs):
        x = np.asarray(inputs[name])
        return [{**inputs, name: np.roll(x, shift, axis=-1)} for shift in range(1, x.shape[-1])]

    return others


def integrated_gradients(model: keras.Model, multi_label: bool = False, points: int = POINTS) -> Callable:
    """Explains by integrated gradients how much each step adds to the log-odds of a class.

    With x the features of a sequence, u those of as many unknown words, and F the log-odds of the class, step t has

        sum over d of (x - u)_td times the integral over a from 0 to 1 of dF(u + a (x - u)) / dx_td

    so that the weights sum to F(x) - F(u). The integral is computed by Gauss-Legendre quadrature.

    Args:
        model, multi_label: as in `occlusion`.
        points: number of quadrature points.

    Returns:
        See `occlusion`.

    Source: Sundararajan, Taly & Yan, 2017, Axiomatic Attribution for Deep Networks.
    """
    features, read = _features(model), cut(model)[1]
    nodes, shares = np.polynomial.legendre.leggauss(points)  # of the integral from -1 to 1
    nodes, shares = ((nodes + 1) / 2).astype("float32"), (shares / 2).astype("float32")

    def slopes(x, mask, classes, unknown, alpha):
        def score(x):
            return log_odds(read([x, mask])["logits"], classes, multi_label)

        between = unknown + alpha[:, None, None] * (x - unknown)
        return ops.cast(ops.sum(gradient(score, between) * (x - unknown), axis=-1), "float32")  # [R, T]

    slopes = compiled(slopes, (*_signature(read), read.inputs[0], keras.KerasTensor([None], "float32")))

    def weights(inputs, classes):
        x, unknown, mask = features(inputs)
        rows, numbers = np.divmod(np.arange(len(x) * points), points)
        found = np.zeros(mask.shape, "float32")
        for part in _parts(len(rows), x.shape[1]):
            row, number = rows[part], numbers[part]
            slope = slopes(x[row], mask[row], classes[row], unknown[row], nodes[number])
            np.add.at(found, row, shares[number, None] * np.asarray(slope))
        return np.where(mask, found, 0)

    return weights


def log_odds(logits: keras.KerasTensor, classes: keras.KerasTensor, multi_label: bool = False) -> keras.KerasTensor:
    """Returns log p / (1 - p) [R] of one class a row of logits [R, C]: p by softmax, or sigmoid if `multi_label`."""
    own = ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype)
    score = ops.sum(own * logits, axis=-1)
    if multi_label or logits.shape[-1] == 1:
        return score
    return score - ops.logsumexp(ops.where(own > 0, -1e9, logits), axis=-1)


def _features(model):
    """Returns a function inputs -> NumPy arrays (x [B, T, D], the features of as many unknown steps, mask [B, T])."""
    embed, _ = cut(model)

    def pair(inputs):
        unknown = {name: _unknown(array) for name, array in inputs.items()}
        x, mask = embed(inputs)
        return x, embed(unknown)[0], mask

    pair = compiled(pair, (dict(model.input),))
    return lambda inputs: [*map(np.asarray, pair({name: ops.convert_to_tensor(inputs[name]) for name in model.input}))]


def _unknown(array):
    """Returns the input of unknown steps: id 1 for each id, zeros for each frame; lengths [B] stay."""
    if "int" not in array.dtype.name:
        return ops.zeros_like(array)
    return ops.cast(array > 0, array.dtype) if len(array.shape) > 1 else array


def _signature(read):
    """Returns the signature of a function of x [R, T, D], mask [R, T] and classes [R]."""
    return *read.inputs, keras.KerasTensor([None], "int32")


def _parts(rows: int, steps: int) -> Iterator[slice]:
    """Yields slices of rows that have at most `READ` steps together."""
    size = max(1, READ // steps)
    return (slice(first, first + size) for first in range(0, rows, size))
