"""SCAN, commands like those of train: a tenth of the commands of the simple split, by a hash, is valid.

The published number is for the simple split's test part and the best network over all splits: 2 LSTM layers of 200
units without attention. Our network is the same as in the other two SCAN recipes, which test composition.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SCAN, random commands, exact matches",
    flags="--task=translation --dataset=scan --data_dir={data}/scan --name=simple --tokenizer=whitespace "
    "--units=200 --encoder_units=100 --dropout=0.3 --epochs=10",
    metric="valid_exact",
    expected=99.49,
    tolerance=1.3,
    minutes=10,
    published=(Published("Lake & Baroni (2018), best network, test", 99.8, "https://arxiv.org/abs/1711.00350"),),
)
