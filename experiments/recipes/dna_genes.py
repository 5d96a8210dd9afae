"""The default data: generated genes, which need counting bases modulo 3. The baseline is a window of bases."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="generated genes, BiLSTM, accuracy of bases",
    flags="--task=dna_tagging",
    metric="valid_accuracy",
    expected=99.99,
    tolerance=3.0,
    minutes=2.5,
)
