"""`sentiment_trec_glove` over 10 folds of all 5,452 training questions: the score depends on no split of our own."""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="TREC question classes, GloVe 50d, accuracy over 10 folds of the training questions",
    flags="--task=sentiment --dataset=tsv --data_dir={data}/trec --folds=10 --characters=cnn --casing "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --dropout=0.5 --word_dropout=0.33 --token_dropout=0.1 "
    "--rdrop=2 --epochs=20",
    metric="valid_accuracy",
    expected=90.00,
    tolerance=1.0,
    minutes=17,
    published=(Published("Kim (2014), CNN-static, word2vec 300d, test", 92.8, "https://arxiv.org/abs/1408.5882"),),
    seeds=1,
    headline=True,
)
