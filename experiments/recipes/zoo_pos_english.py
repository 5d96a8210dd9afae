"""The run `zoo:pos-english` of the package; seqzoo/zoo/README.md says how to put it there."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="parts of speech of English text, UD EWT and GloVe 50d, accuracy on dev",
    flags="--task=pos --dataset=conllu --data_dir={data}/ud_english_ewt "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --vectors_limit=15000 "
    "--units=128 --char_units=80 --dropout=0.5 --crf --epochs=12",
    metric="valid_accuracy",
    expected=95.03,
    tolerance=0.3,
    minutes=10,
    seeds=1,
)
