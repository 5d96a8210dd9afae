"""Paired comparison of two runs: whether one is better on the same examples, or may only have been lucky."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqzoo.datasets.fingerprints import Fingerprinted
from seqzoo.metrics import bootstrap
from seqzoo.task import Task, TaskData
from seqzoo.training.folder import Run

if TYPE_CHECKING:
    from seqzoo.config import Config


@dataclasses.dataclass
class Differing:
    """An example that two runs answered.

    Attributes:
        number: its number in the split, from 1.
        example: its texts, labels and lists of labels.
        scores: the objective of each run on this example alone.
        answers: the answers of both runs.
    """

    number: int
    example: dict
    scores: tuple[float, float]
    answers: tuple[dict, dict]


@dataclasses.dataclass
class Comparison:
    """The result of `compare`.

    Attributes:
        task, split: where the runs were compared.
        examples: number of examples that both runs answered.
        units: number of units to draw from: examples, or groups of examples such as dialogues.
        left_out: number of examples that only one run answers, such as texts that are too long for the other.
        samples: number of bootstrap samples, and of exchanges.
        scores: {measure: {"first", "second", "difference", "low", "high", "bootstrap_p", "randomization_p"}}, the
            objective first. The difference is the second score minus the first, low and high are its 95% interval.
        right: {"both", "first", "second", "neither"}: how many examples both, one alone, or neither got right; {} if
            answers are not simply right or wrong.
        ahead: ([Differing], [Differing]): the examples on which the first run leads the most, and the second run.
    """

    task: str
    split: str
    examples: int
    units: int
    left_out: int
    samples: int
    scores: dict[str, dict[str, float]]
    right: dict[str, int]
    ahead: tuple[list[Differing], list[Differing]]


def compare(
    runs: Sequence[Run],
    data: Sequence[TaskData],
    split: str = "",
    samples: int = bootstrap.SAMPLES,
    request: "Config | None" = None,
    shown: int = 3,
    say: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Compares the answers of two runs of a task to the same examples.

    Each sample is scored by the task itself. The difference is between the two networks, not between the recipes that
    they were trained with: only several seeds show how much a recipe varies.

    Args:
        runs: the two runs.
        data: the result of `Task.load` of each run's task.
        split: "valid" or "test"; "": the first of these that the data have.
        samples: how often examples are drawn with replacement, and how often the runs exchange answers.
        request: options of ``--mode=evaluate``; only the second run is averaged with those of ``--ensemble``.
        shown: number of examples to return for each run, those on which it leads the most.
        say: called with a message about a long computation.

    Raises:
        ValueError: the runs are of different tasks, score in different ways, or were given different examples; the task
            does not score single answers; no such split; or too few examples.
    """
    check_alike(runs)
    first, second = (run.task for run in runs)
    split = split or data[0].scored[0]
    examples = _same_examples(runs, data, split)
    alone = dataclasses.replace(request, ensemble="") if getattr(request, "ensemble", "") else request
    found = [_answers(run, examples, own) for run, own in zip(runs, (alone, request), strict=True)]
    kept = [i for i in range(len(examples)) if all(i in answers for answers in found)]
    ends = np.cumsum([0, *(bool(first.ends(example)) for example in examples)])  # the unit of each example
    units = [[*group] for _, group in itertools.groupby(kept, ends.__getitem__)]
    if len(units) < 2:
        raise ValueError(f"Only {len(units)} of {len(examples)} examples of {split} can be drawn: two are too few.")

    def scored(task, chosen, answers):
        return task.scores([examples[i] for i in chosen], [answers[i] for i in chosen])

    for _ in range(2):  # the first time fills the caches of metrics; only the second one takes as long as a sample
        start = time.perf_counter()
        whole = [scored(run.task, kept, answers) for run, answers in zip(runs, found, strict=True)]
    seconds = 2 * samples * (time.perf_counter() - start)
    if seconds > 10:
        say(f"scoring {2 * samples:,} samples takes about {seconds:,.0f} seconds")
    names = _compared(runs, whole)

    def differences(chosen, answers):
        """Returns the second run's scores minus the first run's, [scores]."""
        rows = [scored(run.task, chosen, own) for run, own in zip(runs, answers, strict=True)]
        return [rows[1].get(name, np.nan) - rows[0].get(name, np.nan) for name in names]

    drawn = np.array([  # [samples, scores]
        differences([i for unit in sample for i in units[unit]], found)
        for sample in bootstrap.resamples(len(units), samples)
    ])  # fmt: skip
    exchanged = np.array([
        differences(kept, _exchanged(found, [i for unit in np.flatnonzero(swap) for i in units[unit]]))
        for swap in bootstrap.swaps(len(units), samples)
    ])  # fmt: skip
    low, high = bootstrap.interval(drawn)
    scores = {}
    for column, name in enumerate(names):
        values = [row[name] for row in whole]
        difference = values[1] - values[0]
        scores[name] = {
            "first": values[0],
            "second": values[1],
            "difference": difference,
            "low": low[column],
            "high": high[column],
            "bootstrap_p": bootstrap.bootstrap_p_value(drawn[:, column]),
            "randomization_p": bootstrap.randomization_p_value(exchanged[:, column], difference),
        }
    right = [[not run.task.differs(answers[i]) for i in kept] for run, answers in zip(runs, found, strict=True)]
    return Comparison(
        task=first.name,
        split=split,
        examples=len(kept),
        units=len(units),
        left_out=len({*found[0]} ^ {*found[1]}),
        samples=samples,
        scores={name: {key: float(value) for key, value in row.items()} for name, row in scores.items()},
        right={} if type(first).differs is Task.differs else _counts(*right),
        ahead=_ahead(runs, examples, kept, found, right, shown),
    )


