"""CoNLL-2003 English without pretrained vectors: what words, characters and casing of the training data can do.

Exact-span F1 on valid (testa), labels learned in BIOES.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="CoNLL-2003 NER without vectors, span F1",
    flags="--task=ner --dataset=conll --data_dir={data}/conll2003 --epochs=40",
    metric="valid_f1",
    published={"Lample et al. (2016), no pretrained words, test": 83.63, "Huang et al. (2015), test": 84.26},
)
