"""SST-2, sentences and phrases, with GloVe 50d; valid is the official dev set of 872.

Tai et al. (2015) use vectors of width 300. Without characters and R-drop and with 150 units one seed has 86.01.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SST-2, sentences and phrases, GloVe 50d, accuracy on dev",
    flags="--task=sentiment --dataset=tsv --data_dir={data}/sst2 --extra_train={data}/sst2/train_phrases.tsv.gz "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --units=200 --characters=cnn --char_dropout=0.3 "
    "--dropout=0.5 --word_dropout=0.33 --token_dropout=0.05 --rdrop=1 --epochs=5",
    metric="valid_accuracy",
    expected=86.58,
    tolerance=1.5,
    minutes=7,
    published=(Published("Tai et al. (2015), BiLSTM, GloVe 300d, test", 87.5, "https://arxiv.org/abs/1503.00075"),),
    headline=True,
)
