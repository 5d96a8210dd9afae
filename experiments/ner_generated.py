"""The default data: sentences of the grammar, read in both directions. Scores say little about real text."""

from experiments import Experiment

EXPERIMENT = Experiment(title="generated sentences, BiLSTM", flags="--task=ner", metric="valid_f1", published={})
