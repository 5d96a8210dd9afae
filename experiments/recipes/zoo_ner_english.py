"""The run `zoo:ner-english` of the package; seqzoo/zoo/README.md says how to put it there."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="names in English text, CoNLL-2003 and GloVe 50d, exact-span F1 on testa",
    flags="--task=ner --dataset=conll --data_dir={data}/conll2003 "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --vectors_limit=15000 "
    "--units=128 --epochs=30 --patience=8",
    metric="valid_f1",
    expected=93.89,
    tolerance=0.3,
    minutes=24,
    seeds=1,
)
