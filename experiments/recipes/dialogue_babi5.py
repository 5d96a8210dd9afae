"""bAbI dialogue task 5, full dialogues; replies are written word by word, not chosen.

Of 200 replies 17 were wrong: 11 gave a phone number for an address, or that of another restaurant, and 6 proposed the
wrong restaurant; all API calls were right. With all names in the encoder's vocabulary, 4 epochs were no better.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="bAbI dialogue task 5, full dialogues, exact replies on dev",
    flags="--task=dialogue --dataset=babi_dialog --data_dir={data}/babi_dialog --name=task5 --tokenizer=whitespace "
    "--longest=520 --min_count=100 --copied_only --batch_size=16 --learning_rate=0.003 --schedule=constant --epochs=6 "
    "--evaluate_every=2",
    metric="valid_beam_accuracy",
    expected=89.44,
    tolerance=2.0,
    minutes=23.9,
    published=(
        Published(
            "Bordes et al. (2017), memory network that chooses replies, test", 96.1, "https://arxiv.org/abs/1605.07683"
        ),
    ),
    seeds=1,
)
