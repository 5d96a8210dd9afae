"""CamRest676, delexicalised with its database; no belief states and no results of queries are read, only words."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="CamRest676, delexicalised, BLEU on valid",
    flags="--task=dialogue --dataset=camrest676 --data_dir={data}/camrest676 --tokenizer=whitespace --objective=bleu "
    "--units=256 --dropout=0.3 --input_dropout=0.3 --label_smoothing=0.1 --epochs=60 --evaluate_every=5",
    metric="valid_beam_bleu",
    expected=None,
    tolerance=2.0,
    minutes=10,
    seeds=1,
)
