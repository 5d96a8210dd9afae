"""Universal Dependencies English EWT: UPOS with GloVe.

Gold tokens, accuracy on dev. Same seed: without the CRF, with dropout .33 and 50 character filters 95.57; with frozen
vectors beside trained embeddings of width 100, 95.58 in epoch 21 of 24. The bar is a score reported for recurrent
taggers on test; its original source was not traced, so take it as a round number and not as a citation.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="UD English-EWT UPOS with GloVe 50d, gold tokens, accuracy on dev",
    flags="--task=pos --dataset=conllu --data_dir={data}/ud_english_ewt "
    "--vectors={data}/glove/glove.6B.50d.subset.txt.gz "
    "--units=200 --char_units=100 --dropout=0.5 --crf --epochs=24",
    metric="valid_accuracy",
    expected=95.89,
    tolerance=0.3,
    minutes=10,
    published=(
        Published("Stanza 1.0, from raw text, test", 95.4, "https://stanfordnlp.github.io/stanza/v100performance.html"),
        Published("spaCy with a transformer", 96.94, "https://huggingface.co/explosion/en_udv25_englishewt_trf"),
    ),
    ensemble=True,
)
