"""The default run: generated bookings with corrections; no booking of valid is in train."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated bookings with corrections, exact replies",
    flags="--task=dialogue",
    metric="valid_beam_accuracy",
    expected=100,
    tolerance=1.0,
    minutes=3.2,
)
