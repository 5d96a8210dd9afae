"""The default data: generated genes, for which bases are counted modulo 3. A window is the baseline beside it."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated genes, BiLSTM, accuracy of bases",
    flags="--task=dna_tagging",
    metric="valid_accuracy",
    expected=99.98,
    tolerance=3.0,
    minutes=2.5,
)
