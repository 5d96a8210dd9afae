"""The run `zoo:translation-german-english` of the package; seqzoo/zoo/README.md says how to put it there."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="short German sentences to English, Tatoeba, BLEU of a beam of 5",
    flags="--task=translation --dataset=parallel --data_dir={data}/deu_eng/deu.txt.gz "
    "--columns=source=1,target=0 --tokenizer=bpe --joint --vocabulary=6000 --dim=192 --encoder_units=192 --units=320 "
    "--attention=general --dropout=0.25 --input_dropout=0.15 --label_smoothing=0.1 --learning_rate=0.002 "
    "--average=0.999 --evaluate_every=2 --longest=40 --epochs=7 --batch_size=128",
    metric="valid_beam_bleu",
    expected=43.92,
    tolerance=0.8,
    minutes=170,
    seeds=1,
)
