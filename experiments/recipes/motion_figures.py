"""The default run: walking stick figures and Lissajous figures. The baseline repeats the last frame."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated figures, LSTM with a mixture density, error of joints after 400 ms",
    flags="--task=motion",
    metric="valid_error_400ms",
    expected=0.3313,
    tolerance=0.15,
    minutes=2.8,
)
