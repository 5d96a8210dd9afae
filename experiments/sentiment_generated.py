"""Generated reviews in which the order of the words decides; the default run. A naive Bayes is printed beside it."""

from experiments import Experiment

EXPERIMENT = Experiment("generated reviews, BiLSTM, accuracy", "--task=sentiment", "valid_accuracy", {})
