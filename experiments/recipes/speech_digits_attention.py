"""The digits of speech_digits, by an encoder-decoder that attends to the frames (Listen, Attend and Spell)."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="synthesized digits, encoder-decoder with attention, characters, word error rate",
    flags="--task=speech --model=attention",
    metric="valid_wer",
    expected=None,
    tolerance=2.0,
    minutes=5.0,
    seeds=1,
)
