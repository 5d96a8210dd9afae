"""Universal Dependencies English EWT: UPOS without pretrained vectors.

Gold tokens, accuracy on dev. Same seed: with 100 character filters, word dropout .33 and 24 epochs 94.96. The bar is a
score reported for recurrent taggers on test; its original source was not traced, so take it as a round number and not
as a citation.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="UD English-EWT UPOS without vectors, gold tokens, accuracy on dev",
    flags="--task=pos --dataset=conllu --data_dir={data}/ud_english_ewt "
    "--units=200 --char_units=150 --char_dim=50 --dropout=0.5 --word_dropout=0.5 --epochs=18 --crf",
    metric="valid_accuracy",
    expected=95.20,
    tolerance=0.3,
    minutes=9,
    published=(
        Published("Stanza 1.0, from raw text, test", 95.4, "https://stanfordnlp.github.io/stanza/v100performance.html"),
        Published("spaCy with a transformer", 96.94, "https://huggingface.co/explosion/en_udv25_englishewt_trf"),
    ),
    ensemble=True,
)
