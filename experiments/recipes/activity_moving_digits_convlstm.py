"""The moving digits of activity_moving_digits, with a convolutional LSTM before the BiLSTM (Shi et al., 2015)."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="moving digits, 10 movements, convolutional LSTM of 8 filters, accuracy",
    flags="--task=activity --convlstm=8",
    metric="valid_accuracy",
    expected=99.44,
    tolerance=2.0,
    minutes=0.8,
)
