"""CamRest676, delexicalised with its database; the network reads only words, no belief states or query results.

Half as wide, with more dropout and shorter histories it was no better: 21.1 after 20 epochs, and less after 30. A beam
of 5 loses 0.8. Wen et al. (2017) published 0.258 on test, with a network that also learns the user's wishes from
annotations and looks them up in the database.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="CamRest676, delexicalised, BLEU of greedy replies on valid",
    flags="--task=dialogue --dataset=camrest676 --data_dir={data}/camrest676 --tokenizer=whitespace --objective=bleu "
    "--units=256 --dropout=0.3 --input_dropout=0.3 --label_smoothing=0.1 --epochs=40 --evaluate_every=5",
    metric="valid_bleu",
    expected=22.56,
    tolerance=2.0,
    minutes=9.2,
)
