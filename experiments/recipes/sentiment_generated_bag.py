"""The generated reviews as bags of words: the mean of word vectors, without a recurrent layer."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated reviews, bag of word vectors, accuracy",
    flags="--task=sentiment --layers=0 --pooling=mean",
    metric="valid_accuracy",
    expected=54.47,
    tolerance=5.0,
    minutes=0.3,
)
