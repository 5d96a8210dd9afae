"""Moving digits without memory: the mean over the frames can't tell a movement from its opposite."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="moving digits, bag of frames, accuracy",
    flags="--task=activity --layers=0 --pooling=mean",
    metric="valid_accuracy",
    expected=45.0,
    tolerance=6.0,
    minutes=1.5,
)
