"""Splice junctions of primates, cross-validated over 2,552 of the 3,190 sequences; the others are a test set."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="splice junctions, accuracy over 10 folds of 2,552 of the 3,190 sequences",
    flags="--task=dna --dataset=csv --data_dir={data}/splice/train.csv --folds=10 --positions=16 --filters=96 "
    "--kernel_size=9 --pool=2 --units=48 --dropout=0.3 --letter_dropout=0.05 --epochs=14 --average=0.98 "
    "--batch_size=32 --learning_rate=0.004 --pooling=max+last",
    metric="valid_accuracy",
    expected=96.36,
    tolerance=1.0,
    minutes=12.5,
    published=(
        Published(
            "Towell et al. (1991), KBANN, 10 folds of 1,000 sequences", 93.7, "https://archive.ics.uci.edu/dataset/69"
        ),
    ),
    seeds=1,
)
