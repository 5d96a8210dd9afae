"""Parity of 1 to 20 bits by an LSTM, scored on 20, 40 ... 120: one bit to remember, at any length."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="parity, 1 to 20 bits in training, 20 to 120 on valid, LSTM, accuracy",
    flags="--task=memory --dataset=parity --rnn=lstm --units=32 --epochs=40 --learning_rate=3e-3",
    metric="valid_accuracy",
    expected=100,
    tolerance=3.0,
    minutes=4.2,
)
