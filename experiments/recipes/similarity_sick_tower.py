"""SICK as in similarity_sick, by a siamese BiLSTM that reads both sentences separately: each has a search vector."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SICK relatedness with GloVe 50d, sentences apart, Pearson x 100 on trial",
    flags="--task=similarity --goal=regression --dataset=pairs --data_dir={data}/sick "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --vectors_limit=20000 --units=100 --hidden=100 --dropout=0.2 "
    "--word_dropout=0 --epochs=15",
    metric="valid_pearson",
    expected=83.8,
    tolerance=1.5,
    minutes=2.4,
    published=(Published("Tai et al. (2015), BiLSTM, GloVe 300d, test", 85.67, "https://arxiv.org/abs/1503.00075"),),
)
