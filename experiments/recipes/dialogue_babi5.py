"""bAbI dialogue task 5, full dialogues; replies are written word by word, not chosen."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="bAbI dialogue task 5, full dialogues, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task5 --tokenizer=whitespace "
    "--longest=520 --min_count=34 --batch_size=16 --learning_rate=0.0007 --schedule=constant --epochs=8 "
    "--evaluate_every=2",
    metric="valid_beam_accuracy",
    expected=None,
    tolerance=1.0,
    minutes=30,
    seeds=1,
)
