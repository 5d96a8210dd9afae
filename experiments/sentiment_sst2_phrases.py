"""SST-2, sentences and the labelled phrases of their trees, without vectors; valid is the official dev set of 872."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="SST-2, sentences and phrases, without vectors, accuracy",
    flags="--task=sentiment --dataset=tsv --data_dir={data}/sst2 --extra_train={data}/sst2/train_phrases.tsv.gz "
    "--dropout=0.5 --word_dropout=0.33 --token_dropout=0.1 --epochs=3",
    metric="valid_accuracy",
    published={"Kim (2014), CNN-rand, with phrases, test": 82.7},
)
