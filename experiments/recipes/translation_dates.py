"""The default run: dates in twelve languages to ISO 8601; days of valid are not in train."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="dates in twelve languages to ISO 8601, characters, exact matches",
    flags="--task=translation",
    metric="valid_beam_exact",
    expected=99.73,
    tolerance=1.4,
    minutes=1.6,
)
