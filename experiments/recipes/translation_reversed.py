"""Letters in reverse order: all there is to learn is where to look."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="5 to 20 letters from the end, exact matches",
    flags="--task=translation --dataset=reversed --dropout=0 --input_dropout=0 --epochs=10",
    metric="valid_beam_exact",
    expected=100,
    tolerance=1.5,
    minutes=1.5,
)