def check_alike(runs: Sequence[Run]) -> None:
    """Raises a ValueError unless runs are of one task, whose answers are scored one by one."""
    first, second = (run.task for run in runs)
    if first.name != second.name:
        raise ValueError(
            f"{runs[0].folder} is a run of task {first.name}, {runs[1].folder} one of {second.name}: only runs of the "
            "same task can be compared."
        )
    if type(first).scores is Task.scores:
        raise ValueError(
            f"A run of task {first.name} is not scored answer by answer, so there are no pairs of answers to compare: "
            "--mode=evaluate scores each run by itself."
        )


def _same_examples(runs, data, split) -> list[dict]:
    """Returns the examples of a split; raises a ValueError unless they are the same for both runs."""
    for run, own in zip(runs, data, strict=True):
        if split not in own.splits:
            raise ValueError(f"The data of {run.folder} have no {split} split. They have {', '.join(own.splits)}.")
    prints = [Fingerprinted(own.splits[split].examples).fingerprint for own in data]
    if prints[0] != prints[1]:
        own, others = (each["examples"] for each in prints)
        what = f"{own:,} and {others:,} examples" if own != others else f"{own:,} examples, but not the same ones"
        raise ValueError(
            f"{runs[0].folder} and {runs[1].folder} have different data in {split}: {what}. Name the data to compare "
            "them on by --dataset and --data_dir."
        )
    return [*data[0].splits[split].examples]


def _answers(run, examples, request) -> dict[int, dict]:
    """Returns {index of an example: its answer}, without the examples that were left out."""
    task = run.task
    index = {id(example): i for i, example in enumerate(examples)}
    answered, answers = task.answers(task.requested(run.predictor, request), task.feed(examples))
    return {index[id(example)]: answer for example, answer in zip(answered, answers, strict=True)}


def _compared(runs, whole) -> list[str]:
    """Returns the names of the scores to compare, the objective first."""
    task = runs[0].task
    names = [[name for name, measure in task.measures.items() if measure.sign and name in scores] for scores in whole]
    protocols = [{name: value for name, value in scores.items() if isinstance(value, str)} for scores in whole]
    if names[0] != names[1] or protocols[0] != protocols[1] or task.objective not in names[0]:
        ways = [", ".join([*own, *protocol.values()]) for own, protocol in zip(names, protocols, strict=True)]
        raise ValueError(
            f"{runs[0].folder} and {runs[1].folder} are scored in different ways ({ways[0]}; {ways[1]}), so their "
            "scores cannot be compared."
        )
    return [task.objective, *(name for name in names[0] if name != task.objective)]


def _exchanged(found, chosen):
    """Returns the answers of two runs, exchanged for some examples."""
    first, second = found
    return {**first, **{i: second[i] for i in chosen}}, {**second, **{i: first[i] for i in chosen}}


def _counts(first, second):
    pairs = [*zip(first, second, strict=True)]
    names = {"both": (True, True), "first": (True, False), "second": (False, True), "neither": (False, False)}
    return {name: pairs.count(pair) for name, pair in names.items()}


def _ahead(runs, examples, kept, found, right, shown):
    """Returns ([Differing], [Differing]): the examples on which the first run leads the most, and the second run."""
    task, rows = runs[0].task, []
    for position, i in enumerate(kept):
        answers = found[0][i], found[1][i]
        if answers[0] == answers[1]:
            continue
        scores = [
            float(run.task.scores([examples[i]], [answer]).get(task.objective, 0))
            for run, answer in zip(runs, answers, strict=True)
        ]
        # Some scores, such as correlations, are meaningless for a single example: then right or wrong decides.
        gain = task.sign * (scores[0] - scores[1]), right[0][position] - right[1][position]
        rows.append((gain, i, scores, answers))
    return tuple(
        [
            Differing(i + 1, _readable(examples[i], task), tuple(scores), answers)
            for (by, correct), i, scores, answers in sorted(rows, key=lambda row: (*(-way * x for x in row[0]), row[1]))
            if (way * by, way * correct) > (0, 0)
        ][:shown]
        for way in (1, -1)
    )


def _readable(example, task):
    """Returns the parts of an example that a person can read."""
    return {name: example[name] for name in task.needs if isinstance(example.get(name), str | list)}
