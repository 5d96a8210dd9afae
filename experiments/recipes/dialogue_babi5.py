"""bAbI dialogue task 5, full dialogues; replies are written word by word, not chosen.

Half of what is wrong is the phone number or the address of another restaurant, a third the choice of a restaurant; calls
of the API are all right. With all names in the encoder's vocabulary (without --min_count) 4 epochs were no better.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="bAbI dialogue task 5, full dialogues, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task5 --tokenizer=whitespace "
    "--longest=520 --min_count=100 --copied_only --batch_size=16 --learning_rate=0.003 --schedule=constant --epochs=6 "
    "--evaluate_every=2",
    metric="valid_beam_accuracy",
    expected=None,
    tolerance=2.0,
    minutes=30,
    seeds=1,
)
