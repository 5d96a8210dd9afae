"""`translation_multi30k` without attention: the encoder's final states start the decoder and enter each step."""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Multi30k English-German without attention, joint BPE, lower-cased BLEU (13a) on valid",
    flags="--task=translation --dataset=parallel --data_dir={data}/multi30k --columns=source=en,target=de "
    "--tokenizer=bpe --joint --vocabulary=5000 --lowercase --dim=256 --encoder_units=256 --units=384 "
    "--attention=none --context=step --dropout=0.4 --input_dropout=0.3 --label_smoothing=0.1 --bpe_dropout=0.05 "
    "--learning_rate=0.002 --average=0.999 --evaluate_every=2 --epochs=16",
    metric="valid_beam_bleu",
    expected=27.79,
    tolerance=1.0,
    minutes=33,
    seeds=1,
)
