"""Universal Dependencies Turkish IMST: UPOS of an agglutinative language, without vectors. Gold words, accuracy on dev.

3,664 training sentences, and one word in three of dev unseen: a tagger must rely on characters. The default options,
with fewer units and filters and less dropout, reach 92.1 (3 seeds).
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="UD Turkish-IMST UPOS without vectors, gold words, accuracy on dev",
    flags="--task=pos --dataset=conllu --data_dir={data}/ud_turkish_imst "
    "--units=200 --char_units=150 --char_dim=50 --dropout=0.5 --word_dropout=0.5 --crf --epochs=20",
    metric="valid_accuracy",
    expected=92.64,
    tolerance=0.4,
    minutes=4,
    published=(
        Published(
            "Stanza 1.0, from raw text, test", 94.21, "https://stanfordnlp.github.io/stanza/v100performance.html"
        ),
    ),
)
