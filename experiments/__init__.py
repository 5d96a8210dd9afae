"""Published benchmarks, reproduced: one file each. ``python -m experiments`` lists, runs and tabulates them.

An experiment is a config with a published number beside it. Its runs are ordinary run folders, its scores lie in
experiments/results/NAME.json with the commands, versions, dates and minutes that made them.
"""

import dataclasses
import importlib
import pathlib
import pkgutil

RESULTS = pathlib.Path(__file__).parent / "results"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One recipe.

    Attributes:
        title: what is learned from what.
        flags: of ``python -m seqzoo.run``; ``{data}`` stands for the folder that holds the corpora.
        metric: the key of metrics.json that is compared.
        published: {what: score}, each with its source and split in the name.
        seeds: how many are run.
    """

    title: str
    flags: str
    metric: str
    published: dict
    seeds: int = 3


def experiments():
    """{name: Experiment} of all files here that hold one."""
    modules = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    found = {name: getattr(importlib.import_module(f"{__name__}.{name}"), "EXPERIMENT", None) for name in modules}
    return {name: experiment for name, experiment in found.items() if experiment}
