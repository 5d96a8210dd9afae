"""Batches weighted by their number of decisions: ``--weigh_batches``."""

import keras
from keras import ops


def weigh_batches(model: keras.Model, mean: float) -> None:
    """Weighs the gradient of a batch by its number of decisions: tokens with a label, sequences with a class.

    A loss is the mean over the n decisions of a batch, so each decision of a small batch counts more than one of a
    large batch. With the gradient times n / `mean` all decisions of an epoch count alike:

        sum_b (n_b / N) grad L_b = (1 / N) sum_i grad l_i        N: the mean of n over the batches of an epoch

    The mean of the factors is 1, so that the learning rate keeps its meaning, and so does the norm at which gradients
    are clipped afterwards. An optimizer such as Adam ignores a factor that all batches share, but not factors that
    differ between batches. The value of the loss stays the mean over the batch.

    Decisions count by their weights, as they do in the loss; those of several outputs are added up.

    Args:
        model: the model to train; its `compute_loss` is replaced.
        mean: N.
    """
    mean_loss = model.compute_loss

    def compute_loss(x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = mean_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        factor = ops.cast(decisions(y, sample_weight) / mean, loss.dtype)
        return loss + (factor - 1) * (loss - ops.stop_gradient(loss))

    model.compute_loss = compute_loss


def decisions(
    y: keras.KerasTensor | dict[str, keras.KerasTensor],
    sample_weight: keras.KerasTensor | dict[str, keras.KerasTensor] | None = None,
) -> keras.KerasTensor:
    """Counts the decisions of a batch, a scalar, from labels and weights of any shapes, such as [B, T]."""
    if sample_weight is None:
        return sum(ops.cast(ops.size(labels), "float32") for labels in keras.tree.flatten(y))
    return sum(ops.sum(ops.cast(weights, "float32")) for weights in keras.tree.flatten(sample_weight))
