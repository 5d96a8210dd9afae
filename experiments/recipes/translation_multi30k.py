"""Multi30k English-German, task 1: 29,000 captions; raw files, lower-cased, joint BPE.

BLEU is sacreBLEU's of lower-cased texts, tokenised by 13a, a beam of 5 with a length penalty of 1, on valid (1,014
captions). The published score is for the same captions, tokenised by Moses.
"""

from experiments import Experiment, Published

EXPERIMENT = Experiment(
    title="Multi30k English-German, joint BPE, lower-cased BLEU (13a) on valid",
    flags="--task=translation --dataset=parallel --data_dir={data}/multi30k --columns=source=en,target=de "
    "--tokenizer=bpe --joint --vocabulary=5000 --lowercase --dim=256 --encoder_units=256 --units=384 "
    "--attention=general --dropout=0.4 --input_dropout=0.3 --label_smoothing=0.1 --bpe_dropout=0.05 "
    "--learning_rate=0.002 --average=0.999 --evaluate_every=2 --epochs=24",
    metric="valid_beam_bleu",
    expected=38.88,
    tolerance=1.0,
    minutes=83,
    published=(
        Published("LIUM-CVC (2017), text only, one run, valid", 39.17, "https://github.com/lium-lst/wmt17-mmt"),
    ),
    seeds=1,
)
