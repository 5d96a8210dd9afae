"""CoNLL-2003 English with GloVe: the BiLSTM-CNN-CRF of Ma & Hovy (2016), tuned on valid.

Files train.txt and valid.txt of Tjong Kim Sang & De Meulder (2003); 50-dimensional GloVe 6B (Pennington et al., 2014),
where the published models had 100 dimensions. Exact-span F1 on valid (testa), labels learned in BIOES.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="CoNLL-2003 NER with GloVe 50d, span F1",
    flags="--task=ner --dataset=conll --data_dir={data}/conll2003 "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --units=200 --epochs=40",
    metric="valid_f1",
    published={
        "Ma & Hovy (2016), 100d, test": 91.21,
        "their valid": 94.74,
        "NCRF++ (Yang & Zhang, 2018), 100d, test": 91.35,
    },
)
