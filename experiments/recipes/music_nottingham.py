"""Nottingham's folk tunes from MIDI files: melody and chords as sets of at most five notes, on a grid of sixteenths."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Nottingham MIDI, frames of sixteenths, nats a step",
    flags="--task=music --dataset=midi --data_dir={data}/nottingham_midi --encoding=frames --notes=5 --epochs=6",
    metric="valid_nats_per_step",
    expected=1.22,
    tolerance=0.03,
    minutes=15,
    seeds=1,
)
