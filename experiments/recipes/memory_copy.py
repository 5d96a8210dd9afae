"""Copy by a Neural Turing Machine: trained on sequences of 1 to 20 vectors, scored on 20, 40 ... 120."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="copy, 1 to 20 vectors of 8 bits in training, 20 to 120 on valid, NTM, bits wrong a sequence",
    flags="--task=memory --rnn=ntm",
    metric="valid_wrong",
    expected=0.0,
    tolerance=1.0,
    minutes=17.1,
    seeds=1,
)
