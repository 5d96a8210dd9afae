"""The default job: dates in twelve languages to ISO 8601; days of valid are not in train."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="dates to ISO 8601, exact matches",
    flags="--task=translation",
    metric="valid_beam_exact",
    published={},
    seeds=1,
)
