"""The default data: sentences of the grammar, read in both directions. Scores say little about real text."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated sentences, BiLSTM, exact-span F1",
    flags="--task=ner",
    metric="valid_f1",
    expected=95.41,
    tolerance=2.0,
    minutes=1.4,
)
