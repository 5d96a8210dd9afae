"""The default run: two handwritten digits in a scene; the pairs of valid are never together in train."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="scenes of two handwritten digits, pairs not in train, exact captions",
    flags="--task=captioning",
    metric="valid_exact",
    expected=97.33,
    tolerance=5.0,
    minutes=2.3,
)
