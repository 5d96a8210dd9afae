"""bAbI dialogue task 5, full dialogues; replies are written word by word, not chosen.

The encoder knows each restaurant by its name, else it can't find the phone number of one; the decoder can only copy it.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="bAbI dialogue task 5, full dialogues, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task5 --tokenizer=whitespace "
    "--longest=520 --copied_only --batch_size=16 --learning_rate=0.003 --schedule=constant --epochs=7 "
    "--evaluate_every=2",
    metric="valid_beam_accuracy",
    expected=None,
    tolerance=2.0,
    minutes=30,
    seeds=1,
)
