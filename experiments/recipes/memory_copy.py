"""Copy by a Neural Turing Machine: trained on sequences of 1 to 20 vectors, scored on 20, 40 ... 120.

The seed decides much: seed 0 copies all lengths without an error, seed 1 the trained ones and few of the longest (64
bits wrong in the mean), and seed 2 has not learned to copy after 20 epochs (268). With 60 epochs and a rate that falls
by a cosine, seeds 1 and 2 end at 20 and 161; from a rate of 0.003, seeds 0 and 2 end at 5, and seed 1 has 124 after 20
epochs.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="copy, 1 to 20 vectors of 8 bits in training, 20 to 120 on valid, NTM, bits wrong a sequence",
    flags="--task=memory --rnn=ntm",
    metric="valid_wrong",
    expected=110.54,
    tolerance=280,
    minutes=8,
)
