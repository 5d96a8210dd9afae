"""The default data: digits from a formant synthesizer, spelled in letters. Scores say nothing about real speech."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="synthesized digits, BiLSTM by CTC, characters, word error rate",
    flags="--task=speech",
    metric="valid_wer",
    expected=0.56,
    tolerance=2.0,
    minutes=4.0,
    seeds=1,
)
