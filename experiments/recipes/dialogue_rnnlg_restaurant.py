"""RNNLG restaurant: acts to sentences, delexicalised; all sentences of valid with equal acts are references."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="RNNLG restaurant, delexicalised, BLEU over equal acts on valid",
    flags="--task=dialogue --dataset=rnnlg --data_dir={data}/rnnlg/restaurant --tokenizer=whitespace --objective=bleu "
    "--coverage --dropout=0.3 --input_dropout=0.1 --epochs=40 --evaluate_every=2",
    metric="valid_beam_bleu",
    expected=79.4,
    tolerance=2.0,
    minutes=4,
)
