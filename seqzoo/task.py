"""Task: what is learned from which examples, and how well. One file a task, in tasks/."""

import dataclasses

import numpy as np

from seqzoo.registry import Registry

TASKS = Registry("task", "seqzoo.tasks")


@dataclasses.dataclass
class Data:
    """What a task reads before it builds a model.

    Attributes:
        splits: {"train" | "valid" | "test": pipeline.Batches or streams.Streams}.
        vocabularies: {name: Vocabulary}; a run keeps them.
        facts: {what: value} for people: sizes, share of padding, words without a vector ...
        vectors: pretrained vectors [V, D] of the word vocabulary, or None.
    """

    splits: dict
    vocabularies: dict
    facts: dict = dataclasses.field(default_factory=dict)
    vectors: np.ndarray | None = None


class Task:
    """A task. Subclass it in a file of tasks/, register it, and every command and contract test knows it.

    Attributes:
        Config: the options it reads, a subclass of config.Config made of the groups in options.py.
        requests: {mode: Config class}, the options of what a run can be asked, for the modes that have some.
        objective: the metric, without its split, that picks the best epoch: ``"f1"``.
        direction: ``"max"`` or ``"min"``.
        modes: what ``--mode`` can be.
        advice: {dataset: what to tell who trained on it}.
    """

    Config = None
    requests = {}
    objective = ""
    direction = "max"
    modes = ("train", "evaluate")
    advice = {}

    def load(self, config, vocabularies=None, unseen=False):
        """Reads the data named in the config into Data; with `vocabularies`, those of a run, makes none of its own.

        `unseen`: the data are others than those that the run learned from.
        """
        raise NotImplementedError

    def build(self, config, data):
        """The keras.Model, not compiled."""
        raise NotImplementedError

    def loss(self, config):
        """The keras.losses.Loss, with reduction "mean_with_sample_weight", so that padding does not dilute it."""
        raise NotImplementedError

    def predictor(self, config, model):
        """What `evaluate` and `predict` read, such as a keras.Model of decoded outputs; it shares `model`'s weights."""
        return model

    def evaluate(self, config, predictor, batches, vocabularies, options=None):
        """Scores one split: {metric: number}, in percent where it is a share. `options` are of ``--mode=evaluate``."""
        raise NotImplementedError

    def report(self, config, predictor, data, folder):
        """Writes what a person looks at after training into `folder`; returns {metric: number} to add to the scores."""
        return {}

    def predict(self, run, lines, options=None):
        """Yields a prediction, a dict ready for JSON, for each sentence of the texts in an iterable."""
        raise NotImplementedError

    def generate(self, run, options, write):
        """Yields samples, dicts ready for JSON; `write` is called with the text of the first as it comes."""
        raise NotImplementedError

    def score(self, run, lines, options):
        """Yields {"line", "text", "log_probability", ...} for each text in an iterable."""
        raise NotImplementedError

    def inspect(self, run, lines, options, console):
        """Shows what the network does while it reads the texts in an iterable."""
        raise NotImplementedError

    def show(self, answer, console):
        """Prints an answer of `predict`, `generate` or `score` for a person."""
        raise NotImplementedError
