"""The names of emoji, from pictures of 32 by 32; valid has only compositions, such as a known person in another tone.

The run's table has two baselines: the caption of the nearest picture, and that caption with a classified skin tone.
Shifts are the only augmentation, since captions name hues.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="names of emoji, compositions not in train, exact captions",
    flags="--task=captioning --dataset=captions --data_dir={data}/emoji_captions --picture_filters=24+48+96 "
    "--input_dropout=0 --decoder_units=256 --label_dim=128 --epochs=60",
    metric="valid_exact",
    expected=79.96,
    tolerance=15.0,
    minutes=14,
)
