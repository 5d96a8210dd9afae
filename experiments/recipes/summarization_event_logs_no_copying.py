"""The default run without copying: the word with the most attention replaces an unknown one (Jean et al., 2015)."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated logs without copying, ROUGE-L",
    flags="--task=summarization --nocopy",
    metric="valid_beam_rougel",
    expected=54.21,
    tolerance=14.0,
    minutes=2,
)
