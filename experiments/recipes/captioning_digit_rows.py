"""Rows of one to six handwritten digits, read column by column with CTC; --model=attention reads them, too."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="rows of handwritten digits, read by CTC, exact numbers",
    flags="--task=captioning --dataset=digit_rows --reader=columns --model=ctc --tokenizer=characters "
    "--picture_filters=32+64 --layers=1 --epochs=20",
    metric="valid_exact",
    expected=95.44,
    tolerance=3.0,
    minutes=1.6,
)
