"""The digits of speech_digits, by an encoder-decoder that attends to the frames (Listen, Attend and Spell).

It has to find out by itself where each word is spoken, and takes longer than CTC. It writes words: in a random digit
only the first letter carries information, and with letters it learned nothing in 8 epochs. At twice the rate, one seed
of three did not learn where to attend (77% of the words were wrong); neither `--warmup=1` nor `--subsample=8` helped it
in 12 epochs.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="synthesized digits, encoder-decoder with attention, words, word error rate",
    flags="--task=speech --model=attention --tokenizer=whitespace --subsample=4 --batch_size=16 --dropout=0.1 "
    "--learning_rate=0.002 --epochs=30",
    metric="valid_wer",
    expected=0.14,
    tolerance=0.5,
    minutes=8.2,
)
