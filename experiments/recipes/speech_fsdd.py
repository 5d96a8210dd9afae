"""Single spoken digits: train is index 10 to 49 of each speaker and digit, valid index 5 to 9.

The speakers are the same in both, as in the official split, whose test part is index 0 to 4. Training joins up to three
recordings, which gives CTC more to learn from in each step; valid has them one by one. A digit is one label, so the
word error rate is 100 minus the accuracy, plus insertions. --normalize=volume keeps the mean spectrum, which tells much
about a single word.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Free Spoken Digits, single recordings, word error rate on 300 held out of train",
    flags="--task=speech --dataset=named_recordings --data_dir={data}/fsdd --strings=3 --apart --tokenizer=whitespace "
    "--normalize=volume --dropout=0.2 --noise=25 --mask_bands=1 --mask_stretches=1 --mask_stretch=8 --epochs=40 "
    "--average=0.995",
    metric="valid_wer",
    expected=1.22,
    tolerance=1.0,
    minutes=13.0,
)
