"""The default run: moving digits, forwards and backwards. The baseline is the nearest bag of frames."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="moving digits, 10 movements, accuracy",
    flags="--task=activity",
    metric="valid_accuracy",
    expected=98.67,
    tolerance=1.5,
    minutes=1.5,
)
