"""Initial weights from language models: embeddings of words, and recurrent layers."""

import keras
import numpy as np

from seqzoo.inputs import Words
from seqzoo.layers.words import WordEmbedding
from seqzoo.task import Task
from seqzoo.text.vocabulary import UNKNOWN_ID
from seqzoo.training.folder import Run
from seqzoo.training.stacks import layers_within, recurrent_layers


class Pretrained:
    """Initial weights from one language model, or from two that read in opposite directions.

    A word gets its embedding in the language model. If the model knows it in several cases, but the task only in lower
    case, it gets the embedding of the most frequent case. Words that are not in the training data are also known, with
    frozen embeddings. The embeddings of two models are concatenated.

    A forward layer gets the weights of the forward model's layer with the same number, a backward layer those of the
    backward model. Inputs that the language model's layer lacks, such as the spelling of words or the states of the
    other direction, start with weights of 0, so that at first the states are those of the language model, from a state
    of zeros.

    Args:
        runs: the runs of the models.

    Attributes:
        words: all words that one of the models knows.
    """

    def __init__(self, runs: list[Run]):
        self.runs = runs
        self.ids = [run.task.assets["tokens"].words() for run in runs]  # {word: id} of each
        self.words = [*dict.fromkeys(word for ids in self.ids for word in ids)]

    def give(self, model: keras.Model, task: Task) -> list[str]:
        """Gives a model embeddings and recurrent layers; returns lines that say what it got, and what is new.

        Args:
            model: the model that the task built.
            task: the task, with its assets.

        Raises:
            ValueError: the model has no embeddings of that width, or shares no word with a language model.
        """
        *before, table = [layer for layer in layers_within(model) if isinstance(layer, WordEmbedding)] or [None]
        dim = sum(run.task.config.dim for run in self.runs)
        if table is None or table.dim != dim:
            raise ValueError(f"--init_from: the embeddings of {task.config.init_from} need --word_dim={dim}.")
        words = next(asset for asset in task.assets.values() if isinstance(asset, Words))
        taken, missing = self._give_embeddings(table, words)
        given, unused, at = {id(layer) for layer in (*before, table)}, [], sum(layer.dim for layer in before)
        for number, run in enumerate(self.runs):
            layers, rest = _give_layers(model, run, at, given)
            taken[number] = ", ".join([f"{run.folder}: {taken[number]}", *layers])
            unused += [f"{name} of {run.folder}" for name in rest]
            at += run.task.config.dim
        fresh = [f"{missing:,} words"] * bool(missing)
        fresh += [name for name, layer in recurrent_layers(model) if id(layer) not in given]
        stack = keras.layers.RNN | keras.layers.Bidirectional
        others = (layer for layer in layers_within(model) if layer.trainable_weights and not isinstance(layer, stack))
        fresh += [layer.name for layer in others if id(layer) not in given]
        last = f"fresh: {', '.join(fresh) or 'nothing'}" + (f"; not used: {', '.join(unused)}" if unused else "")
        return [f"initial weights: {'; '.join(taken)}", last]

    def _give_embeddings(self, table: WordEmbedding, words: Words) -> tuple[list[str], int]:
        """Returns (what the table got from each model, how many training words have a new row)."""
        rows = np.concatenate([np.array(weight) for weight in table.weights])
        R, at, got = table.trainable_rows, 0, []
        found = np.zeros(len(rows), bool)
        for run, ids in zip(self.runs, self.ids, strict=True):
            embedding = run.model.get_layer("reader").get_layer("embedding")
            vectors = np.array(embedding(np.arange(embedding.tokens)[None])[0], "float32")  # [V, D]
            sources = words.ids_among(ids)[: len(rows)]  # of each row, 0: none
            sources[UNKNOWN_ID] = UNKNOWN_ID
            known = sources > 0
            part = rows[:, at : at + vectors.shape[1]]
            part[R:] = vectors[UNKNOWN_ID]  # for words that only the other model knows
            part[known] = vectors[sources[known]]
            at, found = at + vectors.shape[1], found | known
            of_training, more = int(known[2:R].sum()), int(known[R:].sum())
            if not of_training:
                raise ValueError(f"--init_from: {run.folder} knows none of the {R - 2:,} words of training.")
            more = f" and of {more:,} more" if more else ""
            got.append(f"embeddings of {of_training:,} of the {R - 2:,} words of training{more}")
        table.set_weights([rows[:R], rows[R:]][: len(table.weights)])
        return got, int((~found[2:R]).sum())


def _give_layers(model: keras.Model, run: Run, at: int, given: set[int]) -> tuple[list[str], list[str]]:
    """Returns (the layers that got weights of a language model, its layers that are not used).

    Args:
        model: the model that gets weights.
        run: the run of the language model.
        at: position of its embeddings in what the first layer reads.
        given: ids of the layers that got weights; it is extended.
    """
    backward, width, reader = run.task.config.reverse, run.task.config.dim, run.model.get_layer("reader")
    own = [(name, layer) for name, layer in recurrent_layers(model) if name.endswith("backward") == backward]
    sources, got = recurrent_layers(reader), []
    for (name, layer), (_, source) in zip(own, sources, strict=False):
        if not (values := _placed(layer, source, width, at)):
            break
        layer.set_weights(values)
        given.add(id(layer))
        got.append(name)
        width = source.cell.units
        at = width if backward else 0  # the states of both directions are joined, forward first
    rest = [name for name, _ in sources[len(got) :]]
    norms = [[x for x in layers_within(m) if isinstance(x, keras.layers.LayerNormalization)] for m in (model, reader)]
    for layer, source in zip(*norms, strict=False):
        if got and layer.gamma.shape == source.gamma.shape:
            layer.set_weights(source.get_weights())
            given.add(id(layer))
            got.append(layer.name)
    return got, rest


def _placed(layer: keras.layers.RNN, source: keras.layers.RNN, width: int, at: int) -> list[np.ndarray] | None:
    """Returns the weights of a language model's layer in the shapes of another one, or None if they do not fit.

    A matrix that multiplies the input has rows of 0 for inputs that the language model does not read.

    Args:
        layer: the layer that gets the weights.
        source: the language model's layer.
        width: width of the language model's input. at: its position in the input of `layer`.
    """
    kinds = [(type(x), type(x.cell), getattr(x.cell, "activation", None)) for x in (layer, source)]
    if kinds[0] != kinds[1] or len(layer.weights) != len(source.weights):
        return None
    values = []
    for own, other in zip(layer.weights, source.weights, strict=True):
        value = np.array(other)
        if own.shape != value.shape:
            if own.shape[1:] != value.shape[1:] or len(value) != width or own.shape[0] < at + width:
                return None
            value = np.zeros(own.shape, value.dtype)
            value[at : at + width] = np.array(other)
        values.append(value)
    return values
