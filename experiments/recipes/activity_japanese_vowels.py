"""Japanese Vowels, one of 9 speakers: ten folds of the 270 training utterances, the last epoch of each."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Japanese Vowels, 9 speakers, 10 folds of the training utterances, accuracy",
    flags="--task=activity --dataset=ts --data_dir={data}/japanese_vowels --folds=10 --velocities --stretch=0.2 "
    "--shift=0.2 --time_warp=0.2 --units=64 --dropout=0.5 --pooling=mean+max --epochs=60 --evaluate_every=60 "
    "--average=0.99",
    metric="valid_accuracy",
    expected=98.52,
    tolerance=1.5,
    minutes=16.0,
    seeds=1,
)
