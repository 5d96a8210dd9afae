"""SCAN, a primitive that train has only by itself: "look" is learned, "look twice" and all others are valid.

The protocol is that of the published split addprim_jump, with another word: all commands of the simple split that have
"look" and another word are valid; a tenth of train is "look" alone. The published numbers are for "jump": the best
network over all splits, and the best one there, a GRU of 100 units with attention.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title='SCAN, commands with "look", which train has only by itself, exact matches',
    flags="--task=translation --dataset=scan --data_dir={data}/scan --name=addprim_look --tokenizer=whitespace "
    "--units=200 --encoder_units=100 --dropout=0.3 --evaluate_every=5 --epochs=10",
    metric="valid_exact",
    expected=0.0162,
    tolerance=2.0,
    minutes=10,
    published=(
        Published('Lake & Baroni (2018), "jump", test', 0.08, "https://arxiv.org/abs/1711.00350"),
        Published("their best network here, test", 1.2, "https://arxiv.org/abs/1711.00350"),
    ),
)
