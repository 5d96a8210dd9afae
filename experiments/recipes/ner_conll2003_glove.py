"""CoNLL-2003 English with GloVe: the BiLSTM-CNN-CRF of Ma & Hovy (2016), tuned on valid.

Files train.txt and valid.txt of Tjong Kim Sang & De Meulder (2003); 50-dimensional GloVe 6B (Pennington et al., 2014),
where the published models had 100 dimensions. Exact-span F1 on valid (testa), labels learned in BIOES.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="CoNLL-2003 NER with GloVe 50d, exact-span F1 on testa",
    flags="--task=ner --dataset=conll --data_dir={data}/conll2003 "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz --units=200 --epochs=40",
    metric="valid_f1",
    expected=94.80,
    tolerance=0.3,
    minutes=20,
    published=(
        Published("Ma & Hovy (2016), 100d, valid", 94.74, "https://arxiv.org/abs/1603.01354"),
        Published("their test", 91.21, "https://arxiv.org/abs/1603.01354"),
        Published("NCRF++ (Yang & Zhang, 2018), 100d, test", 91.35, "https://arxiv.org/abs/1806.05626"),
    ),
    ensemble=True,
    headline=True,
)
