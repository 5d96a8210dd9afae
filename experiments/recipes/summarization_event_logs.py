"""The default run: logs of tickets, whose summaries have to copy names that train does not have."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated logs, names copied, exact summaries",
    flags="--task=summarization",
    metric="valid_beam_exact",
    expected=100,
    tolerance=2.0,
    minutes=2,
)
