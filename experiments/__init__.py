"""Published benchmarks, reproduced: one file each. ``python -m experiments`` lists, runs, checks and tabulates them.

An experiment is a config with the score and minutes that it is expected to give, and a published number beside it. Its
runs are ordinary run folders, its scores lie in experiments/results/NAME.json with the commands, versions, dates and
minutes that made them.
"""

import dataclasses
import functools
import importlib
import json
import pathlib
import pkgutil
import re
import statistics

RESULTS = pathlib.Path(__file__).parent / "results"
FAST = 2.0  # minutes: what is expected to take no longer, and needs no data, can be checked at every change


@dataclasses.dataclass(frozen=True)
class Published:
    """A bar: whose and on which split, the score, and the address where it stands ("": not traced)."""

    what: str
    score: float
    source: str


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One recipe.

    Attributes:
        title: what is learned from what, and how it is scored.
        flags: of ``python -m seqzoo.run``; ``{data}`` stands for the folder that holds the corpora.
        metric: the key of metrics.json that is compared.
        expected: our score, the mean over the recorded seeds; None as long as none was recorded.
        tolerance: how far one more seed may lie from it: about three standard deviations where several seeds were run,
            else what scores of so many examples vary by.
        minutes: of one training on one core of a server of 2026, with other programs on the other one.
        published: the bars.
        seeds: how many are run.
    """

    title: str
    flags: str
    metric: str
    expected: float | None
    tolerance: float
    minutes: float
    published: tuple = ()
    seeds: int = 3

    @property
    def task(self):
        """The name of its task."""
        return re.search(r"--task=(\w+)", self.flags)[1]

    @property
    def sign(self):
        """1 if a higher score is better, -1 if a lower one is."""
        from seqzoo.task import TASKS

        return 1 if TASKS[self.task].direction == "max" else -1

    @property
    def data(self):
        """Paths of the corpora it reads, below the folder that holds them; [] if it makes its own."""
        return re.findall(r"\{data\}/(\S+)", self.flags)

    @property
    def is_fast(self):
        """Whether it is one of those to check at every change: no data, few minutes, and a score to compare with."""
        return not self.data and self.minutes <= FAST and self.expected is not None

    @property
    def expectation(self):
        """The expected score for people."""
        return "-" if self.expected is None else f"{self.expected:g} ± {self.tolerance:g}"

    def command(self, seed):
        """The command line of a seed, as it is recorded."""
        return f"python -m seqzoo.run {self.flags.format(data='DATA')} --seed={seed}"

    def verdict(self, score):
        """What a score says beside the expected one, and whether it falls short: ("as expected", False)."""
        if self.expected is None:
            return "nothing to compare with", False
        gain = self.sign * (score - self.expected)
        if gain < -self.tolerance:
            return "falls short", True
        return ("better than expected" if gain > self.tolerance else "as expected"), False


@dataclasses.dataclass(frozen=True)
class Recorded:
    """The recorded seeds of an experiment.

    Attributes:
        experiment: its recipe.
        seeds: {seed: {"metrics", "environment"}} of this recipe.
        outdated: {seed: command} of those that another recipe of this name made, and that do not count.
    """

    experiment: Experiment
    seeds: dict
    outdated: dict = dataclasses.field(default_factory=dict)

    @property
    def scores(self):
        return [seed["metrics"][self.experiment.metric] for seed in self.seeds.values()]

    @property
    def mean(self):
        return statistics.mean(self.scores)

    @property
    def spread(self):
        """The sample standard deviation; 0 of a single seed."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else 0.0

    @property
    def minutes(self):
        return statistics.mean(seed["metrics"]["minutes"] for seed in self.seeds.values())

    def facts(self, key):
        """What the environments of the seeds say of something, each value once; None where one says nothing."""
        return {seed["environment"].get(key) for seed in self.seeds.values()}


def recorded(name, experiment):
    """What experiments/results/ holds of an experiment, as Recorded."""
    path = RESULTS / f"{name}.json"
    seeds = json.loads(path.read_text("utf-8"))["seeds"] if path.is_file() else {}
    commands = {seed: result["environment"]["command"] for seed, result in seeds.items()}
    outdated = {seed: command for seed, command in commands.items() if command != experiment.command(seed)}
    return Recorded(experiment, {seed: seeds[seed] for seed in seeds if seed not in outdated}, outdated)


@functools.cache
def experiments():
    """{name: Experiment} of all files here that hold one."""
    found = {name: getattr(module, "EXPERIMENT", None) for name, module in _modules().items()}
    return {name: experiment for name, experiment in found.items() if experiment}


def benchmarks():
    """{name: first line of its docstring} of the files here that are programs of their own: speeds, comparisons."""
    return {name: module.__doc__.split("\n")[0] for name, module in _modules().items() if hasattr(module, "main")}


def _modules():
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
