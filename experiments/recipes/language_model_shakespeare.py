"""tiny Shakespeare, characters: the last tenth is valid, read whole and in one stream with the state carried on.

The published scores are from nanoGPT's README, which scores random windows of the same tenth; its transformer for a CPU
has 0.8 million weights and sees 64 characters, the one for a GPU 10.6 million and 256. Kneser-Ney counts of 7
characters have 1.517 nats on the same text (--ngram=7).
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="tiny Shakespeare, characters, the last tenth in one stream, nats a character",
    flags="--task=language_model --dataset=text --data_dir={data}/tiny_shakespeare --dim=128 --units=400 --layers=2 "
    "--dropout=0.3 --weight_drop=0.3 --window=120 --learning_rate=0.003 --epochs=25",
    metric="valid_loss",
    expected=1.445,
    tolerance=0.02,
    minutes=76,
    published=(
        Published("nanoGPT, README, CPU recipe, valid", 1.88, "https://github.com/karpathy/nanoGPT"),
        Published("A100 recipe, valid", 1.47, "https://github.com/karpathy/nanoGPT"),
    ),
    seeds=1,
    headline=True,
)
