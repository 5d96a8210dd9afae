"""Moving digits, forwards and backwards; the default run. The nearest bag of frames is printed beside it."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="moving digits, 10 movements, accuracy",
    flags="--task=activity",
    metric="valid_accuracy",
    expected=98.67,
    tolerance=1.5,
    minutes=1.5,
    seeds=1,
)
