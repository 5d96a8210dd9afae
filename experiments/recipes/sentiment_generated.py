"""The default run: generated reviews in which word order decides. The baseline is naive Bayes."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated reviews, BiLSTM, accuracy",
    flags="--task=sentiment",
    metric="valid_accuracy",
    expected=94.13,
    tolerance=3.0,
    minutes=1.2,
)
