"""The default data: generated viewing histories, in which order decides. Simpler methods are the baselines."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated viewing histories, GRU, HR@10 among all items",
    flags="--task=recommendation",
    metric="valid_hr_10",
    expected=77.8,
    tolerance=5.0,
    minutes=2.2,
)
