"""Promoters of E. coli by convolution and BiLSTM: one of five folds of the training sequences is valid."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="E. coli promoters, Matthews's coefficient on a fifth of the training sequences",
    flags="--task=dna --dataset=csv --data_dir={data}/promoters/ecoli_train.csv --folds=5 --fold=1 --filters=128 "
    "--kernel_size=15 --pool=3 --units=64 --dropout=0.4 --letter_dropout=0.1 --epochs=24 --average=0.99 "
    "--batch_size=64 --learning_rate=0.003 --pooling=max+last",
    metric="valid_mcc",
    expected=None,
    tolerance=0.06,
    minutes=4.0,
    published=(
        Published(
            "Umarov & Solovyev (2017), CNN, random splits of all", 0.84, "https://doi.org/10.1371/journal.pone.0171410"
        ),
    ),
)
