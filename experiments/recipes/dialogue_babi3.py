"""bAbI dialogue task 3, displayed options; replies are written word by word, not chosen.

Names of restaurants are rarer than --min_count, so the network knows them by their position and copies them.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="bAbI dialogue task 3, displayed options, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task3 --tokenizer=whitespace "
    "--longest=520 --min_count=100 --batch_size=16 --learning_rate=0.003 --schedule=constant --epochs=8 "
    "--evaluate_every=2",
    metric="valid_beam_accuracy",
    expected=89.15,
    tolerance=2.0,
    minutes=14.4,
    published=(
        Published(
            "Bordes et al. (2017), memory network that chooses replies, test", 74.9, "https://arxiv.org/abs/1605.07683"
        ),
    ),
    seeds=1,
)
