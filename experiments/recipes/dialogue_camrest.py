"""CamRest676, delexicalised with its database; no belief states and no results of queries are read, only words.

Half as wide, with more dropout and shorter histories it was no better, 21.1 after 20 epochs and less by 30; a beam of 5
loses 0.8. Published is 0.258 on test (Wen et al., 2017), by a network that also learns from annotations what the user
wants, and looks it up in the database.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="CamRest676, delexicalised, BLEU of greedy replies on valid",
    flags="--task=dialogue --dataset=camrest676 --data_dir={data}/camrest676 --tokenizer=whitespace --objective=bleu "
    "--units=256 --dropout=0.3 --input_dropout=0.3 --label_smoothing=0.1 --epochs=40 --evaluate_every=5",
    metric="valid_bleu",
    expected=22.16,
    tolerance=2.0,
    minutes=9.2,
    seeds=1,
)
