"""Single spoken digits: train is index 10 to 49 of each speaker and digit, valid index 5 to 9.

The speakers are the same in both, as in the official split, whose test part is index 0 to 4. A digit is one label, so
the word error rate is 100 minus the accuracy, plus what is inserted.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Free Spoken Digits, single recordings, word error rate on 300 held out of train",
    flags="--task=speech --dataset=named_recordings --data_dir={data}/fsdd --tokenizer=whitespace --units=64 "
    "--learning_rate=0.004 --mask_stretch=10 --epochs=25",
    metric="valid_wer",
    expected=None,
    tolerance=1.0,
    minutes=5.0,
    seeds=1,
)
