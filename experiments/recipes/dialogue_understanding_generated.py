"""The default data: commands whose slots only the words around a name tell; requests with slots and intent right."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated commands, slot-gated BiLSTM with a CRF, slots and intent both right",
    flags="--task=dialogue_understanding",
    metric="valid_exact",
    expected=99.0,
    tolerance=1.5,
    minutes=2.4,
    seeds=1,
)
