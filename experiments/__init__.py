"""Published benchmarks, reproduced: one recipe a file. ``python -m experiments`` lists, runs and checks them.

A recipe is a config with the score and the training time to expect, and published scores to compare with. Its runs are
ordinary run folders; its scores are recorded in results/NAME.json, with the commands, versions, dates and minutes.

    recipes/      one file a benchmark, each with an EXPERIMENT
    benchmarks/   programs that measure speed, memory and equality across devices
    gpu.py        kernels, equality, speed and memory on a GPU
    studies/      programs that compare models
    results/      recorded scores and figures
    samples/      music and figures of recorded runs
    zoo/          descriptions for the model cards of the runs in seqzoo/zoo
"""

import ast
import dataclasses
import functools
import importlib
import json
import pathlib
import pkgutil
import re
import statistics

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"
FAST = 2.0  # minutes: recipes that need no data and no more time than this are checked by --fast


@dataclasses.dataclass(frozen=True)
class Published:
    """A published score: whose and on which split, the score, and the address of its source ("": not traced)."""

    what: str
    score: float
    source: str


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One recipe.

    Attributes:
        title: what is learned from which data, and the score.
        flags: of ``python -m seqzoo.run``; ``{data}`` stands for the folder of the corpora, ``{runs}`` for the runs'.
        metric: the key of metrics.json to compare: "valid_" plus a measure of the task.
        expected: our score, the mean over the recorded seeds; None until one is recorded.
        tolerance: how far the score of another seed may be from it: about three standard deviations where several seeds
            were run, else two to three times the sampling error of the score.
        minutes: training time of one run on one core of a server of 2026, with other programs on the other core.
        published: published scores to compare with.
        seeds: how many seeds to run.
        ensemble: whether the runs of all seeds are also scored together, by --ensemble.
        headline: whether README.md shows it.
    """

    title: str
    flags: str
    metric: str
    expected: float | None = None
    tolerance: float = 0.0
    minutes: float = 0.0
    published: tuple[Published, ...] = ()
    seeds: int = 3
    ensemble: bool = False
    headline: bool = False

    @property
    def task(self) -> str:
        """The name of the task."""
        return re.search(r"--task=(\w+)", self.flags)[1]

    @property
    def sign(self) -> int:
        """1 if a higher score is better, -1 if a lower one is."""
        from seqzoo.task import TASKS

        return TASKS[self.task].measures[self.metric.partition("_")[2]].sign

    @property
    def data(self) -> list[str]:
        """Paths of the corpora, relative to the folder that holds them; [] if the data are generated."""
        return re.findall(r"\{data\}/(\S+)", self.flags)

    @property
    def is_fast(self) -> bool:
        """Whether it is checked at every change: it needs no data and little time, and has an expected score."""
        return not self.data and self.minutes <= FAST and self.expected is not None

    @property
    def expectation(self) -> str:
        """The expected score, formatted."""
        return "-" if self.expected is None else f"{self.expected:g} ± {self.tolerance:g}"

    def command(self, seed: int | str) -> str:
        """The command line of a seed, as recorded."""
        return f"python -m seqzoo.run {self.flags.format(data='DATA', runs='RUNS')} --seed={seed}"

    def verdict(self, score: float) -> tuple[str, bool]:
        """How a score compares with the expected one, and whether it falls short: ("as expected", False)."""
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
        seeds: {seed: {"metrics", "environment"}} recorded with this recipe.
        outdated: the same of seeds recorded with an earlier recipe of this name; they do not count.
        ensemble: {"score", "commit"} of the runs of all seeds together; None if it was not recorded with them.
    """

    experiment: Experiment
    seeds: dict
    outdated: dict = dataclasses.field(default_factory=dict)
    ensemble: dict | None = None

    @property
    def scores(self) -> list[float]:
        return [seed["metrics"][self.experiment.metric] for seed in self.seeds.values()]

    @property
    def mean(self) -> float:
        return statistics.mean(self.scores)

    @property
    def spread(self) -> float:
        """The sample standard deviation; 0 for a single seed."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else 0.0

    @property
    def score(self) -> str:
        """The mean with the spread, if there are several seeds: "94.46 ± 0.09"."""
        spread = f" ± {self.spread:.2f}" if len(self.scores) > 1 else ""
        return f"{self.mean:.2f}{spread}"

    @property
    def minutes(self) -> float:
        return statistics.mean(seed["metrics"]["minutes"] for seed in self.seeds.values())

    def environments(self, key: str) -> set:
        """The distinct values of a key in the seeds' environments; None for an environment without it."""
        return {seed["environment"].get(key) for seed in self.seeds.values()}


def recorded(name: str, experiment: Experiment) -> Recorded:
    """Reads the recorded seeds of an experiment from results/."""
    path = RESULTS / f"{name}.json"
    content = json.loads(path.read_text("utf-8")) if path.is_file() else {"seeds": {}}
    seeds = content["seeds"]
    outdated = {
        seed: result for seed, result in seeds.items() if result["environment"]["command"] != experiment.command(seed)
    }
    current = {seed: seeds[seed] for seed in seeds if seed not in outdated}
    return Recorded(experiment, current, outdated, None if outdated else content.get("ensemble"))


@functools.cache
def experiments() -> dict[str, Experiment]:
    """{name: Experiment} of all files in recipes/."""
    names = [module.name for module in pkgutil.iter_modules([HERE / "recipes"])]
    return {name: importlib.import_module(f"{__name__}.recipes.{name}").EXPERIMENT for name in names}


def programs() -> dict[str, str]:
    """{module: first line of its docstring} of the programs here, in benchmarks/ and studies/; none is imported."""
    found = {}
    for room in (".", "benchmarks", "studies"):
        for path in sorted((HERE / room).glob("[!_]*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
                module = ".".join([__name__, *path.relative_to(HERE).with_suffix("").parts])
                found[module] = ast.get_docstring(tree).split("\n")[0]
    return found
