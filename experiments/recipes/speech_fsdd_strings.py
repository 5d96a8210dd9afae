"""Strings of spoken digits: 500 of two to seven recordings with index 5 to 9, of one speaker each, with short silences.

Train is 2,400 strings of one to seven recordings with index 10 to 49, joined in the same way; the speakers are the
same, the recordings are not. There is no published score for such strings. --mode=evaluate --apart of this run
scores the 300 recordings one by one.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Free Spoken Digits, joined to strings, word error rate on 500 strings of held-out recordings",
    flags="--task=speech --dataset=named_recordings --data_dir={data}/fsdd --strings=7 --tokenizer=whitespace "
    "--dropout=0.15 --noise=25 --mask_bands=1 --mask_stretches=1 --mask_stretch=8 --epochs=14",
    metric="valid_wer",
    expected=1.89,
    tolerance=1.0,
    minutes=10.0,
)
