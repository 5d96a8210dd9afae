"""The default data of language models, with a small network, trained briefly: Python's standard library, characters.

The text is the library of the running Python, so the score depends on its version: it is 2.52 with 3.12, and 2.92 with
3.11, where 5-gram add-k counts have 3.07 bits, Kneser-Ney counts 2.57, and the default network 2.55 after 6 epochs.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="standard library of Python 3.12, characters, small, bits a character",
    flags="--task=language_model --dim=64 --units=128 --batch_size=16 --learning_rate=0.005 --epochs=2",
    metric="valid_bits_per_character",
    expected=2.52,
    tolerance=0.2,
    minutes=1.0,
)
