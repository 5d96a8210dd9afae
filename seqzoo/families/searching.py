"""Search: the common parts of tasks that search for the n best answers and rescore them."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from seqzoo import options
from seqzoo.metrics.measure import flat
from seqzoo.task import Task, TaskData

if TYPE_CHECKING:
    import pathlib

    from seqzoo.data import Feed
    from seqzoo.decoding.ctc import CTCPredictor
    from seqzoo.decoding.search import BeamPredictor
    from seqzoo.training.folder import Run


@dataclasses.dataclass(frozen=True)
class Evaluating(options.Decoding, options.Rescoring):
    """Decoding."""


class Searching(Task):
    """A task whose predictor has `settings` and `variant`, as `decoding.search.BeamPredictor` has.

    Its requests have the group `options.Decoding` and, if a language model may rescore answers, `options.Rescoring`.
    An answer has ``"n_best"``, dicts of "text" and "score", best first; a subclass defines in `chosen` how the first
    one becomes the answer.

    Class attributes:
        shows_attention: whether answers in reports include their attention, if the run has it.
    """

    shows_attention = False

    def chosen(self, answer: dict, n_best: list[dict]) -> dict:
        """Returns the answer with this list and the text of its first entry."""
        raise NotImplementedError

    def search(
        self, predictor: "BeamPredictor | CTCPredictor", request: options.Decoding, **wanted
    ) -> "BeamPredictor | CTCPredictor":
        """Returns the predictor with the decoding options of a request; `wanted` as in `BeamPredictor.variant`."""
        from seqzoo.training.folder import load_alike

        def others():
            runs = load_alike(request.ensemble, self)
            if alone := [run.folder for run in runs if not hasattr(run.predictor, "decoders")]:
                raise ValueError(
                    f"--ensemble averages the steps of decoders, but {alone[0]} has none: it was trained with CTC."
                )
            return [decoder for run in runs for decoder in run.predictor.decoders]

        if getattr(request, "language_model", ""):
            language_model(request.language_model)  # refused before any search
            wanted["n_best"] = max(wanted.get("n_best", 1), request.beam)
        return predictor.variant(request, others, **wanted)

    def requested(
        self, predictor: "BeamPredictor | CTCPredictor", request: options.Decoding | None = None
    ) -> "BeamPredictor | CTCPredictor":
        return self.search(predictor, request) if request else predictor

    def answers(self, predictor: "BeamPredictor | CTCPredictor", feed: "Feed") -> tuple[list[dict], list[dict]]:
        examples, answers = super().answers(predictor, feed)
        return examples, [self.rescored(answer, getattr(predictor, "settings", None)) for answer in answers]

    def predict(self, run: "Run", lines: Iterable[str], request: Evaluating | None = None) -> Iterator[dict]:
        for answer in super().predict(run, lines, request):
            yield self.rescored(answer, getattr(run.predictor, "settings", None))

    def report(
        self, predictor: "BeamPredictor | CTCPredictor", data: TaskData, folder: "pathlib.Path"
    ) -> tuple[dict, list[dict], list[dict]]:
        """Also scores by beam search of the default width, and returns its answers for the report."""
        metrics = {}
        for split in data.scored:
            metrics |= flat(split, self.evaluate(predictor, data.splits[split]))
        search = self.search(predictor, options.Decoding(), score_labels=False)
        found, examples, answers = super().report(search, data, folder)
        if "valid_baselines" in found:
            metrics["valid_baselines"] = found.pop("valid_baselines")
        for name, value in found.items():
            split, _, score = name.partition("_")
            if score.endswith("intervals"):
                value = {end: {f"beam_{name}": bound for name, bound in own.items()} for end, own in value.items()}
            elif f"beam_{score}" not in self.measures and not isinstance(value, str):  # the signature of a score
                continue
            metrics[f"{split}_beam_{score}"] = value
        return metrics, examples, answers

    def explained(
        self, predictor: "BeamPredictor | CTCPredictor", examples: list[dict], answers: list[dict]
    ) -> list[dict]:
        """Returns the answers with their attention."""
        if not (self.shows_attention and predictor.attends and predictor.settings.beam > 1):  # only with a beam
            return answers
        attending = self.search(predictor, predictor.settings, attention=True, score_labels=False)
        return self.answers(attending, self.feed(examples))[1]

    def rescored(self, answer: dict, settings: options.Decoding | None) -> dict:
        """Reorders the n best of an answer by a language model, if the settings name one, by

            score + weight log P(text)

        Each entry of the list also gets "language_model", the log probability of its text.
        """
        if not getattr(settings, "language_model", "") or not answer["n_best"]:
            return answer
        texts = [entry["text"] for entry in answer["n_best"]]
        n_best = []
        for entry, log_p in zip(answer["n_best"], text_log_probabilities(settings.language_model, texts), strict=True):
            score = round(entry["score"] + settings.language_model_weight * log_p, 4)
            n_best.append({**entry, "score": score, "language_model": log_p})
        return self.chosen(answer, sorted(n_best, key=lambda entry: -entry["score"]))


@functools.lru_cache(2)
def language_model(folder: str) -> "Run":
    """Loads the run of a language model from a folder or ``zoo:NAME``.

    Raises:
        ValueError: it is a run of another task, or not a run.
    """
    from seqzoo.training.folder import load

    run = load(folder)
    if run.task.name != "language_model":
        raise ValueError(
            f"--language_model: {folder} is a run of --task={run.task.name}. It should be one of --task=language_model."
        )
    return run


def text_log_probabilities(folder: str, texts: list[str]) -> list[float]:
    """Returns log P of texts, each as a separate line, under the language model in a folder."""
    run = language_model(folder)
    return [row["log_probability"] for row in run.task.score(run, texts, options.Scoring())]
