"""The default data: generated viewing histories, in which order decides. Simpler methods are the baselines."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated viewing histories, GRU, HR@10 among all items",
    flags="--task=recommendation",
    metric="valid_hr_10",
    expected=78.27,
    tolerance=2.0,
    minutes=1.0,
)
