"""SST-2, sentences and the labelled phrases of their trees, without vectors; valid is the official dev set of 872.

Without characters and R-drop, 128 units a direction have 84.56 on average; with R-drop alone one seed has 85.32.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="SST-2, sentences and phrases, without vectors, accuracy on dev",
    flags="--task=sentiment --dataset=tsv --data_dir={data}/sst2 --extra_train={data}/sst2/train_phrases.tsv.gz "
    "--units=200 --characters=cnn --char_dropout=0.3 --dropout=0.5 --word_dropout=0.33 --token_dropout=0.1 --rdrop=1 "
    "--epochs=3",
    metric="valid_accuracy",
    expected=85.70,
    tolerance=2.5,
    minutes=6,
    published=(Published("Kim (2014), CNN-rand, with phrases, test", 82.7, "https://arxiv.org/abs/1408.5882"),),
    ensemble=True,
)
