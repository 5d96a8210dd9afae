"""The default run: generated paraphrases against exchanged roles, in the same words. A bag of words is at chance."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated paraphrases and exchanged roles, accuracy",
    flags="--task=similarity",
    metric="valid_accuracy",
    expected=98.27,
    tolerance=1.5,
    minutes=1.9,
)
