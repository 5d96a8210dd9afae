"""CoNLL-2003 English without pretrained vectors: how far words, characters and casing of the training data go.

Exact-span F1 on valid (testa), labels learned in BIOES.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="CoNLL-2003 NER without vectors, exact-span F1 on testa",
    flags="--task=ner --dataset=conll --data_dir={data}/conll2003 --epochs=40",
    metric="valid_f1",
    expected=90.90,
    tolerance=0.7,
    minutes=16,
    published=(
        Published("Lample et al. (2016), no pretrained words, test", 83.63, "https://arxiv.org/abs/1603.01360"),
        Published("Huang et al. (2015), features of spelling, test", 84.26, "https://arxiv.org/abs/1508.01991"),
    ),
    ensemble=True,
)
