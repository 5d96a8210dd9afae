"""The default data: commands whose slots only the words around a name tell; requests with slots and intent right."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated commands, slot-gated BiLSTM with a CRF, slots and intent both right",
    flags="--task=dialogue_understanding",
    metric="valid_exact",
    expected=None,
    tolerance=3.0,
    minutes=2,
)
