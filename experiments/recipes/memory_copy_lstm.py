"""`memory_copy` by an LSTM of as many units, in three times as many steps: it has no memory beside its state."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="copy, 1 to 20 vectors of 8 bits in training, 20 to 120 on valid, LSTM, bits wrong a sequence",
    flags="--task=memory --rnn=lstm --epochs=60 --learning_rate=3e-3 --evaluate_every=15",
    metric="valid_wrong",
    expected=255.99,
    tolerance=10.0,
    minutes=12.7,
)
