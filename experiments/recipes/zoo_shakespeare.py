"""The run `zoo:shakespeare` of the package; seqzoo/zoo/README.md says how to put it there."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="tiny Shakespeare, characters, the last tenth in one stream, bits a character",
    flags="--task=language_model --dataset=text --data_dir={data}/tiny_shakespeare --dim=96 --units=320 --layers=2 "
    "--dropout=0.2 --weight_drop=0.2 --window=120 --learning_rate=0.004 --epochs=10 --cache_tokens=20000000",
    metric="valid_bits_per_character",
    expected=2.113,
    tolerance=0.03,
    minutes=50,
    seeds=1,
)
