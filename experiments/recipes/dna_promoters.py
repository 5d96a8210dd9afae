"""The default data: promoters, whose two boxes have the right order and distance; words alone tell nothing."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated promoters, convolution and BiLSTM, accuracy",
    flags="--task=dna",
    metric="valid_accuracy",
    expected=94.13,
    tolerance=4.0,
    minutes=3.5,
)
