"""The default job: chorales of the package music21 in four voices, on a grid of sixteenths."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Bach chorales of music21, four voices, sixteenths, nats a step",
    flags="--task=music",
    metric="valid_nats_per_step",
    published={},
    seeds=1,
)
