"""The default data: commands in which only the words around a name tell its slot; slots and intent both right."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated commands, slot-gated BiLSTM with a CRF, slots and intent both right",
    flags="--task=dialogue_understanding",
    metric="valid_exact",
    expected=96.83,
    tolerance=7.7,
    minutes=2.4,
)
