"""`translation_multi30k` in the other direction, German-English, trained half as long.

Without `--warmup`, the attention of one of three seeds settled on the end of the source, and BLEU stayed at 19.5.
"""

from experiments import Experiment

EXPERIMENT = Experiment(
    title="Multi30k German-English, joint BPE, lower-cased BLEU (13a) on valid",
    flags="--task=translation --dataset=parallel --data_dir={data}/multi30k --columns=source=de,target=en "
    "--tokenizer=bpe --joint --vocabulary=5000 --lowercase --dim=256 --encoder_units=256 --units=384 "
    "--attention=general --dropout=0.4 --input_dropout=0.3 --label_smoothing=0.1 --bpe_dropout=0.05 "
    "--learning_rate=0.002 --warmup=1 --average=0.999 --evaluate_every=2 --epochs=12",
    metric="valid_beam_bleu",
    expected=39.84,
    tolerance=1.0,
    minutes=36,
    ensemble=True,
)
