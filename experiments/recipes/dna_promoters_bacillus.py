"""Promoters of B. subtilis, from the network trained on E. coli: run `dna_promoters_ecoli` first.

From fresh weights the coefficient is 0.77, the mean of two folds.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="B. subtilis promoters, Matthews's coefficient over 5 folds of the training sequences",
    flags="--task=dna --init_from=runs/experiments/dna_promoters_ecoli-0/fold1 --dataset=csv "
    "--data_dir={data}/promoters/bacillus_train.csv --folds=5 --dropout=0.2 --letter_dropout=0.1 --epochs=10 "
    "--average=0.97 --batch_size=32 --learning_rate=0.002",
    metric="valid_mcc",
    expected=0.83,
    tolerance=0.07,
    minutes=1.0,
    published=(
        Published(
            "Umarov & Solovyev (2017), CNN, random splits of all", 0.86, "https://doi.org/10.1371/journal.pone.0171410"
        ),
    ),
    seeds=1,
)
