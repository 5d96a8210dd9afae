"""JSB chorales as quarter frames: the files of https://github.com/czhuang/JSB-Chorales-dataset.

Nats a frame: -log p of the set of notes of each frame, summed over its notes, mean over all frames of valid. The mean
over 12 keys of the note probabilities (`--mode=evaluate --keys=12`) is a little lower still.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="JSB chorales, quarter frames, nats a frame",
    flags="--task=music --dataset=piano_roll --data_dir={data}/jsb_chorales --name=quarter --encoding=frames "
    "--steps_per_quarter=1 --conditions=none --melody_ahead=0 --units=320 --layers=2 --note_units=192 --novariational "
    "--dropout=0.65 --input_dropout=0.4 --weight_drop=0.5 --average=0.998 --epochs=130",
    metric="valid_nats_per_step",
    expected=4.75,
    tolerance=0.1,
    minutes=14,
    published=(
        Published("Boulanger-Lewandowski et al. (2012), RNN-NADE, test", 5.56, "https://arxiv.org/abs/1206.6392"),
        Published("LSTM of independent pitches, Bai et al. (2018), test", 8.45, "https://arxiv.org/abs/1803.01271"),
    ),
    headline=True,
)
