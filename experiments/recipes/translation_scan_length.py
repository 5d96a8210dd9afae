"""SCAN, outputs longer than those of train: commands with 16 to 22 actions are valid, train has up to 15.

In the published split train has up to 22 actions and test 24 to 48, so the published numbers are for a harder task: of
the best network over all splits, and of the best one on this split, a GRU of 50 units with attention.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SCAN, outputs longer than those of train, exact matches",
    flags="--task=translation --dataset=scan --data_dir={data}/scan --name=length --tokenizer=whitespace "
    "--units=200 --encoder_units=100 --dropout=0.3 --evaluate_every=5 --epochs=10",
    metric="valid_exact",
    expected=26.91,
    tolerance=15,
    minutes=5,
    published=(
        Published("Lake & Baroni (2018), test", 13.8, "https://arxiv.org/abs/1711.00350"),
        Published("their best network here, test", 20.8, "https://arxiv.org/abs/1711.00350"),
    ),
)
