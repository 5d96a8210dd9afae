"""bAbI dialogue task 2, updated API calls; replies are written word by word, not chosen."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="bAbI dialogue task 2, updated API calls, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task2 --tokenizer=whitespace "
    "--longest=520 --batch_size=16 --learning_rate=0.0007 --schedule=constant --epochs=8 --evaluate_every=4",
    metric="valid_beam_accuracy",
    expected=None,
    tolerance=1.0,
    minutes=5,
    seeds=1,
)
