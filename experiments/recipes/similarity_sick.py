"""SICK, relatedness of sentences from 1 to 5; valid is the official trial set of 500 pairs.

Tai et al. (2015) read with a BiLSTM and GloVe vectors of width 300. One seed has about 84 with dropout of word features
(--word_dropout=0.1), since it hides which words are equal, and 85.8 with characters.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SICK relatedness with GloVe 50d, words aligned, Pearson x 100 on trial",
    flags="--task=similarity --goal=regression --dataset=pairs --data_dir={data}/sick --aligned "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --vectors_limit=20000 --units=64 --hidden=100 --dropout=0.2 "
    "--word_dropout=0 --epochs=12",
    metric="valid_pearson",
    expected=86.18,
    tolerance=1.0,
    minutes=1.8,
    published=(
        Published("Tai et al. (2015), BiLSTM, GloVe 300d, test", 85.67, "https://arxiv.org/abs/1503.00075"),
        Published("their dependency Tree-LSTM, test", 86.76, "https://arxiv.org/abs/1503.00075"),
    ),
)
