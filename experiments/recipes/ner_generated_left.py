"""The default data read from left to right only, at the same width: it shows the value of the right context."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated sentences, LSTM left to right, exact-span F1",
    flags="--task=ner --rnn=lstm --units=256",
    metric="valid_f1",
    expected=73.64,
    tolerance=4.0,
    minutes=1.5,
)
