"""Predictor: computes the decoded outputs and the loss of a model over batches, in one compiled function."""

import keras
import numpy as np
from keras import ops

from seqzoo.backend.gradients import compiled


class Predictor:
    """Runs a model over batches for evaluation and prediction, without dropout.

    Args:
        model: the keras.Model; its weights are shared.
        decoded: {name: tensor} computed from the model's outputs, see `task.Task.decoded`.
        loss: a keras.losses.Loss or {output name: Loss}.

    Call it with (inputs, labels, weights) of a batch: it returns {name: NumPy array [B, ...]} and adds the batch to
    the mean loss, unless all its weights are 0.
    """

    def __init__(self, model, decoded: dict, loss):
        self.model = model
        self._joined = keras.Model(model.input, {"decoded": decoded, "outputs": model.output})
        self._losses = loss if isinstance(loss, dict) else {"labels": loss}
        self._runs = {}  # {whether there is a loss to compute: compiled function}
        self._sums = np.zeros((len(self._losses), 2))  # of each loss: the weighted sum, and the sum of its weights

    def _outputs(self, inputs, labels, weights):
        made = self._joined(inputs, training=False)
        outputs = made["outputs"]
        sums = []
        for name, loss in self._losses.items():
            y, w, output = (part[name] if isinstance(part, dict) else part for part in (labels, weights, outputs))
            mean, weight = loss(y, output, sample_weight=w), ops.sum(ops.cast(w, "float32"))
            sums.append(ops.stack([ops.cast(mean, "float32") * weight, weight]))
        return made["decoded"], ops.stack(sums)

    def _decoded(self, inputs):
        return self._joined(inputs, training=False)["decoded"]

    def __call__(self, inputs: dict, labels, weights) -> dict:
        inputs = {name: inputs[name] for name in self.model.input}
        labelled = any(np.any(w) for w in keras.tree.flatten(weights))  # examples to predict have no labels
        batch = (inputs, labels, weights) if labelled else (inputs,)
        batch = keras.tree.map_structure(ops.convert_to_tensor, batch)
        if labelled not in self._runs:  # one graph for all lengths
            open_axes = keras.tree.map_structure(lambda x: keras.KerasTensor([None] * len(x.shape), x.dtype), batch[1:])
            function = self._outputs if labelled else self._decoded
            self._runs[labelled] = compiled(function, (dict(self.model.input), *open_axes))
        made = self._runs[labelled](*batch)
        if labelled:
            made, sums = made
            self._sums += np.asarray(sums)
        return {name: np.asarray(array) for name, array in made.items()}

    def mean_loss(self) -> dict:
        """Returns {"loss": weighted mean over the batches since the last call}; {} if nothing had a weight.

        Several losses are added, as in training.
        """
        sums, self._sums = self._sums, np.zeros_like(self._sums)
        return {"loss": float((sums[:, 0] / sums[:, 1]).sum())} if sums[:, 1].all() else {}
