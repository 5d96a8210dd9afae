"""Datasets: one file per source or format. ``DATASETS[name](...)`` gives ``{split: Examples}``."""

from seqzoo.datasets.examples import Examples
from seqzoo.datasets.splits import every_nth, joined, stratified
from seqzoo.registry import Registry

__all__ = ["DATASETS", "Examples", "every_nth", "joined", "stratified"]

DATASETS = Registry("dataset", "seqzoo.datasets")
