"""The run `zoo:sentiment-english` of the package; seqzoo/zoo/README.md says how to put it there."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="film reviews, IMDB and GloVe 50d, accuracy on 2,500 held out of train",
    flags="--task=sentiment --dataset=jsonl --data_dir={data}/imdb "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --vectors_limit=5000 "
    "--min_count=8 --cache_tokens=10000000 --segment=100 --dropout=0.5 --word_dropout=0.3 --token_dropout=0.2 "
    "--learning_rate=0.001 --epochs=4",
    metric="valid_accuracy",
    expected=87.88,
    tolerance=1.0,
    minutes=16,
    seeds=1,
)
