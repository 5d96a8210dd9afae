"""Promoters of B. subtilis by convolution and BiLSTM, cross-validated over the training sequences."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="B. subtilis promoters, Matthews's coefficient over 5 folds of the training sequences",
    flags="--task=dna --dataset=csv --data_dir={data}/promoters/bacillus_train.csv --folds=5 --positions=16 "
    "--filters=128 --kernel_size=9 --pool=3 --units=32 --dropout=0.3 --letter_dropout=0.1 --epochs=20 --average=0.98 "
    "--batch_size=32 --learning_rate=0.005 --pooling=max+last+codons",
    metric="valid_mcc",
    expected=None,
    tolerance=0.05,
    minutes=6.0,
    published=(
        Published(
            "Umarov & Solovyev (2017), CNN, random splits of all", 0.86, "https://doi.org/10.1371/journal.pone.0171410"
        ),
    ),
    seeds=1,
)
