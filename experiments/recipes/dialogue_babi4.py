"""bAbI dialogue task 4, phone numbers and addresses; replies are written word by word, not chosen.

The vocabulary has no names, so they can only be copied; this suits dev, whose names are others.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="bAbI dialogue task 4, phone numbers and addresses, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task4 --tokenizer=whitespace "
    "--longest=520 --min_count=100 --batch_size=16 --learning_rate=0.0007 --schedule=constant --epochs=10 "
    "--evaluate_every=5",
    metric="valid_beam_accuracy",
    expected=100,
    tolerance=1.0,
    minutes=3,
    published=(
        Published(
            "Bordes et al. (2017), memory network that chooses replies, test", 59.5, "https://arxiv.org/abs/1605.07683"
        ),
    ),
)
