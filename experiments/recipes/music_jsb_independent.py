"""The baseline of `music_jsb`: each pitch of a frame is predicted independently of the others.

It trains in the original keys of the chorales: in all 12 keys, without knowing which, it had 12.0.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="JSB chorales, quarter frames, independent pitches, nats a frame",
    flags="--task=music --dataset=piano_roll --data_dir={data}/jsb_chorales --name=quarter --encoding=frames "
    "--steps_per_quarter=1 --conditions=none --melody_ahead=0 --units=320 --layers=2 --output=independent "
    "--notranspose --novariational --dropout=0.4 --input_dropout=0.2 --average=0.998 --ngram=0 --epochs=150",
    metric="valid_nats_per_step",
    expected=8.7,
    tolerance=0.1,
    minutes=8,
    published=(
        Published("LSTM of independent pitches, Bai et al. (2018), test", 8.45, "https://arxiv.org/abs/1803.01271"),
    ),
)
