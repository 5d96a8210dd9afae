"""The default run: chorales of the package music21 in four voices, on a grid of sixteenths."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Bach chorales of music21, four voices, sixteenths, nats a step",
    flags="--task=music",
    metric="valid_nats_per_step",
    expected=1.8321,
    tolerance=0.05,
    minutes=15,
)
