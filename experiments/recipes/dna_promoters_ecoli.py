"""Promoters of E. coli by convolution and BiLSTM: five folds of the training sequences.

The other sequences are from genes, so pooling over the three reading frames helps much: without it and positions one
seed has 0.77.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="E. coli promoters, Matthews's coefficient over 5 folds of the training sequences",
    flags="--task=dna --dataset=csv --data_dir={data}/promoters/ecoli_train.csv --folds=5 --positions=16 "
    "--filters=128 --kernel_size=9 --pool=3 --units=32 --dropout=0.2 --letter_dropout=0.05 --epochs=20 --average=0.99 "
    "--batch_size=32 --learning_rate=0.005 --pooling=max+last+codons",
    metric="valid_mcc",
    expected=0.84,
    tolerance=0.06,
    minutes=4.0,
    published=(
        Published(
            "Umarov & Solovyev (2017), CNN, random splits of all", 0.84, "https://doi.org/10.1371/journal.pone.0171410"
        ),
    ),
    seeds=1,
)
