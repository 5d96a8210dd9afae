"""STS benchmark, similarity of sentences from 0 to 5; valid is the official dev set of 1,500 pairs."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="STS benchmark with GloVe 50d, words aligned, Pearson x 100 on dev",
    flags="--task=similarity --goal=regression --dataset=pairs --data_dir={data}/stsb "
    "--columns=first=0,second=1,score=2 --aligned --vectors={data}/glove/glove.6B.50d.subset.txt.gz "
    "--vectors_limit=20000 --units=64 --hidden=100 --dropout=0.2 --word_dropout=0 --epochs=8",
    metric="valid_pearson",
    expected=81.36,
    tolerance=1.5,
    minutes=1.0,
)
