"""SST-2, the 6,920 sentences alone, without vectors; valid is the official dev set of 872."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="SST-2, sentences only, without vectors, accuracy",
    flags="--task=sentiment --dataset=tsv --data_dir={data}/sst2 --characters=cnn --char_dropout=0.3 "
    "--dropout=0.5 --word_dropout=0.33 --token_dropout=0.1 --rdrop=1 --epochs=6",
    metric="valid_accuracy",
    published={"Kim (2014), CNN-rand, with phrases, test": 82.7},
)
